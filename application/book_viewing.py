"""Books a viewing for a request that is in the log: on one broker's calendar, once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.ports.calendars import Appending, Calendars, Moved, Told
from application.ports.touchpoints import Busy
from domain.viewings import booking
from domain.viewings.booking import HORIZON, BookViewing, SlotTaken, nobodys, wanted_slot
from domain.viewings.calendar import Calendar, Slot
from domain.viewings.events import LONGEST, USUAL_LENGTH, Assigned, ViewingBooked
from domain.viewings.hours import day_of, free_slots

CALENDARS = UUID("9b7c2c1c-4c3f-5d0f-9a66-0c2f6f0f3a11")
"""Namespace of the streams of calendars, one per brokerage and broker."""
STEPS = UUID("41f0f3de-0e3b-5a86-8b8e-6a5f6e1d7c22")
"""Namespace of the streams of a viewing's steps: each fact a stream of its own, so that each has an id of its own,
counted, so that of two steps told at one moment one is the next."""
MOST_TRIES = 64
"""Of those who write to one calendar at a moment one gets on with each try."""
MOST_BROKERS = 10
"""Calendars looked at for a request that names nobody."""
KEPT = HORIZON + LONGEST + timedelta(days=1)
"""How long ago a slot may have been taken that is not over yet: slots are taken 90 days ahead at most."""


class NoSuchViewing(Exception):
    """There is no such request, or nothing was booked for it."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking, by the id of its fact; `fresh` where it was made just now."""

    event_id: UUID
    fact: ViewingBooked
    fresh: bool


@dataclass(frozen=True, slots=True)
class TimeOpen:
    """The request says no time; `free` are the next slots to be had."""

    free: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks: the brokerage, where it is, the name of the key, in which HTTP request."""

    brokerage_id: UUID
    region: str
    by: str
    correlation_id: UUID


def calendar_stream(brokerage_id: UUID, broker_id: str) -> UUID:
    """Return the strict stream of a broker's calendar."""
    return uuid5(CALENDARS, f"{brokerage_id}|{broker_id}")


def step_stream(viewing_id: UUID, nth: int) -> UUID:
    """Return the stream of a viewing's nth step, counted from 1."""
    return uuid5(STEPS, f"{viewing_id}|{nth}")


@dataclass(frozen=True, slots=True)
class BookViewings:
    """The use case. `code_of` makes the confirmation code of a brokerage's viewing."""

    calendars: Calendars
    code_of: Callable[[UUID, UUID], str]
    clock: Clock = utc_now

    async def book(self, viewing_id: UUID, asking: Asking) -> Booked | TimeOpen:
        """Book the slot of a request; the same request again gets the booking it has.

        A broker that the request names is taken; else the one of late with fewest viewings that day who is free; while
        there is none of late, the property's own calendar. Raises NoSuchViewing, NotBookable, SlotTaken, Busy.
        """
        for _ in range(MOST_TRIES):
            told, known = await self._known(viewing_id, asking)
            if known is not None:
                return known
            now = self.clock()
            wanted = wanted_slot(told.request)
            if wanted is not None:
                booking.check_time(wanted, now)
            assigned, calendars = await self._candidates(told, wanted or Slot(now, now + USUAL_LENGTH), asking, now)
            if wanted is None:
                return TimeOpen(tuple(free_slots(Slot(now, now + USUAL_LENGTH), calendars, asking.region, now)))
            calendar = next((one for one in calendars if one.is_free(wanted)), None)
            if calendar is None:
                _, known = await self._known(viewing_id, asking)  # the same request, a moment ago, may have the slot
                if known is not None:
                    return known
                raise SlotTaken(free_slots(wanted, calendars, asking.region, now))
            code = self.code_of(asking.brokerage_id, viewing_id)
            command = BookViewing(viewing_id, told.request, wanted, code, assigned, asking.by, now)
            try:
                return await self._append(command, calendar, told, asking)
            except Moved:
                continue
        raise Busy("the calendar keeps changing")

    async def _known(self, viewing_id: UUID, asking: Asking) -> tuple[Told, Booked | None]:
        told = await self.calendars.told(asking.brokerage_id, viewing_id)
        if told is None:
            raise NoSuchViewing(str(viewing_id))
        booked = next(((event_id, one) for event_id, one in told.steps if isinstance(one, ViewingBooked)), None)
        return told, Booked(*booked, fresh=False) if booked else None

    async def _candidates(
        self, told: Told, day: Slot, asking: Asking, now: datetime
    ) -> tuple[Assigned, list[Calendar]]:  # fmt: skip
        assigned: Assigned = "asked"
        names = [told.request.broker_id] if told.request.broker_id else []
        if not names:
            today = day_of(day.starts_at, asking.region)
            names = await self.calendars.brokers(asking.brokerage_id, today, MOST_BROKERS)
            assigned = "fewest_viewings" if names else "property_calendar"
        names = names or [nobodys(told.request.property_id)]
        return assigned, [await self.calendars.calendar(asking.brokerage_id, name, now - KEPT) for name in names]

    async def _append(self, command: BookViewing, calendar: Calendar, told: Told, asking: Asking) -> Booked:
        held, booked = booking.decide(command, calendar)
        viewing_id, stream = command.viewing_id, calendar_stream(asking.brokerage_id, calendar.broker_id)
        event_id = step_stream(viewing_id, 1)
        entries = [
            Appending(stream, calendar.version + 1, held, cause_id=event_id),
            Appending(event_id, 1, booked, told.subject_id, viewing_id),
        ]
        await self.calendars.append(asking.brokerage_id, entries, asking.correlation_id)
        return Booked(event_id, booked, fresh=True)
