"""What the stand-in tells back: signed as Meta signs, with the disorder that is asked for."""

from typing import Any

import pytest

from tests.simulator.events import NOW
from tests.simulator.talk import GRAM, HIDDEN, IGSID, KEY, MONA, NUMBER, OTHER, PAGE, PSID, WABA, Talk, signed, whatsapp


@pytest.fixture(autouse=True)
def _hooked(talk: Talk) -> None:
    talk.hook()


def names(talk: Talk) -> list[str]:
    return [one["status"] for one in talk.told().statuses()]


def test_a_message_is_told_of_with_our_own_words_back(talk: Talk) -> None:
    sent = talk.whatsapp(biz_opaque_callback_data="masar:t:s").json()["messages"][0]["id"]
    told = talk.told().statuses()
    assert [one["status"] for one in told] == ["sent", "delivered", "read"]
    assert {(one["id"], one["recipient_id"], one["biz_opaque_callback_data"]) for one in told} == {
        (sent, MONA, "masar:t:s")
    }
    assert [int(one["timestamp"]) - NOW for one in told] == [0, 1, 2]


def test_every_body_is_signed_as_it_goes_and_escaped(talk: Talk) -> None:
    talk.say("whatsapp", NUMBER, MONA, text="شقة في المعادي؟ 👍")
    ((headers, raw),) = talk.told().got
    assert raw.isascii()
    assert rb"\u0634\u0642\u0629" in raw
    assert rb"\ud83d\udc4d" in raw
    assert headers["x-hub-signature-256"] == signed(raw)


def test_a_failure_is_told_with_its_code_and_nothing_else_follows(talk: Talk) -> None:
    talk.whatsapp(to="201119998887")
    (told,) = talk.told().statuses()
    assert (told["status"], told["recipient_id"], told["errors"][0]["code"]) == ("failed", "201119998887", 131026)
    talk.hook(fail_next=[131049, 0])
    talk.whatsapp()
    talk.whatsapp()
    assert names(talk)[1:] == ["failed", "sent", "delivered", "read"]


def test_a_hidden_number_is_left_out_everywhere(talk: Talk) -> None:
    talk.say("whatsapp", NUMBER, HIDDEN, text="Hello")
    talk.graph(NUMBER, whatsapp(to=None, recipient=HIDDEN))
    first, *statuses = talk.told().bodies()
    value = first["entry"][0]["changes"][0]["value"]
    (message,) = value["messages"]
    assert (message.get("from"), message["from_user_id"]) == (None, HIDDEN)
    assert value["contacts"] == [{"profile": {"name": "Customer"}, "user_id": HIDDEN}]
    for body in statuses:
        (status,) = body["entry"][0]["changes"][0]["value"]["statuses"]
        assert (status.get("recipient_id"), status["recipient_user_id"]) == (None, HIDDEN)


def test_a_number_may_be_hidden_though_it_is_known(talk: Talk) -> None:
    said = {"hides_phone": True, "username": "mona", "parent_bsuid": "EG.ENT.99"}
    talk.say("whatsapp", NUMBER, MONA, text="Hello", customer=said)
    (body,) = talk.told().bodies()
    (contact,) = body["entry"][0]["changes"][0]["value"]["contacts"]
    assert "wa_id" not in contact
    assert (contact["profile"]["username"], contact["parent_user_id"]) == ("mona", "EG.ENT.99")


def test_the_order_of_statuses_can_be_upset(talk: Talk) -> None:
    talk.hook(order="reversed")
    talk.whatsapp()
    assert names(talk) == ["read", "delivered", "sent"]
    talk.receiver.got.clear()
    talk.hook(order="shuffled", seed=3, statuses=["delivered", "read"])
    for _ in range(8):
        talk.whatsapp()
    told = names(talk)
    assert sorted(told) == ["delivered"] * 8 + ["read"] * 8
    assert told != ["delivered", "read"] * 8


def test_copies_and_forgeries_can_be_asked_for(talk: Talk) -> None:
    talk.hook(duplicates=2, statuses=["sent"], bad_signature_share=1)
    talk.whatsapp()
    told = talk.told()
    assert len({raw for _, raw in told.got}) == 1
    good = [headers["x-hub-signature-256"] == signed(raw) for headers, raw in told.got]
    assert good == [False, True, True, True]


