"""What a person's touchpoints told of the properties they were about."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.brokerage.rulebook import House
from domain.properties.listing import Listing
from domain.scoring.policy import FactValue
from domain.shared.clock import millis
from domain.shared.fact import Touchpoint


@dataclass(frozen=True, slots=True)
class Told:
    """The newest word about a property and when it was told (unix ms), and the newest that named a price."""

    at_ms: int
    listing: Listing
    priced_ms: int = 0
    priced: Listing | None = None


Homes = Mapping[str, Told]
"""Property id → what was told of it last."""


def evolve(homes: Homes, fact: Touchpoint) -> Homes:
    """Take one more touchpoint's word about a property into account; the newest holds, whatever the order."""
    home = getattr(fact, "property_id", None)
    if home is None or fact.listing is None:
        return homes
    at, before = millis(fact.occurred_at), homes.get(home)
    told = Told(at, fact.listing, *((at, fact.listing) if fact.listing.price_minor is not None else (0, None)))
    return {**homes, home: told if before is None else _newest(before, told)}


def facts_of(homes: Homes, home: str | None, house: House) -> dict[str, FactValue]:
    """Return `price`, `commission` (currency units), `price_currency` and `property_type`, as far as they are known.

    The commission is the producer's own word where it gave one, else the policy's share of the price.
    """
    told = homes.get(home) if home else None
    if told is None:
        return {}
    facts: dict[str, FactValue] = {}
    if told.priced is not None and told.priced.price_minor is not None:
        facts["price"] = told.priced.price_minor / 100
        facts["commission"] = told.priced.price_minor * house.policy.commission_rate / 100
        facts["price_currency"] = told.priced.currency
    if told.listing.commission_minor is not None:
        facts["commission"] = told.listing.commission_minor / 100
    return {**facts, "property_type": told.listing.property_type} if told.listing.property_type else facts


PRICED = frozenset({"price", "commission"})
"""Values that are in the currency of the price."""


def _newest(one: Told, other: Told) -> Told:
    """Return what is the newest of both, whichever came first."""
    last = max(one, other, key=lambda told: _order(told.at_ms, told.listing))
    priced = max(one, other, key=lambda told: _order(told.priced_ms, told.priced))
    return Told(last.at_ms, last.listing, priced.priced_ms, priced.priced)


def _order(at_ms: int, listing: Listing | None) -> tuple[int, str]:
    return at_ms, listing.model_dump_json() if listing else ""
