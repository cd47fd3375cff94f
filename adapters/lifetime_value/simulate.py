"""Customers simulated from a model, for the bootstrap; and the bootstrap."""

import numpy as np

from adapters.lifetime_value.fit import Array, Rows, fit_frequency, fit_value
from domain.lifetime_value.fitted import Draw, FrequencyParameters, ValueParameters
from domain.lifetime_value.model import FrequencyModel, ValueModel

MOST_SIMULATED = 20_000


def simulate(model: FrequencyModel, value: ValueModel, age: Array, chance: np.random.Generator) -> Rows:
    """Return one simulated customer per age: bookings they would make, cut where they leave.

    Given their number, moments of a Poisson process are uniform; the x-th of n is then Beta(x, n-x+1) of the time.
    """
    n = len(age)
    rate = np.maximum(chance.gamma(model.r, 1 / model.alpha, n), 1e-300)
    leaving = np.clip(chance.beta(model.a, model.b, n), 1e-12, 1.0)
    would_be = chance.poisson(rate * age)
    may = chance.geometric(leaving) - (1 if model.kind == "mbg" else 0)
    x = np.minimum(would_be, may)
    part = chance.beta(np.maximum(x, 1), np.maximum(would_be - x, 0) + 1.0)
    own = chance.gamma(value.q, 1 / value.v, n)  # the customer's own scale
    mean = chance.gamma(value.p * np.maximum(x, 1), 1.0) / np.maximum(own, 1e-300) / np.maximum(x, 1)
    return Rows(x.astype(float), np.where(x > 0, part * age, 0.0), age, np.where(x > 0, mean, 0.0))


def bootstrap(model: FrequencyModel, value: ValueModel, age: Array, draws: int, seed: int) -> tuple[Draw, ...]:
    """Return parameters refitted, with the priors, to customers simulated from the model (parametric bootstrap).

    Of more than 20,000 customers that many are simulated, and deviations shrink by the square root of the share.
    """
    chance, out = np.random.default_rng(seed), []
    few = age if len(age) <= MOST_SIMULATED else chance.choice(age, MOST_SIMULATED, replace=False)
    shrink = float(np.sqrt(len(few) / len(age)))
    for _ in range(draws):
        rows = simulate(model, value, few, chance)
        if not ((rows.frequency > 0) & (rows.value > 0)).any():
            continue
        again, worth = fit_frequency(rows, model.kind), fit_value(rows)
        r, alpha, a, b = (
            _nearer(getattr(model, name), getattr(again, name), shrink) for name in ("r", "alpha", "a", "b")
        )
        above_one = _nearer(value.q - 1, worth.q - 1, shrink)
        p, v = _nearer(value.p, worth.p, shrink), _nearer(value.v, worth.v, shrink)
        out.append(
            Draw(
                frequency=FrequencyParameters(r=r, alpha=alpha, a=a, b=b),
                value=ValueParameters(p=p, q=1 + above_one, v=v),
            )
        )
    return tuple(out)


def _nearer(fitted: float, drawn: float, shrink: float) -> float:
    return float(fitted * (drawn / fitted) ** shrink)
