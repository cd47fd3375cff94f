"""Rentals: a search, each step of a booking, reviews, referrals, hosting and thoughts of buying."""

from collections.abc import Mapping

from domain.ads.occasion import Moment, Occasion, occasion
from domain.rentals import customer as customers
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
from domain.scoring.policy import FactValue, OncePer, label, reached
from domain.shared.clock import millis
from domain.shared.fact import Fact

HANDLES: frozenset[type[Fact]] = customers.HANDLES


def occasions(moment: Moment) -> list[Occasion]:
    """Return what a fact of a rental is an occasion for.

    A booking confirmed before, or cancelled already, makes none: it was told, or never will be.
    """
    fact = moment.recorded.fact
    if not isinstance(fact, RentalTouchpoint):
        return []
    known = _customer(moment)
    match fact:
        case RentalSearched():
            return [occasion("rental_search", fact, known | _searched(fact))]
        case RentalBookingInitiated():
            return [occasion("booking_initiated", fact, known | _initiated(fact), _of(fact), fact.property_id)]
        case RentalPaid():
            return [occasion("booking_paid", fact, known | _paid(fact), _of(fact), _home(moment, fact.booking_id))]
        case RentalBookingConfirmed():
            return _confirmed(moment, fact, known)
        case RentalBookingCancelled():
            return [occasion("booking_cancelled", fact, known, _of(fact), _home(moment, fact.booking_id))]
        case RentalStayCompleted():
            return [occasion("stay_completed", fact, known, _of(fact), _home(moment, fact.booking_id))]
        case RentalReviewLeft():
            said: dict[str, FactValue] = {"rating": fact.rating, "by": fact.by}
            return [occasion("rental_review", fact, known | said, _of(fact), _home(moment, fact.booking_id))]
        case RentalReferralMade():
            facts = known | _newest(moment) | {"referral_made": True}
            return [occasion("rental_referral", fact, facts, {"referral": fact.referral_id})]
        case RentalHostingStarted():
            facts = known | _newest(moment) | {"became_host": True}
            return [occasion("hosting_started", fact, facts, home=fact.property_id)]
        case RentalInterestShown():
            return [_interest(moment, fact, known)]


def _customer(moment: Moment) -> dict[str, FactValue]:
    """Return what is known of the customer when it happened; the prediction is personal, or not known."""
    state, house, fact = moment.after.rentals, moment.house, moment.recorded.fact
    at, platforms = millis(fact.occurred_at), len(moment.after.platforms)
    facts = customers.facts_of(state, house, at)
    return {
        **facts,
        "customer_segment": label(house.policy, "rental_segment", facts),
        "predicted_ltv": customers.predicted_ltv(state, house, platforms, at),
    }


def _searched(fact: RentalSearched) -> dict[str, FactValue]:
    return {
        "filter_sophistication": len(set(fact.filters)), "local": fact.local,
        "price_max": fact.price_max_minor / 100 if fact.price_max_minor is not None else None,
    }  # fmt: skip


def _initiated(fact: RentalBookingInitiated) -> dict[str, FactValue]:
    total = fact.total_minor / 100 if fact.total_minor is not None else None
    return {"booking_id": fact.booking_id, "booking_value": total, "currency": fact.currency}


def _paid(fact: RentalPaid) -> dict[str, FactValue]:
    return {
        "booking_id": fact.booking_id, "amount": fact.amount_minor / 100, "currency": fact.currency,
        "refund": fact.refund, "method": fact.method, "instalments": fact.instalments,
    }  # fmt: skip


def _confirmed(moment: Moment, fact: RentalBookingConfirmed, known: dict[str, FactValue]) -> list[Occasion]:
    before = moment.before.rentals.bookings.get(fact.booking_id, Booking())
    if before.confirmed is not None or before.cancelled is not None:
        return []
    total, nights = fact.total_minor / 100, fact.stay_nights
    facts: dict[str, FactValue] = {
        **known,
        "booking_id": fact.booking_id,
        "booking_total": total,
        "booking_value": total,
        "currency": fact.currency,
        "nights": nights,
        "nightly_rate": total / nights if nights else None,
        "guests": fact.guests,
        "purpose": fact.purpose,
        "earlier_bookings": customers.bookings(moment.before.rentals),
    }
    if not customers.in_house(fact.currency, moment.house):
        facts["predicted_ltv"] = None  # it is in another currency than the booking
    steps = dict.fromkeys((row.name for row in reached(moment.house.policy, "bookings", facts)), True)
    return [occasion("booking_confirmed", fact, facts | steps, _of(fact), fact.property_id)]


def _interest(moment: Moment, fact: RentalInterestShown, known: dict[str, FactValue]) -> Occasion:
    """Return the thought of buying: once for the booking that it came up with, else for the newest."""
    named = moment.after.rentals.bookings.get(fact.booking_id) if fact.booking_id else None
    about = (named.confirmed, named) if named and named.confirmed else customers.newest(moment.after.rentals)
    ids: dict[OncePer, str] = {"booking": about[1].booking_id} if about else {}
    facts = known | _worth(about) | {"property_investment_inquiry": True}
    return occasion("rental_interest", fact, facts, ids, fact.property_id)


def _newest(moment: Moment) -> dict[str, FactValue]:
    return _worth(customers.newest(moment.after.rentals))


def _worth(about: tuple[Confirmed, Booking] | None) -> dict[str, FactValue]:
    """Return what the booking brings that a milestone is measured by; nothing without a booking."""
    if about is None:
        return {"booking_total": None}
    told, one = about
    return {"booking_total": one.net_minor / 100, "booking_id": one.booking_id, "currency": told.currency}


def _of(
    fact: RentalBookingInitiated | RentalPaid | RentalBookingConfirmed | RentalBookingCancelled | RentalStayCompleted
    | RentalReviewLeft,
) -> Mapping[OncePer, str]:  # fmt: skip
    return {"booking": fact.booking_id}


def _home(moment: Moment, booking_id: str) -> str | None:
    told = moment.after.rentals.bookings[booking_id].confirmed if booking_id in moment.after.rentals.bookings else None
    return told.property_id if told else None
