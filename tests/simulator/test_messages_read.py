"""What the stand-in sends is what the product reads: every webhook becomes the fact that it should."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from adapters.meta.webhook_reader import MetaReader
from domain.messaging.events import PlatformTouchpoint
from domain.people.hints import PersonHints
from tests.simulator.events import NOW
from tests.simulator.talk import GRAM, HIDDEN, IGSID, MONA, NUMBER, PAGE, PSID, WABA, Talk, whatsapp


def ref(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def read(talk: Talk) -> list[PlatformTouchpoint]:
    """The facts of every webhook sent, in order; fails where one cannot be read."""
    reader, found = MetaReader(), []
    for _, raw in talk.told().got:
        for part in reader.parts(reader.body(raw)):
            reading = reader.read(part, ref, datetime.fromtimestamp(NOW, UTC), "meta")
            assert not isinstance(reading, str), (reading, raw)
            found.append(reading.fact)
    return found


@pytest.fixture(autouse=True)
def _hooked(talk: Talk) -> None:
    talk.hook()


SAID: list[tuple[dict[str, Any], str]] = [
    ({"text": "Hi"}, "text"),
    ({"media": {"kind": "image", "caption": "The view"}}, "image"),
    ({"media": {"kind": "voice"}}, "voice"),
    ({"media": {"kind": "document", "filename": "عقد.pdf"}}, "document"),
    ({"media": {"kind": "sticker"}}, "sticker"),
    ({"location": {"latitude": 30, "longitude": 31}}, "location"),
    ({"contacts": [{"name": {"formatted_name": "Amr"}}]}, "contacts"),
    ({"button": {"id": "yes", "title": "نعم"}}, "button_reply"),
    ({"row": {"id": "maadi", "title": "Maadi"}}, "list_reply"),
    ({"postback": {"title": "نعم", "payload": "yes"}}, "template_reply"),
    ({"raw": {"type": "hologram", "hologram": {}}}, "unknown"),
]


@pytest.mark.parametrize(("what", "kind"), SAID)
def test_what_a_customer_says_on_whatsapp(talk: Talk, what: dict[str, Any], kind: str) -> None:
    talk.say("whatsapp", NUMBER, MONA, **what)
    (fact,) = read(talk)
    assert (fact.kind, fact.account_id) == ("messaging.message_received.v1", NUMBER)
    assert fact.model_dump()["message_type"] == kind


@pytest.mark.parametrize(("channel", "account", "user"), [("messenger", PAGE, PSID), ("instagram", GRAM, IGSID)])
def test_what_a_customer_says_elsewhere(talk: Talk, channel: str, account: str, user: str) -> None:
    for what in ({"text": "Hi"}, {"media": {"kind": "image"}}, {"button": {"id": "yes", "title": "نعم"}},
                 {"postback": {"title": "Start", "payload": "go"}}):  # fmt: skip
        talk.say(channel, account, user, **what)
    found = read(talk)
    assert {(fact.kind, fact.account_id) for fact in found} == {("messaging.message_received.v1", account)}
    assert [fact.model_dump()["message_type"] for fact in found] == ["text", "image", "quick_reply", "postback"]


@pytest.mark.parametrize("what", [
    {"reaction": {"message_id": "m_in", "emoji": "👍"}},
    {"edit": {"message_id": "m_in", "text": "Good morning"}},
    {"revoke": "m_in"},
])  # fmt: skip
@pytest.mark.parametrize(
    ("channel", "account", "user"), [("whatsapp", NUMBER, MONA), ("messenger", PAGE, PSID), ("instagram", GRAM, IGSID)]
)
def test_changes_of_what_was_said(talk: Talk, channel: str, account: str, user: str, what: dict[str, Any]) -> None:
    talk.say(channel, account, user, **what)
    (fact,) = read(talk)
    assert fact.kind == "messaging.message_changed.v1"


def test_what_becomes_of_our_messages(talk: Talk) -> None:
    talk.whatsapp()
    talk.whatsapp(to="201119998887")
    talk.graph(NUMBER, whatsapp(to=None, recipient=HIDDEN))
    found = read(talk)
    assert {fact.kind for fact in found} == {"messaging.receipt_received.v1"}
    kinds = [fact.model_dump()["status"] for fact in found]
    assert sorted(kinds) == sorted(["sent", "delivered", "read"] * 2 + ["failed"])


def test_what_becomes_of_our_messages_elsewhere(talk: Talk) -> None:
    talk.social(message={"text": "أهلا", "metadata": "masar:t:s"})
    talk.social(GRAM)
    assert [fact.kind.split(".")[1] for fact in read(talk)] == [
        "message_echoed", "receipt_received", "receipt_received", "message_echoed", "receipt_received",
    ]  # fmt: skip


def test_what_was_typed_elsewhere(talk: Talk) -> None:
    for channel, account, user in (("whatsapp", NUMBER, MONA), ("messenger", PAGE, PSID), ("instagram", GRAM, IGSID)):
        talk.control("POST", "echo", {"channel": channel, "account": account, "user": user, "text": "From my phone"})
    assert {fact.kind for fact in read(talk)} == {"messaging.message_echoed.v1"}


def test_a_number_that_changed_and_a_template_that_was_paused(talk: Talk) -> None:
    talk.control("POST", "customers/number", {"account": NUMBER, "user": MONA, "phone": "201228887776"})
    talk.control("PUT", f"templates/{WABA}", {"name": "offer", "language": "ar", "status": "PAUSED"}, notify=True)
    changed, paused = read(talk)
    assert (changed.kind, changed.model_dump()["signal"]) == ("messaging.signal_received.v1", "number_changed")
    assert isinstance(changed.hints, PersonHints)
    assert (changed.hints.phone, changed.hints.former_phone) == ("+201228887776", f"+{MONA}")
    assert (paused.kind, paused.model_dump()["status"]) == ("messaging.notice_received.v1", "PAUSED")
