"""Every message of every thread: what came under its ref, what we send under its send id."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from domain.brokerage.rulebook import House
from domain.messaging import message as messages
from domain.messaging.message import HANDLES, Message, Reaction
from domain.people.contact import Held
from domain.shared.clock import moment_of
from domain.shared.fact import Recorded
from projections.projection import Column, Projection

# fmt: off
COLUMNS = (
    Column("thread_id", "uuid"),         Column("subject_id", "uuid"),       Column("direction", "text"),
    Column("message_type", "text"),      Column("at", "timestamptz"),        Column("arrived_at", "timestamptz"),
    Column("ref", "uuid"),               Column("send_id", "uuid"),          Column("status", "text"),
    Column("receipts", "jsonb"),         Column("author", "text"),           Column("by", "text"),
    Column("purpose", "text"),           Column("outcome", "text"),          Column("outcome_by", "text"),
    Column("settled_at", "timestamptz"), Column("code", "int4"),             Column("reason", "text"),
    Column("reply_to", "uuid"),          Column("reactions", "jsonb"),       Column("edits", "jsonb"),
    Column("revoked_at", "timestamptz"), Column("media", "text"),            Column("file", "jsonb"),
    Column("sealed", "jsonb"),           Column("more", "jsonb"),
)
# fmt: on
MORE = (
    "clock",
    "template",
    "language",
    "fence",
    "human_tag",
    "resends",
    "forwarded",
    "standby",
    "past",
    "application",
    "problem",
    "provider",
    "channel",
    "account_id",
)  # fmt: skip
"""What is shown of a message and nobody asks for: left out where it says nothing."""


def _keys(recorded: Recorded) -> Iterable[str]:
    return messages.keys(recorded)


def _evolve(message: Message, recorded: Recorded, _house: House, key: str) -> Message:
    return messages.evolve(message, recorded, key)


def _row(one: Message, _house: House) -> tuple[Any, ...]:
    return (
        one.thread_id, one.subject_id, one.direction,
        one.message_type, moment_of(_placed_ms(one) if one.direction else None),
        moment_of(one.arrived_ms if one.direction else None),
        one.ref, one.send_id, one.status,
        _receipts(one), one.author, one.by,
        one.purpose, one.outcome, one.outcome_by,
        moment_of(one.settled_ms), one.code, one.reason,
        one.reply_to, {side: _reaction(word) for side, word in one.reactions.items()}, _edits(one),
        moment_of(one.revoked_ms), one.file.state if one.file else None, _file(one),
        references(one.sealed), _more(one),
    )  # fmt: skip


def _placed_ms(one: Message) -> int:
    """Return the time by which a message stands in its thread. WhatsApp's clock has seconds only, so ours has as well
    there: within a second the order is that of arrival."""
    ours = one.direction == "out" and one.channel == "whatsapp"
    return one.at_ms - one.at_ms % 1000 if ours else one.at_ms


def references(held: Mapping[str, Held]) -> dict[str, dict[str, Any]]:
    """Return where sealed values are found, by name, as a worker or a page takes them."""
    return {name: reference(one) for name, one in held.items()}


def reference(held: Held) -> dict[str, Any]:
    """Return where one sealed value is found."""
    return {"token": held.token, "stream_id": held.stream_id, "version": held.version, "field": held.field}


def _receipts(one: Message) -> dict[str, Any]:
    failure = one.receipts.failure
    told: dict[str, Any] = {"at_ms": dict(one.receipts.at_ms)}
    if failure is not None:
        told["failure"] = {"at_ms": failure.at_ms, "code": failure.code, "reason": failure.reason}
    return told


def _reaction(word: Reaction) -> dict[str, Any]:
    return {
        "at_ms": word.at_ms, "event": word.event, "given": word.given, "by_send": word.word is not None,
        "emoji": reference(word.emoji) if word.emoji else None,
    }  # fmt: skip


def _edits(one: Message) -> list[dict[str, Any]]:
    return [
        {
            "at_ms": edit.at_ms, "event": edit.event, "text": reference(edit.text) if edit.text else None,
            "content": reference(edit.content) if edit.content else None,
        }
        for edit in one.edits
    ]  # fmt: skip


def _file(one: Message) -> dict[str, Any] | None:
    return None if one.file is None else asdict(one.file)


def _more(one: Message) -> dict[str, Any]:
    told = {name: value for name in MORE if (value := getattr(one, name)) not in (None, False)}
    if one.referral is not None:
        told["referral"] = one.referral.model_dump(mode="json", exclude_none=True)
    if one.further_files:
        numbers = sorted(one.further_files, key=int)
        told["further_files"] = [{"nth": int(nth), **asdict(one.further_files[nth])} for nth in numbers]
    return told | ({"answers": list(one.answers)} if one.answers else {})


MESSAGES: Projection[Message] = Projection(
    name="messages",
    version=1,
    handles=HANDLES,
    key=_keys,
    initial=Message(),
    columns=COLUMNS,
    row=_row,
    evolve=_evolve,
)
