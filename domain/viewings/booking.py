"""May this slot be booked? What is decided when a person wants a viewing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.viewings.calendar import Calendar, Slot
from domain.viewings.events import Assigned, SlotHeld, ViewingBooked, ViewingRequested

TOLERANCE = timedelta(minutes=15)
"""How long ago a slot may have begun: clocks differ, and people book when they stand before the door."""
HORIZON = timedelta(days=90)
"""How far ahead a slot may lie. What a calendar needs to know of a slot was recorded no earlier before it."""


class NotBookable(Exception):
    """The slot breaks a rule, whoever has it; `field` says which part of the request does."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field, self.rule = field, rule


class SlotTaken(Exception):
    """No calendar that was asked has this slot free; `free` are the nearest ones that one of them has."""

    def __init__(self, free: Sequence[Slot]) -> None:
        super().__init__("the slot is taken")
        self.free = tuple(free)


@dataclass(frozen=True, slots=True)
class BookViewing:
    """Book the slot that a request wants, for the request's person. `by` is the key that asked."""

    viewing_id: UUID
    request: ViewingRequested
    wanted: Slot
    confirmation_code: str
    assigned: Assigned
    by: str | None
    now: datetime


def wanted_slot(request: ViewingRequested) -> Slot | None:
    """Return the slot that a request wants, in UTC; None where it says no time."""
    ends_at = request.slot_ends_at()
    if request.starts_at is None or ends_at is None:
        return None
    return Slot(request.starts_at.astimezone(UTC), ends_at.astimezone(UTC))


def check_time(wanted: Slot, now: datetime) -> None:
    """Raise NotBookable for a slot that has begun, or lies too far ahead."""
    if wanted.starts_at < now - TOLERANCE:
        raise NotBookable("starts_at", "must not be in the past")
    if wanted.starts_at > now + HORIZON:
        raise NotBookable("starts_at", f"must lie within {HORIZON.days} days")


def decide(command: BookViewing, calendar: Calendar) -> tuple[SlotHeld, ViewingBooked]:
    """Return the facts of a booking: the slot on the calendar, and the viewing. Raises NotBookable and SlotTaken."""
    wanted, request = command.wanted, command.request
    check_time(wanted, command.now)
    if not calendar.is_free(wanted):
        raise SlotTaken(())
    held = SlotHeld(
        broker_id=calendar.broker_id, viewing_id=command.viewing_id, starts_at=wanted.starts_at,
        ends_at=wanted.ends_at, occurred_at=command.now,
    )  # fmt: skip
    listing = request.listing
    booked = ViewingBooked(
        viewing_id=command.viewing_id, property_id=request.property_id, broker_id=calendar.broker_id, by=command.by,
        starts_at=wanted.starts_at, ends_at=wanted.ends_at, confirmation_code=command.confirmation_code,
        party_size=request.party_size, viewing_type=request.viewing_type,
        asked_for_broker=request.asked_for_broker, assigned=command.assigned,
        price_minor=listing.price_minor if listing else None, currency=listing.currency if listing else None,
        origin=request.origin, channel=request.channel, browser_event=request.browser_event,
        unverified=bool(request.unverified), test=request.test, occurred_at=command.now,
    )  # fmt: skip
    return held, booked


def nobodys(property_id: str) -> str:
    """Return whose calendar a property's viewings are on while the brokerage has no broker that we know of.

    One calendar for each property: two parties are not shown one home at the same moment.
    """
    return f"unassigned-{property_id}"
