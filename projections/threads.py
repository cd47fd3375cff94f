"""Every thread as it stands; and what has to happen in it: answers, files, sends of unknown outcome, growing quiet."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.messaging import fold_thread as threads
from domain.messaging.events import MessageEchoed, MessageReceived, ReceiptReceived, SignalReceived, StateChanged
from domain.messaging.fold_thread import HANDLES
from domain.messaging.thread import NO_MARKETING, TALKS, Sign, Thread, UnderWay, files_of, thread_id_of
from domain.messaging.threads import THREADS as NAMESPACE
from domain.shared.clock import moment, moment_of
from domain.shared.fact import Recorded
from domain.shared.outbox import MessageKind, OutboxMessage
from domain.shared.personal import Sealed
from projections.messages import reference, references
from projections.projection import Column, Effects, Projection

ANSWER_AFTER = timedelta(0)
"""A message is read at once; the worker waits for the next one before it answers: three quick ones get one answer."""
IDLE_AFTER = timedelta(minutes=30)
CLOSED_AFTER = timedelta(hours=24)
"""When the reminder of a quiet thread is looked at first; the worker's settings say what quiet is."""

# fmt: off
COLUMNS = (
    Column("channel", "text"),           Column("account_id", "text"),       Column("provider", "text"),
    Column("subject_id", "uuid"),        Column("begun", "bool"),            Column("test", "bool"),
    Column("status", "text"),            Column("status_at", "timestamptz"), Column("status_reason", "text"),
    Column("moves", "jsonb"),            Column("holder", "text"),           Column("agent", "text"),
    Column("held_until", "timestamptz"), Column("fence", "int4"),            Column("holder_reason", "text"),
    Column("inbound", "int4"),           Column("outbound", "int4"),         Column("echoed", "int4"),
    Column("unread", "int4"),            Column("started_at", "timestamptz"), Column("last_at", "timestamptz"),
    Column("last_message", "text"),      Column("last_direction", "text"),   Column("last_type", "text"),
    Column("last_inbound_at", "timestamptz"), Column("last_arrived_at", "timestamptz"),
    Column("waiting_since", "timestamptz"),   Column("first_answer_at", "timestamptz"),
    Column("ad_at", "timestamptz"),      Column("ad_answered_at", "timestamptz"), Column("ad", "jsonb"),
    Column("rating", "int4"),            Column("opted_out", "bool"),        Column("unreachable", "jsonb"),
    Column("identities", "jsonb"),       Column("marks", "jsonb"),           Column("under_way", "int4"),
    Column("unknown", "int4"),
)
# fmt: on


def _key(recorded: Recorded) -> Iterable[str]:
    thread_id = thread_id_of(recorded)
    return () if thread_id is None else (str(thread_id),)


def _react(before: Thread, recorded: Recorded, _house: House, key: str) -> tuple[Thread, Effects]:
    after = threads.evolve(before, recorded)
    return after, ((), list(_reactions(before, after, recorded, key)))


def _reactions(before: Thread, after: Thread, recorded: Recorded, key: str) -> Iterator[OutboxMessage]:
    """Yield what has to happen: nothing for the past, for what another application holds, or for our own echoes."""
    fact, ref = recorded.fact, str(recorded.stream_id)
    own = {"thread_id": key, "channel": after.channel, "account_id": after.account_id, "subject_id": after.subject_id}
    if _to_be_read(fact):
        yield _message(recorded, "answer_thread", ref, {**own, "ref": ref}, ANSWER_AFTER)
    if _to_be_fetched(fact) and isinstance(fact, MessageReceived | MessageEchoed) and isinstance(fact.content, Sealed):
        sealed = fact.content._replace(stream_id=str(fact.content.stream_id))._asdict()
        wanted = {**own, "ref": ref, "provider": fact.provider, "message_type": fact.message_type, "content": sealed}
        for nth in files_of(fact):
            yield _message(recorded, "fetch_media", f"{ref}|{nth}" if nth else ref, {**wanted, "nth": nth})
    for send, sign in _news(before, after):
        about = {
            **own, "send_id": send.send_id, "ref": sign.ref, "by": sign.by, "status": sign.status,
            "sure": sign.send_id is not None, "at": moment(sign.at_ms).isoformat(),
            "text": reference(sign.text) if sign.text else None,
        }  # fmt: skip
        yield _message(recorded, "reconcile_send", f"{send.send_id}|{sign.ref}", about)
    if after.state in TALKS and (before.state not in TALKS or not before.moves) and after.moves:
        yield _message(recorded, "quiet_thread", f"{key}|{ref}", own, IDLE_AFTER)
    if isinstance(fact, StateChanged) and after.state == "IDLE" != before.state:
        yield _message(recorded, "quiet_thread", f"{key}|{ref}", own, CLOSED_AFTER)


