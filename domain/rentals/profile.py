"""A rental customer as a broker reads one: what they booked, when they come, and what they may still bring."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from domain.brokerage.rulebook import House
from domain.lifetime_value.fitted import Interval, NotEnoughData, Prediction
from domain.rentals import customer as customers
from domain.rentals import value
from domain.rentals.booking import Booking, Confirmed
from domain.rentals.customer import Customer
from domain.scoring.policy import label, score
from domain.shared.clock import moment

MONTHS = range(1, 13)


def profile_of(state: Customer, house: House, platforms: int, at_ms: int) -> dict[str, Any]:
    """Return everything there is to show of a customer at a moment (unix ms); money in currency units.

    `prediction` is a personal one, the mean of the segment ("not enough data"), or None without a model or a booking.
    """
    facts = customers.facts_of(state, house, at_ms)
    booked = customers.standing(state, at_ms)
    segment = label(house.policy, "rental_segment", facts)
    found = value.expected(house.value_model, customers.stays_of(state, house), segment, at_ms)
    active = facts | {"active": _active(found, booked, at_ms)}
    months = seasonality(booked)
    return {
        "segment": segment,
        "bookings": facts["bookings"],
        "cancelled": sum(one.cancelled is not None for one in state.bookings.values()),
        "revenue": customers.revenue(state, house),
        "mean_booking_value": facts["mean_booking_value"],
        "bookings_per_year": facts["bookings_per_year"],
        "mean_lead_days": customers.mean(told.lead_days for told, _ in booked if told.lead_days is not None),
        "seasonality": {str(month): count for month, count in months.items() if count},
        "season_windows": season_windows(months),
        "preferred_types": _by_count([told.property_type for told, _ in booked if told.property_type]),
        "best_channel": next(iter(_by_count([told.source for told, _ in booked])), None),
        "searches": state.searches,
        "premium_share": facts["premium_share"],
        "stays": facts["stays"],
        "rating_given": facts["own_rating"],
        "rating_received": state.got[1] / state.got[0] if state.got[0] else None,
        "referrals": facts["referrals"],
        "hosting": _hosting(state),
        "upsell": score(house.policy, "rental_upsell", active).score,
        "referral_likelihood": score(house.policy, "rental_referral", active).score,
        "prediction": prediction_of(found, house, platforms),
    }


def prediction_of(found: Prediction | NotEnoughData | None, house: House, platforms: int) -> dict[str, Any] | None:
    """Return a prediction as it is shown, values in currency units and raised for further platforms."""
    if found is None:
        return None
    if isinstance(found, NotEnoughData):
        return {
            "status": "not_enough_data",
            "segment": found.segment,
            "customers": found.mean.customers,
            "mean_revenue_12m": round(found.mean.revenue_12m_minor / 100, 2),
            "mean_booking_value": round(found.mean.booking_minor / 100, 2),
        }
    times = value.raised(platforms) / 100
    year = round(found.value_12m_minor * times, 2)
    points = customers.ltv_score(year, house)
    return {
        "status": "personal",
        "value_12m": year,
        "value_12m_interval": _interval(found.interval_12m, times),
        "value_24m": round(found.value_24m_minor * times, 2),
        "value_24m_interval": _interval(found.interval_24m, times),
        "beyond_data": found.beyond_data,
        "bookings_12m": round(found.bookings_12m, 4),
        "bookings_24m": round(found.bookings_24m, 4),
        "p_alive": round(found.p_alive, 4),
        "p_next_90d": round(found.p_next_90d, 4),
        "churn": round(found.churn, 4),
        "ltv_score": points,
        "ltv_band": label(house.policy, "rental_ltv_band", {"ltv_score": points}),
        "raised_by": value.raised(platforms),
    }


def seasonality(booked: Sequence[tuple[Confirmed, Booking]]) -> dict[int, int]:
    """Return how many bookings fall into each month, 1 to 12: of arrival, else of booking."""
    counted = Counter(_month(told) for told, _ in booked)
    return {month: counted[month] for month in MONTHS}


def season_windows(months: dict[int, int]) -> list[dict[str, int]]:
    """Return the stretches of months, round the year, that have more than an even share of the bookings."""
    total = sum(months.values())
    busy = [month for month in MONTHS if months[month] * 12 > total]
    windows = []
    for first in (month for month in busy if _before(month) not in busy):
        last = first
        while last % 12 + 1 in busy and last % 12 + 1 != first:
            last = last % 12 + 1
        windows.append({"from_month": first, "to_month": last})
    return windows


def _before(month: int) -> int:
    return 12 if month == 1 else month - 1


def _month(told: Confirmed) -> int:
    return int(told.check_in[5:7]) if told.check_in else moment(told.at_ms).month


def _by_count(words: Sequence[str]) -> list[str]:
    """Return words, the most frequent first; among equals the alphabet decides."""
    return sorted(set(words), key=lambda word: (-words.count(word), word))


def _active(found: Prediction | NotEnoughData | None, booked: Sequence[tuple[Confirmed, Booking]], at_ms: int) -> float:
    """Return how surely a customer is still with us: by the model, else whether they booked within a year."""
    if isinstance(found, Prediction):
        return found.p_alive
    return float(bool(booked) and at_ms - booked[-1][0].at_ms <= customers.YEAR_MS)


def _interval(one: Interval, times: float) -> list[float]:
    return [round(one.low * times, 2), round(one.high * times, 2)]


def _hosting(state: Customer) -> dict[str, Any] | None:
    host = state.hosting
    if host is None:
        return None
    return {
        "since": moment(host.at_ms), "property_id": host.property_id, "tourism_permit": host.tourism_permit,
        "developer_qr": host.developer_qr, "response_rate": host.response_rate,
    }  # fmt: skip
