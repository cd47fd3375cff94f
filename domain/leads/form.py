"""What a lead form tells about how serious the asker is."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.brokerage.rulebook import House
from domain.leads.events import LeadFormSubmitted
from domain.scoring.policy import FactValue, Score, score
from domain.shared.clock import millis
from domain.shared.fact import Fact, Recorded

MOST_CERTAIN = 95
"""Percent: nobody has bought before they have."""

AD_HINTS = frozenset({"fbclid", "fbc", "ctwa_clid", "lead_id"})
PAID = frozenset({"cpc", "paid", "paid_social", "ppc"})

HANDLES: frozenset[type[Fact]] = frozenset({LeadFormSubmitted})
"""The facts that are folded here."""


@dataclass(frozen=True)
class LeadForm:
    """A form as it was sent (unix ms), by its log entry; `revision` is the policy activation it is scored by.

    Prices are in minor units of the currency, None for the brokerage's.
    """

    event: str
    at_ms: int
    revision: int
    price_min_minor: int | None = None
    price_max_minor: int | None = None
    currency: str | None = None
    location: str | None = None
    property_type: str | None = None
    property_id: str | None = None
    timeline: str | None = None
    kinds: tuple[str, ...] = ()  # kinds of hints that came with it
    paid: bool = False


def evolve(forms: Mapping[str, LeadForm], recorded: Recorded, house: House) -> Mapping[str, LeadForm]:
    """Take one more form into account."""
    fact, event = recorded.fact, str(recorded.stream_id)
    if not isinstance(fact, LeadFormSubmitted):
        return forms
    paid = fact.utm is not None and (fact.utm.medium or "").casefold() in PAID
    return {
        **forms,
        event: LeadForm(
            event, millis(fact.occurred_at), house.revision, fact.price_min_minor, fact.price_max_minor, fact.currency,
            fact.location, fact.property_type, fact.property_id, fact.timeline, fact.hint_kinds, paid,
        ),
    }  # fmt: skip


def facts_of(form: LeadForm, house: House) -> dict[str, FactValue]:
    """Return the named facts that policies speak of; money in currency units."""
    price = _middle(form.price_min_minor, form.price_max_minor)
    return {
        "has_price": price is not None,
        "has_location": form.location is not None,
        "has_type": form.property_type is not None,
        "timeline": form.timeline,
        "has_email": "email" in form.kinds,
        "has_phone": "phone" in form.kinds,
        "from_ad": bool(AD_HINTS & set(form.kinds)) or form.paid,
        "estimated_value": round(price * house.policy.commission_rate / 100, 2) if price is not None else None,
    }


def preferences(forms: Mapping[str, LeadForm]) -> dict[str, float | tuple[str, ...]]:
    """Return what the newest form asks for: price_min and price_max in currency units, neighborhoods."""
    if not forms:
        return {}
    newest = max(forms.values(), key=lambda one: (one.at_ms, one.event))
    prices = {"price_min": newest.price_min_minor, "price_max": newest.price_max_minor}
    wanted: dict[str, float | tuple[str, ...]] = {
        name: minor / 100 for name, minor in prices.items() if minor is not None
    }  # fmt: skip
    return wanted | ({"neighborhoods": (newest.location,)} if newest.location else {})


def conversion_probability(scored: Score) -> int:
    """Return the chance in percent that the asker buys, as a form tells it: its score, never quite certain."""
    return min(MOST_CERTAIN, scored.score)


def score_of(form: LeadForm, house: House) -> Score:
    """Score a form by the policy that held when it came; its own log entry is the evidence of all."""
    facts = facts_of(form, house)
    return score(house.policy_of(form.revision), "lead_forms", facts, dict.fromkeys(facts, (form.event,)))


def _middle(low: int | None, high: int | None) -> float | None:
    known = [bound for bound in (low, high) if bound is not None]
    return sum(known) / len(known) if known else None
