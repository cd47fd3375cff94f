"""What a worker holds while it carries out a message of the outbox, and how it says what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from domain.shared.fact import Fact
from domain.shared.outbox import OutboxMessage

State = Literal["waiting", "parked", "done", "dead"]


class LeaseLost(Exception):
    """The lease ran out and somebody else took the message: what was done must not be recorded twice."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A message in one worker's hands until its lease runs out; `lease` fences out a worker that slept through.

    After `expires_at` there is no point in carrying it out any more. `attempts` counts leases, this one included.
    `asked`: a worker was lost while a request with it was under way that must not be repeated on our own account.
    """

    id: UUID
    brokerage_id: UUID
    kind: str
    batch_by: str | None
    cause_id: UUID
    correlation_id: UUID | None
    attempts: int
    lease: int
    payload: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a leased message: done, dead, parked, or waiting again until `due_at`."""

    message: Leased
    state: State
    due_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact that work decided, on its way to the log as a stream of one; the same `id` again changes nothing."""

    id: UUID
    brokerage_id: UUID
    fact: Fact
    subject_id: UUID | None = None
    cause_id: UUID | None = None
    correlation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The body of a request, kept sealed outside the log under the id of the fact that tells of the request."""

    request_id: UUID
    brokerage_id: UUID
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lane:
    """All conversions of one brokerage for one dataset: they go together, and stop together."""

    brokerage_id: UUID
    dataset_id: str


@dataclass(frozen=True, slots=True)
class Circuit:
    """A lane that is held: `throttled` waits until `next_at`; otherwise one message probes at that time.

    `watched`: a check of the dataset held it, so a good check lets it go.
    """

    lane: Lane
    reason: str
    next_at: datetime
    throttled: bool = False
    watched: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded in one transaction: all of it or, where a lease was lost, nothing.

    `opens` holds a lane, `closes` lets one go again with everything parked in it. `answered` is the lease of a request
    that is over though messages of it stay in hand. `messages` are further work; one put before is left as it is.
    """

    settled: Sequence[Settled] = ()
    facts: Sequence[NewFact] = ()
    kept: Sequence[Kept] = ()
    opens: Circuit | None = None
    closes: Lane | None = None
    answered: int | None = None
    messages: Sequence[OutboxMessage] = ()


class Notes(Protocol):
    """Where a worker notes that it is about to ask."""

    def about_to_ask(self, asked: Sequence[Leased], others: Sequence[Leased] = (), *, once: bool = False) -> None:
        """Note that a request with `asked` goes out now, and extend their leases and those of the `others` in hand.

        With `once` the note is durable when this returns: should the worker be lost before it records the answer, the
        messages come back as `asked`. Raises LeaseLost when one is no longer ours.
        """


class Records(Protocol):
    """The book in which work and its outcome are written together."""

    def record(self, entry: Entry) -> None:
        """Settle, then append, durable when this returns. Raises LeaseLost when a message is no longer ours."""
