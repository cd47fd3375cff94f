"""People who look at homes, save them and calculate, ready-made."""

from typing import Any

from domain.investors.events import InvestorMilestoneReached, InvestorSignalObserved, Milestone, Signal
from domain.properties.events import PropertySaved, PropertyViewed
from domain.properties.listing import Listing
from domain.web.events import Page, WebPageViewed
from tests.cast import VILLA, at


def home(price: float | None = None, area: str | None = None, kind: str | None = None, **more: Any) -> Listing:
    """A property on offer, its price in currency units."""
    minor = None if price is None else round(price * 100)
    return Listing(price_minor=minor, area=area, property_type=kind, **more)


def viewed(property_id: str = VILLA, when: float = 0, listing: Listing | None = None, **more: Any) -> PropertyViewed:
    return PropertyViewed(property_id=property_id, occurred_at=at(when), listing=listing, **more)


def put_by(property_id: str = VILLA, when: float = 0, listing: Listing | None = None, **more: Any) -> PropertySaved:
    return PropertySaved(property_id=property_id, occurred_at=at(when), listing=listing, **more)


def opened(page: Page, when: float = 0, **more: Any) -> WebPageViewed:
    return WebPageViewed(page=page, occurred_at=at(when), **more)


def showed(signal: Signal, when: float = 0, **more: Any) -> InvestorSignalObserved:
    return InvestorSignalObserved(signal=signal, occurred_at=at(when), **more)


def stepped(milestone: Milestone, when: float = 0, **more: Any) -> InvestorMilestoneReached:
    return InvestorMilestoneReached(milestone=milestone, occurred_at=at(when), **more)


def can_pay(amount: float, when: float = 0, **more: Any) -> InvestorSignalObserved:
    """Somebody names a budget, in currency units."""
    return showed("budget_stated", when, budget_minor=round(amount * 100), **more)
