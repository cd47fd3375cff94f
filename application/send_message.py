"""Messages of ours: asked for in the transaction that holds the desk, sent by a worker, settled by what is known."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, Protocol
from uuid import UUID, uuid4

from application.outgoing import (
    AddressKind,
    Draft,
    NoConsent,
    SubjectErased,
    WindowShut,
    mark_of,
    send_id_of,
    settled_id_of,
)
from application.outgoing_limits import check, parts_of
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
from application.ports.desks import Desk, Desks, DeskWork, NoSuchThread
from application.ports.outbox import Entry, Leased, NewFact, Settled
from domain.messaging.content import Content
from domain.messaging.events import Outcome, SendRequested, SendSettled
from domain.messaging.windows import RULES, Clock, Decision, WindowRules, Wish, decide
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Erased, Sealed

# fmt: off
NO_TOKEN_S: Final = 60.0        # between looks for a token; storing one ends the wait at once
FORBIDDEN_S: Final = 60.0       # an account whose token was refused is left alone for so long
LONGEST_WAIT_S: Final = 300.0   # between two tries of a message
GIVE_UP: Final = timedelta(hours=24)
"""After this long a message that could not be sent is refused: what comes a day late surprises more than it helps."""
MOST_POWER: Final = 5           # of 4: Meta asks for 4^x seconds where one customer got too many
HEAVY: Final = frozenset({"audio", "video"})
LONGEST_REASON: Final = 300
# fmt: on


NO_CREDENTIALS: Final = "no credentials for"
FORBIDDEN: Final = "not allowed with this token"
"""What a message waits for that goes only once somebody brings a token that works."""

By = Literal["answer", "receipt", "echo", "takeover", "newer_message", "window", "agent", "worker"]


class Consents(Protocol):
    """What a send is checked against beside its desk."""

    def opted_in(self, brokerage_id: UUID, subject_id: UUID) -> bool | None:
        """Return the word of the person behind a subject about messages of marketing, None where there was none."""

    def answered_at(self, desk: Desk) -> datetime | None:
        """Return when the last click on an advertisement was first answered, None while it was not."""

    def unreachable(self, desk: Desk) -> bool:
        """Tell whether the platform said that this customer cannot be reached, and they did not write since."""


@dataclass(frozen=True, slots=True)
class RequestSend:
    """The use case that others call while they hold a desk. `seals` closes the words with the subject's key."""

    seals: Seals
    consents: Consents
    windows: WindowRules = RULES

    def request_send(self, work: DeskWork, draft: Draft, now: datetime) -> UUID:
        """Record that a message is to be sent, and have it sent; return the id of its first part.

        Raises SendRefused where it may not go (WindowShut, NoConsent, SubjectErased), BadDraft where it cannot.
        """
        return self.request_all(work, draft, now)[0]

    def request_all(self, work: DeskWork, draft: Draft, now: datetime) -> list[UUID]:
        """Do the same and return the ids of all parts: a text too long for the channel becomes several, in order."""
        desk = work.desk
        check(desk.channel, draft)
        decision = check_permission(desk, draft, now, self.consents, self.windows)
        draft = replace(draft, human_tag=decision.human_tag)
        texts = parts_of(desk.channel, draft)
        ids = [send_id_of(desk.thread_id, draft.name, nth) if draft.name else uuid4() for nth in range(len(texts))]
        facts, messages = [], []
        for nth, (send_id, text) in enumerate(zip(ids, texts, strict=True)):
            fact = self._fact(desk, draft, send_id, text, nth, now)
            facts.append(
                NewFact(send_id, desk.brokerage_id, fact, desk.subject_id, draft.cause_id, draft.correlation_id)
            )
            messages.append(self._message(desk, draft, send_id, fact, nth, ids, now))
        work.put(messages)
        work.append(facts)
        return ids

    def _fact(
        self, desk: Desk, draft: Draft, send_id: UUID, text: str | None, nth: int, now: datetime
    ) -> SendRequested:
        content = draft.content.shown() if draft.content else None
        return SendRequested(
            occurred_at=now,
            thread_id=desk.thread_id,
            channel=desk.channel,
            account_id=desk.account_id,
            author=draft.author,
            by=draft.by,
            purpose=draft.purpose,
            message_type=draft.message_type,
            text=self._sealed(desk, send_id, "text", text) if text else None,
            content=self._sealed(desk, send_id, "content", content) if content else None,
            template=draft.template,
            language=draft.language,
            reply_to=draft.reply_to if nth == 0 else None,
            answers=tuple(draft.answers)[-100:],
            fence=desk.fence,
            human_tag=draft.human_tag,
            resends=draft.resends,
        )

    def _message(
        self, desk: Desk, draft: Draft, send_id: UUID, fact: SendRequested, nth: int, ids: Sequence[UUID], now: datetime
    ) -> OutboxMessage:  # fmt: skip
        to = None
        if draft.to is not None:
            kind, value = draft.to
            to = {"kind": kind, **(_closed(self._sealed(desk, send_id, "to", value)) or {})}
        payload = {
            "thread_id": str(desk.thread_id),
            "author": draft.author,
            "channel": desk.channel,
            "account_id": desk.account_id,
            "subject_id": str(desk.subject_id),
            "message_type": draft.message_type,
            "fence": desk.fence,
            "answers_inbound": draft.answers_inbound if nth == 0 else None,
            "parts": [str(one) for one in ids[1:]] if nth == 0 else [],
            "purpose": draft.purpose,
            "human_tag": draft.human_tag,
            "text": _closed(fact.text),
            "content": _closed(fact.content),
            "to": to,
            "reply_to": str(fact.reply_to) if fact.reply_to else None,
            "template": draft.template,
            "language": draft.language,
        }
        return OutboxMessage(
            id=send_id,
            brokerage_id=desk.brokerage_id,
            kind="send_message",
            due_at=now,
            payload=payload,
            cause_id=send_id,
            position=_place(now) + nth,
            correlation_id=draft.correlation_id,
            ordering_key=str(desk.thread_id),
        )

    def _sealed(self, desk: Desk, send_id: UUID, field: str, plain: Any) -> Sealed:
        sealed = self.seals.seal(desk.subject_id, send_id, field, plain)
        if sealed is None:
            raise SubjectErased("the person was erased: there is nobody to write to")
        return sealed