def test_statuses_can_come_together_and_before_the_answer(talk: Talk) -> None:
    talk.hook(together=True, before_answer=True)
    talk.whatsapp()
    assert [one["status"] for one in talk.receiver.statuses()] == ["sent", "delivered", "read"]
    assert len(talk.receiver.got) == 1


def test_a_webhook_is_sent_again_until_it_is_taken(talk: Talk) -> None:
    talk.hook(statuses=["sent"])
    talk.receiver.answers = [503, 500, 200]
    talk.whatsapp()
    assert names(talk) == ["sent"] * 3
    deliveries = talk.control("GET", "webhooks/deliveries")["data"]
    assert [one["status"] for one in deliveries] == [503, 500, 200]


def test_what_a_customer_said_is_sent_again_too(talk: Talk) -> None:
    talk.receiver.answers = [500]
    assert talk.say("whatsapp", NUMBER, MONA, text="Hello")["webhook"] == {"status": 500, "error": None}
    first, again = talk.told().got
    assert first[1] == again[1]


def test_an_address_is_verified_by_giving_the_challenge_back(talk: Talk) -> None:
    assert talk.control("POST", "webhooks/verify", {"token": "t0ken"}) == {"verified": True}
    talk.receiver.answers = [403]
    assert talk.control("POST", "webhooks/verify", {"token": "other"}) == {"verified": False}


def test_customers_who_do_not_read_are_not_said_to(talk: Talk) -> None:
    talk.control("PUT", f"customers/whatsapp/{MONA}", {"reads": False})
    talk.whatsapp()
    assert names(talk) == ["sent", "delivered"]


def test_a_message_on_messenger_comes_back_with_its_metadata_and_marks(talk: Talk) -> None:
    mid = talk.social(message={"text": "أهلا", "metadata": "masar:t:s"}).json()["message_id"]
    echo, delivered, read = talk.told().events()
    assert (echo["sender"]["id"], echo["recipient"]["id"]) == (PAGE, PSID)
    assert echo["message"] == {
        "mid": mid, "is_echo": True, "app_id": 900100200, "metadata": "masar:t:s", "text": "أهلا",
    }  # fmt: skip
    assert delivered["delivery"] == {"mids": [mid], "watermark": NOW * 1_000}
    assert read["read"] == {"watermark": NOW * 1_000}
    assert read["sender"]["id"] == PSID


def test_a_message_on_instagram_comes_back_without_metadata(talk: Talk) -> None:
    mid = talk.social(GRAM, message={"text": "أهلا", "metadata": "masar:t:s"}).json()["message_id"]
    echo, read = talk.told().events()
    assert echo["message"] == {"mid": mid, "is_echo": True, "text": "أهلا"}
    assert read["read"] == {"mid": mid}
    assert {body["object"] for body in talk.receiver.bodies()} == {"instagram"}


def test_360dialog_sends_its_own_headers_and_no_signature(talk: Talk) -> None:
    head = {"d360-api-key": KEY}
    configured = {"url": "http://us.example/360", "headers": {"x-our-secret": "s3"}}
    assert talk.http.post("/v1/configs/webhook", json=configured, headers=head).json() == configured
    answer = talk.http.post("/messages", json=whatsapp(), headers=head)
    assert answer.status_code == 200, answer.text
    assert names(talk) == ["sent", "delivered", "read"]
    assert {headers.get("x-our-secret") for headers, _ in talk.receiver.got} == {"s3"}
    assert not any("x-hub-signature-256" in headers for headers, _ in talk.receiver.got)
    assert [message["account_id"] for message in talk.messages()] == [OTHER]


def test_360dialog_takes_its_key_alone(talk: Talk) -> None:
    for headers in ({}, {"d360-api-key": "other"}, {"authorization": "Bearer EAA"}):
        assert talk.http.post("/messages", json=whatsapp(), headers=headers).status_code == 401
        assert talk.http.post("/v1/configs/webhook", json={"url": "http://x"}, headers=headers).status_code == 401
    assert talk.graph(OTHER, whatsapp()).status_code == 400  # and Graph does not have its numbers


