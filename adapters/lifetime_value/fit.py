"""Fits BG/NBD, MBG/NBD and Gamma-Gamma with scipy: most probable under stated priors, or most likely, parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]
from scipy.special import digamma, expit, gammaln  # type: ignore[import-untyped,unused-ignore]

from domain.lifetime_value.model import FrequencyModel, Kind, ValueModel

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prior:
    """Log-normal priors: medians and standard deviations of the logarithms."""

    medians: tuple[float, ...]
    deviations: tuple[float, ...]


# Parameters in order; time in tenths of the mean age, money in mean values, so that one prior serves every brokerage.
# Medians are round numbers of the size that published repeat-buying studies find; deviations leave a factor of e, or 2.
FREQUENCY_PRIOR = Prior(medians=(0.5, 2.0, 0.9, 2.0), deviations=(1.0, 1.0, 0.7, 0.7))  # r, alpha, a, b
VALUE_PRIOR = Prior(medians=(4.0, 3.0, 0.75), deviations=(1.0, 1.0, 1.0))  # p, q - 1, v


class CannotFit(ValueError):
    """The rows say nothing about the parameters, or the search for them did not end."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Customers as columns of one length: repeats, days first to last, days first to now, mean value of repeats."""

    frequency: Array
    recency: Array
    age: Array
    value: Array

    def __len__(self) -> int:
        return len(self.frequency)

    def of(self, chosen: Any) -> "Rows":
        """Return the chosen customers."""
        return Rows(self.frequency[chosen], self.recency[chosen], self.age[chosen], self.value[chosen])


def fit_frequency(rows: Rows, kind: Kind = "mbg", prior: Prior | None = FREQUENCY_PRIOR) -> FrequencyModel:
    """Return the fitted parameters; with `prior=None` those of maximum likelihood. Raises CannotFit."""
    if not len(rows) or not rows.age.max() > 0:
        raise CannotFit("no customer was observed for any time")
    unit = float(rows.age.mean()) / 10
    table, counts = np.unique(np.column_stack([rows.frequency, rows.recency, rows.age]), axis=0, return_counts=True)
    x, recency, age = table[:, 0], table[:, 1] / unit, table[:, 2] / unit
    repeats, place = np.unique(x, return_inverse=True)

    def cost(logs: Array) -> tuple[float, Array]:
        total, slope = _frequency_likelihood(np.exp(logs), kind, x, recency, age, counts, repeats, place)
        return _with_prior(total, slope, logs, prior)

    found = _search(cost, np.log(FREQUENCY_PRIOR.medians))
    r, alpha, a, b = (float(one) for one in np.exp(found))
    return FrequencyModel(kind, r, alpha * unit, a, b)


def _frequency_likelihood(
    parameters: Array, kind: Kind, x: Array, recency: Array, age: Array, counts: Any, repeats: Array, place: Any
) -> tuple[float, Array]:
    """Return the log-likelihood and its slope by the logarithms of the parameters."""
    r, alpha, a, b = parameters
    stays = b + repeats + (kind == "mbg")
    constant = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) - gammaln(b)
    constant = (constant + gammaln(stays) - gammaln(a + stays))[place]
    left = np.log(a) - np.log(np.where(stays > 1, stays - 1, 1.0))[place]
    if kind == "bg":
        left = np.where(x > 0, left, -np.inf)
    log_now, log_last = np.log(alpha + age), np.log(alpha + recency)
    active, gone = -(r + x) * log_now, left - (r + x) * log_last
    total = constant + np.logaddexp(active, gone)
    alive = expit(active - gone)
    dead = 1 - alive
    slope_r = (digamma(r + repeats) - digamma(r))[place] + np.log(alpha) - alive * log_now - dead * log_last
    slope_alpha = r / alpha - (r + x) * (alive / (alpha + age) + dead / (alpha + recency))
    slope_a = (digamma(a + b) - digamma(a + stays))[place] + dead / a
    slope_b = (digamma(a + b) + digamma(stays) - digamma(b) - digamma(a + stays))[place]
    slope_b = slope_b - dead / np.where(stays > 1, stays - 1, b)[place]
    slopes = [float(counts @ slope) for slope in (slope_r, slope_alpha, slope_a, slope_b)]
    return float(counts @ total), np.array(slopes) * parameters


