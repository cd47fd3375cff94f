"""WhatsApp as far as sending goes: what is refused at once, what fails later, and how fast one may be."""

from typing import Any

import pytest

from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.media import Media
from adapters.simulator.messages.templates import Template, Templates
from adapters.simulator.messages.whatsapp_rules import RULES, Sight
from tests.simulator.events import DAY_S, NOW
from tests.simulator.talk import HIDDEN, MONA, NUMBER, WABA, Talk, code_of, pages, whatsapp


def reply(number: int, title: str = "") -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": f"b{number}", "title": title or f"Button {number}"}}


def buttons(*those: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "button", "body": {"text": "Book?"}, "action": {"buttons": list(those)}, **changes}


def rows(count: int, *, at: int = 0, **changes: Any) -> dict[str, Any]:
    those = [{"id": f"r{number}", "title": "10:00", **changes} for number in range(at, at + count)]
    return {"title": "Sunday", "rows": those}


def menu(*sections: dict[str, Any], button: str = "Slots", **changes: Any) -> dict[str, Any]:
    action = {"button": button, "sections": list(sections)}
    return {"type": "list", "body": {"text": "Pick"}, "action": action, **changes}


def used(name: str = "viewing", language: str = "ar", *components: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "language": {"code": language}, "components": list(components)}


def said(*texts: str, **names: str) -> dict[str, Any]:
    unnamed = [{"type": "text", "text": text} for text in texts]
    return {
        "type": "body",
        "parameters": unnamed + [{"type": "text", "parameter_name": k, "text": v} for k, v in names.items()],
    }


