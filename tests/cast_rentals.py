"""Guests and hosts, what they do, and value models of a known outcome, ready-made."""

from typing import Any

from domain.lifetime_value.fitted import (
    FittedValueModel,
    FrequencyParameters,
    Prediction,
    SegmentMean,
    ValueParameters,
    predict,
)
from domain.lifetime_value.model import Customer
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
    RentalValueModelFitted,
)
from tests.cast import Told, at

CHALET, LOFT = "chalet-1", "loft-2"
DAY = 86_400


def searched(when: float = 0, **more: Any) -> RentalSearched:
    return RentalSearched(occurred_at=at(when), **more)


def initiated(booking: str = "b1", when: float = 0, **more: Any) -> RentalBookingInitiated:
    return RentalBookingInitiated(booking_id=booking, occurred_at=at(when), **more)


def stay(booking: str = "b1", pounds: int = 1_000, when: float = 0, **more: Any) -> RentalBookingConfirmed:
    """A confirmed booking of the chalet at so many currency units in all."""
    told = {"booking_id": booking, "property_id": CHALET, "total_minor": pounds * 100, "occurred_at": at(when)}
    return RentalBookingConfirmed.model_validate(told | more)


def called_off(booking: str = "b1", when: float = 60, **more: Any) -> RentalBookingCancelled:
    return RentalBookingCancelled(booking_id=booking, occurred_at=at(when), **more)


def stayed(booking: str = "b1", when: float = 5 * DAY) -> RentalStayCompleted:
    return RentalStayCompleted(booking_id=booking, occurred_at=at(when))


def paid(pounds: int, booking: str = "b1", when: float = 30, **more: Any) -> RentalPaid:
    return RentalPaid(booking_id=booking, amount_minor=pounds * 100, occurred_at=at(when), **more)


def reviewed(rating: int, booking: str = "b1", when: float = 6 * DAY, **more: Any) -> RentalReviewLeft:
    return RentalReviewLeft(booking_id=booking, rating=rating, occurred_at=at(when), **more)


def referred(referral: str = "r1", when: float = 90) -> RentalReferralMade:
    return RentalReferralMade(referral_id=referral, occurred_at=at(when))


def hosting(when: float = 90, **more: Any) -> RentalHostingStarted:
    return RentalHostingStarted(occurred_at=at(when), **more)


def asked_to_buy(when: float = 90, **more: Any) -> RentalInterestShown:
    return RentalInterestShown(occurred_at=at(when), **more)


def model(scale: float = 100_000.0, **more: Any) -> FittedValueModel:
    """A model fitted on enough customers; values in proportion to `scale`, in minor units."""
    nobody = SegmentMean(customers=200, revenue_12m_minor=123_450.0, booking_minor=98_765.0)
    told: dict[str, Any] = {
        "kind": "mbg", "frequency": FrequencyParameters(r=0.8, alpha=90, a=0.6, b=2.5),
        "value": ValueParameters(p=6, q=4, v=scale), "currency": "EGP", "as_of": at(-DAY), "months_of_data": 30,
        "customers": 200, "repeaters": 60, "overall": nobody,
    }  # fmt: skip
    return FittedValueModel.model_validate(told | more)


def worth(pounds: float, **more: Any) -> FittedValueModel:
    """A model by which somebody who booked for the first time today brings just so much within a year."""
    found = predict(model(1.0), Customer(0, 0, 0))
    assert isinstance(found, Prediction)
    return model(pounds * 100 / found.value_12m_minor, **more)


def fitted(told: FittedValueModel, when: float = -3_600) -> Told:
    return Told(RentalValueModelFitted(model=told, occurred_at=at(when)))
