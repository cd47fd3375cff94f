"""What people and brokers do about viewings, ready-made."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.properties.listing import Listing
from domain.viewings.events import (
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingRequested,
    ViewingStep,
)
from tests.cast import VILLA, at

VIEWINGS = UUID("7d1d4c9a-1f52-5a8e-9a40-3d3a52cbb101")
OMAR = "omar"
"""A broker."""
MONDAY = 22 * 3_600
"""Seconds from the cast's noon, a Sunday, to Monday 10:00 UTC, noon in Cairo."""
FRIDAY = MONDAY + 4 * 86_400
HOUR = timedelta(hours=1)


def viewing_id(name: str) -> UUID:
    """Return the id of a viewing of the stories."""
    return uuid5(VIEWINGS, name)


def costing(pounds: int, currency: str | None = None) -> Listing:
    """Return what the stock says of a property at this price."""
    return Listing(price_minor=pounds * 100, currency=currency)


def requested(home: str = VILLA, when: float = 0, **more: Any) -> ViewingRequested:
    return ViewingRequested(property_id=home, occurred_at=at(when), **more)


def booked(
    name: str = "v1", home: str = VILLA, when: float = 0, begins: float = MONDAY, pounds: int | None = 4_000_000,
    **more: Any,
) -> ViewingBooked:  # fmt: skip
    price = pounds * 100 if pounds is not None else None
    return ViewingBooked.model_validate({
        "viewing_id": viewing_id(name), "property_id": home, "broker_id": OMAR, "starts_at": at(begins),
        "ends_at": at(begins) + HOUR, "confirmation_code": "K7PM-3XQT", "price_minor": price, "occurred_at": at(when),
        **more,
    })  # fmt: skip


def _step(kind: type[ViewingStep], name: str, home: str, when: float, more: dict[str, Any]) -> Any:
    own = {"viewing_id": viewing_id(name), "property_id": home, "broker_id": OMAR, "occurred_at": at(when)}
    return kind.model_validate(own | more)


def confirmed(name: str = "v1", home: str = VILLA, when: float = 60, **more: Any) -> ViewingConfirmed:
    return _step(ViewingConfirmed, name, home, when, more)  # type: ignore[no-any-return]


def came(name: str = "v1", home: str = VILLA, when: float = MONDAY, **more: Any) -> ViewingCompleted:
    return _step(ViewingCompleted, name, home, when, more)  # type: ignore[no-any-return]


def missed(name: str = "v1", home: str = VILLA, when: float = MONDAY, **more: Any) -> ViewingMissed:
    return _step(ViewingMissed, name, home, when, more)  # type: ignore[no-any-return]


def cancelled(name: str = "v1", home: str = VILLA, when: float = 120, **more: Any) -> ViewingCancelled:
    return _step(ViewingCancelled, name, home, when, more)  # type: ignore[no-any-return]


def followed_up(
    outcome: str = "offer", name: str = "v1", home: str = VILLA, when: float = MONDAY + 7_200, **more: Any
) -> ViewingFollowedUp:
    return _step(ViewingFollowedUp, name, home, when, more | {"outcome": outcome})  # type: ignore[no-any-return]
