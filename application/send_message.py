"""Send one message that was asked for: checked once more at the desk, noted, sent, settled by what is known."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID

from application.clock import Clock, utc_now
from application.fetch_media import ERASED, family_of
from application.outgoing import AddressKind, Draft, mark_of
from application.outgoing_outcome import FORBIDDEN, ITS_TURN, LONGEST_REASON, NO_CREDENTIALS, By, settlement
from application.ports.analysis import Seals
from application.ports.channels import (
    Account,
    AddressBook,
    Addressee,
    Channels,
    NameOf,
    NotSent,
    Opened,
    Shaper,
    ToSend,
)
from application.ports.desks import Desk, Desks, NoSuchThread
from application.ports.media import ErasedPerson, FileToGive, KeptFiles, NoFile
from application.ports.outbox import Entry, Leased, NewFact, Notes, Records, Settled
from application.request_send import Consents, decision_on
from domain.messaging.content import Content, Media, OutgoingType
from domain.messaging.events import Outcome
from domain.messaging.windows import RULES, Decision, WindowRules
from domain.shared.personal import Erased, Sealed

# fmt: off
NO_TOKEN_S: Final = 60.0        # between looks for a token; storing one ends the wait at once
FORBIDDEN_S: Final = 60.0       # an account whose token was refused is left alone for so long
LONGEST_WAIT_S: Final = 300.0   # between two tries of a message
GIVE_UP: Final = timedelta(hours=24)
"""After this long a message that could not be sent is refused: what comes a day late surprises more than it helps."""
MOST_POWER: Final = 5           # of 4: Meta asks for 4^x seconds where one customer got too many
HEAVY: Final = frozenset({"audio", "video"})
# fmt: on


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker has in hand: the desk as it was when nothing spoke against sending."""

    desk: Desk
    draft: Draft  # as it stood when the desk was held: whether the tag is needed may have changed since


class Book(Records, Notes, Protocol):
    """The book of a worker: what it records, and that it is about to ask."""


