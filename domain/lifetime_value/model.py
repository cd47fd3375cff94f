"""How often a customer will book again, and what that is worth: BG/NBD, MBG/NBD and Gamma-Gamma, in closed form.

While active, a customer books at a rate of their own; after a booking they may leave for ever. Rates differ between
customers as Gamma(r, alpha), the chance to leave as Beta(a, b). In "bg" nobody leaves after the first booking; in "mbg"
they may. Times are in days, as long as the parameters are; any unit will do where both share it.

Sources: Fader, Hardie, Lee 2005 (BG/NBD; numerically stable likelihood: Hardie's note 027); Batislam, Denizel,
Filiztekin 2007 (MBG/NBD); Fader, Hardie 2013 (Gamma-Gamma).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["mbg", "bg"]

MONTH_DAYS = 365.25 / 12
GONE = 1e-12  # below this chance of being active nothing more is expected


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of a customer's bookings.

    `frequency`: bookings after the first; `recency`: days from first to last booking; `age`: days from the first
    booking until now; `mean_value`: mean value of the bookings after the first, 0 where there is none.
    """

    frequency: int
    recency: float
    age: float
    mean_value: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be: ValueError naming the field."""
        if self.frequency < 0:
            raise ValueError("frequency must not be negative")
        if not 0 <= self.recency <= self.age < math.inf:
            raise ValueError("recency must be between 0 and age, age finite")
        if self.frequency == 0 and self.recency > 0:
            raise ValueError("recency must be 0 without a repeat booking")
        if not 0 <= self.mean_value < math.inf:
            raise ValueError("mean_value must be finite and not negative")


@dataclass(frozen=True, slots=True)
class FrequencyModel:
    """Parameters of BG/NBD or MBG/NBD, all positive; `alpha` in days."""

    kind: Kind
    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        """Refuse parameters that are no distribution: ValueError naming them."""
        for name in ("r", "alpha", "a", "b"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive and finite")

    def stays(self, frequency: int) -> float:
        """Return the second Beta parameter after `frequency` repeats: b plus the times the customer might have left."""
        return self.b + frequency + (1 if self.kind == "mbg" else 0)


@dataclass(frozen=True, slots=True)
class ValueModel:
    """Gamma-Gamma: shape p of a customer's bookings, shape q and scale v (money) between customers; q > 1."""

    p: float
    q: float
    v: float

    def __post_init__(self) -> None:
        """Refuse parameters without a mean: ValueError naming them."""
        if not (0 < self.p < math.inf and 0 < self.v < math.inf):
            raise ValueError("p and v must be positive and finite")
        if not 1 < self.q < math.inf:
            raise ValueError("q must be above 1, or the mean value does not exist")


def log_likelihood(model: FrequencyModel, customer: Customer) -> float:
    """Return the log-likelihood of one customer's history."""
    x, a, stays = customer.frequency, model.a, model.stays(customer.frequency)
    rate = (
        math.lgamma(model.r + x) - math.lgamma(model.r) + model.r * math.log(model.alpha)
        + math.lgamma(a + model.b) - math.lgamma(model.b) + math.lgamma(stays) - math.lgamma(a + stays)
    )  # fmt: skip
    active = -(model.r + x) * math.log(model.alpha + customer.age)
    odds = _log_odds_gone(model, customer)
    return rate + active + (max(odds, 0.0) + math.log1p(math.exp(-abs(odds))) if odds > -math.inf else 0.0)


def _log_odds_gone(model: FrequencyModel, customer: Customer) -> float:
    if model.kind == "bg" and customer.frequency == 0:
        return -math.inf
    silence = math.log1p((customer.age - customer.recency) / (model.alpha + customer.recency))
    chance = math.log(model.a) - math.log(model.stays(customer.frequency) - 1)
    return chance + (model.r + customer.frequency) * silence


def p_alive(model: FrequencyModel, customer: Customer) -> float:
    """Return the probability, 0 to 1, that the customer has not left yet."""
    odds = _log_odds_gone(model, customer)
    if odds > 700:
        return 0.0
    return 1 / (1 + math.exp(odds))


def p_next(model: FrequencyModel, customer: Customer, within: float) -> float:
    """Return the probability of at least one booking within so many days; exact, as one leaves only at a booking."""
    if within < 0:
        raise ValueError("within must not be negative")
    shape = model.r + customer.frequency
    return p_alive(model, customer) * -math.expm1(-shape * math.log1p(within / (model.alpha + customer.age)))


def expected_bookings(model: FrequencyModel, customer: Customer, days: float) -> float:
    """Return how many bookings are expected in the next `days`, to nine digits."""
    return _expected(model, customer, (days,), fine=True)[0]


def expected_by_month(
    model: FrequencyModel, customer: Customer, months: int, month: float = MONTH_DAYS
) -> tuple[float, ...]:
    """Return the bookings expected until the end of each of the next months (a running total), to five digits."""
    return _expected(model, customer, [month * (number + 1) for number in range(months)], fine=False)


