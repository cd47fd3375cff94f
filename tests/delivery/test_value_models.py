"""A worker learns from a brokerage's bookings, and tells each change of a customer's value, once."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.dramatiq.hands import Crew
from adapters.lifetime_value.later import LoadedLater
from adapters.postgres.append import append_in, flush
from adapters.postgres.mapper import Envelope
from adapters.postgres.rental_history import LogOfRentals
from adapters.postgres.work import Line, Work
from application.fit_value_model import FitValueModel
from application.ports.outbox import Leased
from application.record_value_change import RecordValueChange
from domain.lifetime_value.fitted import FittedValueModel
from domain.people.events import SubjectsLinked
from domain.people.hints import PersonHints
from domain.rentals.events import (
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalPaid,
    RentalReviewLeft,
    RentalValueModelFitted,
)
from domain.shared.fact import Fact
from tests.cast_rentals import worth
from tests.delivery.stage import LONG_AGO, MASTER, Stage

NOW = datetime(2026, 9, 1, 3, tzinfo=UTC)


def append(stage: Stage, *facts: tuple[Fact, UUID]) -> None:
    """Put facts of people into the log as they are, without contact details."""
    with stage.db.work.transaction():
        append_in(stage.db.work, [Envelope(uuid4(), 1, fact, stage.brokerage_id, subject) for fact, subject in facts])
    flush(stage.db.work)


def stay(booking: str, day: float, pounds: int = 1_000, **more: Any) -> RentalBookingConfirmed:
    when = LONG_AGO + timedelta(days=day)
    return RentalBookingConfirmed(
        booking_id=booking, property_id="chalet-1", total_minor=pounds * 100, occurred_at=when, **more
    )


def guests(count: int) -> list[tuple[Fact, UUID]]:
    """Bookings of so many guests within eight months; every other one comes again, more than once."""
    chance, told = Random(7), list[tuple[Fact, UUID]]()
    for number in range(count):
        whose, first = UUID(int=number + 1), chance.uniform(0, 90)
        for nth in range(1 + (number % 2) * chance.randint(1, 3)):
            told.append(
                (stay(f"g{number}-{nth}", first + nth * chance.uniform(20, 45), chance.randint(300, 3_000)), whose)
            )
    return told


@pytest.fixture
def line(stage: Stage) -> Any:
    line = Line(stage.db.url, "masar_projector")
    yield line
    line.close()


def fitting(stage: Stage, line: Line) -> FitValueModel:
    return FitValueModel(LogOfRentals(line), LoadedLater(), Work(line, MASTER), lambda: NOW)


def message(stage: Stage, line: Line, kind: str) -> Leased:
    """The message of a kind, whose time has come."""
    asked = "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s AND kind = %s RETURNING id"
    ((found,),) = stage.db.rows(asked, stage.brokerage_id, kind)
    leased = Work(line, MASTER).lease_one(found)
    assert leased is not None
    return leased


def models(stage: Stage) -> list[FittedValueModel]:
    told = stage.db.facts(stage.brokerage_id, "rentals.value_model_fitted.v1")
    return [RentalValueModelFitted.model_validate(one).model for one in told]


def test_what_is_read_are_the_bookings_that_stand(stage: Stage, line: Line) -> None:
    anna, basem, tourist = uuid4(), uuid4(), uuid4()
    later = LONG_AGO + timedelta(days=51)
    append(
        stage,
        (stay("a1", 1, 500), anna), (stay("a2", 40, 700), anna), (stay("a3", 50, 900), anna),
        (RentalBookingCancelled(booking_id="a3", occurred_at=later), anna),
        (RentalPaid(booking_id="a2", amount_minor=20_000, refund=True, occurred_at=later), anna),
        (stay("b1", 2, 3_000), basem), (stay("b2", 3, 100, currency="USD"), basem),
        (stay("t1", 4, 100, test=True), tourist),
        (RentalReviewLeft(booking_id="x", rating=5, occurred_at=later), uuid4()),
    )  # fmt: skip
    found = LogOfRentals(line).of(stage.brokerage_id)
    assert found.currency == "EGP"
    read = {one.segment: [(booked.at, booked.value_minor) for booked in one.bookings] for one in found.customers}
    day = {number: LONG_AGO + timedelta(days=number) for number in (1, 2, 40)}
    assert read == {
        "budget_traveler": [(day[1], 50_000), (day[40], 50_000)], "luxury_seeker": [(day[2], 300_000)],
    }  # fmt: skip


def test_people_who_are_one_are_one_customer(stage: Stage, line: Line) -> None:
    one, other = uuid4(), uuid4()
    append(
        stage, (stay("o1", 1), one), (stay("o2", 9), other),
        (SubjectsLinked(subject_id=other, into_subject_id=one, occurred_at=LONG_AGO), other),
    )  # fmt: skip
    assert [len(found.bookings) for found in LogOfRentals(line).of(stage.brokerage_id).customers] == [2]


def test_a_booking_calls_for_a_fit_which_is_recorded_once(stage: Stage, line: Line) -> None:
    append(stage, *guests(160))
    stage.db.project("rental_customers")
    fit = message(stage, line, "fit_value_model")
    fitting(stage, line).run(fit)
    (model,) = models(stage)
    assert (model.enough_data, model.customers, model.repeaters) == (True, 160, 80)
    assert (model.as_of, model.currency) == (NOW, "EGP")
    assert model.backtest is not None
    assert sum(one.customers for one in model.segments.values()) == 160
    assert stage.states()[str(fit.id)] == "done"
    stage.db.rows(
        "UPDATE outbox.messages SET state = 'waiting', payload = %s WHERE id = %s RETURNING 1",
        f'{{"day": "{fit.payload["day"]}"}}'.encode(), fit.id,
    )  # fmt: skip
    fitting(stage, line).run(message(stage, line, "fit_value_model"))
    assert models(stage) == [model]


def test_too_little_data_is_recorded_as_such_and_can_be_read(stage: Stage, line: Line) -> None:
    append(stage, *guests(3))
    fact = fitting(stage, line).now(stage.brokerage_id)
    (model,) = models(stage)
    assert model == fact.model
    assert (model.enough_data, model.frequency, model.customers) == (False, None, 3)


def test_each_brokerage_learns_from_its_own(stage: Stage, line: Line) -> None:
    assert fitting(stage, line).now(stage.brokerage_id).model.customers == 0


def test_a_change_of_value_is_told_once_with_before_after_and_reason(stage: Stage, line: Line) -> None:
    stage.db.append(stage.brokerage_id, RentalValueModelFitted(model=worth(3_000), occurred_at=datetime.now(UTC)))
    person = PersonHints(email=f"{uuid4().hex}@mail.example")
    booked = stay("own", 0).model_copy(update={"occurred_at": datetime.now(UTC), "hints": person})
    cause = stage.observe(booked)
    stage.db.project("rental_customers", "rental_bookings")
    change = message(stage, line, "record_value_change")
    RecordValueChange(Work(line, MASTER)).run(change)
    (told,) = stage.db.facts(stage.brokerage_id, "rentals.value_changed.v1")
    assert (told.get("before_minor"), told["after_minor"], told["currency"]) == (None, 300_000, "EGP")
    assert told["reason"] == "rentals.booking_confirmed.v1"
    asked = "SELECT cause_id, subject_id FROM log.masar_events WHERE brokerage_id = %s AND topic = %s"
    ((cause_id, subject_id),) = stage.db.rows(asked, stage.brokerage_id, "rentals.value_changed.v1")
    whose = "SELECT subject_id FROM log.masar_events WHERE originator_id = %s"
    assert (cause_id, [(subject_id,)]) == (cause, stage.db.rows(whose, cause))
    assert stage.states()[str(change.id)] == "done"
    row = "SELECT status, total_minor, net_minor, currency FROM read_models.rental_bookings WHERE brokerage_id = %s"
    assert stage.db.rows(row, stage.brokerage_id) == [("confirmed", 100_000, 100_000, "EGP")]


def test_a_payment_without_a_name_is_the_guests(stage: Stage) -> None:
    now = datetime.now(UTC)
    person = PersonHints(email=f"{uuid4().hex}@mail.example")
    entries = [
        stage.observe(stay("named", 0).model_copy(update={"occurred_at": now, "hints": person})),
        stage.observe(RentalPaid(booking_id="named", amount_minor=100_000, occurred_at=now)),
        stage.observe(RentalPaid(booking_id="other", amount_minor=100_000, occurred_at=now)),
    ]
    whose = "SELECT subject_id FROM log.masar_events WHERE originator_id = %s"
    booked, paid, other = (stage.db.rows(whose, entry) for entry in entries)
    assert booked == paid != other


class NoEnd:
    """A fitter whose search does not end."""

    def fit(self, *_: Any, **__: Any) -> FittedValueModel:
        raise ValueError("the search for the parameters did not end")


def test_a_fit_that_fails_is_set_aside_and_the_model_before_holds(stage: Stage, line: Line) -> None:
    append(stage, *guests(2))
    stage.db.project("rental_customers")
    fit = message(stage, line, "fit_value_model")
    FitValueModel(LogOfRentals(line), NoEnd(), Work(line, MASTER), lambda: NOW).run(fit)
    asked = "SELECT state, last_error FROM outbox.messages WHERE id = %s"
    assert stage.db.rows(asked, fit.id) == [("dead", "the search for the parameters did not end")]
    assert models(stage) == []


def test_a_worker_knows_both_messages(stage: Stage) -> None:
    stage.db.append(stage.brokerage_id, RentalValueModelFitted(model=worth(3_000), occurred_at=datetime.now(UTC)))
    append(stage, *guests(3))
    stage.db.project("rental_customers")
    due = "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s RETURNING id, kind"
    waiting = stage.db.rows(due, stage.brokerage_id)
    assert {kind for _, kind in waiting} == {"fit_value_model", "record_value_change"}
    crew = Crew(stage.settings())
    for _ in waiting:  # those of one guest go one after the other
        for number, _kind in waiting:
            crew.hands().run_one(number)
    crew.close()
    assert set(stage.states().values()) == {"done"}
    assert len(models(stage)) == 2
    told = stage.db.facts(stage.brokerage_id, "rentals.value_changed.v1")
    assert len(told) == sum(kind == "record_value_change" for _, kind in waiting)
