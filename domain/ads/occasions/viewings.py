"""Viewings: asked for, scheduled, completed, missed, cancelled."""

from domain.ads.occasion import Moment, Occasion, occasion
from domain.people.viewing_scores import judge
from domain.properties import homes
from domain.scoring.policy import FactValue, Trigger
from domain.shared.fact import Channel, Fact, Origin
from domain.viewings.events import (
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingMissed,
    ViewingRequested,
    ViewingStep,
)
from domain.viewings.viewing import Viewing

TRIGGERS: dict[type[Fact], Trigger] = {
    ViewingBooked: "viewing_scheduled",
    ViewingCompleted: "viewing_completed",
    ViewingMissed: "viewing_missed",
    ViewingCancelled: "viewing_cancelled",
}
HANDLES: frozenset[type[Fact]] = frozenset({ViewingRequested, *TRIGGERS})


def occasions(moment: Moment) -> list[Occasion]:
    """Return the wish for a viewing, or what became of one that is booked, with its price in currency units."""
    fact = moment.recorded.fact
    if isinstance(fact, ViewingRequested):
        asked: dict[str, FactValue] = {
            "viewing_type": fact.viewing_type, "party_size": fact.party_size,
            "asked_for_broker": fact.asked_for_broker, "slot_wanted": fact.starts_at is not None,
        }  # fmt: skip
        return [occasion("viewing_requested", fact, asked, home=fact.property_id)]
    if not isinstance(fact, ViewingStep):
        return []
    key = str(fact.viewing_id)
    own = moment.after.viewings.booked[key]
    trigger, judged = TRIGGERS[type(fact)], judge(moment.after, key, moment.house)
    probability = judged.once_completed if trigger == "viewing_completed" else judged.score.score
    facts: dict[str, FactValue] = {
        **judged.facts,
        **_price(moment, own),
        "conversion_probability": probability,
        "lead_quality_score": judged.quality,
        "timeline": judged.timeline,
    }
    origin, channel = _happened(own) if trigger == "viewing_completed" else (own.origin, own.channel)
    return [Occasion(trigger, facts, {"viewing": key}, own.property_id, origin, channel, own.test, own.unverified)]


def _price(moment: Moment, own: Viewing) -> dict[str, FactValue]:
    """Return what the property costs: as the request said, else as the person was told last."""
    price, currency = own.price_minor, own.currency
    if price is None:
        told = moment.after.homes.get(own.property_id)
        priced = told.priced if told else None
        price, currency = (priced.price_minor, priced.currency) if priced else (None, None)
    if price is None:
        return {}
    known = homes.facts_of(moment.after.homes, own.property_id, moment.house)
    amount = price / 100
    return {**known, "price": amount, "property_value": amount, "price_currency": currency, "currency": currency}


def _happened(own: Viewing) -> tuple[Origin, Channel | None]:
    """Return where a completed viewing was: at the property, unless it was a virtual one."""
    return (own.origin, own.channel) if own.viewing_type == "virtual" else ("physical_store", None)
