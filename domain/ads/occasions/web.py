"""Pages seen: silent in the shipped policies, for rows that a brokerage may write itself."""

from domain.ads.occasion import Moment, Occasion, occasion
from domain.shared.fact import Fact
from domain.web.events import WebPageViewed

HANDLES: frozenset[type[Fact]] = frozenset({WebPageViewed})


def occasions(moment: Moment) -> list[Occasion]:
    """Return the page that was seen."""
    fact = moment.recorded.fact
    if not isinstance(fact, WebPageViewed):
        return []
    return [occasion("page_viewed", fact, {"page": fact.page}, home=fact.property_id)]
