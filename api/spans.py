"""Spans of time in a question."""

from datetime import UTC, datetime, timedelta

from api.errors import Refusal
from application.ports.touchpoints import Problem

USUAL = timedelta(days=28)
LONGEST = timedelta(days=400)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nobody took touchpoints before it; what is counted back from a span must stay a time."""


def span(since: datetime | None, until: datetime | None, usual: timedelta = USUAL) -> tuple[datetime, datetime]:
    """Return the span asked for, the usual length up to now unless told; times without an offset are UTC.

    Raises Refusal 422 where it is empty or longer than 400 days.
    """
    try:
        end = _aware(until) if until else datetime.now(UTC) + timedelta(minutes=5)
        begin = _aware(since) if since else end - usual
    except OverflowError:
        raise _too_far() from None
    if begin < EARLIEST:
        raise _too_far()
    if not begin < end:
        raise Refusal(422, "Invalid request", errors=[Problem("since", "must lie before until")])
    if end - begin > LONGEST:
        raise Refusal(422, "Invalid request", errors=[Problem("since", f"at most {LONGEST.days} days at a time")])
    return begin, end


def _aware(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _too_far() -> Refusal:
    return Refusal(422, "Invalid request", errors=[Problem("since", f"must not lie before {EARLIEST:%Y-%m-%d}")])
