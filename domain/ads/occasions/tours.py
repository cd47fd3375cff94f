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


STEPS = (TourActed, TourMilestoneReached)
"""What somebody does, or their player tells, is a step of its own also after the close; a late room is none."""


def occasions(moment: Moment) -> list[Occasion]:
    """Return the progress of a tour, and its outcome when it closes.

    After the close only a milestone that a step itself reaches makes an occasion: the outcome is told, a late room
    changes no more than the score.
    """
    fact = moment.recorded.fact
    if not isinstance(fact, TourTouchpoint | TourEnded):
        return []
    before, after = moment.before.tours.get(fact.session_id), moment.after.tours[fact.session_id]
    late = before if before is not None and before.closed_by else None
    if late is not None and not isinstance(fact, STEPS):
        return []
    earlier = earlier_sessions(moment.after, fact.session_id)
    known = tour.facts_of(after, earlier)
    milestones = set(tour.milestones_of(after, moment.house, facts=known))
    if late is not None:
        milestones -= tour.milestones_of(late, moment.house, facts=tour.facts_of(late, earlier)).keys()
        if not milestones:
            return []
    facts: dict[str, FactValue] = {**known, **dict.fromkeys(milestones, True)}
    progress = Occasion(
        "tour_progress", facts, {"session": fact.session_id}, after.property_id or None, after.origin,
        test=after.test, unverified=not moment.after.verified,
    )  # fmt: skip
    if late is not None or not after.closed_by:
        return [progress]
    scored = tour.score_of(after, moment.house)
    outcome = {**facts, "quality": scored.quality, "engagement_score": scored.score}
    return [progress, replace(progress, trigger="tour_closed", facts=outcome)]
