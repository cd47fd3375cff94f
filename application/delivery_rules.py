"""When a conversion is tried again, which ones travel together, and when it is too late: pure rules."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from application.ports.conversions import NotAccepted, Transient, Unanswered
from application.ports.outbox import Leased
from application.waits import doubled_s

T = TypeVar("T")

SOONEST_RETRY_S, FIRST_RETRY_S, LONGEST_RETRY_S = 0.2, 0.5, 300.0
"""Most weaknesses pass at once, so the first retry comes within a second; later ones leave room to recover."""

SHORTEST_THROTTLE_S = 30.0
"""Meta counts in minutes, and an early call lengthens the wait."""

YOUNG = timedelta(hours=24)
"""Meta refuses a request whole for one event that is too old: old and young never share one."""

ON_THE_WAY = timedelta(seconds=60)
"""Allowed for the way to the platform, and for its clock."""

DOUBTS_AT_MOST = 5
"""Leases after which a refusal that does not name an event counts against it, though it never had company."""


def retry_after_s(attempts: int, chance: float) -> float:
    """Return the wait before the next attempt, in seconds: exponential with full jitter, capped.

    `attempts` counts those made, `chance` is in [0, 1).
    """
    return max(SOONEST_RETRY_S, doubled_s(FIRST_RETRY_S, LONGEST_RETRY_S, attempts) * chance)


def throttle_s(hint_s: float | None, chance: float) -> float:
    """Return how long a throttled dataset waits, in seconds: never less than the platform's hint."""
    return max(SHORTEST_THROTTLE_S, hint_s or 0.0) * (1 + 0.1 * chance)


def happened_at(message: Leased) -> datetime:
    """Return when the conversion happened; the platform is told the same on every attempt."""
    return datetime.fromtimestamp(int(message.payload["event_time"]), UTC)


def too_late(message: Leased, now: datetime) -> bool:
    """Tell whether the platform would refuse it for its age by the time it arrives."""
    return message.expires_at is not None and message.expires_at - ON_THE_WAY <= now


def is_old(message: Leased, now: datetime) -> bool:
    """Tell the age class of a message: one request holds one class only."""
    return now - happened_at(message) > YOUNG


class Company(NamedTuple):
    """What all events of one request have in common.

    `old`: one event that is too old sinks them all. `messaging`: Meta counts a repeat of such an event, so an answer
    that is lost must not be about others as well. `once`: not repeated where nobody knows. `partner_agent`: said once
    per request.
    """

    old: bool
    messaging: bool
    once: bool
    partner_agent: str | None


def at_most_once(message: Leased, *, at_least_once: bool = False) -> bool:
    """Tell whether a conversion is lost rather than sent twice; the setting `at_least_once` turns that off."""
    return message.payload.get("at_most_once") is True and not at_least_once


def company(message: Leased, now: datetime, *, at_least_once: bool = False) -> Company:
    """Return with which others a message may share a request."""
    payload = message.payload
    messaging = payload.get("action_source") == "business_messaging"
    once = at_most_once(message, at_least_once=at_least_once)
    return Company(is_old(message, now), messaging, once, payload.get("partner_agent"))


def in_company(things: Iterable[T], of: Callable[[T], Company]) -> list[tuple[Company, list[T]]]:
    """Return the things by what a request of them has in common, those near their deadline first."""
    groups: dict[Company, list[T]] = {}
    for one in things:
        groups.setdefault(of(one), []).append(one)
    return sorted(groups.items(), key=lambda group: not group[0].old)


def may_have_counted(refusal: NotAccepted) -> bool:
    """Tell whether events may have been received though nobody said so.

    No answer at all; or a failure inside the platform (status 5xx), which may have come after the work was done.
    """
    status = refusal.answer.status
    return isinstance(refusal, Unanswered) or (isinstance(refusal, Transient) and status is not None and status >= 500)
