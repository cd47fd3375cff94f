"""What we expect of a customer: laws, published values, and what is never said on too little data."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lifetime_value.fitted import (
    Draw,
    FittedValueModel,
    FrequencyParameters,
    NotEnoughData,
    Prediction,
    SegmentMean,
    ValueParameters,
    predict,
)
from domain.lifetime_value.model import (
    Customer,
    FrequencyModel,
    ValueModel,
    expected_bookings,
    expected_by_month,
    expected_value,
    lifetime_value,
    log_likelihood,
    p_alive,
    p_next,
)

# Published for the CDNOW cohort, in weeks: Fader, Hardie, Lee 2005; Fader, Hardie 2013 (Gamma-Gamma).
CDNOW = FrequencyModel("bg", r=0.243, alpha=4.414, a=0.793, b=2.426)
CDNOW_VALUE = ValueModel(p=6.25, q=3.74, v=15.44)
MBG = FrequencyModel("mbg", r=0.525, alpha=6.183, a=0.891, b=1.614)

sizes = st.floats(0.02, 30)
models = st.builds(FrequencyModel, st.sampled_from(["bg", "mbg"]), sizes, st.floats(0.5, 500), sizes, sizes)


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    age = draw(st.floats(0, 5000))
    frequency = draw(st.integers(0, 5000)) if age > 0 else 0
    recency = age * draw(st.floats(0, 1)) if frequency else 0.0
    return Customer(frequency, min(recency, age), age, draw(st.floats(0, 1e9)))


def test_the_published_forecast_for_a_customer_is_met() -> None:
    # Two repeats, the last after 30.43 of 38.86 weeks: 1.226 in the next 39 weeks.
    assert expected_bookings(CDNOW, Customer(2, 30.43, 38.86), 39) == pytest.approx(1.226, abs=0.001)


@pytest.mark.parametrize(
    ("repeats", "mean", "expected"),
    [(0, 0.0, 35.17), (1, 11.77, 18.91), (2, 22.35, 24.65), (2, 25.55, 27.28), (7, 73.74, 71.46)],
)
def test_the_published_mean_values_are_met(repeats: int, mean: float, expected: float) -> None:
    customer = Customer(repeats, 1.0 if repeats else 0.0, 30.0, mean)
    assert expected_value(CDNOW_VALUE, customer) == pytest.approx(expected, rel=0.003)


def test_only_mbg_lets_a_customer_leave_after_one_booking() -> None:
    assert p_alive(CDNOW, Customer(0, 0, 38)) == 1
    assert 0 < p_alive(MBG, Customer(0, 0, 38)) < 0.5


def test_a_silent_regular_is_gone_and_nothing_is_expected() -> None:
    silent = Customer(5000, 100, 4000)
    assert p_alive(MBG, silent) < 1e-12
    assert expected_bookings(MBG, silent, 365) == 0


def test_one_customer_in_a_world_of_certain_rates() -> None:
    # With huge shapes everybody books at rate 1/10 a day and leaves with chance 1/4 after each booking.
    certain = FrequencyModel("mbg", r=1e7, alpha=1e8, a=2.5e6, b=7.5e6)
    expected = (1 - math.exp(-0.1 * 0.25 * 60)) / 0.25 * 0.75  # active after the first booking: 3/4
    assert expected_bookings(certain, Customer(0, 0, 0), 60) == pytest.approx(expected, rel=1e-4)
    # No repeat in 10 days: left at once, or stayed and was silent.
    assert log_likelihood(certain, Customer(0, 0, 10)) == pytest.approx(math.log(0.25 + 0.75 * math.exp(-1)), abs=1e-4)


@given(models, customers(), st.floats(0, 5000), st.floats(0, 5000))
def test_chances_and_expectations_are_sound(model: FrequencyModel, who: Customer, one: float, other: float) -> None:
    soon, late = sorted((one, other))
    assert 0 <= p_next(model, who, soon) <= p_next(model, who, late) <= p_alive(model, who) <= 1
    assert 0 <= expected_bookings(model, who, soon) <= expected_bookings(model, who, late) * (1 + 1e-7) + 1e-12
    assert p_next(model, who, late) <= expected_bookings(model, who, late) * (1 + 1e-7) + 1e-11  # at least one: Markov
    assert math.isfinite(log_likelihood(model, who))


@given(models, customers(), st.floats(0, 1000))
def test_silence_makes_leaving_likelier(model: FrequencyModel, who: Customer, silence: float) -> None:
    later = Customer(who.frequency, who.recency, who.age + silence)
    assert p_alive(model, later) <= p_alive(model, who) + 1e-12


@given(models, customers(), st.floats(0.001, 1000))
def test_the_unit_of_time_does_not_matter(model: FrequencyModel, who: Customer, unit: float) -> None:
    same = FrequencyModel(model.kind, model.r, model.alpha * unit, model.a, model.b)
    scaled = Customer(who.frequency, min(who.recency, who.age) * unit, who.age * unit)
    assert p_next(same, scaled, 90 * unit) == pytest.approx(p_next(model, who, 90), rel=1e-6, abs=1e-12)


def test_months_add_up_and_a_discount_costs() -> None:
    who = Customer(3, 200, 230, 1000)
    model = FrequencyModel("mbg", 0.5, 60, 0.9, 1.6)
    assert expected_by_month(model, who, 24)[-1] == pytest.approx(expected_bookings(model, who, 730.5), rel=1e-5)
    plain = lifetime_value(model, CDNOW_VALUE, who, 12)
    assert plain == pytest.approx(expected_bookings(model, who, 365.25) * expected_value(CDNOW_VALUE, who), rel=1e-5)
    assert lifetime_value(model, CDNOW_VALUE, who, 12, margin=0.3) == pytest.approx(0.3 * plain)
    assert plain / 1.01**12 < lifetime_value(model, CDNOW_VALUE, who, 12, monthly_discount=0.01) < plain / 1.01


@pytest.mark.parametrize(
    ("repeats", "recency", "age", "field"),
    [(-1, 0, 1, "frequency"), (1, 5, 4, "recency"), (0, 1, 4, "recency"), (1, 1, math.inf, "age")],
)
def test_an_impossible_history_is_refused(repeats: int, recency: float, age: float, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Customer(repeats, recency, age)


def fitted(*, customers: int = 150, repeaters: int = 30, months: float = 20) -> FittedValueModel:
    parameters = FrequencyParameters(r=0.5, alpha=60, a=0.9, b=1.6)
    value = ValueParameters(p=6, q=4, v=50_000)
    low = Draw(frequency=parameters.model_copy(update={"r": 0.4}), value=value)
    high = Draw(frequency=parameters.model_copy(update={"r": 0.7}), value=value)
    return FittedValueModel(
        kind="mbg", frequency=parameters, value=value, draws=(low, high), currency="EGP",
        as_of=datetime(2026, 1, 1, tzinfo=UTC), months_of_data=months, customers=customers, repeaters=repeaters,
        segments={"luxury_seeker": SegmentMean(customers=9, revenue_12m_minor=700_000, booking_minor=300_000)},
        overall=SegmentMean(customers=customers, revenue_12m_minor=200_000, booking_minor=100_000),
    )  # fmt: skip


WHO = Customer(2, 100, 120, 90_000)


def test_a_prediction_lies_within_its_interval() -> None:
    said = predict(fitted(), WHO, "luxury_seeker")
    assert isinstance(said, Prediction)
    assert said.interval_12m.low < said.value_12m_minor < said.interval_12m.high
    assert said.interval_24m.low < said.value_24m_minor < said.interval_24m.high
    assert said.churn == pytest.approx(1 - said.p_alive)
    assert said.value_12m_minor == pytest.approx(said.bookings_12m * said.booking_value_minor)
    assert said.beyond_data


@pytest.mark.parametrize(("customers", "repeaters"), [(149, 149), (1000, 29)])
def test_too_few_customers_give_the_segments_mean_and_no_personal_number(customers: int, repeaters: int) -> None:
    said = predict(fitted(customers=customers, repeaters=repeaters), WHO, "luxury_seeker")
    assert said == NotEnoughData(
        "luxury_seeker", SegmentMean(customers=9, revenue_12m_minor=700_000, booking_minor=300_000)
    )


def test_an_unknown_segment_gives_the_mean_of_all() -> None:
    said = predict(fitted(customers=10), WHO, "never_heard_of")
    assert isinstance(said, NotEnoughData)
    assert (said.segment, said.mean.revenue_12m_minor) == (None, 200_000)


def test_a_recorded_model_predicts_the_same() -> None:
    model = fitted()
    assert predict(FittedValueModel.model_validate_json(model.model_dump_json()), WHO) == predict(model, WHO)
