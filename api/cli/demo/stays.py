"""Rentals of the demo: a stay from the search to the review, and the guests of the year before."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from api.cli.demo.diary import PAST, Body, Diary
from api.cli.demo.homes import LETS, Let

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
GUESTS = 160
"""Enough customers of the year before for a value model to give personal numbers."""
FIRST_GUEST = 90_000
"""Guests are numbered from here on, so that they share nothing with the people of the week."""
AT_ONCE = timedelta(minutes=10)


def book(one: Diary, at: datetime, home: Let, *, purpose: str = "leisure", nights: int = 3) -> str:
    """Search, begin to book, pay, be confirmed; return the booking's id."""
    booking = _booking(one)
    look: Body = {"area": home.location, "filters": ["price", "guests", "pool"], "guests": 4, "local": False}
    one.note("rentals.searched.v1", at, look | {"price_max_minor": home.rate * 130, "currency": "EGP"})
    total: Body = {"total_minor": home.rate * nights * 100, "currency": "EGP"}
    about: Body = {"booking_id": booking, "property_id": home.id, **total, "guests": 4}
    one.note("rentals.booking_initiated.v1", at + HOUR / 6, about)
    paid: Body = {"booking_id": booking, "amount_minor": total["total_minor"], "currency": "EGP", "method": "card"}
    one.note("rentals.paid.v1", at + HOUR / 5, {**paid, "transaction_id": f"paid-{booking}"})
    one.note("rentals.booking_confirmed.v1", at + HOUR / 4, {**about, "nights": nights, "purpose": purpose})
    return booking


def stay(one: Diary, booking: str, left: datetime, rating: int) -> None:
    """Stay, leave, and say how it was."""
    one.note("rentals.stay_completed.v1", left, {"booking_id": booking})
    one.note("rentals.review_left.v1", left + 3 * HOUR, {"booking_id": booking, "rating": rating, "by": "guest"})


def last_year(seed: int, anchor: datetime) -> list[Diary]:
    """Return the diaries of the guests of the year before; some of them came again and again."""
    return [guest(nth, seed, anchor) for nth in range(GUESTS)]


def guest(nth: int, seed: int, anchor: datetime) -> Diary:
    """Return the diary of the nth guest of the year before."""
    one = Diary(FIRST_GUEST + nth, seed, anchor, PAST)
    one.tells, one.late_until = {}, anchor - AT_ONCE
    one.introduce("email", "phone", "person_id")
    home, often = one.rng.choice(LETS), one.rng.random()
    for at in _bookings(one.rng, anchor, often):
        nights = one.rng.choice((2, 3, 3, 4, 7, 14))
        confirmed: dict[str, Any] = {"booking_id": _booking(one), "property_id": home.id, "nights": nights}
        total = round(home.rate * nights * one.rng.uniform(0.8, 1.2)) * 100
        one.note("rentals.booking_confirmed.v1", at, confirmed | {"total_minor": total, "currency": "EGP"})
    return one


def _bookings(rng: Random, anchor: datetime, often: float) -> list[datetime]:
    """Return when somebody booked within the year, the eagerer the more often; never in the last ten days."""
    at, found = anchor - DAY * rng.uniform(60, 365), []
    while at < anchor - 10 * DAY:
        found.append(at)
        at += DAY * rng.expovariate(1 / (90 + 700 * (1 - often)))
    return found[:5]


def _booking(one: Diary) -> str:
    return f"stay-{one.number}-{len(one.items)}-{one.anchor:%y%m%d%H%M%S}"
