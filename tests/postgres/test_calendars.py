"""One slot, one viewing: whoever asks at the same instant, from any process, and however often they ask."""

import asyncio
import multiprocessing
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.calendars import ALPHABET, PostgresCalendars
from adapters.postgres.connections import pool
from application.book_viewing import Asking, Booked, BookViewings, NoSuchViewing, TimeOpen, calendar_stream
from application.change_viewing import ChangeViewings
from application.ports.calendars import Appending, Moved
from domain.shared.personal import ERASED, Sealed
from domain.viewings.booking import SlotTaken
from domain.viewings.calendar import Slot
from domain.viewings.events import SlotHeld, ViewingCompleted
from domain.viewings.steps import TakeStep, ViewingIsCancelled
from tests.cast import DELTA_HOMES, FLAT, NILE_HOMES, VILLA
from tests.cast_viewings import OMAR, requested
from tests.patience import PATIENCE_S
from tests.postgres.stage import MASTER, Stage, observed

T = TypeVar("T")
TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
HOUR = timedelta(hours=1)
ASKING = Asking(NILE_HOMES, "EG", "site", uuid4())
PROCESSES, EACH = 3, 4


def with_calendars(url: str, story: Callable[[PostgresCalendars], Coroutine[Any, Any, T]], size: int = 4) -> T:
    """Run a story with calendars on connections of its own."""

    async def run() -> T:
        connections = pool(url, size=size)
        await connections.open(wait=True)
        try:
            return await story(PostgresCalendars(connections, MASTER))
        finally:
            await connections.close()

    return asyncio.run(run())


def request(stage: Stage, name: str, begins: datetime | None = TOMORROW, home: str = VILLA, **more: Any) -> UUID:
    """Put a request for a viewing into the log and return its id."""
    brokerage_id, hints = more.pop("brokerage_id", NILE_HOMES), {"email": f"{name}@example.com"}
    fact = requested(home, starts_at=begins, **more)
    (verdict,) = stage.write(observed(name, fact, brokerage_id=brokerage_id, when=datetime.now(UTC), **hints))
    assert verdict.event_id is not None
    return verdict.event_id


def book(stage: Stage, *viewing_ids: UUID, asking: Asking = ASKING) -> list[Any]:
    """Book requests one after the other; a refusal takes the place of a booking."""

    async def story(calendars: PostgresCalendars) -> list[Any]:
        use_case = BookViewings(calendars, calendars.code_of)
        return [await _attempt(use_case, one, asking) for one in viewing_ids]

    return with_calendars(stage.url, story)


def take(stage: Stage, viewing_id: UUID, *steps: TakeStep, asking: Asking = ASKING) -> list[Any]:
    async def story(calendars: PostgresCalendars) -> list[Any]:
        return [await ChangeViewings(calendars).take(viewing_id, step, asking) for step in steps]

    return with_calendars(stage.url, story)


async def _attempt(use_case: BookViewings, viewing_id: UUID, asking: Asking = ASKING) -> Any:
    try:
        return await use_case.book(viewing_id, asking)
    except SlotTaken as taken:
        return taken


def _compete(url: str, viewing_ids: Sequence[UUID], start: Any, answers: Any) -> None:
    """Book some requests at once, in a process of its own, when all processes are ready."""

    async def story(calendars: PostgresCalendars) -> list[str]:
        await calendars.told(NILE_HOMES, viewing_ids[0])  # connected
        start.wait(PATIENCE_S)
        use_case = BookViewings(calendars, calendars.code_of)
        found = await asyncio.gather(*(_attempt(use_case, one) for one in viewing_ids))
        return [type(one).__name__ if isinstance(one, SlotTaken) else str(one.event_id) for one in found]

    answers.put(with_calendars(url, story))


def compete(stage: Stage, shares: Sequence[Sequence[UUID]]) -> list[str]:
    """Book requests from several processes at the same instant; return the ids of bookings, and refusals."""
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(len(shares)), context.Queue()
    running = [context.Process(target=_compete, args=(stage.url, share, start, answers)) for share in shares]
    for one in running:
        one.start()
    found = [answer for _ in running for answer in answers.get(timeout=PATIENCE_S)]
    for one in running:
        one.join(30)
    return found


