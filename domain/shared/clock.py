"""Moments as integers, so that folding them does not depend on order or rounding."""

from datetime import UTC, datetime


def millis(moment: datetime) -> int:
    """Return a moment as unix milliseconds."""
    return round(moment.timestamp() * 1000)


def moment(at_ms: int) -> datetime:
    """Return unix milliseconds as an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