def address(index: int) -> dict[str, Any]:
    end = {"type": "text", "text": "maadi-12"}
    return {"type": "button", "sub_type": "url", "index": str(index), "parameters": [end]}


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no product": ({**whatsapp(), "messaging_product": "sms"}, 100),
    "an unknown field": (whatsapp(priority="high"), 100),
    "a group": (whatsapp(recipient_type="group"), 131009),
    "nobody": (whatsapp(to=None), 100),
    "no phone": (whatsapp(to="mona"), 131009),
    "a scoped id as a phone": (whatsapp(to=HIDDEN), 131009),
    "a phone as a scoped id": (whatsapp(to=None, recipient=MONA), 131009),
    "itself": (whatsapp(to="201000000001"), 131021),
    "an unknown type": (whatsapp("telegram", {"x": 1}), 100),
    "a type that is no text": ({**whatsapp(), "type": ["text"]}, 100),
    "a type without its object": ({**whatsapp(), "type": "image"}, 131008),
    "callback data of 513": (whatsapp(biz_opaque_callback_data="x" * 513), 100),
    "a context without a message": (whatsapp(context={}), 131009),
    "an empty text": (whatsapp(piece={"body": ""}), 131008),
    "a text of 4,097": (whatsapp(piece={"body": "ش" * 4_097}), 100),
    "a caption of 1,025": (whatsapp("image", {"link": "https://x.example/a.jpg", "caption": "c" * 1_025}), 100),
    "a caption of a voice": (whatsapp("audio", {"link": "https://x.example/a.ogg", "caption": "c"}), 100),
    "an image from nowhere": (whatsapp("image", {"caption": "c"}), 131008),
    "an image that is not there": (whatsapp("image", {"id": "12345"}), 131009),
    "an image of no address": (whatsapp("image", {"link": "a.jpg"}), 131009),
    "a place beyond the pole": (whatsapp("location", {"latitude": 91, "longitude": 31}), 131009),
    "a place without longitude": (whatsapp("location", {"latitude": 30}), 131008),
    "a contact without a name": (whatsapp("contacts", [{"phones": []}]), 131008),
    "an unknown interactive type": (whatsapp("interactive", {"type": "poll", "action": {}}), 131009),
    "no action": (whatsapp("interactive", {"type": "button", "body": {"text": "x"}}), 131008),
    "four buttons": (whatsapp("interactive", buttons(*map(reply, range(4)))), 131009),
    "no button": (whatsapp("interactive", buttons()), 131009),
    "a button of 21 letters": (whatsapp("interactive", buttons(reply(1, "ب" * 21))), 100),
    "two buttons alike": (whatsapp("interactive", buttons(reply(1), reply(1, "Other"))), 131009),
    "two titles alike": (whatsapp("interactive", buttons(reply(1, "Yes"), reply(2, "Yes"))), 131009),
    "a question of 1,025": (whatsapp("interactive", buttons(reply(1), body={"text": "x" * 1_025})), 100),
    "a footer of 61": (whatsapp("interactive", buttons(reply(1), footer={"text": "x" * 61})), 100),
    "a header of 61": (whatsapp("interactive", buttons(reply(1), header={"type": "text", "text": "x" * 61})), 100),
    "eleven rows in two sections": (whatsapp("interactive", menu(rows(6), rows(5, at=6))), 131009),
    "eleven sections": (whatsapp("interactive", menu(*[rows(1, at=n) for n in range(11)])), 131009),
    "a section without rows": (whatsapp("interactive", menu({"title": "Sunday", "rows": []})), 131009),
    "a row of 25 letters": (whatsapp("interactive", menu(rows(1, title="x" * 25))), 100),
    "a row described in 73": (whatsapp("interactive", menu(rows(1, description="x" * 73))), 100),
    "a row's id of 201": (whatsapp("interactive", menu(rows(1, id="x" * 201))), 100),
    "two rows alike": (whatsapp("interactive", menu(rows(2, id="x"))), 131009),
    "a list's button of 21": (whatsapp("interactive", menu(rows(1), button="x" * 21)), 100),
    "an image above a list": (
        whatsapp("interactive", menu(rows(1), header={"type": "image", "image": {"link": "https://x.example/a"}})),
        131009,
    ),
    "an address button without one": (
        whatsapp("interactive", {"type": "cta_url", "body": {"text": "x"}, "action": {"parameters": {}}}), 131009,
    ),
    "a reaction in a context": (
        whatsapp("reaction", {"message_id": "wamid.in", "emoji": "👍"}, context={"message_id": "wamid.in"}), 100,
    ),
    "a reaction to nothing": (whatsapp("reaction", {"message_id": "wamid.other", "emoji": "👍"}), 131009),
    "a reaction in letters": (whatsapp("reaction", {"message_id": "wamid.in", "emoji": "ok"}), 131009),
    "a template that is not there": (whatsapp("template", used("farewell")), 132001),
    "a template in another language": (whatsapp("template", used("viewing", "en_US")), 132001),
    "a template without language": (whatsapp("template", {"name": "viewing"}), 131008),
    "a template waiting for approval": (whatsapp("template", used("pending")), 132001),
    "a paused template": (whatsapp("template", used("paused")), 132015),
    "a disabled template": (whatsapp("template", used("disabled")), 132016),
    "too few parameters": (whatsapp("template", used("viewing", "ar", said("Mona"))), 132000),
    "a parameter that is no text": (
        whatsapp("template", used("viewing", "ar", {"type": "body", "parameters": [{"type": "image"}] * 2})), 132012,
    ),
    "a parameter with lines": (whatsapp("template", used("viewing", "ar", said("Mo\nna", "ten"))), 132007),
    "parameters that make it too long": (whatsapp("template", used("viewing", "ar", said("x" * 1_020, "ten"))), 132005),
    "the wrong name of a parameter": (whatsapp("template", used("named", "ar", said(who="Mona"))), 132012),
    "a file missing above": (whatsapp("template", used("brochure")), 132000),
    "an address without its end": (whatsapp("template", used("listing")), 132000),
    "a button that is not there": (whatsapp("template", used("listing", "ar", address(0), address(1))), 132000),
    "a code to a hidden number": (whatsapp("template", used("code"), to=None, recipient=HIDDEN), 131062),
}  # fmt: skip

ACCEPTED: dict[str, dict[str, Any]] = {
    "a text of 4,096": whatsapp(piece={"body": "ش" * 4_096}),
    "a phone with a plus": whatsapp(to=f"+{MONA}"),
    "a scoped id": whatsapp(to=None, recipient=HIDDEN),
    "callback data of 512": whatsapp(biz_opaque_callback_data="x" * 512),
    "an answer": whatsapp(context={"message_id": "wamid.in"}),
    "an image": whatsapp("image", {"link": "https://x.example/a.jpg", "caption": "c" * 1_024}),
    "a place": whatsapp("location", {"latitude": 29.96, "longitude": "31.25", "name": "Maadi"}),
    "a contact": whatsapp("contacts", [{"name": {"formatted_name": "Laila"}, "phones": []}]),
    "three buttons": whatsapp("interactive", buttons(*map(reply, range(3)))),
    "ten rows in two sections": whatsapp("interactive", menu(rows(5), rows(5, at=5))),
    "a reaction": whatsapp("reaction", {"message_id": "wamid.in", "emoji": "👍"}),
    "a reaction taken back": whatsapp("reaction", {"message_id": "wamid.in", "emoji": ""}),
    "a template": whatsapp("template", used("viewing", "ar", said("Mona", "ten"))),
    "a template in capitals": whatsapp("template", used("viewing", "ar", {**said("Mona", "ten"), "type": "BODY"})),
    "a template with an address": whatsapp("template", used("listing", "ar", address(0))),
    "a template with names": whatsapp("template", used("named", "ar", said(name="Mona"))),
}


