"""What may cause a conversion: each kind of fact, and the occasions it makes."""

from collections.abc import Callable, Mapping

from domain.ads.occasion import Moment, Occasion
from domain.ads.occasions import (
    appraisals,
    conversations,
    direct,
    funnels,
    investors,
    leads,
    rentals,
    saves,
    tours,
    viewings,
    web,
)
from domain.shared.fact import Fact

CONTEXTS = (tours, conversations, appraisals, rentals, viewings, saves, investors, leads, direct, web, funnels)

OF: Mapping[type[Fact], tuple[Callable[[Moment], list[Occasion]], ...]] = {
    kind: tuple(one.occasions for one in CONTEXTS if kind in one.HANDLES)
    for kind in frozenset().union(*(one.HANDLES for one in CONTEXTS))
}
"""Class of fact → what makes its occasions; one fact may make some for several tables."""


def occasions_of(moment: Moment) -> list[Occasion]:
    """Return the occasions that a fact makes, in the order of the policy's tables."""
    return [one for make in OF.get(type(moment.recorded.fact), ()) for one in make(moment)]
