"""Office hours: when somebody is there to answer, by the clock of the brokerage's country."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from domain.viewings.hours import hours_of

LOOKED_AHEAD = 14
"""Days."""


@dataclass(frozen=True, slots=True)
class Office:
    """When agents are there: from `opens` to `closes`, not on the country's weekend unless `weekends`.

    `zone` reads the clock, None for that of the brokerage's country (Africa/Cairo where it is Egypt).
    """

    opens: time = time(9)
    closes: time = time(21)
    weekends: bool = True
    zone: str | None = None

    def back_at(self, region: str, now: datetime) -> datetime | None:
        """Return when somebody is there again, on the clock that is read there; None while somebody is."""
        hours = hours_of(region)
        clock = _zone(self.zone or hours.zone)
        today = now.astimezone(clock).date()
        for ahead in range(LOOKED_AHEAD):
            day = today + timedelta(days=ahead)
            if not self.weekends and day.weekday() in hours.weekend:
                continue
            opens = datetime.combine(day, self.opens, clock)
            closes = datetime.combine(day, self.closes, clock)
            if opens <= now < closes:
                return None
            if opens > now:
                return opens
        return None


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