def _to_be_read(fact: object) -> bool:
    match fact:
        case MessageReceived():
            return not fact.standby
        case SignalReceived():
            return fact.signal in ("marketing_stopped", "marketing_resumed")
        case ReceiptReceived():
            return fact.code == NO_MARKETING
        case _:
            return False


def _to_be_fetched(fact: object) -> bool:
    """Tell whether the files of a message, where it brings any, are for us to keep."""
    match fact:
        case MessageReceived():
            return not fact.standby
        case MessageEchoed():
            return not fact.past and fact.send_id is None
        case _:
            return False


def _news(before: Thread, after: Thread) -> Iterator[tuple[UnderWay, Sign]]:
    """Yield the signs that now speak of sends of unknown outcome, and did not before."""
    known = set(_speaking(before))
    return (one for one in _speaking(after) if one not in known)


def _speaking(thread: Thread) -> Iterator[tuple[UnderWay, Sign]]:
    for send in thread.under_way:
        for sign in thread.signs if send.unknown else ():
            if sign.send_id == send.send_id or (sign.send_id is None and sign.by == "echo"):
                yield send, sign


def _message(
    recorded: Recorded, kind: MessageKind, about: str, payload: dict[str, Any], after: timedelta = timedelta(0)
) -> OutboxMessage:
    return OutboxMessage(
        id=message_id(recorded.brokerage_id, kind, about),
        brokerage_id=recorded.brokerage_id,
        kind=kind,
        due_at=recorded.recorded_at + after,
        payload=payload,
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
    )


def message_id(brokerage_id: UUID, kind: MessageKind, about: str) -> UUID:
    """Return the id of what a fact causes in its thread: decided again, it is the same."""
    return uuid5(NAMESPACE, f"{brokerage_id}|{kind}|{about}")


def _row(one: Thread, _house: House) -> tuple[Any, ...]:
    last, move = one.last, one.moves[-1] if one.moves else None
    return (
        one.channel, one.account_id, one.provider,
        one.subject_id, one.begun, one.test,
        one.state, moment(move.at_ms) if move else None, move.reason if move else None,
        [asdict(move) for move in one.moves], one.holder, one.agent,
        moment_of(one.held_until_ms), one.fence, one.holder_reason,
        one.inbound, one.outbound, one.echoed,
        one.unread, moment(one.first_ms) if last else None, moment(last.at_ms) if last else None,
        one.last_key, last and last.direction, last and last.message_type,
        moment_of(one.last_inbound_ms), moment_of(one.last_arrived_ms),
        moment_of(one.waiting_ms), moment_of(one.first_answer_ms),
        moment_of(one.ad_clicked_ms), moment_of(one.ad_answered_ms), _ad(one),
        one.rating, one.opted_out, asdict(one.unreachable) if one.unreachable else None,
        references(one.contact.newest), {name: list(times) for name, times in one.marks.items()},
        len(one.under_way), sum(send.unknown for send in one.under_way),
    )  # fmt: skip


def _ad(one: Thread) -> dict[str, Any] | None:
    if one.ad is None:
        return None
    return {
        "at_ms": one.ad.at_ms, "event": one.ad.event, **one.ad.referral.model_dump(mode="json", exclude_none=True)
    }  # fmt: skip


THREADS: Projection[Thread] = Projection(
    name="threads",
    version=1,
    handles=HANDLES,
    key=_key,
    initial=Thread(),
    columns=COLUMNS,
    row=_row,
    react=_react,
)
