"""What telling subscribers needs: who they are, what waits for them, a way to call them, and a log of every attempt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from application.ports.outbox import Leased

Outcome = Literal["delivered", "again", "failed", "dropped"]
"""Of one attempt. `again`: it will be tried again. `failed`: not any more. `dropped`: never sent."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is told: the address, the secrets it knows (newest first), and whether personal values are told."""

    id: UUID
    brokerage_id: UUID
    url: str
    enabled: bool
    personal: bool
    secrets: tuple[str, ...] = field(repr=False)
    failures: int = 0  # in a row
    held_until: datetime | None = None
    last_success_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One fact on its way to one subscriber. `attempts` counts those made before; `data` is None where it is gone."""

    message: Leased
    delivery_id: UUID
    kind: str
    occurred_at: datetime
    data: Mapping[str, Any] | None
    attempts: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What a subscriber said; `status` None and `why` set where nothing came of the call."""

    status: int | None = None
    duration_ms: int | None = None
    excerpt: str = ""
    retry_after: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one attempt, and of the subscriber by it.

    `next_at` is set where it goes on, `held_until` where the subscriber is left alone for a while, `disable` where it
    is told nothing any more, with the reason.
    """

    letter: Letter
    outcome: Outcome
    at: datetime
    reply: Reply
    next_at: datetime | None = None
    held_until: datetime | None = None
    disable: str | None = None


class Postman(Protocol):
    """Calls a subscriber's address."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body within the time that a subscriber has; never raises for what the subscriber does."""


class Subscribers(Protocol):
    """The subscribers and what waits for them, each letter in one worker's hands at most."""

    def subscriber(self, brokerage_id: UUID, subscriber_id: UUID) -> Subscriber | None:
        """Return one as it is now, None where it was deleted."""

    def lease(self, brokerage_id: UUID, subscriber_id: UUID, limit: int) -> list[Leased]:
        """Take what is due for one."""

    def letters(self, subscriber: Subscriber, messages: Sequence[Leased]) -> list[Letter]:
        """Return what to tell, in order; messages whose delivery is deleted are settled."""

    def about_to_ask(self, asked: Leased, others: Sequence[Leased]) -> None:
        """Note that a request goes out now. Raises LeaseLost."""

    def record(self, subscriber: Subscriber, told: Sequence[Told]) -> None:
        """Settle messages, log attempts and change the subscriber, in one transaction. Raises LeaseLost."""

    def later(self, messages: Sequence[Leased], due_at: datetime, why: str) -> None:
        """Let leased messages wait, without an attempt. Raises LeaseLost."""

    def hold_back(self, subscriber: Subscriber, until: datetime) -> None:
        """Let all that is due for one wait."""
