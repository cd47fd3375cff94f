"""Moments as integers, so that folding them does not depend on order or rounding."""

from datetime import UTC, datetime


def millis(moment: datetime) -> int:
    """Return a moment as unix milliseconds."""
    return round(moment.timestamp() * 1000)


def moment(at_ms: int) -> datetime:
    """Return unix milliseconds as an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def moment_of(at_ms: int | None) -> datetime | None:
    """Return a time in unix milliseconds as an aware one, None where there is none."""
    return None if at_ms is None else moment(at_ms)