def decision_on(
    desk: Desk, draft: Draft, now: datetime, consents: Consents, rules: WindowRules = RULES
) -> Decision:  # fmt: skip
    """Return what the platform's policy and the customer's word say of a message in a thread now."""
    from_ad = desk.ad_at is not None and desk.channel == "whatsapp"
    clock = Clock(
        channel=desk.channel,
        last_inbound_at=desk.last_inbound_at,
        ad_at=desk.ad_at,
        ad_answered_at=consents.answered_at(desk) if from_ad else None,
        unreachable=consents.unreachable(desk),
    )
    word = consents.opted_in(desk.brokerage_id, desk.subject_id) if draft.purpose == "marketing" else None
    return decide(clock, Wish(draft.author, draft.message_type, draft.purpose, word), now, rules)


def check_permission(
    desk: Desk, draft: Draft, now: datetime, consents: Consents, rules: WindowRules = RULES
) -> Decision:  # fmt: skip
    """Return why a message may be sent in a thread now. Raises WindowShut or NoConsent where it may not."""
    decision = decision_on(desk, draft, now, consents, rules)
    if decision.allowed:
        return decision
    kind = NoConsent if decision.why in ("no_opt_in", "opted_out") else WindowShut
    raise kind(decision.says, {"window": decision.shown()})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker has in hand: the desk as it was when nothing spoke against sending."""

    desk: Desk
    draft: Draft  # as it stood when the desk was held: whether the tag is needed may have changed since


class Notes(Protocol):
    """The book of a worker: what it records, and that it is about to ask."""

    def record(self, entry: Entry) -> None:
        """Settle, then append, durable when this returns. Raises LeaseLost."""

    def about_to_ask(self, asked: Sequence[Leased], others: Sequence[Leased] = (), *, once: bool = False) -> None:
        """Note that a request with `asked` goes out now. Raises LeaseLost."""


def utc_now() -> datetime:
    """Return the time of now."""
    return datetime.now(UTC)


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
    records: Notes
    name_of: NameOf
    clock: Callable[[], datetime] = utc_now
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
            self._wait(message, wait_s, "waits for its turn: the platform's rate")
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
            return "the person was erased"
        to = _addressee(payload["to"], given, hints, found[1] if found else ())
        if to is None:
            return "no address of the customer is known on this channel"
        if not isinstance(reply_to, str):
            if draft.message_type == "reaction":
                return "the message reacted to is not known any more"
            reply_to = None
        return ToSend(
            to=to,
            message_type=draft.message_type,
            mark=mark_of(desk.thread_id, message.id),
            text=text,
            content=Content.model_validate(content or {}),
            template=draft.template,
            language=draft.language,
            reply_to=reply_to,
            human_tag=draft.human_tag,
        )

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


def settlement(
    seals: Seals, brokerage_id: UUID, thread: Mapping[str, Any], send_id: UUID, outcome: Outcome, by: By,
    now: datetime, *, reason: str | None = None, code: int | None = None, ref: UUID | None = None,
    platform_id: str | None = None, cause_id: UUID | None = None, correlation_id: UUID | None = None,
) -> NewFact:  # fmt: skip
    """Return the fact that tells what became of a send; `thread` holds thread_id, channel, account_id, subject_id.

    The same outcome told twice by one source is one fact.
    """
    settled_id, subject_id = settled_id_of(send_id, outcome, by), UUID(str(thread["subject_id"]))
    sealed = seals.seal(subject_id, settled_id, "platform_id", platform_id) if platform_id else None
    fact = SendSettled.model_validate(
        {
            "occurred_at": now,
            "thread_id": thread["thread_id"],
            "channel": thread["channel"],
            "account_id": thread["account_id"],
            "send_id": send_id,
            "outcome": outcome,
            "by": by,
            "ref": ref,
            "platform_id": sealed,
            "code": code,
            "reason": reason[:LONGEST_REASON] if reason else None,
        }
    )
    return NewFact(settled_id, brokerage_id, fact, subject_id, cause_id, correlation_id)


def scope_of(account: Account) -> str:
    """Return the name under which an account's rate is counted: the same in all processes.

    The token is in it, so that a new one goes at once and is not held for the old one's sake.
    """
    return f"{account.channel}/{account.account_id}/{sha256(account.token.encode()).hexdigest()[:12]}"


def _place(now: datetime) -> int:
    """Return the order of a send among those of its thread: microseconds, as sends have no place in the log yet."""
    return int(now.timestamp() * 1_000_000)


def _closed(value: Any) -> dict[str, Any] | None:
    """Return a sealed value as a payload holds it."""
    if not isinstance(value, Sealed):
        return None
    return {"token": value.token, "stream_id": str(value.stream_id), "version": value.version, "field": value.field}


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
