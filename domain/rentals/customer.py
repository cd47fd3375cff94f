"""What is known of a person as a guest, a tenant or a host, folded in whatever order it arrives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from domain.brokerage.rulebook import House
from domain.rentals import booking as one_booking
from domain.rentals import value
from domain.rentals.booking import Booking, Confirmed
from domain.rentals.events import (
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalBookingInitiated,
    RentalHostingStarted,
    RentalInterestShown,
    RentalPaid,
    RentalReferralMade,
    RentalReviewLeft,
    RentalSearched,
    RentalStayCompleted,
    RentalTouchpoint,
)
from domain.rentals.value import Stay
from domain.scoring.policy import FactValue, Score, label, reached, score
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Fact, Recorded

HANDLES: frozenset[type[Fact]] = frozenset({
    RentalSearched, RentalBookingInitiated, RentalPaid, RentalBookingConfirmed, RentalBookingCancelled,
    RentalStayCompleted, RentalReviewLeft, RentalReferralMade, RentalHostingStarted, RentalInterestShown,
})  # fmt: skip
"""The facts that are folded here."""

YEAR_MS = 365.25 * value.DAY_MS
MOST_REFERRALS = 500
"""Referrals by name; the first to happen are kept."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """When somebody began to let a home (unix ms), by which log entry, and what a host must have."""

    at_ms: int
    event: str
    property_id: str | None
    tourism_permit: str | None
    developer_qr: str | None
    response_rate: float | None


@dataclass(frozen=True)
class Customer:
    """What is known of a person as a guest, a tenant or a host.

    Bookings by their id; ratings as (how many, sum of stars): those they gave, and those they got from hosts.
    """

    bookings: Mapping[str, Booking] = field(default_factory=dict)
    searches: int = 0
    premium_searches: int = 0
    local_searches: int = 0
    gave: tuple[int, int] = (0, 0)
    got: tuple[int, int] = (0, 0)
    referrals: Mapping[str, int] = field(default_factory=dict)  # id → when first told of (unix ms)
    hosting: Hosting | None = None
    inquiries: int = 0  # about buying a home to let
    last_ms: int = 0


NOBODY = Customer()


def evolve(state: Customer, recorded: Recorded, house: House) -> Customer:
    """Take one more fact into account."""
    fact, event = recorded.fact, str(recorded.stream_id)
    if not isinstance(fact, RentalTouchpoint):
        return state
    at = millis(fact.occurred_at)
    state = changed(state, last_ms=max(state.last_ms, at))
    match fact:
        case RentalSearched():
            return _searched(state, fact, house)
        case RentalReviewLeft():
            return _reviewed(state, fact)
        case RentalReferralMade():
            return changed(state, referrals=_referred(state.referrals, fact.referral_id, at))
        case RentalHostingStarted():
            told = Hosting(at, event, fact.property_id, fact.tourism_permit, fact.developer_qr, fact.response_rate)
            first = min(state.hosting or told, told, key=lambda one: (one.at_ms, one.event))
            return changed(state, hosting=first)
        case RentalInterestShown():
            return changed(state, inquiries=state.inquiries + 1)
        case _:
            before = state.bookings.get(fact.booking_id, Booking())
            return changed(state, bookings={**state.bookings, fact.booking_id: one_booking.evolve(before, recorded)})


def _searched(state: Customer, fact: RentalSearched, house: House) -> Customer:
    premium = fact.premium if fact.premium is not None else bool(reached(house.policy, "rental_searches", _asked(fact)))
    return changed(
        state,
        searches=state.searches + 1,
        premium_searches=state.premium_searches + premium,
        local_searches=state.local_searches + bool(fact.local),
    )


def _asked(fact: RentalSearched) -> dict[str, FactValue]:
    return {"price_max": fact.price_max_minor / 100 if fact.price_max_minor is not None else None}


def _reviewed(state: Customer, fact: RentalReviewLeft) -> Customer:
    name = "gave" if fact.by == "guest" else "got"
    count, stars = getattr(state, name)
    return changed(state, **{name: (count + 1, stars + fact.rating)})


def _referred(known: Mapping[str, int], referral_id: str, at_ms: int) -> Mapping[str, int]:
    after = {**known, referral_id: min(known.get(referral_id, at_ms), at_ms)}
    if len(after) > MOST_REFERRALS:
        after.pop(max(after, key=lambda one: (after[one], one)))
    return after


def standing(state: Customer, at_ms: int | None = None) -> list[tuple[Confirmed, Booking]]:
    """Return the bookings that stand, the first made first; with a moment (unix ms) those made until then."""
    found = [(one.confirmed, one) for one in state.bookings.values() if one.confirmed is not None and one.stands]
    known = [pair for pair in found if at_ms is None or pair[0].at_ms <= at_ms]
    return sorted(known, key=lambda pair: (pair[0].at_ms, pair[1].booking_id))


def stays_of(state: Customer, house: House) -> list[Stay]:
    """Return what the value model asks about: the bookings that stand, in the brokerage's currency."""
    return [Stay(told.at_ms, one.net_minor) for told, one in standing(state) if in_house(told.currency, house)]


