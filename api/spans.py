"""Spans of time in a question."""

from datetime import UTC, datetime, timedelta

from api.errors import Refusal
from application.ports.touchpoints import Problem

USUAL = timedelta(days=28)
LONGEST = timedelta(days=400)


def span(since: datetime | None, until: datetime | None, usual: timedelta = USUAL) -> tuple[datetime, datetime]:
    """Return the span asked for, the usual length up to now unless told; times without an offset are UTC.

    Raises Refusal 422 where it is empty or longer than 400 days.
    """
    try:
        end = _aware(until) if until else datetime.now(UTC) + timedelta(minutes=5)
        begin = _aware(since) if since else end - usual
        ordered, length = begin < end, end - begin
    except OverflowError:
        raise Refusal(422, "Invalid request", errors=[Problem("since", "lies too far away")]) from None
    if not ordered:
        raise Refusal(422, "Invalid request", errors=[Problem("since", "must lie before until")])
    if length > LONGEST:
        raise Refusal(422, "Invalid request", errors=[Problem("since", f"at most {LONGEST.days} days at a time")])
    return begin, end


def _aware(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
