"""A brokerage's fitted model, as it is recorded, and what it predicts of one customer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.lifetime_value.model import (
    Customer,
    FrequencyModel,
    Kind,
    ValueModel,
    churn,
    discounted_bookings,
    expected_bookings,
    expected_by_month,
    expected_value,
    p_alive,
    p_next,
)

MIN_CUSTOMERS = 150  # below, one fit in thirty of a like sample is far off: a segment's mean is more honest
MIN_REPEATERS = 30
INTERVAL = 0.90  # share of the parameter draws within low and high

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrequencyParameters(_Plain):
    """Parameters of BG/NBD or MBG/NBD; `alpha` in days."""

    r: Positive
    alpha: Positive
    a: Positive
    b: Positive


class ValueParameters(_Plain):
    """Parameters of Gamma-Gamma; `v` in minor units of the model's currency."""

    p: Positive
    q: Annotated[float, Field(gt=1, allow_inf_nan=False)]
    v: Positive


class Draw(_Plain):
    """Parameters as they might as well have come out: one refit of customers simulated from the fitted model."""

    frequency: FrequencyParameters
    value: ValueParameters


class Decile(_Plain):
    """A tenth of the customers by predicted chance to book: what was said, and what came."""

    customers: int
    predicted: Finite
    observed: Finite


class Backtest(_Plain):
    """How forecasts did on bookings that the fit had not seen; `how` says which.

    `brier` is of the chance to book at all, `brier_base` that of telling everybody the mean rate.
    """

    how: str
    customers: int
    forecast: Finite
    actual: Finite
    brier: Finite
    brier_base: Finite
    deciles: tuple[Decile, ...]

    @property
    def ratio(self) -> float | None:
        """Forecast bookings per actual one; None when there was none."""
        return self.forecast / self.actual if self.actual else None


class SegmentMean(_Plain):
    """What a segment's customers brought: mean revenue in the last 12 months, mean value of a booking."""

    customers: int
    revenue_12m_minor: Finite
    booking_minor: Finite


class FittedValueModel(_Plain):
    """Everything a prediction needs, recorded once per fit, so that a replay predicts the same.

    Money in minor units of `currency`, times in days. `frequency` and `value` are None when nothing could be fitted.
    """

    kind: Kind
    frequency: FrequencyParameters | None = None
    value: ValueParameters | None = None
    draws: tuple[Draw, ...] = ()
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    as_of: AwareDatetime
    months_of_data: Annotated[float, Field(ge=0)]
    customers: Annotated[int, Field(ge=0)]
    repeaters: Annotated[int, Field(ge=0)]
    margin: Annotated[float, Field(gt=0, le=1)] = 1.0
    monthly_discount: Annotated[float, Field(ge=0, le=1)] = 0.0
    frequency_log_likelihood: Finite | None = None
    value_log_likelihood: Finite | None = None
    value_correlation: Finite | None = None
    backtest: Backtest | None = None
    segments: Mapping[str, SegmentMean] = Field(default_factory=dict)
    overall: SegmentMean

    @property
    def enough_data(self) -> bool:
        """Tell whether a personal number may be given."""
        return (
            self.customers >= MIN_CUSTOMERS and self.repeaters >= MIN_REPEATERS
            and self.frequency is not None and self.value is not None
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 90 % of an expected value over the parameter draws.

    It says how well the mean is known, not how far one customer may stray from it. With no draws both are the value.
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is expected of one customer; values in minor units, discounted, times margin.

    `churn` is the chance that they have left for good. `beyond_data` says that 24 months are longer than the history.
    """

    p_alive: float
    p_next_90d: float
    churn: float
    bookings_12m: float
    bookings_24m: float
    booking_value_minor: float
    value_12m_minor: float
    value_24m_minor: float
    interval_12m: Interval
    interval_24m: Interval
    beyond_data: bool


@dataclass(frozen=True, slots=True)
class NotEnoughData:
    """Too few customers for a personal number; the mean of the customer's segment, or of all, instead."""

    segment: str | None  # None: the mean of all customers
    mean: SegmentMean


def predict(model: FittedValueModel, customer: Customer, segment: str | None = None) -> Prediction | NotEnoughData:
    """Return what is expected of a customer, or the segment's mean where a personal number would be noise."""
    if not model.enough_data or model.frequency is None or model.value is None:
        known = segment is not None and segment in model.segments
        return NotEnoughData(segment if known else None, model.segments[segment or ""] if known else model.overall)
    frequency, worth = _frequency(model.kind, model.frequency), _value(model.value)
    by_month = expected_by_month(frequency, customer, 24)
    each = expected_value(worth, customer) * model.margin
    today = [discounted_bookings(by_month[:months], model.monthly_discount) for months in (12, 24)]
    year, two_years = _ranges(model, customer, by_month, today)
    return Prediction(
        p_alive=p_alive(frequency, customer), p_next_90d=p_next(frequency, customer, 90),
        churn=churn(frequency, customer), bookings_12m=by_month[11], bookings_24m=by_month[23],
        booking_value_minor=each / model.margin, value_12m_minor=today[0] * each, value_24m_minor=today[1] * each,
        interval_12m=_around(year, today[0] * each), interval_24m=_around(two_years, today[1] * each),
        beyond_data=model.months_of_data < 24,
    )  # fmt: skip


def _ranges(
    model: FittedValueModel, customer: Customer, by_month: tuple[float, ...], today: list[float]
) -> tuple[Interval, Interval]:
    """Return the intervals at 12 and 24 months; discounting weighs as in the forecast itself, which spares months."""
    values: tuple[list[float], list[float]] = ([], [])
    for draw in model.draws:
        frequency, worth = _frequency(model.kind, draw.frequency), _value(draw.value)
        each = expected_value(worth, customer) * model.margin
        for place, months in enumerate((12, 24)):
            weight = today[place] / by_month[months - 1] if by_month[months - 1] else 0.0
            values[place].append(expected_bookings(frequency, customer, months * 365.25 / 12) * each * weight)
    if not model.draws:
        each = expected_value(_value(model.value), customer) * model.margin if model.value else 0.0
        return Interval(today[0] * each, today[0] * each), Interval(today[1] * each, today[1] * each)
    return _middle(values[0]), _middle(values[1])


def _around(drawn: Interval, value: float) -> Interval:
    """Return the interval with the forecast within: a few draws may all miss it by a little."""
    return Interval(min(drawn.low, value), max(drawn.high, value))


def _middle(values: list[float]) -> Interval:
    ordered, cut = sorted(values), (1 - INTERVAL) / 2
    return Interval(ordered[int(cut * (len(ordered) - 1))], ordered[-1 - int(cut * (len(ordered) - 1))])


def _frequency(kind: Kind, given: FrequencyParameters) -> FrequencyModel:
    return FrequencyModel(kind, given.r, given.alpha, given.a, given.b)


def _value(given: ValueParameters) -> ValueModel:
    return ValueModel(given.p, given.q, given.v)
