"""Conversions that a producer asked for itself."""

from domain.ads.direct import ConversionAsked
from domain.ads.occasion import Moment, Occasion, occasion
from domain.scoring.policy import FactValue
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = frozenset({ConversionAsked})


def occasions(moment: Moment) -> list[Occasion]:
    """Return what was asked for, with the producer's own fields."""
    fact = moment.recorded.fact
    if not isinstance(fact, ConversionAsked):
        return []
    facts: dict[str, FactValue] = {
        "event_name": fact.event_name,
        "conversion_type": fact.conversion_type,
        "asked_value": fact.value_minor / 100 if fact.value_minor is not None else None,
        "currency": fact.currency,
        "source": fact.source,
        "has_order_id": fact.order_id is not None,
    }
    ids = {"order": fact.order_id} if fact.order_id else None
    return [occasion("direct", fact, facts, ids, fact.property_id)]  # type: ignore[arg-type]
