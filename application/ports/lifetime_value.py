"""Fitting a brokerage's value model to its customers' bookings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.lifetime_value.fitted import FittedValueModel
from domain.lifetime_value.model import Kind


@dataclass(frozen=True, slots=True)
class Booked:
    """One confirmed booking, net of cancellations; value in minor units."""

    at: datetime
    value_minor: int


@dataclass(frozen=True, slots=True)
class History:
    """One customer's bookings, in any order, and the segment they belong to now."""

    segment: str
    bookings: Sequence[Booked]


class ValueFitter(Protocol):
    """Fits value models; the same histories give the same model."""

    def fit(
        self, histories: Sequence[History], as_of: datetime, currency: str, kind: Kind = "mbg", margin: float = 1.0,
        monthly_discount: float = 0.0,
    ) -> FittedValueModel:  # fmt: skip
        """Return the model as of a moment, later bookings left out; too little data gives one without numbers."""
