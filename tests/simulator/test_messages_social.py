"""Messenger and Instagram as far as sending goes: windows, tags, limits in each one's units."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.social_rules import RULES, Sight
from tests.simulator.events import DAY_S, NOW
from tests.simulator.talk import GRAM, IGSID, PAGE, PSID, Talk, code_of, social


def text(letters: str) -> dict[str, Any]:
    return {"text": letters}


def quick(count: int, **changes: Any) -> dict[str, Any]:
    replies = [{"content_type": "text", "title": "نعم", "payload": "yes", **changes} for _ in range(count)]
    return {"text": "Book?", "quick_replies": replies}


def attached(kind: str, **payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": kind, "payload": payload}}


def pressed(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [{"type": "postback", "title": "Book", "payload": "book", **changes} for _ in range(count)]


FILE = {"url": "https://homes.example/a.jpg"}
ELEMENT = {"title": "A flat in Maadi", "buttons": pressed(1)}

REFUSED: dict[str, tuple[str, dict[str, Any], int]] = {
    "an unknown field": (PAGE, {"persona": "1"}, 100),
    "nobody": (PAGE, {"recipient": {}}, 100),
    "nothing": (PAGE, {"message": None}, 100),
    "two things": (PAGE, {"sender_action": "typing_on"}, 100),
    "an unknown action": (PAGE, {"message": None, "sender_action": "dance"}, 100),
    "no messaging type": (PAGE, {"messaging_type": None}, 100),
    "an unknown messaging type": (PAGE, {"messaging_type": "PROMOTION"}, 100),
    "a tag without its type": (PAGE, {"tag": "HUMAN_AGENT"}, 100),
    "a type without its tag": (PAGE, {"messaging_type": "MESSAGE_TAG"}, 100),
    "an unknown tag": (PAGE, {"messaging_type": "MESSAGE_TAG", "tag": "NEWS"}, 100),
    "text and file": (PAGE, {"message": {**text("x"), **attached("image", **FILE)}}, 100),
    "an empty text": (PAGE, {"message": text(" ")}, 100),
    "2,001 characters": (PAGE, {"message": text("ش" * 2_001)}, 100),
    "1,002 bytes on Instagram": (GRAM, {"message": text("ش" * 501)}, 100),
    "14 quick replies": (PAGE, {"message": quick(14)}, 100),
    "a quick reply of 21 letters": (PAGE, {"message": quick(1, title="x" * 21)}, 100),
    "a quick reply without payload": (PAGE, {"message": quick(1, payload="")}, 100),
    "an unknown attachment": (PAGE, {"message": attached("hologram", **FILE)}, 100),
    "a heart on Messenger": (PAGE, {"message": attached("like_heart")}, 100),
    "a file from nowhere": (PAGE, {"message": attached("image")}, 100),
    "four buttons": (
        PAGE, {"message": attached("template", template_type="button", text="x", buttons=pressed(4))}, 100,
    ),
    "eleven elements": (
        PAGE, {"message": attached("template", template_type="generic", elements=[ELEMENT] * 11)}, 100,
    ),
    "an unknown template": (PAGE, {"message": attached("template", template_type="receipt")}, 100),
    "metadata of 1,001": (PAGE, {"message": {**text("x"), "metadata": "m" * 1_001}}, 100),
    "an answer to nothing": (PAGE, {"reply_to": {"mid": "m_other"}}, 100),
    "a reaction to nothing": (
        PAGE, {"message": None, "sender_action": "react", "payload": {"message_id": "m_other"}}, 100,
    ),
}  # fmt: skip

ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "2,000 characters": (PAGE, {"message": text("ش" * 2_000)}),
    "1,000 bytes on Instagram": (GRAM, {"message": text("ش" * 500)}),
    "13 quick replies": (PAGE, {"message": quick(13)}),
    "an image": (PAGE, {"message": attached("image", **FILE)}),
    "a heart": (GRAM, {"message": attached("like_heart")}),
    "buttons": (PAGE, {"message": attached("template", template_type="button", text="x", buttons=pressed(3))}),
    "ten elements": (PAGE, {"message": attached("template", template_type="generic", elements=[ELEMENT] * 10)}),
    "an answer": (PAGE, {"reply_to": {"mid": "m_in"}}),
    "a human's": (PAGE, {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}),
}


@pytest.mark.parametrize(("account", "changes", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_refuses_the_message(talk: Talk, account: str, changes: dict[str, Any], code: int) -> None:
    answer = talk.social(account, **changes)
    assert (answer.status_code // 100, code_of(answer)) == (4, (code, None))
    assert talk.messages() == []


def test_every_rule_of_the_table_is_broken_by_a_case() -> None:
    def sight(account: str, now: float = NOW, **changes: Any) -> Sight:
        channel: Any = "messenger" if account == PAGE else "instagram"
        known = Customer(channel, "1", wrote_at={account: NOW})
        return Sight(Account(channel=channel, **changes), account, known, lambda message: message == "m_in", now)

    cases = [(social(account, **changes), sight(account)) for account, changes, _ in REFUSED.values()]
    cases += [(social(), sight(PAGE, restricted=True)), (social(), sight(PAGE, now=NOW + 8 * DAY_S))]
    cases.append((social(), replace(sight(PAGE), customer=None)))
    broken = {next(rule for rule in RULES if rule(body, seen)) for body, seen in cases}
    assert {rule.__name__ for rule in RULES if rule not in broken} == set()


@pytest.mark.parametrize(("account", "changes"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_message_goes(talk: Talk, account: str, changes: dict[str, Any]) -> None:
    answer = talk.social(account, **changes)
    assert answer.status_code == 200, answer.text
    (message,) = talk.messages()
    assert answer.json() == {"recipient_id": message["customer"], "message_id": message["id"]}


@pytest.mark.parametrize("tag", ["CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"])
@pytest.mark.parametrize("account", [PAGE, GRAM])
def test_three_tags_are_dead(talk: Talk, account: str, tag: str) -> None:
    assert code_of(talk.social(account, messaging_type="MESSAGE_TAG", tag=tag)) == (100, None)


@pytest.mark.parametrize(("account", "subcode"), [(PAGE, 2018278), (GRAM, 2534022)])
def test_the_window_is_a_day_and_for_a_human_a_week(talk: Talk, account: str, subcode: int) -> None:
    human = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    talk.clock.now = NOW + DAY_S
    assert talk.social(account).status_code == 200
    talk.clock.now = NOW + DAY_S + 1
    assert code_of(talk.social(account)) == (10, subcode)
    assert code_of(talk.social(account, message=None, sender_action="typing_on")) == (10, subcode)
    talk.clock.now = NOW + 7 * DAY_S
    assert talk.social(account, **human).status_code == 200
    talk.clock.now += 1
    assert code_of(talk.social(account, **human)) == (10, subcode)
    talk.say(
        "messenger" if account == PAGE else "instagram", account, PSID if account == PAGE else IGSID, text="Hello?"
    )
    assert talk.social(account).status_code == 200


def test_the_human_tag_needs_a_permission(talk: Talk) -> None:
    talk.control("PUT", f"accounts/{PAGE}", {"channel": "messenger", "human_agent": False})
    assert code_of(talk.social(messaging_type="MESSAGE_TAG", tag="HUMAN_AGENT")) == (100, None)


@pytest.mark.parametrize(
    ("channel", "account", "user", "unknown", "blocked"),
    [("messenger", PAGE, PSID, 2018001, 2018108), ("instagram", GRAM, IGSID, 2534014, 2534029)],
)
def test_who_cannot_be_reached_is_told_by_a_code(
    talk: Talk, channel: str, account: str, user: str, unknown: int, blocked: int
) -> None:
    assert code_of(talk.social(account, recipient={"id": "555"})) == (100, unknown)
    talk.control("PUT", f"customers/{channel}/555", {"name": "Never wrote"})
    assert code_of(talk.social(account, recipient={"id": "555"})) == (100, unknown)
    talk.control("PUT", f"customers/{channel}/{user}", {"reach": "blocked"})
    assert code_of(talk.social(account)) == (100, blocked)
    talk.control("PUT", f"customers/{channel}/{user}", {"reach": "unavailable"})
    assert code_of(talk.social(account)) == (551, 1545041)


def test_an_account_may_be_kept_from_sending(talk: Talk) -> None:
    talk.control("PUT", f"accounts/{PAGE}", {"channel": "messenger", "restricted": True})
    assert code_of(talk.social()) == (10, 1893063)
    talk.control("PUT", f"accounts/{GRAM}", {"channel": "instagram", "direct_messages": False})
    assert code_of(talk.social(GRAM)) == (200, 2534041)


def test_me_is_the_account_of_the_token(talk: Talk) -> None:
    talk.control("PUT", f"accounts/{GRAM}", {"channel": "instagram", "token": "IGAA"})
    assert talk.graph("me", social(GRAM), token="IGAA").status_code == 200
    assert [message["account_id"] for message in talk.messages()] == [GRAM]
    assert code_of(talk.graph("me", social(GRAM), token="IGAA-other")) == (100, 33)


def test_a_form_may_carry_the_objects_as_text(talk: Talk) -> None:
    form = {"recipient": f'{{"id": "{PSID}"}}', "message": '{"text": "Hi"}', "messaging_type": "RESPONSE"}
    answer = talk.http.post(f"/v26.0/{PAGE}/messages", data={**form, "access_token": "EAA"})
    assert answer.status_code == 200, answer.text


def test_a_page_sends_so_much_in_any_second(talk: Talk) -> None:
    video = attached("video", url="https://homes.example/a.mp4")
    assert [talk.social(message=video).status_code for _ in range(11)] == [200] * 10 + [400]
    assert talk.social().status_code == 200  # texts have a limit of their own
    assert [talk.social(GRAM).status_code for _ in range(101)] == [200] * 100 + [400]
    assert talk.summary()["rate_limits"] == {"613": 1, "613/2534040": 1}


def test_actions_are_no_messages(talk: Talk) -> None:
    for action in ("typing_on", "typing_off", "mark_seen"):
        assert talk.social(message=None, sender_action=action).json() == {"recipient_id": PSID}
    reaction = {"message_id": "m_in", "reaction": "love"}
    assert talk.social(message=None, sender_action="react", payload=reaction).status_code == 200
    assert talk.messages() == []
    assert talk.summary()["others"] == {"typing_on": 1, "typing_off": 1, "mark_seen": 1, "react": 1}