def test_360dialog_has_files_and_templates_too(talk: Talk) -> None:
    head = {"d360-api-key": KEY}
    talk.say("whatsapp", OTHER, MONA, media={"kind": "voice", "content": "a voice"})
    (body,) = talk.told().bodies()
    (message,) = body["entry"][0]["changes"][0]["value"]["messages"]
    assert message["audio"]["voice"] is True
    for path in (f"/{message['audio']['id']}", f"/media/{message['audio']['id']}"):
        told = talk.http.get(path, headers=head).json()
        assert talk.http.get(told["url"], headers=head).content == b"a voice"
        assert talk.http.get(path, headers={"d360-api-key": "other"}).status_code == 401
    talk.control("PUT", f"templates/8{OTHER}", {"name": "viewing", "language": "ar"})
    listed = talk.http.get("/v1/configs/templates", headers=head).json()
    assert [one["name"] for one in listed["waba_templates"]] == ["viewing"]
    assert listed["total"] == 1


SAID: dict[str, tuple[dict[str, Any], str, Any]] = {
    "a text": ({"text": "Hi"}, "text", {"body": "Hi"}),
    "a place": ({"location": {"latitude": 30, "longitude": 31}}, "location", {"latitude": 30, "longitude": 31}),
    "a button": (
        {"button": {"id": "yes", "title": "نعم"}}, "interactive",
        {"type": "button_reply", "button_reply": {"id": "yes", "title": "نعم"}},
    ),
    "a row": (
        {"row": {"id": "r", "title": "10:00"}}, "interactive",
        {"type": "list_reply", "list_reply": {"id": "r", "title": "10:00"}},
    ),
    "a template's button": ({"postback": {"title": "Yes", "payload": "y"}}, "button", {"text": "Yes", "payload": "y"}),
    "a reaction": (
        {"reaction": {"message_id": "wamid.x", "emoji": "👍"}}, "reaction", {"message_id": "wamid.x", "emoji": "👍"},
    ),
    "something new": ({"raw": {"type": "hologram", "hologram": {"x": 1}}}, "hologram", {"x": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("what", "kind", "piece"), SAID.values(), ids=SAID.keys())
def test_a_customer_can_be_played(talk: Talk, what: dict[str, Any], kind: str, piece: Any) -> None:
    answer = talk.say("whatsapp", NUMBER, MONA, reply_to="wamid.ours", **what)
    assert answer["webhook"] == {"status": 200, "error": None}
    (body,) = talk.told().bodies()
    entry = body["entry"][0]
    value = entry["changes"][0]["value"]
    (message,) = value["messages"]
    assert (entry["id"], value["metadata"]["phone_number_id"]) == (WABA, NUMBER)
    assert (message["id"], message["type"], message[kind]) == (answer["message_id"], kind, piece)
    assert message["context"]["id"] == "wamid.ours"


def test_an_advertisement_comes_along(talk: Talk) -> None:
    click = {"source_type": "ad", "source_id": "120", "ctwa_clid": "ARAk", "source_url": "https://fb.example/1"}
    talk.say("whatsapp", NUMBER, MONA, text="Hi", referral=click)
    talk.say("messenger", PAGE, PSID, postback={"title": "Start", "payload": "go"}, referral={"ad_id": "120"})
    first, second = talk.told().bodies()
    assert first["entry"][0]["changes"][0]["value"]["messages"][0]["referral"] == click
    assert second["entry"][0]["messaging"][0]["postback"]["referral"] == {"ad_id": "120"}


@pytest.mark.parametrize(("channel", "account", "user"), [("messenger", PAGE, PSID), ("instagram", GRAM, IGSID)])
def test_customers_of_messenger_and_instagram_can_be_played(talk: Talk, channel: str, account: str, user: str) -> None:
    talk.say(channel, account, user, text="أهلا")
    talk.say(channel, account, user, media={"kind": "image", "content": "a picture"})
    talk.say(channel, account, user, reaction={"message_id": "m_in", "emoji": "❤"})
    text, picture, reaction = talk.told().events()
    assert (text["sender"]["id"], text["recipient"]["id"], text["message"]["text"]) == (user, account, "أهلا")
    (attachment,) = picture["message"]["attachments"]
    assert talk.http.get(attachment["payload"]["url"]).content == b"a picture"
    assert reaction["reaction"]["action"] == "react"


def test_a_message_on_messenger_brings_several_files(talk: Talk) -> None:
    plan = {"kind": "document", "content": "a plan"}
    talk.say("messenger", PAGE, PSID, media={"kind": "image", "content": "a picture"}, more_media=[plan])
    (told,) = talk.told().events()
    files = [(one["type"], talk.http.get(one["payload"]["url"]).text) for one in told["message"]["attachments"]]
    assert files == [("image", "a picture"), ("file", "a plan")]


def test_a_crowd_comes_in_batches_shuffled_and_twice(talk: Talk) -> None:
    say = [{"channel": "whatsapp", "account": NUMBER, "user": MONA, "text": str(number)} for number in range(50)]
    asked = {"say": say, "batch": 20, "shuffle": True, "twice_share": 1, "parallel": True, "seed": 5}
    ids = talk.control("POST", "customers/play", asked)["message_ids"]
    bodies = talk.told().bodies()
    batches = [body["entry"][0]["changes"][0]["value"]["messages"] for body in bodies]
    assert [len(batch) for batch in batches] == [20] * 5
    came = [message["id"] for batch in batches for message in batch]
    assert sorted(came) == sorted(ids * 2)
    assert list(dict.fromkeys(came)) != ids


def test_what_cannot_be_played_is_refused(talk: Talk) -> None:
    for said in ({"account": "999", "text": "Hi"}, {"account": NUMBER}, {"account": PAGE, "text": "Hi"}):
        asked = {"channel": "whatsapp", "user": MONA, **said}
        assert talk.http.post("/_simulator/customers/say", json=asked).status_code == 422
    assert talk.told().got == []


def test_a_customer_may_change_their_number(talk: Talk) -> None:
    before = {one["id"]: one["bsuid"] for one in talk.control("GET", "customers")["data"]}[MONA]
    asked = {"account": NUMBER, "user": MONA, "phone": "201228887776"}
    after = talk.control("POST", "customers/number", asked)["customer"]["bsuid"]
    (body,) = talk.told().bodies()
    (message,) = body["entry"][0]["changes"][0]["value"]["messages"]
    assert (message["type"], message["from"]) == ("system", MONA)
    assert (message["system"]["wa_id"], message["system"]["user_id"]) == ("201228887776", after)
    assert before != after
    assert talk.whatsapp(to="201228887776").status_code == 200
    assert talk.messages()[-1]["failed_code"] is None


def test_what_was_typed_elsewhere_is_told_too(talk: Talk) -> None:
    typed = talk.control("POST", "echo", {"account": NUMBER, "user": MONA, "text": "From my phone"})["message_id"]
    talk.control("POST", "echo", {"channel": "messenger", "account": PAGE, "user": PSID, "text": "From the inbox"})
    first, second = talk.told().bodies()
    change = first["entry"][0]["changes"][0]
    (echo,) = change["value"]["message_echoes"]
    assert (change["field"], echo["id"], echo["to"]) == ("smb_message_echoes", typed, MONA)
    assert second["entry"][0]["messaging"][0]["message"]["app_id"] != 900100200
    assert talk.messages() == []


def test_a_status_may_come_late_or_against_another(talk: Talk) -> None:
    talk.hook(statuses=["sent"])
    sent = talk.whatsapp().json()["messages"][0]["id"]
    for status, code in (("read", None), ("failed", 131026)):
        talk.control("POST", "webhooks/status", {"message_id": sent, "status": status, "code": code})
    assert names(talk) == ["sent", "read", "failed"]


def test_anything_can_be_signed_and_sent(talk: Talk) -> None:
    talk.control("POST", "webhooks/send", {"body": {"object": "page", "entry": []}})
    ((headers, raw),) = talk.told().got
    assert (raw, headers["x-hub-signature-256"]) == (b'{"object":"page","entry":[]}', signed(raw))


def test_templates_tell_of_their_fate(talk: Talk) -> None:
    talk.control("PUT", f"templates/{WABA}", {"name": "offer", "language": "ar", "status": "PAUSED"}, notify=True)
    (body,) = talk.told().bodies()
    change = body["entry"][0]["changes"][0]
    assert (change["field"], change["value"]["event"]) == ("message_template_status_update", "PAUSED")


def test_an_account_may_have_a_webhook_of_its_own(talk: Talk) -> None:
    talk.hook(PAGE, url="http://us.example/page", app_secret="another")
    talk.social()
    talk.whatsapp()
    talk.told()
    deliveries = talk.control("GET", "webhooks/deliveries")["data"]
    assert {one["url"] for one in deliveries} == {"http://us.example/page", "http://us.example/hook"}