@dataclass(frozen=True, slots=True)
class SendMessage:
    """The use case behind the message `send_message`.

    A request is noted before it is made; what came of it is settled together with the fact that tells it. Where the
    answer was lost, or the worker, the outcome is `unknown` and it is not sent again.
    """

    desks: Desks
    book: AddressBook
    consents: Consents
    open_all: Opened
    seals: Seals
    channels: Channels
    shaper: Shaper
    records: Book
    name_of: NameOf
    files: KeptFiles | None = None
    clock: Clock = utc_now
    jitter: Callable[[], float] = random.random
    windows: WindowRules = RULES

    def run(self, message: Leased) -> None:
        """Send one message, or settle why not. Raises LeaseLost."""
        if message.asked:
            self._settle(message, "unknown", "worker", "the worker was lost before it heard an answer")
            return
        claim = self._claim(message)
        if claim is None:
            return
        account = self.book.account(message.brokerage_id, claim.desk.channel, claim.desk.account_id)
        if account is None:
            self._wait(message, NO_TOKEN_S, f"{NO_CREDENTIALS} {claim.desk.channel} {claim.desk.account_id}")
            return
        to_send = self._opened(message, claim)
        if isinstance(to_send, str):
            self._settle(message, "refused", "worker", to_send)
            return
        heavy = to_send.message_type in HEAVY
        scope = scope_of(account)
        wait_s = self.shaper.take(scope, str(claim.desk.thread_id), claim.desk.channel, heavy=heavy)
        if wait_s > 0:
            self._wait(message, wait_s, ITS_TURN)
            return
        self._ask(message, account, to_send)

    def _claim(self, message: Leased) -> Claim | None:
        """Check once more while holding the desk; what may not go any more is settled there."""
        payload = message.payload
        try:
            with self.desks.at(message.brokerage_id, UUID(payload["thread_id"])) as work:
                now, draft = self.clock(), _draft(payload)
                no = self._objection(work.desk, draft, payload, message, now)
                if isinstance(no, Decision):
                    return Claim(work.desk, replace(draft, human_tag=no.human_tag))
                outcome, by, why = no
                dropped = [message.id]
                if payload.get("parts"):
                    dropped += work.cancel([UUID(one) for one in payload["parts"]], why)
                work.settle([Settled(message, "done")])
                work.append([self._told(message, one, outcome, by, why, now) for one in dropped])
                return None
        except NoSuchThread:
            self.records.record(Entry([Settled(message, "dead", error="the thread is not there")]))
            return None

    def _objection(
        self, desk: Desk, draft: Draft, payload: Mapping[str, Any], message: Leased, now: datetime
    ) -> tuple[Outcome, By, str] | Decision:
        """Return why it may go, or what becomes of it instead: the outcome, whose word it is, and a reason."""
        if draft.author == "assistant" and payload["fence"] != desk.fence:
            return "cancelled", "takeover", "somebody else answers this thread now"
        if draft.author == "assistant" and payload["answers_inbound"] not in (None, desk.inbound):
            return "cancelled", "newer_message", "the customer wrote again before it was sent"
        decision = decision_on(desk, draft, now, self.consents, self.windows)
        if not decision.allowed:
            unwanted = decision.why in ("no_opt_in", "opted_out")
            return ("cancelled", "worker", decision.says) if unwanted else ("refused", "window", decision.says)
        if now - message.created_at > GIVE_UP:
            return "refused", "worker", "it could not be sent for a day"
        return decision

    def _opened(self, message: Leased, claim: Claim) -> ToSend | str:
        """Return the message in the clear, or why there is none."""
        payload, desk, draft = message.payload, claim.desk, claim.draft
        found = self.book.address(desk)
        quoted = self.book.platform_id(message.brokerage_id, draft.reply_to) if draft.reply_to else None
        closed = [_sealed(payload["text"]), _sealed(payload["content"]), _sealed(payload["to"]), quoted]
        closed.append(found[0] if found and not payload["to"] else None)
        known = [one for one in closed if one is not None]
        plain = dict(zip(known, self.open_all(known), strict=True))
        text, content, given, reply_to, hints = (plain.get(one) if one is not None else None for one in closed)
        if any(isinstance(one, Erased) for one in (text, content, given, hints)):
            return ERASED
        to = _addressee(payload["to"], given, hints, found[1] if found else ())
        if to is None:
            return "no address of the customer is known on this channel"
        if not isinstance(reply_to, str):
            if draft.message_type == "reaction":
                return "the message reacted to is not known any more"
            reply_to = None
        holds = Content.model_validate(content or {})
        file = self._file(desk, draft.message_type, holds.media)
        if isinstance(file, str):
            return file
        return ToSend(
            to=to,
            message_type=draft.message_type,
            mark=mark_of(desk.thread_id, message.id),
            text=text,
            content=holds,
            file=file,
            template=draft.template,
            language=draft.language,
            reply_to=reply_to,
            human_tag=draft.human_tag,
        )

    def _file(self, desk: Desk, kind: OutgoingType, media: Media | None) -> FileToGive | str | None:
        """Return the file that is kept here and goes along, None where none does, or why it cannot."""
        if media is None or media.file is None or self.files is None:
            return None
        try:
            file = self.files.read(desk.brokerage_id, desk.subject_id, media.file, family_of(kind, None))
        except ErasedPerson:
            return ERASED
        except NoFile as none:
            return f"the file cannot be sent: {none.why}"
        return replace(file, filename=media.filename)

    def _ask(self, message: Leased, account: Account, to_send: ToSend) -> None:
        client = self.channels.client(account)
        self.records.about_to_ask([message], once=True)
        try:
            sent = client.send(account, to_send)
        except NotSent as no:
            self._refused(message, account, no)
            return
        named = sent.platform_id is not None
        ref = self.name_of(message.brokerage_id, account.channel, sent.platform_id or "") if named else None
        self._settle(message, "accepted", "answer", ref=ref, platform_id=sent.platform_id)

    def _refused(self, message: Leased, account: Account, no: NotSent) -> None:
        """Do what a no asks for: only what the platform calls transient is tried again."""
        match no.no:
            case "unknown":
                self._settle(message, "unknown", "answer", no.reason, no.code)
            case "permanent":
                self._settle(message, "refused", "answer", no.reason, no.code)
            case "window":
                self._settle(message, "refused", "window", no.reason, no.code)
            case "forbidden":
                self.shaper.hold(scope_of(account), FORBIDDEN_S)
                self._wait(message, FORBIDDEN_S, f"{FORBIDDEN}: {no.reason}")
            case "throttled":
                power = min(max(message.attempts, 1), MOST_POWER)
                wait_s = no.wait_s or (4.0**power if no.pair else 2.0**power)
                self.shaper.hold(str(message.payload["thread_id"]) if no.pair else scope_of(account), wait_s)
                self._wait(message, wait_s, f"too fast for the platform: {no.reason}")
            case "transient":
                self._wait(message, no.wait_s or 2.0 ** min(message.attempts, 8), f"tried again: {no.reason}")

    def _wait(self, message: Leased, seconds: float, why: str) -> None:
        """Let a message wait, a little longer than asked so that not all come back at once."""
        seconds = min(seconds, LONGEST_WAIT_S) if seconds > LONGEST_WAIT_S * 4 else seconds
        due_at = self.clock() + timedelta(seconds=seconds * (1 + 0.2 * self.jitter()))
        self.records.record(Entry([Settled(message, "waiting", due_at, why[:LONGEST_REASON])]))

    def _settle(
        self, message: Leased, outcome: Outcome, by: By, reason: str | None = None, code: int | None = None, *,
        ref: UUID | None = None, platform_id: str | None = None,
    ) -> None:  # fmt: skip
        fact = self._told(
            message, message.id, outcome, by, reason, self.clock(), code=code, ref=ref, platform_id=platform_id
        )
        self.records.record(Entry([Settled(message, "done", error=None)], [fact]))

    def _told(
        self, message: Leased, send_id: UUID, outcome: Outcome, by: By, reason: str | None, now: datetime, *,
        code: int | None = None, ref: UUID | None = None, platform_id: str | None = None,
    ) -> NewFact:  # fmt: skip
        return settlement(
            self.seals, message.brokerage_id, message.payload, send_id, outcome, by, now, reason=reason, code=code,
            ref=ref, platform_id=platform_id, cause_id=send_id, correlation_id=message.correlation_id,
        )  # fmt: skip