def test_of_many_who_want_one_slot_at_one_instant_exactly_one_gets_it(stage: Stage) -> None:
    wanted = [[request(stage, f"r-{p}-{n}", broker_id=OMAR) for n in range(EACH)] for p in range(PROCESSES)]
    answers = compete(stage, wanted)
    assert sorted(one for one in answers if one == "SlotTaken") == ["SlotTaken"] * (PROCESSES * EACH - 1)
    assert stage.kinds("calendars") == ["calendars.slot_held.v1"]
    assert stage.kinds("viewings") == ["viewings.requested.v1"] * (PROCESSES * EACH) + ["viewings.booked.v1"]


def test_many_who_want_slots_of_their_own_all_get_them(stage: Stage) -> None:
    wanted = [
        [request(stage, f"r-{p}-{n}", TOMORROW + (p * EACH + n) * HOUR, broker_id=OMAR) for n in range(EACH)]
        for p in range(PROCESSES)
    ]
    answers = compete(stage, wanted)
    assert "SlotTaken" not in answers
    assert len(set(answers)) == PROCESSES * EACH


def test_the_same_request_many_times_at_once_is_booked_once_whoever_is_free(stage: Stage) -> None:
    for broker in ("omar", "sara", "hany"):
        book(stage, request(stage, f"known-{broker}", TOMORROW + 3 * HOUR, broker_id=broker))
    stage.project("viewings")
    wanted = request(stage, "r")
    answers = compete(stage, [[wanted] * EACH] * PROCESSES)
    assert len(set(answers)) == 1
    assert len(stage.kinds("calendars")) == 4


def test_the_same_request_many_times_at_once_is_not_refused_for_its_own_booking(stage: Stage) -> None:
    answers = compete(stage, [[request(stage, "r", broker_id=OMAR)] * EACH] * PROCESSES)
    assert len(set(answers)) == 1
    assert "SlotTaken" not in answers


def test_a_slot_that_is_taken_is_refused_with_free_ones_and_the_wish_stays(stage: Stage) -> None:
    first, second = request(stage, "r-1", broker_id=OMAR), request(stage, "r-2", broker_id=OMAR)
    booked, taken = book(stage, first, second)
    assert isinstance(booked, Booked)
    assert isinstance(taken, SlotTaken)
    assert Slot(TOMORROW + HOUR, TOMORROW + 2 * HOUR) in taken.free
    assert not any(one.overlaps(Slot(TOMORROW, TOMORROW + HOUR)) for one in taken.free)
    assert stage.kinds("viewings").count("viewings.requested.v1") == 2


def test_a_cancelled_viewing_gives_its_slot_to_the_next(stage: Stage) -> None:
    first, second = request(stage, "r-1", broker_id=OMAR), request(stage, "r-2", broker_id=OMAR)
    book(stage, first)
    take(stage, first, TakeStep("cancel", datetime.now(UTC), words="travels"))
    (booked,) = book(stage, second)
    assert booked.fresh
    with pytest.raises(ViewingIsCancelled):
        take(stage, first, TakeStep("confirm", datetime.now(UTC)))


def test_of_a_cancellation_and_a_completion_at_one_instant_one_holds(stage: Stage) -> None:
    now = datetime.now(UTC)
    viewing = request(stage, "r-1", now + timedelta(minutes=5), broker_id=OMAR)
    book(stage, viewing)

    async def story(calendars: PostgresCalendars) -> list[Any]:
        steps = [TakeStep("cancel", now), TakeStep("complete", now)] * 4
        use_case = ChangeViewings(calendars)
        return await asyncio.gather(
            *(use_case.take(viewing, step, ASKING) for step in steps), return_exceptions=True
        )  # fmt: skip

    found = with_calendars(stage.url, story, size=8)
    ends = [kind for kind in stage.kinds("viewings") if kind in ("viewings.cancelled.v1", "viewings.completed.v1")]
    assert len(ends) == 1
    assert sum(isinstance(one, Exception) for one in found) == 4


