"""Brokers' calendars and the facts of viewings, as deciding needs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.shared.fact import Fact
from domain.viewings.calendar import Calendar, Slot
from domain.viewings.events import ViewingRequested, ViewingStep


class Moved(Exception):
    """Somebody else appended to a calendar or a viewing first: look again."""


@dataclass(frozen=True, slots=True)
class Told:
    """A request for a viewing and the steps that followed, in order, each with the id of its fact.

    Personal fields are opened; Erased where their key is gone.
    """

    request: ViewingRequested
    subject_id: UUID | None
    steps: Sequence[tuple[UUID, ViewingStep]] = ()


@dataclass(frozen=True, slots=True)
class Appending:
    """A fact about to be appended at a version of a stream; a `subject_id` says whose it is."""

    stream_id: UUID
    version: int
    fact: Fact
    subject_id: UUID | None = None
    cause_id: UUID | None = None


class Calendars(Protocol):
    """Reads and writes the calendars of one brokerage at a time."""

    async def told(self, brokerage_id: UUID, viewing_id: UUID) -> Told | None:
        """Return what is known of a viewing by the id of its request's fact; None where there is no such request."""

    async def calendar(self, brokerage_id: UUID, broker_id: str, since: datetime) -> Calendar:
        """Return a calendar with the slots that were taken after a moment, and the version of its stream."""

    async def brokers(self, brokerage_id: UUID, day: Slot, most: int) -> list[str]:
        """Return the brokers of late, up to `most`, the one with fewest viewings on a day first."""

    async def append(self, brokerage_id: UUID, entries: Sequence[Appending], correlation_id: UUID) -> None:
        """Append all or nothing, durable on return. Raises Moved."""