def fit_value(rows: Rows, prior: Prior | None = VALUE_PRIOR) -> ValueModel:
    """Return Gamma-Gamma fitted to customers with repeats of a positive value. Raises CannotFit where there is none."""
    chosen = (rows.frequency > 0) & (rows.value > 0)
    if not chosen.any():
        raise CannotFit("no repeat booking has a value")
    unit = float(rows.value[chosen].mean())
    x, mean = rows.frequency[chosen], rows.value[chosen] / unit

    def cost(logs: Array) -> tuple[float, Array]:
        total, slope = _value_likelihood(np.exp(logs), x, mean)
        return _with_prior(total, slope, logs, prior)

    p, above_one, v = (float(one) for one in np.exp(_search(cost, np.log(VALUE_PRIOR.medians))))
    return ValueModel(p, 1 + above_one, v * unit)


def _value_likelihood(parameters: Array, x: Array, mean: Array) -> tuple[float, Array]:
    p, above_one, v = parameters
    q = above_one + 1
    spread = np.log(v + x * mean)
    total = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(mean)
    total = total + p * x * np.log(x) - (p * x + q) * spread
    slope_p = x * (digamma(p * x + q) - digamma(p * x) + np.log(mean) + np.log(x) - spread)
    slope_q = digamma(p * x + q) - digamma(q) + np.log(v) - spread
    slope_v = q / v - (p * x + q) / (v + x * mean)
    return float(total.sum()), np.array([slope_p.sum(), slope_q.sum(), slope_v.sum()]) * parameters


def _with_prior(total: float, slope: Array, logs: Array, prior: Prior | None) -> tuple[float, Array]:
    if prior is not None:
        away = (logs - np.log(prior.medians)) / np.array(prior.deviations)
        total, slope = total - float(away @ away) / 2, slope - away / np.array(prior.deviations)
    return -total, -slope


def _search(cost: Any, start: Array) -> Array:
    """Return the logarithms of the parameters at the least cost."""
    size = max(1.0, abs(cost(start)[0]))
    found = minimize(
        lambda logs: tuple(part / size for part in cost(logs)), start, jac=True, method="L-BFGS-B",
        bounds=[(-12.0, 12.0)] * len(start), options={"ftol": 1e-13, "gtol": 1e-10, "maxiter": 2000},
    )  # fmt: skip
    if not np.isfinite(found.fun):
        raise CannotFit("the search for the parameters did not end")
    return np.asarray(found.x)


def at_the_edge(model: FrequencyModel) -> bool:
    """Tell whether the fit ran away: a parameter that the data do not hold."""
    return not all(1e-4 < one < 1e4 for one in (model.r, model.a, model.b))


def frequency_log_likelihood(model: FrequencyModel, rows: Rows) -> float:
    """Return the log-likelihood of all customers, in the unit of `rows`."""
    repeats, place = np.unique(rows.frequency, return_inverse=True)
    parameters, ones = np.array([model.r, model.alpha, model.a, model.b]), np.ones(len(rows))
    total, _ = _frequency_likelihood(
        parameters, model.kind, rows.frequency, rows.recency, rows.age, ones, repeats, place
    )
    return total


def value_log_likelihood(model: ValueModel, rows: Rows) -> float:
    """Return the log-likelihood of the mean values of all repeaters."""
    chosen = (rows.frequency > 0) & (rows.value > 0)
    return _value_likelihood(np.array([model.p, model.q - 1, model.v]), rows.frequency[chosen], rows.value[chosen])[0]


def value_correlation(rows: Rows) -> float | None:
    """Return the correlation of frequency and value among repeaters: near 0, or Gamma-Gamma does not hold."""
    chosen = (rows.frequency > 0) & (rows.value > 0)
    x, mean = rows.frequency[chosen], rows.value[chosen]
    if len(x) < 3 or not x.std() > 0 or not mean.std() > 0:
        return None
    return float(np.corrcoef(x, mean)[0, 1])
