"""What a lead form tells about how serious the asker is."""

from domain.leads.events import LeadFormSubmitted
from domain.scoring.policy import FactValue, Policy, Score, score

COMMISSION_RATE = 0.025
"""Share of a price that a brokerage earns."""

MOST_CERTAIN = 95
"""Percent: nobody has bought before they have."""

AD_HINTS = frozenset({"fbclid", "fbc", "ctwa_clid", "lead_id"})


def facts_of(form: LeadFormSubmitted) -> dict[str, FactValue]:
    """Return the named facts that policies speak of; money in currency units."""
    price = _middle(form.price_min_minor, form.price_max_minor)
    return {
        "has_price": price is not None,
        "has_location": form.location is not None,
        "has_type": form.property_type is not None,
        "timeline": form.timeline,
        "has_email": "email" in form.hint_kinds,
        "has_phone": "phone" in form.hint_kinds,
        "from_ad": bool(AD_HINTS & set(form.hint_kinds)) or _paid(form),
        "estimated_value": round(price * COMMISSION_RATE / 100, 2) if price is not None else None,
    }


def conversion_probability(scored: Score) -> int:
    """Return the chance in percent that the asker buys, as a form tells it: its score, never quite certain."""
    return min(MOST_CERTAIN, scored.score)


def score_of(form: LeadFormSubmitted, event: str, policy: Policy) -> Score:
    """Score a form by the policy's table for lead forms; `event` is its own log entry, the evidence of all."""
    facts = facts_of(form)
    return score(policy, "lead_forms", facts, dict.fromkeys(facts, (event,)))


def _middle(low: int | None, high: int | None) -> float | None:
    known = [bound for bound in (low, high) if bound is not None]
    return sum(known) / len(known) if known else None


def _paid(form: LeadFormSubmitted) -> bool:
    return form.utm is not None and (form.utm.medium or "").casefold() in {
        "cpc",
        "paid",
        "paid_social",
        "ppc",
    }
