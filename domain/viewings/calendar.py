"""A broker's calendar: which slots are taken. Never two at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.shared.fact import Fact
from domain.viewings.events import SlotFreed, SlotHeld

CHANGED = (SlotHeld, SlotFreed)


@dataclass(frozen=True, slots=True)
class Slot:
    """From when to when: the end belongs to the next one."""

    starts_at: datetime
    ends_at: datetime

    def overlaps(self, other: "Slot") -> bool:
        """Tell whether the two have a moment in common."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Calendar:
    """The slots taken, by viewing, and the version of the strict stream they were read from."""

    broker_id: str
    version: int = 0
    held: Mapping[UUID, Slot] = field(default_factory=dict)

    def is_free(self, slot: Slot) -> bool:
        """Tell whether nobody has any moment of the slot."""
        return not any(slot.overlaps(taken) for taken in self.held.values())

    def near(self, slot: Slot, around: timedelta) -> "Calendar":
        """Return the calendar with only what is taken around a slot."""
        wide = Slot(slot.starts_at - around, slot.ends_at + around)
        return Calendar(self.broker_id, self.version, {k: v for k, v in self.held.items() if v.overlaps(wide)})


def fold(broker_id: str, version: int, facts: Iterable[Fact]) -> Calendar:
    """Return the calendar that facts of its stream, in order, add up to; a version beyond them counts older ones."""
    held: dict[UUID, Slot] = {}
    for fact in facts:
        match fact:
            case SlotHeld():
                held[fact.viewing_id] = Slot(fact.starts_at, fact.ends_at)
            case SlotFreed():
                held.pop(fact.viewing_id, None)
            case _:
                pass
    return Calendar(broker_id, version, held)