def _expected(model: FrequencyModel, customer: Customer, times: Sequence[float], *, fine: bool) -> tuple[float, ...]:
    """P(active) times the mean of (1 - (A/(A+pt))^shape)/p over the chance to leave p; A is alpha plus age.

    The closed form by the hypergeometric function is singular at a = 1 and loses digits; this mean is and does not.
    """
    if not times or min(times) < 0:
        raise ValueError("times must not be negative")
    alive = p_alive(model, customer)
    if alive < GONE:
        return (0.0,) * len(times)
    shape, start = model.r + customer.frequency, model.alpha + customer.age
    spans = [time / start for time in times]
    reach = 2.0 ** math.ceil(math.log2(max(spans[-1], *spans, 1.0)))
    points, small = _chances(model.a, model.stays(customer.frequency), shape, reach, fine)
    expm1, log1p = math.expm1, math.log1p
    return tuple(
        alive * (_of_the_loyal(shape, span, small) - sum([w * expm1(-shape * log1p(p * span)) for p, w in points]))
        for span in spans
    )


def _of_the_loyal(shape: float, span: float, small: tuple[float, float, float]) -> float:
    """Return the part of those who hardly ever leave, by three terms of the series in p."""
    second, third = (shape + 1) * span / 2, (shape + 1) * (shape + 2) * span * span / 6
    return shape * span * (small[0] - second * small[1] + third * small[2])


@lru_cache(maxsize=4096)
def _chances(
    a: float, stays: float, shape: float, reach: float, fine: bool
) -> tuple[tuple[tuple[float, float], ...], tuple[float, float, float]]:
    """Return points p with weights/p for means over p ~ Beta(a, stays), and moments 0, 1, 2 of all smaller p.

    Trapezoid rule in log(p/(1-p)), where the integrand decays at both ends, so it converges exponentially. Points
    depend on the model and on the number of bookings alone, and are kept.
    """
    finest = 0.40 if stays + shape < 4 else 0.33
    step = finest * (1 if fine else 1.5) / math.sqrt(max(1.0, a * stays / (a + stays)))
    edge, last = 1e-4 / ((1 + shape) * (1 + reach)), 1e-13 / (a + stays + 1)
    mode = math.log(a / stays)
    points, small, at = [], [0.0, 0.0, 0.0], mode
    while (weight := _weight(a, stays, at, mode)) > 1e-15:
        points.append((_logistic(at), weight))
        at += step
    at, p = mode - step, 1.0
    while p > last:
        p, weight = _logistic(at), _weight(a, stays, at, mode)
        if p <= last:
            weight /= -math.expm1(-a * step)  # and all that is smaller still: a geometric series
        if p >= edge:
            points.append((p, weight))
        else:
            small = [moment + weight * p**power for power, moment in enumerate(small)]
        at -= step
    total = sum(weight for _, weight in points) + small[0]
    kept = tuple((p, weight / total / p) for p, weight in points if weight > 1e-14 * total * p)
    return kept, (small[0] / total, small[1] / total, small[2] / total)


def _weight(a: float, stays: float, at: float, mode: float) -> float:
    return math.exp(a * (at - mode) - (a + stays) * (_softplus(at) - _softplus(mode)))


def _softplus(at: float) -> float:
    return max(at, 0.0) + math.log1p(math.exp(-abs(at)))


def _logistic(at: float) -> float:
    return 1 / (1 + math.exp(-at)) if at >= 0 else math.exp(at) / (1 + math.exp(at))


def expected_value(model: ValueModel, customer: Customer) -> float:
    """Return the expected value of a customer's booking: between their own mean and that of all customers."""
    x = customer.frequency
    return model.p * (model.v + x * customer.mean_value) / (model.p * x + model.q - 1)


def discounted_bookings(by_month: Sequence[float], monthly_discount: float) -> float:
    """Return the sum of each month's bookings, divided by (1 + discount) once per month passed."""
    total, before = 0.0, 0.0
    for number, until in enumerate(by_month, start=1):
        total += (until - before) / (1 + monthly_discount) ** number
        before = until
    return total


def lifetime_value(
    frequency: FrequencyModel, value: ValueModel, customer: Customer, months: int, margin: float = 1.0,
    monthly_discount: float = 0.0, month: float = MONTH_DAYS,
) -> float:  # fmt: skip
    """Return what the customer's bookings of the next months are worth today, in the money of `value`.

    `margin` is the share of a booking that counts (1 for revenue); `month` is in the unit of the model.
    """
    by_month = expected_by_month(frequency, customer, months, month)
    return discounted_bookings(by_month, monthly_discount) * expected_value(value, customer) * margin


def churn(model: FrequencyModel, customer: Customer) -> float:
    """Return the probability that the customer has left for good."""
    return 1 - p_alive(model, customer)
