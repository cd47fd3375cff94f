"""Appraisals: the outcome of a request, and milestones as they are reached."""

from domain.ads.occasion import Moment, Occasion, occasion
from domain.appraisals import appraisal
from domain.appraisals.events import AppraisalMilestoneReached, AppraisalRequested
from domain.scoring.policy import FactValue
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = frozenset({AppraisalRequested, AppraisalMilestoneReached})


def occasions(moment: Moment) -> list[Occasion]:
    """Return the request's outcome with the milestones it tells, or the milestones that a producer saw.

    A further request of the same appraisal makes none: the first was answered.
    """
    fact = moment.recorded.fact
    if not isinstance(fact, AppraisalRequested | AppraisalMilestoneReached):
        return []
    before, after = moment.before.appraisals.get(fact.appraisal_id), moment.after.appraisals[fact.appraisal_id]
    milestones = dict.fromkeys(appraisal.milestones_of(after, moment.house), True)
    scored = appraisal.score_of(after, moment.house)
    facts: dict[str, FactValue] = {
        **appraisal.facts_of(after, moment.house),
        **milestones,
        "seller_likelihood": scored.score if scored else None,
        "timeline": appraisal.timeline_of(after, moment.house),
    }
    home = fact.property_id or (after.request.property_id if after.request else None)
    progress = occasion("appraisal_progress", fact, facts, {"appraisal": fact.appraisal_id}, home)
    if isinstance(fact, AppraisalMilestoneReached):
        return [progress]
    if before is not None and before.request is not None:
        return []
    return [occasion("appraisal_requested", fact, facts, {"appraisal": fact.appraisal_id}, home), progress]