TEMPLATES: list[dict[str, Any]] = [
    {
        "name": "listing",
        "components": [
            {"type": "BODY", "text": "New"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "See", "url": "https://homes.example/{{1}}"}]},
        ],
    },
    {"name": "viewing", "components": [{"type": "BODY", "text": "Hello {{1}}, at {{2}}?"}]},
    {"name": "named", "components": [{"type": "BODY", "text": "Hello {{name}}"}], "parameter_format": "NAMED"},
    {"name": "brochure", "components": [{"type": "HEADER", "format": "DOCUMENT"}]},
    {"name": "offer", "category": "MARKETING"},
    {"name": "code", "category": "AUTHENTICATION"},
    {"name": "pending", "status": "PENDING"},
    {"name": "paused", "status": "PAUSED"},
    {"name": "disabled", "status": "DISABLED"},
]


@pytest.fixture(autouse=True)
def _templates(talk: Talk) -> None:
    for template in TEMPLATES:
        talk.control("PUT", f"templates/{WABA}", {"language": "ar", **template})


def test_every_rule_of_the_table_is_broken_by_a_case_above() -> None:
    account = Account(channel="whatsapp", waba_id=WABA, display_phone_number="201000000001")
    templates = Templates()
    for template in TEMPLATES:
        templates.register(WABA, Template(language="ar", **template))
    sight = Sight(account, NUMBER, templates, Media(), lambda message: message == "wamid.in")
    broken = {next(rule for rule in RULES if rule(body, sight)) for body, _ in REFUSED.values()}
    assert {rule.__name__ for rule in RULES if rule not in broken} == set()


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_refuses_the_message(talk: Talk, body: dict[str, Any], code: int) -> None:
    talk.control("PUT", f"accounts/{NUMBER}", {
        "channel": "whatsapp", "waba_id": WABA, "token": "EAA", "display_phone_number": "201000000001",
    })  # fmt: skip
    answer = talk.graph(NUMBER, body)
    assert (code_of(answer), answer.status_code // 100) == ((code, None), 4)
    assert answer.json()["error"]["error_data"]["details"]
    assert talk.messages() == []
    assert talk.summary()["refused"] == {str(code): 1}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_message_is_taken_and_arrives(talk: Talk, body: dict[str, Any]) -> None:
    answer = talk.graph(NUMBER, body)
    assert answer.status_code == 200, answer.text
    (message,) = talk.messages()
    assert answer.json()["messages"][0]["id"] == message["id"]
    assert (message["statuses"], message["failed_code"]) == (["sent", "delivered", "read"], None)


def test_the_answer_names_the_customer_as_they_were_named(talk: Talk) -> None:
    (contact,) = talk.whatsapp(to=f"+{MONA}").json()["contacts"]
    assert (contact["input"], contact["wa_id"]) == (f"+{MONA}", MONA)
    (contact,) = talk.graph(NUMBER, whatsapp(to=None, recipient=HIDDEN)).json()["contacts"]
    assert contact == {"input": HIDDEN, "user_id": HIDDEN}
    (contact,) = talk.graph(NUMBER, whatsapp(to=MONA, recipient=HIDDEN)).json()["contacts"]
    assert contact["wa_id"] == MONA  # `to` wins


def failed(talk: Talk, **asked: Any) -> int | None:
    """Send one message, and return the code by which it failed later, None where it arrived."""
    answer = talk.whatsapp(**asked)
    assert answer.status_code == 200, answer.text
    code: int | None = talk.messages()[-1]["failed_code"]
    return code


def test_free_form_messages_end_a_day_after_the_customer_last_wrote_and_templates_do_not(talk: Talk) -> None:
    talk.clock.now = NOW + DAY_S
    assert failed(talk) is None
    talk.clock.now += 1
    assert failed(talk) == 131047
    assert failed(talk, kind="reaction", piece={"message_id": "wamid.in", "emoji": "👍"}) == 131047
    assert failed(talk, kind="template", piece=used("offer")) is None
    talk.say("whatsapp", NUMBER, MONA, text="Still there?")
    assert failed(talk) is None


def test_a_message_that_comes_late_opens_no_window(talk: Talk) -> None:
    talk.say("whatsapp", NUMBER, "201005550009", text="Hello", at=NOW - DAY_S - 1)
    assert failed(talk, to="201005550009") == 131047
    talk.say("whatsapp", NUMBER, MONA, text="An old one", at=NOW - 2 * DAY_S)
    assert failed(talk) is None  # nor does it close one


def test_what_fails_later_may_be_told_at_once(talk: Talk) -> None:
    talk.control("PUT", "messaging", {"late_failures": "answer"})
    talk.clock.now = NOW + 2 * DAY_S
    assert code_of(talk.whatsapp()) == (131047, None)
    assert talk.messages() == []


def test_who_cannot_be_reached_is_told_by_a_code(talk: Talk) -> None:
    assert failed(talk, to="201119998887") == 131026  # nobody has that number
    for reach, code in (("undeliverable", 131026), ("blocked", 131026), ("experiment", 130472), ("capped", None)):
        talk.control("PUT", f"customers/whatsapp/{MONA}", {"reach": reach})
        assert failed(talk) == code
    assert failed(talk, kind="template", piece=used("offer")) == 131049


def test_marketing_ends_for_those_who_stopped_it(talk: Talk) -> None:
    talk.control("PUT", f"customers/whatsapp/{MONA}", {"stopped_marketing": True})
    assert failed(talk, kind="template", piece=used("offer")) == 131050
    assert failed(talk, kind="template", piece=used("viewing", "ar", said("Mona", "ten"))) is None
    assert failed(talk) is None


def test_a_scoped_id_in_the_wrong_field_may_be_dropped_silently(talk: Talk) -> None:
    talk.control("PUT", "messaging", {"bsuid_in_to": "drop"})
    assert failed(talk, to=HIDDEN) == 131026


def test_one_customer_gets_45_at_once_and_then_one_in_six_seconds(talk: Talk) -> None:
    assert [talk.whatsapp().status_code for _ in range(45)] == [200] * 45
    assert code_of(talk.whatsapp()) == (131056, None)
    assert talk.graph(NUMBER, whatsapp(to=None, recipient=HIDDEN)).status_code == 200  # another pair
    talk.clock.now += 6
    assert talk.whatsapp().status_code == 200
    assert code_of(talk.whatsapp()) == (131056, None)
    talk.clock.now += 45 * 6
    assert [talk.whatsapp().status_code for _ in range(45)] == [200] * 45
    assert talk.summary()["rate_limits"] == {"131056": 2}


def test_a_number_sends_so_many_in_any_second(talk: Talk) -> None:
    talk.control("PUT", "messaging", {"unknown_customers": "reachable"})
    people = iter(range(201_000_000_000, 201_000_001_000))
    assert [talk.whatsapp(to=str(next(people))).status_code for _ in range(80)] == [200] * 80
    assert code_of(talk.whatsapp(to=str(next(people)))) == (130429, None)
    talk.clock.now += 0.9
    assert code_of(talk.whatsapp(to=str(next(people)))) == (130429, None)
    talk.clock.now += 0.2
    assert talk.whatsapp(to=str(next(people))).status_code == 200
    assert talk.summary()["rate_limits"] == {"130429": 2}


def test_a_number_used_on_the_phone_too_is_slower(talk: Talk) -> None:
    talk.control("PUT", f"accounts/{NUMBER}", {"channel": "whatsapp", "coexistence": True})
    assert [talk.whatsapp().status_code for _ in range(21)] == [200] * 20 + [400]


def mark(message: str, **more: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "status": "read", "message_id": message, **more}


def test_a_customers_message_is_marked_as_read_and_answered_by_typing(talk: Talk) -> None:
    assert talk.graph(NUMBER, mark("wamid.in")).json() == {"success": True}
    assert talk.graph(NUMBER, mark("wamid.in", typing_indicator={"type": "text"})).json() == {"success": True}
    assert talk.summary()["others"] == {"read": 1, "typing": 1}
    assert code_of(talk.graph(NUMBER, mark("wamid.other"))) == (131009, None)
    assert code_of(talk.graph(NUMBER, mark("wamid.in", typing_indicator={"type": "voice"}))) == (131009, None)
    ours = talk.whatsapp().json()["messages"][0]["id"]
    assert code_of(talk.graph(NUMBER, mark(ours))) == (131009, None)
    talk.clock.now += 31 * DAY_S
    assert code_of(talk.graph(NUMBER, mark("wamid.in"))) == (131009, None)


def test_a_call_needs_a_version_a_token_and_an_account(talk: Talk) -> None:
    assert code_of(talk.graph(NUMBER, whatsapp(), version="v20.0")) == (2635, None)
    assert code_of(talk.graph(NUMBER, whatsapp(), token=None)) == (190, None)
    assert code_of(talk.graph(NUMBER, whatsapp(), token="EAA-other")) == (190, 467)
    assert code_of(talk.graph("999", whatsapp())) == (100, 33)
    talk.control("PUT", f"accounts/{NUMBER}", {"channel": "whatsapp", "token": "EAA", "dead_token": True})
    assert code_of(talk.graph(NUMBER, whatsapp())) == (190, 463)
    assert talk.messages() == []


def test_templates_are_listed_by_pages_made_and_taken_away(talk: Talk) -> None:
    path = f"/v26.0/{WABA}/message_templates"
    found = [one for page in pages(talk, f"{path}?limit=3") for one in page["data"]]
    assert len(found) == 9
    assert {one["name"]: one["status"] for one in found}["paused"] == "PAUSED"
    assert found[0]["quality_score"] == {"score": "UNKNOWN"}
    head = {"authorization": "Bearer EAA"}
    made = {"name": "welcome", "language": "ar", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hi"}]}
    assert talk.http.post(path, json=made, headers=head).json()["status"] == "PENDING"
    assert code_of(talk.http.post(path, json=made, headers=head)) == (100, 2388024)
    assert code_of(talk.whatsapp("template", used("welcome"))) == (132001, None)
    talk.control("PUT", f"templates/{WABA}", {**made, "status": "APPROVED"})
    assert talk.whatsapp("template", used("welcome")).status_code == 200
    assert talk.http.delete(path, params={"name": "welcome"}, headers=head).json() == {"success": True}
    assert code_of(talk.http.delete(path, params={"name": "welcome"}, headers=head)) == (100, None)
    assert code_of(talk.http.post(path, json={**made, "name": "Not So"}, headers=head)) == (100, None)
    assert code_of(talk.http.get(path)) == (190, None)
    assert code_of(talk.http.get("/v26.0/1/message_templates", headers=head)) == (100, 33)


PDF = {"file": ("homes.pdf", b"%PDF-1.4 \r\n--x\x00\xff", "application/pdf")}


def test_a_file_is_uploaded_told_of_fetched_used_and_dropped(talk: Talk) -> None:
    head = {"authorization": "Bearer EAA"}
    form = {"messaging_product": "whatsapp", "type": "application/pdf"}
    media = talk.http.post(f"/v26.0/{NUMBER}/media", files=PDF, data=form, headers=head).json()["id"]
    told = talk.http.get(f"/v26.0/{media}", headers=head).json()
    assert (told["mime_type"], told["file_size"]) == ("application/pdf", len(PDF["file"][1]))
    assert talk.http.get(told["url"], headers=head).content == PDF["file"][1]
    assert talk.http.get(told["url"]).status_code == 401
    assert talk.whatsapp("document", {"id": media, "filename": "homes.pdf"}).status_code == 200
    assert code_of(talk.whatsapp("image", {"id": media})) == (131053, None)
    talk.clock.now += 301
    assert talk.http.get(told["url"], headers=head).status_code == 404  # the address is good for five minutes
    assert talk.http.delete(f"/v26.0/{media}", headers=head).json() == {"success": True}
    assert code_of(talk.whatsapp("document", {"id": media})) == (131009, None)


def test_an_uploaded_file_is_kept_for_thirty_days(talk: Talk) -> None:
    head, form = {"authorization": "Bearer EAA"}, {"messaging_product": "whatsapp"}
    media = talk.http.post(f"/v26.0/{NUMBER}/media", files=PDF, data=form, headers=head).json()["id"]
    talk.clock.now += 30 * DAY_S
    assert code_of(talk.http.get(f"/v26.0/{media}", headers=head)) == (100, 33)


@pytest.mark.parametrize(
    ("file", "form", "code"),
    [
        (PDF, {}, 100),
        ({"file": ("a.exe", b"MZ", "application/x-msdownload")}, {"messaging_product": "whatsapp"}, 100),
        ({"file": ("a.webp", b"x" * 512_001, "image/webp")}, {"messaging_product": "whatsapp"}, 131053),
        ({"other": ("a.png", b"x", "image/png")}, {"messaging_product": "whatsapp"}, 100),
    ],
    ids=["no product", "a program", "too large", "no file"],
)
def test_a_file_that_cannot_be_sent_is_not_taken(talk: Talk, file: Any, form: dict[str, str], code: int) -> None:
    head = {"authorization": "Bearer EAA"}
    answer = talk.http.post(f"/v26.0/{NUMBER}/media", files=file, data=form, headers=head)
    assert code_of(answer) == (code, None)
