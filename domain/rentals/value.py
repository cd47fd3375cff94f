"""What a customer's bookings let expect of the next months, by the brokerage's fitted model."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from domain.lifetime_value.fitted import FittedValueModel, NotEnoughData, Prediction, predict
from domain.lifetime_value.model import Customer as History
from domain.lifetime_value.model import (
    FrequencyModel,
    ValueModel,
    discounted_bookings,
    expected_by_month,
    expected_value,
)
from domain.scoring.tables.rentals import RAISE_AT_MOST, RAISE_PER_PLATFORM

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Stay:
    """One booking that stands: when it was made (unix ms), and what it brings in minor units."""

    at_ms: int
    value_minor: int


def history(stays: Iterable[Stay], at_ms: int) -> History | None:
    """Return what the model asks of a customer at a moment, in days; None before the first booking.

    Bookings of one day (UTC) count as one, as in the fit.
    """
    days: dict[int, int] = {}
    for one in stays:
        if one.at_ms <= at_ms:
            days[one.at_ms // DAY_MS] = days.get(one.at_ms // DAY_MS, 0) + one.value_minor
    if not days:
        return None
    ordered = sorted(days)
    repeats = [days[day] for day in ordered[1:]]
    return History(
        frequency=len(repeats),
        recency=ordered[-1] - ordered[0],
        age=at_ms // DAY_MS - ordered[0],
        mean_value=sum(repeats) / len(repeats) if repeats else 0.0,
    )


LEAST_CHANGE_MINOR = 100
"""A change of value by less than one currency unit is not told."""


def differs(before: int | None, after: int | None) -> bool:
    """Tell whether a value, in minor units, changed so much that it is told; None is "not enough data"."""
    if before is None or after is None:
        return before is not after
    return abs(after - before) >= LEAST_CHANGE_MINOR


def expected_12m(model: FittedValueModel | None, stays: Iterable[Stay], at_ms: int) -> float | None:
    """Return the value of the next twelve months in minor units; None without a personal prediction.

    The same as `expected` says, without the interval, which costs more than the rest.
    """
    if model is None or not model.enough_data or model.frequency is None or model.value is None:
        return None
    known = history(stays, at_ms)
    if known is None:
        return None
    rate, worth = model.frequency, model.value
    return _value_12m(
        FrequencyModel(model.kind, rate.r, rate.alpha, rate.a, rate.b), ValueModel(worth.p, worth.q, worth.v), known,
        model.margin, model.monthly_discount,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _value_12m(
    frequency: FrequencyModel, worth: ValueModel, known: History, margin: float, monthly_discount: float
) -> float:
    """Kept for a while: every conversion of a fact asks for the same one."""
    by_month = expected_by_month(frequency, known, 24)  # two years, as `predict` does, for the very same digits
    return discounted_bookings(by_month[:12], monthly_discount) * (expected_value(worth, known) * margin)


def expected(
    model: FittedValueModel | None, stays: Iterable[Stay], segment: str | None, at_ms: int
) -> Prediction | NotEnoughData | None:
    """Return all that the model says of a customer at a moment; None without a model or a booking."""
    known = history(stays, at_ms)
    return predict(model, known, segment) if model is not None and known is not None else None


def raised(platforms: int) -> float:
    """Return what predictions are multiplied by for a person met on so many platforms, rentals included."""
    return float(min(RAISE_AT_MOST, RAISE_PER_PLATFORM ** max(0, platforms - 1)))