def in_house(currency: str | None, house: House) -> bool:
    """Tell whether money is in the brokerage's currency; sums and predictions count no other."""
    return currency is None or currency == house.currency


def revenue(state: Customer, house: House) -> float:
    """Return what all bookings brought in currency units, after cancellations and refunds."""
    kept = (one for one in state.bookings.values() if one.confirmed and in_house(one.confirmed.currency, house))
    return sum(one.net_minor for one in kept) / 100


def facts_of(state: Customer, house: House, at_ms: int) -> dict[str, FactValue]:
    """Return the named facts that policies speak of, at a moment (unix ms); money in currency units."""
    booked = standing(state, at_ms)
    values = [one.net_minor / 100 for told, one in booked if in_house(told.currency, house)]
    years = max(1.0, (at_ms - booked[0][0].at_ms) / YEAR_MS) if booked else None
    return {
        "bookings": len(booked),
        "business_bookings": sum(told.purpose == "business" for told, _ in booked),
        "mean_booking_value": mean(values),
        "rising_value": len(values) > 1 and values[-1] > (mean(values[:-1]) or 0),
        "bookings_per_year": round(len(booked) / years, 4) if years else 0.0,
        "investment_interest": state.inquiries > 0,
        "searched_locally": state.local_searches > 0,
        "searches": state.searches,
        "premium_share": state.premium_searches / state.searches if state.searches else 0.0,
        "own_rating": state.gave[1] / state.gave[0] if state.gave[0] else None,
        "stays": sum(one.completed_ms is not None for _, one in booked),
        "referrals": len(state.referrals),
        "hosts": state.hosting is not None,
    }


def mean(values: Iterable[float]) -> float | None:
    """Return the mean, None of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else None


def bookings(state: Customer) -> int:
    """Return how many bookings were confirmed and stand."""
    return len(standing(state))


def segment(state: Customer, house: House) -> str | None:
    """Return the customer's segment in the policy's words, None for somebody who never looked at a rental."""
    if state == NOBODY:
        return None
    return label(house.policy, "rental_segment", facts_of(state, house, state.last_ms))


def predicted_ltv(state: Customer, house: House, platforms: int, at_ms: int) -> float | None:
    """Return the predicted value of the next twelve months in currency units, None without a personal prediction.

    Raised for people who were met on other platforms as well.
    """
    if house.value_model is None or not state.bookings:
        return None
    minor = value.expected_12m(house.value_model, stays_of(state, house), at_ms)
    return None if minor is None else round(minor * value.raised(platforms) / 100, 2)


def ltv_score(predicted: float, house: House) -> int:
    """Return the lifetime value score 0–10 of a value of the next twelve months in currency units."""
    return score(house.policy, "rental_ltv", {"value_12m": predicted}).score


def rental_score(state: Customer, house: House, platforms: int, at_ms: int) -> float | None:
    """Return the rental score 0–100 at a moment, None where there is no personal prediction."""
    standing_now = rental_standing(state, house, platforms, at_ms)
    return None if standing_now is None else float(standing_now.score)


def rental_standing(state: Customer, house: House, platforms: int, at_ms: int) -> Score | None:
    """Return the rental score at a moment with its reason, None where there is no personal prediction."""
    predicted = predicted_ltv(state, house, platforms, at_ms)
    if predicted is None:
        return None
    return score(house.policy, "rentals", {"ltv_score": ltv_score(predicted, house)})


def newest(state: Customer) -> tuple[Confirmed, Booking] | None:
    """Return the booking that was made last and stands, None without any."""
    return standing(state)[-1] if bookings(state) else None
