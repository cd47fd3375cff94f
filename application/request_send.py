"""Ask for a message to be sent: checked and recorded in the transaction that holds the desk; a worker sends it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from application.outgoing import Draft, NoConsent, SubjectErased, WindowShut, send_id_of
from application.outgoing_limits import check, parts_of
from application.ports.analysis import Seals
from application.ports.desks import Desk, DeskWork
from application.ports.outbox import NewFact
from domain.messaging.events import SendRequested
from domain.messaging.windows import RULES, Clock, Decision, WindowRules, Wish, decide
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Sealed


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


def _place(now: datetime) -> int:
    """Return the order of a send among those of its thread: microseconds, as sends have no place in the log yet."""
    return int(now.timestamp() * 1_000_000)


def _closed(value: Any) -> dict[str, Any] | None:
    """Return a sealed value as a payload holds it."""
    if not isinstance(value, Sealed):
        return None
    return {"token": value.token, "stream_id": str(value.stream_id), "version": value.version, "field": value.field}
