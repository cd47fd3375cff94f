"""Does the forecast come true? Fits on one part of the bookings and compares with the part that was held back."""

import numpy as np

from adapters.lifetime_value.fit import Array, CannotFit, Prior, Rows, fit_frequency
from domain.lifetime_value.fitted import Backtest, Decile
from domain.lifetime_value.model import Customer, FrequencyModel, Kind, expected_bookings, p_next

HELD_OUT_IN_TIME = "later bookings of the same customers"
HELD_OUT_CUSTOMERS = "bookings of other customers, each forecast from their first booking on"
MOST_COMPARED = 20_000

Bookings = dict[str, dict[float, float]]
"""Customer → day → value of that day's bookings; several on one day count as one."""


def rows_at(bookings: Bookings, until: float) -> tuple[Rows, list[str]]:
    """Return what was known of each customer at the end of a day, and who they are; later customers are left out."""
    known, names = [], []
    for name, days in bookings.items():
        before = sorted(day for day in days if day <= until)
        if not before:
            continue
        repeats = [days[day] for day in before[1:]]
        mean = sum(repeats) / len(repeats) if repeats else 0.0
        known.append((len(repeats), before[-1] - before[0], until - before[0], mean))
        names.append(name)
    columns = np.array(known, dtype=np.float64).reshape(-1, 4)
    return Rows(*columns.T), names


def backtest_in_time(
    bookings: Bookings, until: float, horizon: float, kind: Kind, prior: Prior | None
) -> Backtest | None:
    """Fit on all but the last `horizon` days and forecast them; None where too little is left to fit on."""
    rows, names = rows_at(bookings, until - horizon)
    if not len(rows) or not (rows.frequency > 0).any():
        return None
    actual = np.array([sum(until - horizon < day <= until for day in bookings[name]) for name in names], dtype=float)
    return _compare(HELD_OUT_IN_TIME, rows, np.full(len(rows), horizon), actual, fit_frequency(rows, kind, prior))


def backtest_on_others(rows: Rows, kind: Kind, prior: Prior | None) -> Backtest | None:
    """Fit on every other customer and forecast the repeats of the rest from age 0.

    With one row per customer, moments of single bookings are unknown, so that bookings cannot be held out in time: this
    checks the fit, not the forecast of the future.
    """
    fitted, others = rows.of(slice(0, None, 2)), rows.of(slice(1, None, 2))
    if not len(others) or not (fitted.frequency > 0).any():
        return None
    try:
        model = fit_frequency(fitted, kind, prior)
    except CannotFit:
        return None
    nothing = np.zeros(len(others))
    new = Rows(nothing, nothing, nothing, nothing)
    return _compare(HELD_OUT_CUSTOMERS, new, others.age, others.frequency, model)


def _compare(how: str, rows: Rows, horizon: Array, actual: Array, model: FrequencyModel) -> Backtest:
    step = max(1, -(-len(rows) // MOST_COMPARED))
    rows, horizon, actual = rows.of(slice(0, None, step)), horizon[::step], actual[::step]
    known = [
        (Customer(int(x), float(recency), float(age)), float(days))
        for x, recency, age, days in zip(rows.frequency, rows.recency, rows.age, horizon, strict=True)
    ]
    forecast = sum(expected_bookings(model, customer, days) for customer, days in known)
    chance = np.array([p_next(model, customer, days) for customer, days in known])
    came = (actual > 0).astype(float)
    return Backtest(
        how=how, customers=len(rows), forecast=forecast, actual=float(actual.sum()),
        brier=float(((chance - came) ** 2).mean()), brier_base=float(((came.mean() - came) ** 2).mean()),
        deciles=_deciles(chance, came),
    )  # fmt: skip


def _deciles(chance: Array, came: Array) -> tuple[Decile, ...]:
    order = np.argsort(chance, kind="stable")
    return tuple(
        Decile(customers=len(part), predicted=float(chance[part].mean()), observed=float(came[part].mean()))
        for part in np.array_split(order, 10)
        if len(part)
    )
