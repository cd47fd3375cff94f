"""Threads, ready-made: what customers write, what platforms report of us, what we decide."""

from typing import Any
from uuid import UUID, uuid5

from domain.messaging.content import AdReferral, MessageType
from domain.messaging.events import (
    Change,
    HolderChanged,
    MediaSettled,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    Outcome,
    ReceiptReceived,
    ReceiptStatus,
    SendRequested,
    SendSettled,
    Signal,
    SignalReceived,
    StateChanged,
    ThreadRated,
    ThreadState,
)
from domain.messaging.threads import thread_of
from domain.shared.fact import Channel
from domain.shared.personal import Sealed
from tests.cast import ANNA, BASEM, NILE_HOMES, STREAMS, Person, at

NUMBER = "100200300400500"
"""The account of most stories: a phone-number id."""
AD = AdReferral(source="ad", source_id="1200300400", click_id=True)
HOUR, DAY = 3_600, 86_400


def thread(person: Person = ANNA, channel: Channel = "whatsapp", account: str = NUMBER) -> UUID:
    return thread_of(NILE_HOMES, channel, account, person.subject_id)


THREAD, BASEMS = thread(), thread(BASEM)


def entry(name: str | int) -> UUID:
    """Return the log entry of a story's fact, by its name or its place: the ref of a message, the id of a send."""
    return uuid5(STREAMS, str(name))


def sealed(field: str, person: Person = ANNA) -> Sealed:
    """Return a personal value as the log holds it."""
    return Sealed(f"1:{person.subject_id.hex}:AAAA", str(person.subject_id), 1, field)


def wrote(when: float = 0, message_type: MessageType = "text", **more: Any) -> MessageReceived:
    own = {"channel": "whatsapp", "account_id": NUMBER, "message_type": message_type, "occurred_at": at(when)}
    return MessageReceived.model_validate(own | more)


def echoed(when: float = 0, message_type: MessageType = "text", **more: Any) -> MessageEchoed:
    own = {"channel": "whatsapp", "account_id": NUMBER, "message_type": message_type, "occurred_at": at(when)}
    return MessageEchoed.model_validate(own | more)


def receipt(status: ReceiptStatus, when: float = 0, **more: Any) -> ReceiptReceived:
    own = {"channel": "whatsapp", "account_id": NUMBER, "status": status, "occurred_at": at(when)}
    return ReceiptReceived.model_validate(own | more)


def altered(change: Change, ref: UUID, when: float = 0, **more: Any) -> MessageChanged:
    own = {"channel": "whatsapp", "account_id": NUMBER, "change": change, "ref": ref, "occurred_at": at(when)}
    return MessageChanged.model_validate(own | more)


def signal(name: Signal, when: float = 0, **more: Any) -> SignalReceived:
    own = {"channel": "whatsapp", "account_id": NUMBER, "signal": name, "occurred_at": at(when)}
    return SignalReceived.model_validate(own | more)


def _of_thread(when: float, thread_id: UUID) -> dict[str, Any]:
    return {"thread_id": thread_id, "channel": "whatsapp", "account_id": NUMBER, "occurred_at": at(when)}


def asked(when: float = 0, author: str = "assistant", thread_id: UUID = THREAD, **more: Any) -> SendRequested:
    """A message of ours is to be sent."""
    own = {"author": author, "message_type": "text", **_of_thread(when, thread_id)}
    return SendRequested.model_validate(own | more)


def settled(send: UUID, outcome: Outcome, when: float = 0, thread_id: UUID = THREAD, **more: Any) -> SendSettled:
    own = {"send_id": send, "outcome": outcome, "by": "answer", **_of_thread(when, thread_id)}
    return SendSettled.model_validate(own | more)


def held_by(agent: str | None, fence: int, when: float = 0, thread_id: UUID = THREAD, **more: Any) -> HolderChanged:
    """An agent took over, or with None the assistant has it again."""
    own = {
        "holder": "agent" if agent else "assistant", "agent": agent, "fence": fence,
        "reason": "took over" if agent else "released", **_of_thread(when, thread_id),
    }  # fmt: skip
    return HolderChanged.model_validate(own | more)


def moved(before: ThreadState, state: ThreadState, when: float = 0, thread_id: UUID = THREAD) -> StateChanged:
    own = {"before": before, "state": state, "reason": f"now {state}", **_of_thread(when, thread_id)}
    return StateChanged.model_validate(own)


def rated(rating: int, when: float = 0, thread_id: UUID = THREAD) -> ThreadRated:
    return ThreadRated.model_validate({"rating": rating, "ref": entry("rating"), **_of_thread(when, thread_id)})


def fetched(ref: UUID, outcome: str, when: float = 0, thread_id: UUID = THREAD, nth: int = 0) -> MediaSettled:
    return MediaSettled.model_validate({"ref": ref, "outcome": outcome, "nth": nth, **_of_thread(when, thread_id)})
