"""Fits find what customers were made of, closed forms agree with scipy, forecasts come true on simulated bookings."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import hyp2f1

from adapters.lifetime_value.backtest import Bookings, backtest_in_time, rows_at
from adapters.lifetime_value.fit import (
    CannotFit,
    Rows,
    _frequency_likelihood,
    _value_likelihood,
    fit_frequency,
    fit_value,
    frequency_log_likelihood,
    value_correlation,
)
from adapters.lifetime_value.fitter import ScipyValueFitter
from adapters.lifetime_value.simulate import bootstrap, simulate
from application.ports.lifetime_value import Booked, History
from domain.lifetime_value.fitted import NotEnoughData, Prediction, predict
from domain.lifetime_value.model import (
    Customer,
    FrequencyModel,
    Kind,
    ValueModel,
    expected_bookings,
    log_likelihood,
    p_alive,
)

WORTH = ValueModel(p=6, q=4, v=500)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def one_by_one(model: FrequencyModel, days: int, customers: int, seed: int) -> Bookings:
    """Customers followed booking by booking, as the model's story tells it."""
    chance, bookings = np.random.default_rng(seed), {}
    for number in range(customers):
        rate, leaving = chance.gamma(model.r, 1 / model.alpha), chance.beta(model.a, model.b)
        at = float(chance.integers(0, days // 2))
        booked = {float(int(at)): 100.0}
        active = model.kind == "bg" or chance.random() > leaving
        while active and (at := at + chance.exponential(1 / max(rate, 1e-12))) < days:
            booked[float(int(at))] = 100.0
            active = chance.random() > leaving
        bookings[str(number)] = booked
    return bookings


@given(
    st.sampled_from(["bg", "mbg"]), st.floats(0.1, 3), st.floats(5, 300), st.floats(0.15, 5), st.floats(0.2, 10),
    st.integers(0, 20), st.floats(0, 1), st.floats(1, 700), st.floats(1, 1000),
)  # fmt: skip
def test_expected_bookings_agree_with_the_hypergeometric_form(
    kind: Kind, r: float, alpha: float, a: float, b: float, x: int, share: float, age: float, days: float
) -> None:
    if abs(a - 1) < 0.05:  # scipy's form is singular there, and loses digits near it
        return
    model, who = FrequencyModel(kind, r, alpha, a, b), Customer(x, share * age if x else 0.0, age)
    stays, start = model.stays(x), alpha + age
    form = hyp2f1(r + x, stays, a + stays - 1, days / (start + days)) * (start / (start + days)) ** (r + x)
    expected = (a + stays - 1) / (a - 1) * (1 - form) * p_alive(model, who)
    assert expected_bookings(model, who, days) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("kind", ["bg", "mbg"])
def test_known_parameters_are_found_again(kind: Kind) -> None:
    true = FrequencyModel(kind, r=0.6, alpha=90, a=0.9, b=2.0)
    chance = np.random.default_rng(1)
    rows = simulate(true, WORTH, chance.uniform(200, 900, 40_000).round(), chance)
    found = fit_frequency(rows, kind, prior=None)
    for name in ("r", "alpha", "a", "b"):  # within 12 %: three standard errors and more at this size
        assert getattr(found, name) == pytest.approx(getattr(true, name), rel=0.12), name
    assert frequency_log_likelihood(found, rows) >= frequency_log_likelihood(true, rows)
    worth = fit_value(rows, prior=None)
    assert (worth.p, worth.q, worth.v) == pytest.approx((6, 4, 500), rel=0.12)
    assert abs(value_correlation(rows) or 0) < 0.03


@pytest.mark.parametrize("kind", ["bg", "mbg"])
def test_the_slope_is_that_of_the_likelihood(kind: Kind) -> None:
    x, recency, age = np.array([0.0, 1, 2, 9]), np.array([0.0, 3, 9, 9]), np.array([10.0, 10, 9, 30])
    counts = np.array([3, 1, 2, 1])
    logs = np.log([0.7, 3.0, 0.8, 1.7])

    def total(at: np.ndarray) -> float:
        return _frequency_likelihood(np.exp(at), kind, x, recency, age, counts, x, np.arange(4))[0]

    slope = _frequency_likelihood(np.exp(logs), kind, x, recency, age, counts, x, np.arange(4))[1]
    assert slope == pytest.approx(approx_fprime(logs, total, 1e-6), abs=1e-3)
    customers = [Customer(int(n), t, until) for n, t, until in zip(x, recency, age, strict=True)]
    by_hand = sum(
        count * log_likelihood(FrequencyModel(kind, 0.7, 3.0, 0.8, 1.7), who)
        for who, count in zip(customers, counts, strict=True)
    )
    assert total(logs) == pytest.approx(by_hand, rel=1e-12)

    money = np.log([5.0, 2.5, 0.8])
    mean = np.array([0.5, 1.0, 2.0])
    gradient = approx_fprime(money, lambda at: _value_likelihood(np.exp(at), x[1:], mean)[0], 1e-6)
    assert _value_likelihood(np.exp(money), x[1:], mean)[1] == pytest.approx(gradient, abs=1e-3)


@pytest.mark.parametrize("kind", ["bg", "mbg"])
def test_forecasts_come_true_on_bookings_held_back(kind: Kind) -> None:
    bookings = one_by_one(FrequencyModel(kind, r=0.9, alpha=60, a=0.8, b=2.5), days=900, customers=4000, seed=3)
    test = backtest_in_time(bookings, until=899, horizon=300, kind=kind, prior=None)
    assert test is not None
    assert test.ratio == pytest.approx(1, abs=0.08)  # about 6,000 bookings; days hold at most one
    assert test.brier < test.brier_base
    assert all(abs(tenth.predicted - tenth.observed) < 0.09 for tenth in test.deciles)
    assert sum(tenth.customers for tenth in test.deciles) == test.customers == 4000


def test_the_quick_simulation_tells_the_same_story_as_booking_by_booking() -> None:
    model = FrequencyModel("mbg", r=0.9, alpha=60, a=0.8, b=2.5)
    slow, _ = rows_at(one_by_one(model, days=900, customers=6000, seed=4), until=899)
    quick = simulate(model, WORTH, slow.age, np.random.default_rng(5))
    assert quick.frequency.mean() == pytest.approx(slow.frequency.mean(), rel=0.08)
    assert (quick.frequency == 0).mean() == pytest.approx((slow.frequency == 0).mean(), abs=0.025)
    assert quick.recency.mean() == pytest.approx(slow.recency.mean(), rel=0.08)


def test_few_customers_do_not_let_the_fit_run_away() -> None:
    rows = Rows(np.array([0.0, 1, 0]), np.array([0.0, 5, 0]), np.array([30.0, 20, 10]), np.array([0.0, 100, 0]))
    found = fit_frequency(rows)
    assert 0.05 < found.r < 5
    assert 0.1 < found.a < 8
    assert 1 < fit_value(rows).q < 40


def test_draws_spread_around_the_fit_and_shrink_with_customers() -> None:
    model = FrequencyModel("mbg", r=0.6, alpha=90, a=0.9, b=2.0)
    few, many = (
        np.array([draw.frequency.r for draw in bootstrap(model, WORTH, np.full(n, 600.0), 12, seed=1)])
        for n in (200, 4000)
    )
    assert few.min() < 0.6 < few.max()
    assert many.std() < few.std() / 2


def test_nothing_to_fit_is_said() -> None:
    nothing = np.zeros(0)
    with pytest.raises(CannotFit):
        fit_frequency(Rows(nothing, nothing, nothing, nothing))
    with pytest.raises(CannotFit):
        fit_value(Rows(np.zeros(3), np.zeros(3), np.ones(3), np.zeros(3)))


def histories(customers: int) -> list[History]:
    bookings = one_by_one(FrequencyModel("mbg", 0.9, 60, 0.8, 2.5), days=700, customers=customers, seed=6)
    start = NOW - timedelta(days=700)
    return [
        History("even" if n % 2 == 0 else "odd", [Booked(start + timedelta(days=day), 1000 + n) for day in days])
        for n, days in enumerate(bookings.values())
    ]


def test_a_brokerage_gets_a_model_with_backtest_draws_and_segments() -> None:
    known = histories(300)
    model = ScipyValueFitter().fit(known, NOW, "EGP", margin=0.2)
    assert model.enough_data
    assert model.customers == 300
    assert model.backtest is not None
    assert len(model.draws) == 20
    assert set(model.segments) == {"even", "odd"}
    assert isinstance(predict(model, Customer(2, 100, 120, 1100)), Prediction)
    assert ScipyValueFitter().fit(known, NOW, "EGP", margin=0.2) == model


def test_bookings_after_the_moment_change_nothing() -> None:
    known = histories(200)
    later = [History(one.segment, [*one.bookings, Booked(NOW + timedelta(days=3), 9_999)]) for one in known]
    assert ScipyValueFitter().fit(later, NOW, "EGP") == ScipyValueFitter().fit(known, NOW, "EGP")


def test_a_small_brokerage_gets_means_only() -> None:
    year_ago = NOW - timedelta(days=500)
    known = [History("a", [Booked(year_ago, 300), Booked(NOW - timedelta(days=9), 500)]), History("b", [])]
    model = ScipyValueFitter().fit(known, NOW, "EGP")
    assert model.frequency is None
    assert (model.overall.customers, model.overall.revenue_12m_minor, model.overall.booking_minor) == (1, 500, 400)
    assert isinstance(predict(model, Customer(1, 491, 500, 500), "a"), NotEnoughData)
