"""What `masar eval ltv` reads, fits and tells; apart from the command, so that others start without scipy."""

import csv
import math
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np

from adapters.lifetime_value.backtest import Bookings, backtest_in_time, backtest_on_others, rows_at
from adapters.lifetime_value.fit import (
    FREQUENCY_PRIOR,
    VALUE_PRIOR,
    CannotFit,
    Rows,
    at_the_edge,
    fit_frequency,
    fit_value,
    frequency_log_likelihood,
    value_correlation,
    value_log_likelihood,
)
from domain.lifetime_value.fitted import MIN_CUSTOMERS, MIN_REPEATERS, Backtest
from domain.lifetime_value.model import Customer

COLUMNS = ("frequency", "recency", "T", "monetary_value")
MOST = 10.0**12
"""Of a number in a file: more is neither a count nor a time nor money, and overflows the fit."""


class BadInput(ValueError):
    """The files do not do."""


class BadRow(ValueError):
    """A row or column of a file that cannot be read, named."""


def evaluate(
    data: Path | None, transactions: Path | None, model: Literal["mbg", "bg"], mle: bool, horizon: float | None
) -> dict[str, Any]:
    """Return fits and backtest of one file; raises BadInput naming what cannot be read or fitted."""
    try:
        bookings = read_transactions(transactions) if transactions else None
        until = max(day for days in bookings.values() for day in days) if bookings else 0.0
        rows = rows_at(bookings, until)[0] if bookings else read_customers(data or Path())
        prior = None if mle else FREQUENCY_PRIOR
        found = _fits(rows, model)
        if bookings is None:
            test = backtest_on_others(rows, model, prior)
        else:
            held = horizon if horizon is not None else float(rows.age.max()) / 3
            test = backtest_in_time(bookings, until, held, model, prior)
    except (BadRow, CannotFit, OSError, UnicodeDecodeError, csv.Error) as refusal:
        raise BadInput(str(refusal)) from None
    found |= {"backtest_by": "mle" if mle else "map", "backtest": _told(test)}
    return found


def read_customers(path: Path) -> Rows:
    """Return the customers of a CSV file; raises BadRow naming row and column."""
    read = [_customer(number, line) for number, line in _lines(path, COLUMNS)]
    if not read:
        raise BadRow(f"{path.name}: no customers")
    return Rows(*np.array(read, dtype=np.float64).T)


def _customer(number: int, line: dict[str, str]) -> tuple[float, ...]:
    values = tuple(_number(number, line, name) for name in COLUMNS)
    if values[0] != int(values[0]):
        raise BadRow(f"row {number}, column frequency: must be a whole number")
    try:
        Customer(int(values[0]), values[1], values[2], values[3])
    except ValueError as refusal:
        raise BadRow(
            f"row {number}: {str(refusal).replace('age', 'T').replace('mean_value', 'monetary_value')}"
        ) from None
    return values


def read_transactions(path: Path) -> Bookings:
    """Return bookings by customer and day of a CSV file; raises BadRow naming row and column."""
    bookings: Bookings = {}
    for number, line in _lines(path, ("customer_id", "date", "value")):
        try:
            day = float(date.fromisoformat(line["date"].strip()).toordinal())
        except ValueError:
            raise BadRow(f"row {number}, column date: must be a date like 2026-01-31") from None
        days = bookings.setdefault(line["customer_id"].strip(), {})
        days[day] = days.get(day, 0.0) + _number(number, line, "value")
    if not bookings:
        raise BadRow(f"{path.name}: no transactions")
    return bookings


