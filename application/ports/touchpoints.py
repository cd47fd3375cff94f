"""Where observed touchpoints go: durable before the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol
from uuid import UUID

from domain.shared.fact import Touchpoint

VerdictStatus = Literal["accepted", "duplicate", "conflict", "rejected"]


class Busy(Exception):
    """More is waiting to be appended than we can take, or the database is away: nothing was promised, try again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an item: the field, and the rule it breaks."""

    field: str
    message: str


class Verdict(NamedTuple):
    """What became of one item. `event_id` names its fact; `position` is its place in the log."""

    status: VerdictStatus
    event_id: UUID | None = None
    position: int | None = None
    errors: tuple[Problem, ...] = ()


class Observed(NamedTuple):
    """A valid touchpoint on its way to the log. `body` is its canonical content, which a repeat must match."""

    brokerage_id: UUID
    producer: str
    item_id: str
    fact: Touchpoint
    body: bytes
    correlation_id: UUID
    region: str = "EG"
    size: int = 0


class TouchpointLog(Protocol):
    """Appends touchpoints, each once."""

    async def append(self, touchpoints: Sequence[Observed]) -> list[Verdict]:
        """Return a verdict per touchpoint, in order, once all of them are durable. Raises Busy."""
