"""Properties looked at, and saved."""

from domain.ads.occasion import Moment, Occasion, occasion
from domain.people import saves
from domain.properties import homes
from domain.properties.events import PropertySaved, PropertyViewed
from domain.scoring.policy import FactValue
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = frozenset((PropertyViewed, PropertySaved))


def occasions(moment: Moment) -> list[Occasion]:
    """Return the look, or the save with its score."""
    fact = moment.recorded.fact
    match fact:
        case PropertyViewed():
            return [occasion("property_viewed", fact, {"viewed_from": fact.viewed_from}, home=fact.property_id)]
        case PropertySaved():
            return [occasion("property_saved", fact, _facts(moment, fact.property_id), home=fact.property_id)]
        case _:
            return []


def _facts(moment: Moment, home: str) -> dict[str, FactValue]:
    """Return the save's facts, `save_score`, and `scored_price`: the price in proportion to the score."""
    person, house = moment.after, moment.house
    scored, told = saves.score_of(person, home, house).score, homes.facts_of(person.homes, home, house)
    price = told.get("price")
    return {
        **saves.facts_of(person, home, house),
        "save_score": scored,
        "scored_price": price * scored / 100 if isinstance(price, int | float) else None,
        "currency": told.get("price_currency"),
    }
