"""One appraisal, folded from its touchpoints in whatever order they arrive: is this owner about to sell?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.appraisals.events import AppraisalMilestoneReached, AppraisalRequested, AppraisalTouchpoint
from domain.brokerage.rulebook import House
from domain.scoring.policy import FactValue, Policy, Score, label, reached, score
from domain.shared.clock import millis
from domain.shared.fact import Fact, Recorded

HANDLES: frozenset[type[Fact]] = frozenset({AppraisalRequested, AppraisalMilestoneReached})
"""The facts that are folded here."""

ABOUT, TIMELINE = "appraisals", "seller_timeline"
HORIZON_MONTHS = 6
"""The likelihood speaks of listing the home within so many months."""

ASKED = (
    "express", "premium", "return_visits", "similar_properties_viewed", "market_research_s",
    "questions_about_selling", "maintenance_issues", "inherited", "financial_urgency", "says_soon",
    "photographer_assigned", "market_awareness", "several_appraisals", "immediate_consultation",
)  # fmt: skip
"""Fields of a request that policies may speak of, under the same names."""


@dataclass(frozen=True, slots=True)
class Request:
    """How an appraisal was asked for (unix ms), by its log entry; `revision` is the policy activation it scores by.

    Values in minor units of the currency, None for the brokerage's; `told` maps the named facts of `ASKED`.
    """

    at_ms: int
    event: str
    revision: int
    property_id: str | None
    value_minor: int | None
    value_min_minor: int | None
    value_max_minor: int | None
    currency: str | None
    age_years: float | None
    motives: tuple[str, ...]
    told: Mapping[str, FactValue]


@dataclass(frozen=True)
class Appraisal:
    """What is known of one appraisal; `milestones` maps those that a producer saw to (unix ms, log entry)."""

    appraisal_id: str = ""
    last_ms: int = 0
    request: Request | None = None
    milestones: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def evolve(state: Mapping[str, Appraisal], recorded: Recorded, house: House) -> Mapping[str, Appraisal]:
    """Take one more fact into account; of several requests or milestones of one name the first to happen counts."""
    fact, event = recorded.fact, str(recorded.stream_id)
    if not isinstance(fact, AppraisalTouchpoint):
        return state
    before, at = state.get(fact.appraisal_id, Appraisal()), millis(fact.occurred_at)
    request, milestones = before.request, before.milestones
    if isinstance(fact, AppraisalRequested):
        told = _request(fact, at, event, house.revision)
        request = told if request is None else min(request, told, key=lambda one: (one.at_ms, one.event))
    elif isinstance(fact, AppraisalMilestoneReached):
        first = min(milestones.get(fact.milestone, (at, event)), (at, event))
        milestones = {**milestones, fact.milestone: first}
    after = Appraisal(fact.appraisal_id, max(before.last_ms, at), request, milestones)
    return {**state, fact.appraisal_id: after}


def _request(fact: AppraisalRequested, at_ms: int, event: str, revision: int) -> Request:
    age = fact.property_age_years
    if age is None and fact.year_built is not None:
        age = fact.occurred_at.year - fact.year_built
    return Request(
        at_ms=at_ms, event=event, revision=revision, property_id=fact.property_id,
        value_minor=fact.estimated_value_minor, value_min_minor=fact.value_min_minor,
        value_max_minor=fact.value_max_minor, currency=fact.currency, age_years=age,
        motives=tuple(sorted(set(fact.motives))), told={name: getattr(fact, name) for name in ASKED},
    )  # fmt: skip


def estimated_value(request: Request) -> float | None:
    """Return what the home is worth in currency units: the figure given, else the middle of the range."""
    if request.value_minor is not None:
        return request.value_minor / 100
    known = [bound for bound in (request.value_min_minor, request.value_max_minor) if bound is not None]
    return sum(known) / len(known) / 100 if known else None


def facts_of(state: Appraisal, house: House) -> dict[str, FactValue]:
    """Return the named facts that policies speak of; money in currency units, durations in seconds.

    Before the request is known, all that is known is the appraisal's id.
    """
    request = state.request
    if request is None:
        return {"appraisal_id": state.appraisal_id, "requested": False}
    value = estimated_value(request)
    return {
        "appraisal_id": state.appraisal_id,
        "requested": True,
        **request.told,
        "property_age_years": request.age_years,
        "motives": len(request.motives),
        "estimated_value": value,
        "commission_potential": round(value * _policy(request, house).commission_rate, 2)
        if value is not None
        else None,
        "currency": request.currency,
    }


def score_of(state: Appraisal, house: House) -> Score | None:
    """Return how likely the home is listed within six months (0–100), None before the request is known.

    By the policy that held when it was asked for; the request's log entry is the evidence of all.
    """
    request = state.request
    if request is None:
        return None
    facts = facts_of(state, house)
    return score(_policy(request, house), ABOUT, facts, dict.fromkeys(facts, (request.event,)))


def timeline_of(state: Appraisal, house: House) -> str | None:
    """Return when the owner may sell, in the policy's words; None before the request is known."""
    request, scored = state.request, score_of(state, house)
    if request is None or scored is None:
        return None
    return label(_policy(request, house), TIMELINE, {**facts_of(state, house), "seller_likelihood": scored.score})


def milestones_of(state: Appraisal, house: House) -> dict[str, tuple[str, ...]]:
    """Return the milestones reached, by a producer's word or by the policy's rows, with the log entries behind each."""
    found: dict[str, tuple[str, ...]] = {name: (event,) for name, (_, event) in sorted(state.milestones.items())}
    if state.request is not None:
        for row in reached(_policy(state.request, house), ABOUT, facts_of(state, house)):
            found.setdefault(row.name, (state.request.event,))
    return found


def shown(state: Appraisal, house: House) -> dict[str, Any]:
    """Return what a broker wants to know of an appraisal; money in currency units.

    The named facts, `seller_likelihood` 0–100 with `quality`, `policy` and `reasons`, `horizon_months`, `timeline`,
    `value_range`, `motives` and `milestones` with the log entries behind each.
    """
    facts, scored, request = facts_of(state, house), score_of(state, house), state.request
    if request is None or scored is None:
        return facts | {"milestones": milestones_of(state, house)}
    bounds = (request.value_min_minor, request.value_max_minor)
    return facts | {
        "requested_ms": request.at_ms,
        "property_id": request.property_id,
        "seller_likelihood": scored.score,
        "quality": scored.quality,
        "policy": scored.policy,
        "reasons": [reason.model_dump(mode="json") for reason in scored.reasons],
        "horizon_months": HORIZON_MONTHS,
        "timeline": timeline_of(state, house),
        "value_range": [None if bound is None else bound / 100 for bound in bounds],
        "motives": list(request.motives),
        "milestones": milestones_of(state, house),
    }


def best_likelihood(state: Mapping[str, Appraisal], house: House) -> int | None:
    """Return the highest likelihood (0–100) that one of the homes is listed soon, None without any appraisal."""
    known = (score_of(one, house) for one in state.values())
    return max((one.score for one in known if one is not None), default=None)


def _policy(request: Request, house: House) -> Policy:
    return house.policy_of(request.revision)
