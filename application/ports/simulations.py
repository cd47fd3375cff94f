"""What a simulation needs from outside: a brokerage's past, and where its progress and result are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.scoring.comparison import Counted, Standing
from domain.scoring.policy import Policy


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when, by times of recording.

    What was recorded after `until` is not looked at; conversions for what was recorded before `since` are not counted.
    """

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, recorded_at: datetime) -> bool:
        """Tell whether a conversion for a fact recorded then is counted."""
        return self.since is None or recorded_at >= self.since


@dataclass(frozen=True, slots=True)
class Part:
    """What came of a part of the past: `facts` folded.

    `would` are (position of the cause, when that was recorded, conversion); `people` are (person, as it is, under the
    candidate); `set_aside` facts could not be read or folded.
    """

    facts: int
    would: Sequence[tuple[int, datetime, Counted]]
    people: Sequence[tuple[str, Standing, Standing]]
    set_aside: int


class Past(Protocol):
    """One brokerage's history up to a place, folded under a candidate without changing anything."""

    @property
    def position(self) -> int:
        """The last place in the log that is looked at: what was decided is known up to there."""

    @property
    def in_force(self) -> str:
        """The policy in force, such as `brief@2`."""

    def facts(self) -> int:
        """Return how many facts there are to fold."""

    def parts(self) -> Iterator[Part]:
        """Fold it, some people at a time; in any order."""

    def decided(self) -> Iterator[Counted]:
        """Return what was decided in truth, of what is counted."""

    def never_fired(self) -> list[str]:
        """Return the candidate's rows that did not fire in what was folded, by their places in the document."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a simulation is: facts folded of `target`, per second, and seconds left as it looks now."""

    folded: int
    target: int
    per_s: float
    left_s: float | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {"facts": self.folded, "target": self.target, "facts_per_s": self.per_s, "seconds_left": self.left_s}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A simulation somebody asked for."""

    id: UUID
    brokerage_id: UUID
    policy: Policy
    window: Window


class Superseded(Exception):
    """Another process carries the simulation out by now."""


class Simulations(Protocol):
    """Where simulations are kept. Each is carried out by one run at a time; a run that falls silent is replaced."""

    def begin(self, simulation_id: UUID) -> tuple[Wanted, UUID] | None:
        """Begin a run, unless it is over or another run is at it; return what is wanted and the run's id."""

    def beat(self, simulation_id: UUID, run: UUID, progress: Progress) -> None:
        """Keep how far a run is. Raises Superseded."""

    def finish(self, simulation_id: UUID, run: UUID, result: dict[str, Any]) -> None:
        """Keep the result. Raises Superseded."""

    def fail(self, simulation_id: UUID, run: UUID, error: str) -> None:
        """Keep why it failed; nothing happens where another run is at it."""
