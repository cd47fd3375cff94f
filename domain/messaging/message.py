"""One message of a thread, folded from everything that is told of it, in whatever order it comes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from domain.messaging.content import AdReferral, MessageType, OutgoingType
from domain.messaging.events import (
    Author,
    Clock,
    MediaSettled,
    MessageChanged,
    MessageEchoed,
    MessageReceived,
    Outcome,
    PlatformTouchpoint,
    Purpose,
    ReceiptReceived,
    SendRequested,
    SendSettled,
    ThreadFact,
)
from domain.messaging.receipts import Receipts, with_receipt
from domain.messaging.thread import Direction, files_of, held, thread_id_of
from domain.people.contact import Held
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Channel, Fact, Recorded

HANDLES: tuple[type[Fact], ...] = (
    MessageReceived, MessageEchoed, ReceiptReceived, MessageChanged, SendRequested, SendSettled, MediaSettled,
)  # fmt: skip
"""The facts that are folded here."""

MOST_EDITS = 20
FINAL: frozenset[Outcome] = frozenset({"accepted", "refused", "cancelled"})
MediaState = Literal["waiting", "kept", "refused", "infected", "failed"]
Side = Literal["customer", "us"]


@dataclass(frozen=True, slots=True)
class Reaction:
    """The last word of one side about a message (unix ms); no emoji where it was taken back or is sealed away."""

    at_ms: int
    event: str
    given: bool
    emoji: Held | None = None
    word: str | None = None  # what our own send said, by its log entry


@dataclass(frozen=True, slots=True)
class Edit:
    """What a message says since it was edited (unix ms)."""

    at_ms: int
    event: str
    text: Held | None = None
    content: Held | None = None


@dataclass(frozen=True, slots=True)
class File:
    """What became of the file that a message brought."""

    state: MediaState
    name: str | None = None
    mime_type: str | None = None
    size: int | None = None
    scanned: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Message:
    """What is known of one message; times in unix ms. Nothing personal is in the clear.

    Without a direction only something about it came yet, or it is what the platform calls one of ours: `send_id` then
    names that. `outcome` is of ours alone, None while it waits to be sent.
    """

    thread_id: str | None = None
    subject_id: str | None = None
    channel: Channel | None = None
    account_id: str = ""
    provider: str = "meta"
    direction: Direction | None = None
    message_type: MessageType | OutgoingType | None = None
    at_ms: int = 0
    arrived_ms: int = 0
    clock: Clock | None = None
    ref: str | None = None
    send_id: str | None = None
    author: Author | None = None
    by: str | None = None
    purpose: Purpose | None = None
    template: str | None = None
    language: str | None = None
    reply_to: str | None = None
    answers: tuple[str, ...] = ()
    fence: int | None = None
    human_tag: bool = False
    resends: str | None = None
    forwarded: bool = False
    standby: bool = False
    past: bool = False
    application: str | None = None
    referral: AdReferral | None = None
    problem: int | None = None
    outcome: Outcome | None = None
    outcome_by: str | None = None
    settled_ms: int | None = None
    code: int | None = None
    reason: str | None = None
    receipts: Receipts = field(default_factory=Receipts)
    sealed: Mapping[str, Held] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    reactions: Mapping[str, Reaction] = field(default_factory=dict)
    revoked_ms: int | None = None
    file: File | None = None
    further_files: Mapping[str, File] = field(default_factory=dict)  # by their numbers in the message, from 1

    @property
    def status(self) -> str | None:
        """How far it got: of ours queued, unknown, cancelled, refused or accepted before any receipt; else None."""
        if self.receipts.status is not None or self.direction != "out":
            return self.receipts.status
        return self.outcome or "queued"


def keys(recorded: Recorded) -> Iterable[str]:
    """Return the messages that a fact tells of: by ref what came, by send id what we send, by both where known."""
    fact = recorded.fact
    match fact:
        case MessageReceived() | MessageEchoed():
            return (str(recorded.stream_id),)
        case SendRequested():
            reacts = (fact.reply_to,) if fact.message_type == "reaction" and fact.reply_to else ()
            return _names(recorded.stream_id, *reacts)
        case SendSettled():
            return _names(fact.send_id, fact.ref)
        case ReceiptReceived():
            return _names(fact.ref, fact.send_id)
        case MessageChanged() | MediaSettled():
            return _names(fact.ref)
        case _:
            return ()


def _names(*ids: UUID | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one) for one in ids if one is not None))


def evolve(before: Message, recorded: Recorded, key: str) -> Message:
    """Take one more fact about the message `key` into account; what comes before the message waits for it."""
    fact = recorded.fact
    if isinstance(fact, PlatformTouchpoint | ThreadFact):
        before = _placed(before, recorded, fact)
    match fact:
        case MessageReceived():
            return _received(before, recorded, fact)
        case MessageEchoed():
            return _echoed(before, recorded, fact)
        case SendRequested() if key == str(recorded.stream_id):
            return _requested(before, recorded, fact)
        case SendRequested():
            reaction = Reaction(millis(fact.occurred_at), str(recorded.stream_id), given=True, word=_word(recorded))
            return _reacted(changed(before, ref=key), "us", reaction)
        case SendSettled():
            return _settled(before, fact, key)
        case ReceiptReceived():
            told = with_receipt(before.receipts, fact.status, millis(fact.occurred_at), fact.code, fact.reason)
            ref, send_id = before.ref or _text(fact.ref), before.send_id or _text(fact.send_id)
            return changed(before, receipts=told, ref=ref, send_id=send_id)
        case MessageChanged():
            return _changed(changed(before, ref=key), recorded, fact)
        case MediaSettled():
            file = File(fact.outcome, _text(fact.name), fact.mime_type, fact.size, fact.scanned, fact.reason)
            if not fact.nth:
                return changed(before, ref=key, file=_later(before.file, file))
            nth, known = str(fact.nth), before.further_files
            return changed(before, ref=key, further_files={**known, nth: _later(known.get(nth), file)})
        case _:
            return before


def _placed(before: Message, recorded: Recorded, fact: PlatformTouchpoint | ThreadFact) -> Message:
    if before.thread_id is None:
        before = changed(
            before, thread_id=_text(thread_id_of(recorded)), channel=fact.channel, account_id=fact.account_id
        )  # fmt: skip
    if before.subject_id is None and recorded.subject_id is not None:
        return changed(before, subject_id=str(recorded.subject_id))
    return before


def _received(before: Message, recorded: Recorded, fact: MessageReceived) -> Message:
    return changed(
        before, direction="in", referral=fact.referral, standby=fact.standby, past=fact.past, problem=fact.problem,
        forwarded=fact.forwarded, **_said(before, recorded, fact),
    )  # fmt: skip


def _echoed(before: Message, recorded: Recorded, fact: MessageEchoed) -> Message:
    return changed(
        before, direction="echo", application=fact.application, past=fact.past,
        send_id=_text(fact.send_id) or before.send_id, **_said(before, recorded, fact),
    )  # fmt: skip


def _said(before: Message, recorded: Recorded, fact: MessageReceived | MessageEchoed) -> dict[str, object]:
    past = isinstance(fact, MessageEchoed) and (fact.past or fact.send_id is not None)
    waits = not past and not (isinstance(fact, MessageReceived) and fact.standby)
    coming = {str(nth): File("waiting") for nth in files_of(fact) if waits}
    first = coming.pop("0", None)
    lost = isinstance(fact, MessageReceived) and fact.problem is not None and fact.message_type != "unsupported"
    file = first or (File("failed", reason="the platform could not give it") if lost else None)
    at = millis(fact.occurred_at)
    return {
        "message_type": fact.message_type, "provider": fact.provider, "at_ms": at,
        "arrived_ms": millis(recorded.recorded_at), "clock": fact.clock, "ref": str(recorded.stream_id),
        "reply_to": _text(fact.reply_to), "file": before.file or file,
        "further_files": coming | dict(before.further_files),
        "sealed": {**before.sealed, **_sealed(at, platform_id=fact.platform_id, text=fact.text, content=fact.content)},
    }  # fmt: skip


def _requested(before: Message, recorded: Recorded, fact: SendRequested) -> Message:
    at = millis(fact.occurred_at)
    return changed(
        before,
        direction="out", message_type=fact.message_type, at_ms=at, arrived_ms=millis(recorded.recorded_at),
        send_id=str(recorded.stream_id), author=fact.author, by=fact.by, purpose=fact.purpose, template=fact.template,
        language=fact.language, reply_to=_text(fact.reply_to), answers=tuple(map(str, fact.answers)), fence=fact.fence,
        human_tag=fact.human_tag, resends=_text(fact.resends),
        sealed={**before.sealed, **_sealed(at, text=fact.text, content=fact.content)},
    )  # fmt: skip


def _settled(before: Message, fact: SendSettled, key: str) -> Message:
    """Take in what became of a send: at its own key the outcome, at the platform's message whose it is."""
    at = millis(fact.occurred_at)
    after = changed(
        before,
        ref=_text(fact.ref) or before.ref,
        send_id=str(fact.send_id),
        sealed={**before.sealed, **_sealed(at, platform_id=fact.platform_id)},
    )
    if key != str(fact.send_id) or before.outcome in FINAL:
        return after
    return changed(
        after, outcome=fact.outcome, outcome_by=fact.by, settled_ms=at, code=fact.code, reason=fact.reason
    )  # fmt: skip