def scope_of(account: Account) -> str:
    """Return the name under which an account's rate is counted: the same in all processes.

    The token is in it, so that a new one goes at once and is not held for the old one's sake.
    """
    return f"{account.channel}/{account.account_id}/{sha256(account.token.encode()).hexdigest()[:12]}"


def _sealed(value: Mapping[str, Any] | None) -> Sealed | None:
    return Sealed(value["token"], value["stream_id"], value["version"], value["field"]) if value else None


def _draft(payload: Mapping[str, Any]) -> Draft:
    """Return what the rules ask of a message on its way, without its words."""
    return Draft(
        author=payload["author"],
        message_type=payload["message_type"],
        purpose=payload["purpose"],
        template=payload["template"],
        language=payload["language"],
        reply_to=UUID(payload["reply_to"]) if payload["reply_to"] else None,
        human_tag=payload["human_tag"],
    )


def _addressee(
    to: Mapping[str, Any] | None, given: Any, hints: Any, kinds: Sequence[AddressKind]
) -> Addressee | None:  # fmt: skip
    """Return where to send: the address given with the request, else the first kind that the customer's hints have."""
    if to is not None:
        return Addressee(to["kind"], given) if isinstance(given, str) else None
    if not isinstance(hints, dict):
        return None
    return next((Addressee(kind, str(hints[kind])) for kind in kinds if hints.get(kind)), None)
