"""When a session in which nothing happens any more is over."""

from datetime import datetime

QUIET_S = 30 * 60
"""A session without a touchpoint for this long is over."""
LATE_QUIET_S = 60
"""The same, where the touchpoint was already older than that when it arrived."""


def quiet_after_s(occurred_at: datetime, recorded_at: datetime) -> int:
    """Return how long after its arrival a touchpoint's session may be closed for being quiet, in seconds."""
    return LATE_QUIET_S if (recorded_at - occurred_at).total_seconds() > QUIET_S else QUIET_S
