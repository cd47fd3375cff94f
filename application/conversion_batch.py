"""One batch of conversions in a worker's hands, and the entries that say what became of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from uuid import UUID, uuid5

from application.ports.conversions import Answer, Draft
from application.ports.outbox import Circuit, Entry, Kept, Lane, Leased, NewFact, Settled
from domain.ads.events import ConversionsSent, Outcome

REQUESTS = UUID("0c6f0a3e-7a0b-5d0e-9f43-5d0b8f7f6a21")
"""Namespace of the facts about requests: their ids come from the lease, so that recording twice writes once."""

NO_ANSWER = Answer()
LONGEST_MESSAGE = 500
WORKER_LOST = "unknown: the worker was lost before it could record an answer; not sent again by itself"


@dataclass(frozen=True, slots=True)
class Ready:
    """A message with the event that tells it."""

    message: Leased
    draft: Draft


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one lane under one lease. `held_for` is why the lane is held, where this is its probe."""

    lane: Lane
    messages: Sequence[Leased]
    held_for: str | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def withheld(
        self, reasons: Mapping[str, Sequence[tuple[Leased, bool]]], now: datetime, others: Sequence[Settled] = ()
    ) -> Entry:
        """Return the entry of what is not sent: reason → (message, whether somebody could mend it).

        What can be mended is dead rather than done, so that its payload is still there. Where the lane's probe is
        withheld, the next one is due at once.
        """
        settled = [
            Settled(message, "dead" if mendable else "done", error=reason)
            for reason, those in reasons.items()
            for message, mendable in those
        ]
        facts = [
            self.fact([message for message, _ in those], "withheld", now, Answer(message=reason))
            for reason, those in reasons.items()
        ]
        again = Circuit(self.lane, self.held_for, now) if self.held_for and settled else None
        return Entry((*settled, *others), facts, opens=again)

    def parked(self, messages: Sequence[Leased], reason: str, now: datetime, opens: Circuit | None = None) -> Entry:
        """Return the entry of what waits for the lane, unsent; a probe that goes back is no news."""
        settled = [Settled(one, "parked", error=reason) for one in messages]
        news = bool(messages) and self.held_for is None
        facts = [self.fact(messages, "parked", now, Answer(message=reason))] if news else []
        return Entry(settled, facts, opens=opens)

    def doubted(self, messages: Sequence[Leased], now: datetime) -> Entry:
        """Return the entry of those that a lost worker may have sent, and that must not be sent twice."""
        fact = self.fact(messages, "unknown", now, Answer(message=WORKER_LOST), final=True)
        again = Circuit(self.lane, self.held_for, now) if self.held_for else None
        return Entry([Settled(one, "dead", error=WORKER_LOST) for one in messages], [fact], opens=again)

    def fact(
        self, messages: Sequence[Leased], outcome: Outcome, now: datetime, answer: Answer = NO_ANSWER,
        fields: Sequence[str] = (), version: str | None = None, received: int | None = None, final: bool = False,
    ) -> NewFact:  # fmt: skip
        """Return the fact about one request, or one decision not to make it."""
        alone = messages[0] if len(messages) == 1 else None
        return NewFact(
            id=uuid5(REQUESTS, f"{messages[0].lease}|{next(self.numbers)}"),
            brokerage_id=self.lane.brokerage_id,
            fact=ConversionsSent(
                occurred_at=now,
                dataset_id=self.lane.dataset_id,
                conversion_ids=tuple(one.id for one in messages),
                outcome=outcome,
                fields=tuple(fields),
                status=answer.status,
                code=answer.code,
                subcode=answer.subcode,
                message=answer.message[:LONGEST_MESSAGE] if answer.message else None,
                fbtrace_id=answer.trace_id,
                graph_version=version,
                received=received,
                final=final or None,
            ),
            cause_id=alone.cause_id if alone else None,
            correlation_id=alone.correlation_id if alone else None,
        )

    def request(
        self, ready: Sequence[Ready], outcome: Outcome, now: datetime, answer: Answer, version: str, *,
        received: int | None = None, final: bool = False,
    ) -> tuple[NewFact, Kept]:  # fmt: skip
        """Return the fact about one request that was made, and its body to be kept."""
        fields = sorted({name for one in ready for name in one.draft.fields})
        messages = [one.message for one in ready]
        fact = self.fact(messages, outcome, now, answer, fields, version, received, final)
        return fact, Kept(fact.id, self.lane.brokerage_id, {"data": [dict(one.draft.event) for one in ready]})
