"""The time, for use cases that are given no other clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the time of now, aware. Workers and the API go by the database's."""


def utc_now() -> datetime:
    """Return the time of this machine, aware."""
    return datetime.now(UTC)