class LosesTheAnswer(PostgresCalendars):
    """The database appends, and the connection breaks before it can say so."""

    async def append(self, brokerage_id: UUID, entries: Sequence[Appending], correlation_id: UUID) -> None:
        await super().append(brokerage_id, entries, correlation_id)
        raise psycopg.OperationalError("server closed the connection unexpectedly")


def test_a_booking_whose_answer_was_lost_is_found_again(stage: Stage) -> None:
    viewing = request(stage, "r-1", broker_id=OMAR)

    async def story(calendars: PostgresCalendars) -> None:
        losing = LosesTheAnswer(calendars._pool, MASTER)
        with pytest.raises(psycopg.OperationalError):
            await BookViewings(losing, losing.code_of).book(viewing, ASKING)

    with_calendars(stage.url, story)
    again, and_again = book(stage, viewing, viewing)
    assert (again.fresh, again.event_id, again.fact) == (False, and_again.event_id, and_again.fact)
    assert stage.kinds("calendars") == ["calendars.slot_held.v1"]


def test_a_version_that_is_taken_appends_nothing_at_all(stage: Stage) -> None:
    viewing, stream = request(stage, "r-1", broker_id=OMAR), calendar_stream(NILE_HOMES, OMAR)
    book(stage, viewing)
    held = SlotHeld(broker_id=OMAR, viewing_id=uuid4(), starts_at=TOMORROW, ends_at=TOMORROW + HOUR,
                    occurred_at=datetime.now(UTC))  # fmt: skip
    before = stage.rows()

    async def story(calendars: PostgresCalendars) -> None:
        with pytest.raises(Moved):
            await calendars.append(NILE_HOMES, [Appending(uuid4(), 1, held), Appending(stream, 1, held)], uuid4())

    with_calendars(stage.url, story)
    assert stage.rows() == before


# Whose calendar.


def test_without_a_known_broker_the_property_has_a_calendar_of_its_own(stage: Stage) -> None:
    villa, again, flat = (request(stage, name, home=home) for name, home in
                          (("r-1", VILLA), ("r-2", VILLA), ("r-3", FLAT)))  # fmt: skip
    first, second, third = book(stage, villa, again, flat)
    assert (first.fact.broker_id, first.fact.assigned) == (f"unassigned-{VILLA}", "property_calendar")
    assert isinstance(second, SlotTaken)
    assert third.fact.broker_id == f"unassigned-{FLAT}"


def test_who_has_fewest_viewings_that_day_is_given_the_next(stage: Stage) -> None:
    for name, broker, begins in (
        ("a", "omar", TOMORROW + 3 * HOUR), ("b", "omar", TOMORROW + 5 * HOUR), ("c", "sara", TOMORROW + 3 * HOUR),
        ("d", "hany", TOMORROW), ("e", "hany", TOMORROW + timedelta(days=2)),
    ):  # fmt: skip
        book(stage, request(stage, name, begins, broker_id=broker))
    stage.project("viewings")
    first, second, third = book(stage, *(request(stage, name) for name in ("x", "y", "z")))
    # Hany has as few as Sara, and a viewing at that very time; Omar is asked last; then nobody is left.
    assert (first.fact.broker_id, first.fact.assigned) == ("sara", "fewest_viewings")
    assert second.fact.broker_id == "omar"
    assert isinstance(third, SlotTaken)


def test_a_request_without_a_time_is_offered_slots(stage: Stage) -> None:
    (found,) = book(stage, request(stage, "r-1", None, broker_id=OMAR))
    assert isinstance(found, TimeOpen)
    assert 1 <= len(found.free) <= 3
    assert stage.kinds("calendars") == []


# What is kept.