def _changed(before: Message, recorded: Recorded, fact: MessageChanged) -> Message:
    at, event = millis(fact.occurred_at), str(recorded.stream_id)
    match fact.change:
        case "revoked":
            return changed(before, revoked_ms=min(before.revoked_ms or at, at))
        case "edited":
            edit = Edit(at, event, held(fact.text, at), held(fact.content, at))
            edits = sorted((*before.edits, edit), key=lambda one: (one.at_ms, one.event))
            return changed(before, edits=tuple(edits[-MOST_EDITS:]))
        case "reacted" | "unreacted":
            reaction = Reaction(at, event, fact.change == "reacted", held(fact.emoji, at))
            return _reacted(before, "us" if fact.by_us else "customer", reaction)


def _reacted(before: Message, side: Side, reaction: Reaction) -> Message:
    known = before.reactions.get(side)
    if known is not None and (known.at_ms, known.event) >= (reaction.at_ms, reaction.event):
        return before
    return changed(before, reactions={**before.reactions, side: reaction})


def _later(before: File | None, file: File) -> File:
    """Return what holds of a file: once kept it stays so; a later try counts otherwise."""
    return before if before is not None and before.state == "kept" else file


def _word(recorded: Recorded) -> str:
    return str(recorded.stream_id)


def _sealed(at_ms: int, **values: object) -> dict[str, Held]:
    found = {name: held(value, at_ms) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def _text(one: UUID | None) -> str | None:
    return str(one) if one is not None else None
