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
from adapters.postgres.rental_history import CustomersOfRentals, LogOfRentals
from adapters.postgres.work import Line, Work
from application import tell_new_fit
from application.fit_value_model import FitValueModel
from application.ports.outbox import Leased
from application.record_value_change import RecordValueChange
from application.tell_new_fit import TellNewFit
from domain.lifetime_value.fitted import FittedValueModel
from domain.people.events import SubjectsLinked
from domain.people.hints import PersonHints
from domain.rentals.events import (
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalPaid,
    RentalReviewLeft,
    RentalSearched,
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
    due = "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s"
    waiting = stage.db.rows(f"{due} RETURNING id, kind", stage.brokerage_id)
    assert {kind for _, kind in waiting} == {"fit_value_model", "record_value_change"}
    crew = Crew(stage.settings())
    for _ in waiting:  # those of one guest go one after the other
        for number, _kind in waiting:
            crew.hands().run_one(number)
    stage.db.project("rental_customers")
    told_of = stage.db.rows(f"{due} AND kind = 'tell_new_fit' RETURNING id", stage.brokerage_id)
    for (number,) in told_of:
        crew.hands().run_one(number)
    crew.close()
    assert len(told_of) == 1
    assert set(stage.states().values()) == {"done"}
    assert len(models(stage)) == 2
    told = stage.db.facts(stage.brokerage_id, "rentals.value_changed.v1")
    of_facts, of_fits = [[one for one in told if (one["reason"] == "new fit") is fit] for fit in (False, True)]
    assert len(of_facts) == sum(kind == "record_value_change" for _, kind in waiting)
    assert [one.get("after_minor") for one in of_fits] == [None] * 3  # three guests are too few for the new fit


class Fits:
    """A fitter that always finds the same."""

    def __init__(self, pounds: float) -> None:
        self._pounds = pounds

    def fit(self, _customers: Any, as_of: datetime, _currency: str) -> FittedValueModel:
        return worth(self._pounds, as_of=as_of)


def fits(stage: Stage, line: Line, pounds: float, day: int = 0) -> UUID:
    """The model is fitted anew; return the message that tells what it changes."""
    known, at = LogOfRentals(line), NOW + timedelta(days=day)
    FitValueModel(known, Fits(pounds), Work(line, MASTER), lambda: at).now(stage.brokerage_id)
    asked = (
        "SELECT id FROM outbox.messages WHERE brokerage_id = %s AND kind = 'tell_new_fit' ORDER BY created_at DESC "
        "LIMIT 1"
    )
    ((found,),) = stage.db.rows(asked, stage.brokerage_id)
    return UUID(str(found))


def tells(stage: Stage, line: Line, message_id: UUID) -> str:
    """A worker tells what a fit changes; return what became of the message."""
    stage.db.rows("UPDATE outbox.messages SET due_at = now() WHERE id = %s RETURNING 1", message_id)
    leased = Work(line, MASTER).lease_one(message_id)
    assert leased is not None
    TellNewFit(CustomersOfRentals(line), Work(line, MASTER), lambda: NOW).run(leased)
    stage.db.project("rental_customers")
    return stage.states()[str(message_id)]


def told_by_fits(stage: Stage) -> list[tuple[int | None, int | None]]:
    """Before and after of each change that a fit made, in the order of the log."""
    told = stage.db.facts(stage.brokerage_id, "rentals.value_changed.v1")
    return [(one.get("before_minor"), one.get("after_minor")) for one in told if one["reason"] == "new fit"]


def test_a_new_fit_tells_what_it_changes_of_each_customer(stage: Stage, line: Line) -> None:
    anna, searcher = uuid4(), uuid4()
    append(
        stage, (stay("a1", 1), anna), (RentalSearched(occurred_at=LONG_AGO), searcher),
    )  # fmt: skip
    stage.db.project("rental_customers")
    first = fits(stage, line, 3_000)
    stage.db.project("rental_customers")
    assert tells(stage, line, first) == "done"
    assert told_by_fits(stage) == [(None, 300_000)]
    second = fits(stage, line, 5_000, day=1)
    stage.db.project("rental_customers")
    assert (tells(stage, line, second), told_by_fits(stage)[1:]) == ("done", [(300_000, 500_000)])
    asked = "SELECT subject_id, cause_id FROM log.masar_events WHERE brokerage_id = %s AND topic = %s"
    rows = stage.db.rows(asked, stage.brokerage_id, "rentals.value_changed.v1")
    assert {subject for subject, _ in rows} == {anna}
    fitted = stage.db.rows(
        "SELECT originator_id FROM log.masar_events WHERE brokerage_id = %s AND topic = %s ORDER BY notification_id",
        stage.brokerage_id, "rentals.value_model_fitted.v1",
    )  # fmt: skip
    assert [cause for _, cause in rows] == [stream for (stream,) in fitted]


def test_a_fit_that_changes_nothing_tells_nothing_and_a_repeat_tells_nothing_more(stage: Stage, line: Line) -> None:
    append(stage, (stay("a1", 1), uuid4()))
    for day, after in ((0, [(None, 300_000)]), (1, [(None, 300_000)])):
        telling = fits(stage, line, 3_000, day)
        payload = stage.db.rows("SELECT payload FROM outbox.messages WHERE id = %s", telling)[0][0]
        stage.db.project("rental_customers")
        tells(stage, line, telling)
        stage.db.rows(
            "UPDATE outbox.messages SET state = 'waiting', payload = %s WHERE id = %s RETURNING 1", payload, telling
        )
        tells(stage, line, telling)
        assert told_by_fits(stage) == after


def test_a_fit_is_told_once_the_read_model_has_come_as_far(stage: Stage, line: Line) -> None:
    append(stage, (stay("a1", 1), uuid4()))
    telling = fits(stage, line, 3_000)
    assert (tells(stage, line, telling), told_by_fits(stage)) == ("waiting", [])
    assert (tells(stage, line, telling), told_by_fits(stage)) == ("done", [(None, 300_000)])


def test_of_two_fits_only_the_newest_is_told(stage: Stage, line: Line) -> None:
    append(stage, (stay("a1", 1), uuid4()))
    older, newer = fits(stage, line, 3_000), fits(stage, line, 5_000, day=1)
    stage.db.project("rental_customers")
    assert (tells(stage, line, older), told_by_fits(stage)) == ("done", [])
    assert (tells(stage, line, newer), told_by_fits(stage)) == ("done", [(None, 500_000)])


def test_many_customers_are_told_of_in_pages(stage: Stage, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tell_new_fit, "AT_ONCE", 2)
    append(stage, *((stay(f"s{nth}", 1), UUID(int=nth + 1)) for nth in range(5)))
    fits(stage, line, 3_000)
    stage.db.project("rental_customers")
    asked = "SELECT id FROM outbox.messages WHERE brokerage_id = %s AND kind = 'tell_new_fit' AND state = 'waiting'"
    pages = 0
    while found := stage.db.rows(asked, stage.brokerage_id):
        assert tells(stage, line, found[0][0]) == "done"
        pages += 1
    assert (pages, told_by_fits(stage)) == (3, [(None, 300_000)] * 5)