def test_notes_are_sealed_in_the_log_and_gone_with_the_persons_key(stage: Stage) -> None:
    viewing = request(stage, "r-1", datetime.now(UTC) + timedelta(minutes=5), broker_id=OMAR, notes="knows the owner")
    (booked,) = book(stage, viewing)
    (done,) = take(stage, viewing, TakeStep("complete", datetime.now(UTC), words="asked about the garden"))

    async def told(calendars: PostgresCalendars) -> Any:
        return await calendars.told(NILE_HOMES, viewing)

    known = with_calendars(stage.url, told)
    assert known.request.notes == "knows the owner"
    assert known.steps == [(booked.event_id, booked.fact), (done.event_id, done.fact)]
    states = stage.query("SELECT convert_from(state, 'UTF8') FROM log.masar_events WHERE topic LIKE %s", "viewings.%")
    assert not any("garden" in state or "owner" in state for (state,) in states)
    stage.query("UPDATE registry.subjects SET wrapped_key = NULL RETURNING 1")
    erased = with_calendars(stage.url, told)
    assert erased.request.notes == ERASED
    assert isinstance(erased.steps[1][1], ViewingCompleted)
    assert erased.steps[1][1].notes == ERASED
    assert not isinstance(erased.steps[1][1].notes, Sealed)


def test_steps_of_somebody_who_was_erased_are_told_without_their_words(stage: Stage) -> None:
    viewing = request(stage, "r-1", datetime.now(UTC) + timedelta(minutes=5), broker_id=OMAR)
    book(stage, viewing)
    stage.query("UPDATE registry.subjects SET wrapped_key = NULL RETURNING 1")
    take(stage, viewing, TakeStep("complete", datetime.now(UTC), words="asked about the garden"))
    ((state,),) = stage.query(
        "SELECT convert_from(state, 'UTF8') FROM log.masar_events WHERE topic = %s", "viewings.completed.v1"
    )
    assert "notes" not in state


def test_a_brokerage_sees_neither_requests_nor_calendars_of_another(stage: Stage) -> None:
    viewing = request(stage, "r-1", broker_id=OMAR)
    book(stage, viewing)
    other = Asking(DELTA_HOMES, "EG", "site", uuid4())
    with pytest.raises(NoSuchViewing):
        book(stage, viewing, asking=other)
    with pytest.raises(NoSuchViewing):
        take(stage, viewing, TakeStep("confirm", datetime.now(UTC)), asking=other)
    (theirs,) = book(stage, request(stage, "r-1", broker_id=OMAR, brokerage_id=DELTA_HOMES), asking=other)
    assert theirs.fresh


def test_what_is_no_request_is_no_viewing(stage: Stage) -> None:
    (verdict,) = stage.write(observed("a-tour"))
    assert verdict.event_id is not None
    for unknown in (verdict.event_id, uuid4()):
        with pytest.raises(NoSuchViewing):
            book(stage, unknown)
        with pytest.raises(NoSuchViewing):
            take(stage, unknown, TakeStep("confirm", datetime.now(UTC)))


def test_slots_taken_long_ago_are_not_read_but_the_version_counts_them(stage: Stage) -> None:
    book(stage, *(request(stage, f"r-{nth}", TOMORROW + nth * HOUR, broker_id=OMAR) for nth in range(3)))

    async def story(calendars: PostgresCalendars) -> Any:
        later = datetime.now(UTC) + timedelta(minutes=1)
        return await calendars.calendar(NILE_HOMES, OMAR, later - HOUR), await calendars.calendar(
            NILE_HOMES, OMAR, later
        )  # fmt: skip

    all_of_it, none_of_it = with_calendars(stage.url, story)
    assert (all_of_it.version, len(all_of_it.held)) == (3, 3)
    assert (none_of_it.version, len(none_of_it.held)) == (3, 1)  # the newest, for its version


def test_a_code_is_short_and_its_own(stage: Stage) -> None:
    async def story(calendars: PostgresCalendars) -> list[str]:
        return [calendars.code_of(NILE_HOMES, UUID(int=nth)) for nth in range(2_000)]

    codes = with_calendars(stage.url, story)
    assert len(set(codes)) == 2_000
    assert {len(code) for code in codes} == {9}
    assert set("".join(codes)) == {*ALPHABET, "-"}
    assert not set("01ILOU") & set(ALPHABET)
