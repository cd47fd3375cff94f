"""A policy is simulated over a real log: it finds what was decided, and leaves no trace."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.connections import connect
from adapters.postgres.simulate import LEFT_ALONE, PostgresPast, _started, carry_out_here
from adapters.postgres.simulations import SILENT_S, PostgresSimulations, TooMany, ask
from application.ports.simulations import Progress, Superseded, Window
from application.simulate_policy import simulate
from domain.people.events import SubjectsLinked
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.scoring.policy import Policy
from tests.cast import (
    DELTA_HOMES,
    NILE_HOMES,
    PIXEL,
    Told,
    acted,
    activated,
    at,
    completed,
    connected,
    form,
    registered,
)
from tests.patience import PATIENCE_S
from tests.postgres.stage import Stage, observed

COUNTS = (
    "SELECT (SELECT count(*) FROM log.masar_events), (SELECT count(*) FROM outbox.messages),"
    " (SELECT count(*) FROM read_models.conversions), (SELECT count(*) FROM read_models.people),"
    " (SELECT array_agg(position ORDER BY name) FROM projection.builds)"
)
WHOLE = Window()


@pytest.fixture(scope="module")
def told(shared_stage: Stage) -> Stage:
    """A log of two brokerages in which visitors became known, projected."""
    stage = shared_stage
    for house in (NILE_HOMES, DELTA_HOMES):
        stage.decide(registered(), connected(PIXEL), activated(BRIEF), brokerage_id=house)
    for number in range(6):
        session = f"tour-{number}"
        visitor, known = stage.subjects(
            observed(f"share-{number}", acted("share", session=session), fbp=f"fb.1.1700000000000.{number}"),
            observed(f"form-{number}", form(), email=f"mona{number}@mail.example"),
        )
        if number % 2:
            link = SubjectsLinked(subject_id=visitor, into_subject_id=known, occurred_at=at())
            stage.decide(Told(link, visitor))
        stage.write(
            observed(f"end-{number}", completed(session), fbp=f"fb.1.1700000000000.{number}"),
            observed(f"other-{number}", acted("share", session=session), brokerage_id=DELTA_HOMES, fbp=f"fb.{number}"),
        )
    stage.project()
    return stage


def result_of(url: str, policy: Policy, window: Window = WHOLE) -> dict[str, Any]:
    with connect(url, "masar_projector") as connection:
        return simulate(PostgresPast(connection, NILE_HOMES, policy, window), policy, window, lambda _: None)


def test_the_policy_that_always_held_decides_what_was_decided(told: Stage) -> None:
    decided = told.query("SELECT count(*) FROM read_models.conversions WHERE brokerage_id = %s AND withheld IS NULL",
                         NILE_HOMES)  # fmt: skip
    assert decided[0][0] > 12
    result = result_of(told.url, BRIEF)
    assert result["conversions"] == {"same": decided[0][0], "other_value": 0, "no_longer": 0, "newly": 0}
    assert all(line["would"] == line["was"] for line in result["by_event_and_week"])
    assert (result["bands"]["changed"], result["in_force"], result["set_aside"]) == (0, "brief@2", 0)
    people = told.query("SELECT count(*) FROM read_models.people WHERE brokerage_id = %s", NILE_HOMES)
    assert result["bands"]["people"] == people[0][0]


def test_parts_as_small_as_can_be_give_the_same(told: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = result_of(told.url, PLAIN)
    monkeypatch.setattr("adapters.postgres.simulate.FACTS_AT_ONCE", 1)
    monkeypatch.setattr("adapters.postgres.simulate.GROUPS_AT_ONCE", 1)
    assert result_of(told.url, PLAIN) | {"seconds": 0} == whole | {"seconds": 0}


def test_simulating_changes_nothing(told: Stage) -> None:
    before = told.query(COUNTS)
    result = result_of(told.url, PLAIN)
    assert result["conversions"]["other_value"] + result["conversions"]["no_longer"] > 0
    assert told.query(COUNTS) == before


def test_what_was_recorded_before_and_after_is_left_out(told: Stage) -> None:
    (times,) = told.query("SELECT min(recorded_at), max(recorded_at) FROM read_models.conversions WHERE brokerage_id"
                          " = %s", NILE_HOMES)  # fmt: skip
    first, last = times
    for window in (Window(since=last), Window(until=first)):
        told_then = result_of(told.url, BRIEF, window)["conversions"]
        counted = told.query(
            "SELECT count(*) FROM read_models.conversions WHERE brokerage_id = %s AND withheld IS NULL"
            " AND recorded_at BETWEEN %s AND %s", NILE_HOMES, window.since or first, window.until or last,
        )  # fmt: skip
        assert told_then == {"same": counted[0][0], "other_value": 0, "no_longer": 0, "newly": 0}


# Asked for, carried out, kept.


def one(stage: Stage, simulation_id: UUID) -> tuple[Any, ...]:
    (row,) = stage.query("SELECT state, result, error, runs FROM outbox.simulations WHERE id = %s", simulation_id)
    return row


def test_a_simulation_asked_for_is_carried_out_and_kept(told: Stage) -> None:
    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    messages = told.query("SELECT kind, state FROM outbox.messages WHERE id = %s", simulation_id)
    assert messages == [("simulate_policy", "waiting")]
    carry_out_here(told.url, simulation_id)
    state, result, error, runs = one(told, simulation_id)
    assert (state, error, runs) == ("done", None, 1)
    assert result["conversions"] == result_of(told.url, PLAIN)["conversions"]
    carry_out_here(told.url, simulation_id)
    assert one(told, simulation_id)[3] == 1


def test_one_run_at_a_time_and_a_silent_one_is_replaced(told: Stage) -> None:
    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    with connect(told.url, "masar_projector") as connection:
        simulations = PostgresSimulations(lambda: connection)
        begun = simulations.begin(simulation_id)
        assert begun is not None
        assert begun[0].policy == PLAIN
        assert simulations.begin(simulation_id) is None
        assert not simulations.needs_run(simulation_id)
        told.owner.execute(
            "UPDATE outbox.simulations SET beat_at = now() - make_interval(secs => %s) WHERE id = %s",
            (SILENT_S + 1, simulation_id),
        )
        assert simulations.needs_run(simulation_id)
        again = simulations.begin(simulation_id)
        assert again is not None
        with pytest.raises(Superseded):
            simulations.beat(simulation_id, begun[1], Progress(1, 2, 1, 1))
        simulations.finish(simulation_id, again[1], {"facts": 1})
        assert simulations.is_over(simulation_id)


def test_a_simulation_that_keeps_getting_lost_is_given_up(told: Stage) -> None:
    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    with connect(told.url, "masar_projector") as connection:
        simulations = PostgresSimulations(lambda: connection)
        for _ in range(3):
            assert not simulations.is_over(simulation_id)
            assert simulations.begin(simulation_id) is not None
            told.owner.execute(
                "UPDATE outbox.simulations SET beat_at = now() - interval '1 hour' WHERE id = %s", (simulation_id,)
            )
        assert simulations.is_over(simulation_id)
    assert one(told, simulation_id)[0] == "failed"


def test_a_simulation_that_breaks_says_why(told: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("no such thing")

    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    monkeypatch.setattr("adapters.postgres.simulate.fold", broken)
    carry_out_here(told.url, simulation_id)
    assert one(told, simulation_id)[:3] == ("failed", None, "ValueError: no such thing")


def test_the_process_ends_with_the_worker_that_started_it(told: Stage) -> None:
    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    with told.owner.transaction():
        told.owner.execute("LOCK TABLE outbox.simulations")  # so that the run cannot be over meanwhile
        process = _started({"url": told.url, "simulation_id": str(simulation_id)})
        assert process.stdin is not None
        process.stdin.close()  # as the system does for a worker that is killed
        assert process.wait(timeout=PATIENCE_S) == LEFT_ALONE
    assert one(told, simulation_id)[0] == "waiting"


def test_an_outage_is_no_failure(told: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise psycopg.OperationalError("gone")

    simulation_id = ask(told.url, NILE_HOMES, PLAIN, WHOLE, "k_operator")
    monkeypatch.setattr("adapters.postgres.simulate.fold", broken)
    with pytest.raises(psycopg.OperationalError):
        carry_out_here(told.url, simulation_id)
    assert one(told, simulation_id)[0] == "running"  # until it was silent for so long that it is begun anew


def test_no_more_than_some_are_under_way(told: Stage) -> None:
    house = uuid4()
    for _ in range(10):
        ask(told.url, house, PLAIN, WHOLE, "k_operator")
    with pytest.raises(TooMany):
        ask(told.url, house, PLAIN, WHOLE, "k_operator")
