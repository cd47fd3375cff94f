"""The platforms' times: seconds, milliseconds or ISO text, as numbers or strings, and not always possible ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.messaging.events import Clock

EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)
"""Before this no platform of Meta's existed: such a time is a clock that was never set."""
AHEAD = timedelta(seconds=60)
"""How far the platform's clock may run before ours."""
MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds: as seconds they would lie beyond the year 5000."""
LONGEST = 40


def time_of(value: Any) -> datetime | None:
    """Return the time that a platform wrote, aware UTC; None where it is none."""
    try:
        match value:
            case bool() | None:
                return None
            case int() | float():
                return _of_number(value)
            case str() if len(value) <= LONGEST:
                return _of_text(value.strip())
            case _:
                return None
    except (ValueError, OverflowError, OSError):
        return None


def _of_number(value: float) -> datetime:
    return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)


def _of_text(text: str) -> datetime | None:
    if text.lstrip("-").replace(".", "", 1).isdecimal():
        return _of_number(float(text) if "." in text else int(text))
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def when(value: Any, now: datetime) -> tuple[datetime, Clock]:
    """Return when something happened and by whose clock.

    An impossible time (none, before the platforms existed, or more than a minute ahead) is that of arrival: nothing may
    open a window in the future.
    """
    found = time_of(value)
    if found is None or not EARLIEST <= found <= now + AHEAD:
        return now, "arrival"
    return found, "platform"
