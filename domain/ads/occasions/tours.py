"""Tours: milestones as they are reached, and the outcome when a session closes."""

from dataclasses import replace

from domain.ads.occasion import Moment, Occasion
from domain.people.person import earlier_sessions
from domain.scoring.policy import FactValue
from domain.shared.fact import Fact
from domain.tours import session as tour
from domain.tours.events import (
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourStarted,
    TourTouchpoint,
)

HANDLES: frozenset[type[Fact]] = frozenset(
    {TourStarted, TourRoomVisited, TourActed, TourMilestoneReached, TourCompleted, TourEnded}
)


def occasions(moment: Moment) -> list[Occasion]:
    """Return the progress of a tour, and its outcome once it is closed; a touchpoint after the close makes none."""
    fact = moment.recorded.fact
    if not isinstance(fact, TourTouchpoint | TourEnded):
        return []
    before, after = moment.before.tours.get(fact.session_id), moment.after.tours[fact.session_id]
    if before is not None and before.closed_by:
        return []  # late: it re-scores the session, nothing is sent again
    earlier = earlier_sessions(moment.after, fact.session_id)
    known = tour.facts_of(after, earlier)
    milestones = tour.milestones_of(after, moment.house, facts=known)
    facts: dict[str, FactValue] = {**known, **dict.fromkeys(milestones, True)}
    progress = Occasion(
        "tour_progress", facts, {"session": fact.session_id}, after.property_id or None, after.origin,
        test=after.test, unverified=not moment.after.verified,
    )  # fmt: skip
    if not after.closed_by:
        return [progress]
    scored = tour.score_of(after, moment.house)
    outcome = {**facts, "quality": scored.quality, "engagement_score": scored.score}
    return [progress, replace(progress, trigger="tour_closed", facts=outcome)]
