"""The value fitter on scipy: histories of bookings in, the model to record out."""

from collections.abc import Sequence
from datetime import UTC, datetime

from adapters.lifetime_value.backtest import Bookings, backtest_in_time, rows_at
from adapters.lifetime_value.fit import (
    FREQUENCY_PRIOR,
    fit_frequency,
    fit_value,
    frequency_log_likelihood,
    value_correlation,
    value_log_likelihood,
)
from adapters.lifetime_value.simulate import bootstrap
from application.ports.lifetime_value import History
from domain.lifetime_value.fitted import (
    MIN_CUSTOMERS,
    MIN_REPEATERS,
    FittedValueModel,
    FrequencyParameters,
    SegmentMean,
    ValueParameters,
)
from domain.lifetime_value.model import MONTH_DAYS, Kind

DRAWS = 20
SEED = 20  # fixed: the same histories give the same intervals
HELD_OUT = 1 / 3  # share of the history that the backtest forecasts
DAY_S = 86_400


class ScipyValueFitter:
    """Fits by the stated priors; see `fit.py`."""

    def fit(
        self, histories: Sequence[History], as_of: datetime, currency: str, kind: Kind = "mbg", margin: float = 1.0,
        monthly_discount: float = 0.0,
    ) -> FittedValueModel:  # fmt: skip
        """Return the model as of a moment, later bookings left out; too little data gives one without numbers."""
        bookings, until = _by_day(histories, as_of), _day(as_of)
        rows, _ = rows_at(bookings, until)
        span = float(rows.age.max()) if len(rows) else 0.0
        repeaters = int(((rows.frequency > 0) & (rows.value > 0)).sum())
        bare = FittedValueModel(
            kind=kind, frequency=None, value=None, currency=currency, as_of=as_of, months_of_data=span / MONTH_DAYS,
            customers=len(rows), repeaters=repeaters, margin=margin, monthly_discount=monthly_discount,
            segments=_segments(histories, as_of), overall=_mean(histories, as_of),
        )  # fmt: skip
        if len(rows) < MIN_CUSTOMERS or repeaters < MIN_REPEATERS:
            return bare
        frequency, value = fit_frequency(rows, kind), fit_value(rows)
        return bare.model_copy(
            update={
                "frequency": FrequencyParameters(r=frequency.r, alpha=frequency.alpha, a=frequency.a, b=frequency.b),
                "value": ValueParameters(p=value.p, q=value.q, v=value.v),
                "draws": bootstrap(frequency, value, rows.age, DRAWS, SEED),
                "frequency_log_likelihood": frequency_log_likelihood(frequency, rows),
                "value_log_likelihood": value_log_likelihood(value, rows),
                "value_correlation": value_correlation(rows),
                "backtest": backtest_in_time(bookings, until, span * HELD_OUT, kind, FREQUENCY_PRIOR),
            }
        )


def _day(at: datetime) -> float:
    return float(at.astimezone(UTC).timestamp() // DAY_S)


def _by_day(histories: Sequence[History], as_of: datetime) -> Bookings:
    bookings: Bookings = {}
    for number, history in enumerate(histories):
        days = bookings.setdefault(str(number), {})
        for one in history.bookings:
            if one.at <= as_of:
                days[_day(one.at)] = days.get(_day(one.at), 0.0) + one.value_minor
    return bookings


def _segments(histories: Sequence[History], as_of: datetime) -> dict[str, SegmentMean]:
    names = sorted({history.segment for history in histories})
    return {name: _mean([one for one in histories if one.segment == name], as_of) for name in names}


def _mean(histories: Sequence[History], as_of: datetime) -> SegmentMean:
    """Return means over the customers who had booked by then."""
    booked = [[one for one in history.bookings if one.at <= as_of] for history in histories]
    booked = [bookings for bookings in booked if bookings]
    every = [one.value_minor for bookings in booked for one in bookings]
    year = [one.value_minor for bookings in booked for one in bookings if _day(one.at) > _day(as_of) - 365]
    return SegmentMean(
        customers=len(booked),
        revenue_12m_minor=sum(year) / len(booked) if booked else 0.0,
        booking_minor=sum(every) / len(every) if every else 0.0,
    )
