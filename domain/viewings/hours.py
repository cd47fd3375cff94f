"""When viewings are offered: the zone, the hours and the weekend of a brokerage's country."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from domain.viewings.calendar import Calendar, Slot

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)


@dataclass(frozen=True, slots=True)
class Hours:
    """Where the clock is read, between which hours of it viewings are offered, and which days are the weekend."""

    zone: str
    weekend: frozenset[int]
    opens: time = time(9)
    closes: time = time(21)


# fmt: off
HOURS: Mapping[str, Hours] = {
    "EG": Hours("Africa/Cairo", frozenset({FRI, SAT})),
    "SA": Hours("Asia/Riyadh",  frozenset({FRI, SAT})),
    "AE": Hours("Asia/Dubai",   frozenset({SAT, SUN})),
}
# fmt: on
USUAL = "EG"
"""The country whose hours hold where a brokerage's own are not in the table."""

GRID = timedelta(minutes=30)
AROUND = timedelta(days=7)
OFFERED = 3
"""Free slots offered before, and after, a wanted one."""


def hours_of(region: str) -> Hours:
    """Return the hours of a brokerage's region, such as "EG"."""
    return HOURS.get(region, HOURS[USUAL])


def on_weekend(moment: datetime, region: str) -> bool:
    """Tell whether a moment falls on a day of the weekend there: Friday and Saturday in Egypt."""
    hours = hours_of(region)
    return moment.astimezone(_zone(hours.zone)).weekday() in hours.weekend


def day_of(moment: datetime, region: str) -> Slot:
    """Return the day around a moment, from midnight to midnight there; 23 or 25 hours where the clocks are changed."""
    zone = _zone(hours_of(region).zone)
    today = moment.astimezone(zone).date()
    return Slot(_at(today, time(), zone), _at(today + timedelta(days=1), time(), zone))


def free_slots(wanted: Slot, calendars: Sequence[Calendar], region: str, now: datetime) -> list[Slot]:
    """Return the nearest slots of the same length that one of the calendars has free, in order of time.

    Three before and three after the wanted one, beginning on the half hour, within the hours that viewings are
    offered in, not in the past, and within a week of the wanted one.
    """
    near = [calendar.near(wanted, AROUND) for calendar in calendars]
    free = [
        slot
        for slot in _grid(wanted, region)
        if slot.starts_at >= now and any(calendar.is_free(slot) for calendar in near)
    ]
    before = [slot for slot in free if slot.starts_at < wanted.starts_at]
    after = [slot for slot in free if slot.starts_at > wanted.starts_at]
    return before[-OFFERED:] + after[:OFFERED]


def _grid(wanted: Slot, region: str) -> Iterator[Slot]:
    """Yield every slot of the wanted length, within a week of it, that lies within the hours."""
    hours, length = hours_of(region), wanted.ends_at - wanted.starts_at
    zone = _zone(hours.zone)
    first, last = wanted.starts_at - AROUND, wanted.starts_at + AROUND
    day = first.astimezone(zone).date()
    while day <= last.astimezone(zone).date():
        start, closes = _at(day, hours.opens, zone), _at(day, hours.closes, zone)
        while start + length <= closes:
            if first <= start <= last:
                yield Slot(start, start + length)
            start += GRID
        day += timedelta(days=1)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