def _lines(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = [name.strip().lower() for name in next(reader, [])]
        for name in columns:
            if header.count(name.lower()) != 1:
                raise BadRow(f"{path.name}: needs exactly one column {name}")
        places = {name: header.index(name.lower()) for name in columns}
        lines = []
        for line in reader:
            if line and len(line) != len(header):
                raise BadRow(f"row {reader.line_num}: {len(line)} columns, the header has {len(header)}")
            if line:
                lines.append((reader.line_num, {name: line[place] for name, place in places.items()}))
        return lines


def _number(number: int, line: dict[str, str], name: str) -> float:
    try:
        value = float(line[name])
    except ValueError:
        raise BadRow(f"row {number}, column {name}: must be a number, is {line[name][:40]!r}") from None
    if not math.isfinite(value) or value < 0:
        raise BadRow(f"row {number}, column {name}: must be finite and not negative")
    if value > MOST:
        raise BadRow(f"row {number}, column {name}: must not exceed 10^12")
    return value


def _fits(rows: Rows, kind: Literal["mbg", "bg"]) -> dict[str, Any]:
    valued = int(((rows.frequency > 0) & (rows.value > 0)).sum())
    found: dict[str, Any] = {"model": kind, "customers": len(rows), "repeaters": int((rows.frequency > 0).sum())}
    found["enough_data"] = len(rows) >= MIN_CUSTOMERS and valued >= MIN_REPEATERS
    for name, prior, worth in (("map", FREQUENCY_PRIOR, VALUE_PRIOR), ("mle", None, None)):
        one = fit_frequency(rows, kind, prior)
        found[name] = {
            "r": one.r, "alpha": one.alpha, "a": one.a, "b": one.b,
            "log_likelihood": frequency_log_likelihood(one, rows), "at_the_edge": at_the_edge(one),
        }  # fmt: skip
        money = fit_value(rows, worth) if valued else None
        found[name]["gamma_gamma"] = money and {
            "p": money.p, "q": money.q, "v": money.v, "log_likelihood": value_log_likelihood(money, rows),
        }  # fmt: skip
    return found | {"value_correlation": value_correlation(rows)}


def _told(test: Backtest | None) -> dict[str, Any] | None:
    return test.model_dump() | {"ratio": test.ratio} if test else None


def page(found: dict[str, Any]) -> str:
    """Return the findings as people read them."""
    lines = [
        f"{found['customers']:,} customers, {found['repeaters']:,} of them booked again; {found['model'].upper()}/NBD"
    ]
    if not found["enough_data"]:
        lines.append(
            f"NOT ENOUGH DATA: at least {MIN_CUSTOMERS} customers and {MIN_REPEATERS} repeaters with a value are needed"
        )
    lines.append("       r        alpha    a        b        log-likelihood")
    for name in ("map", "mle"):
        one = found[name]
        numbers = "  ".join(f"{one[key]:<7.4g}" for key in ("r", "alpha", "a", "b"))
        lines.append(
            f"{name.upper()}    {numbers}  {one['log_likelihood']:.3f}{'  RAN AWAY' if one['at_the_edge'] else ''}"
        )
    for name in ("map", "mle"):
        if money := found[name]["gamma_gamma"]:
            told = ", ".join(f"{key} {money[key]:.5g}" for key in ("p", "q", "v"))
            lines.append(f"Gamma-Gamma {name.upper()}: {told}, log-likelihood {money['log_likelihood']:.3f}")
    if found["value_correlation"] is not None:
        lines.append(f"correlation of frequency and value: {found['value_correlation']:.3f} (should be near 0)")
    return "\n".join(lines + _backtest_lines(found["backtest"], found["backtest_by"]))


def _backtest_lines(test: dict[str, Any] | None, by: str) -> list[str]:
    if test is None:
        return ["backtest: too little data to hold any back"]
    ratio = "none" if test["ratio"] is None else f"{test['ratio']:.3f}"
    return [
        f"backtest ({by.upper()}) on {test['how']}: {test['customers']:,} customers",
        f"  forecast {test['forecast']:.1f}, actual {test['actual']:.0f}, forecast/actual {ratio}",
        f"  Brier {test['brier']:.4f}, of the base rate {test['brier_base']:.4f}",
        "  tenth  predicted  observed",
        *(
            f"  {place:>5}  {one['predicted']:>9.3f}  {one['observed']:>8.3f}"
            for place, one in enumerate(test["deciles"], start=1)
        ),
    ]
