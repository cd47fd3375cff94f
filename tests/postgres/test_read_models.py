"""Read models in Postgres: each fact once, whoever runs them and whatever breaks; and equal to their rebuild."""

from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from adapters.postgres.facts import read_kinds
from adapters.postgres.projector import live_build, take_lock
from adapters.postgres.rebuild import Rebuild
from domain.ads.events import ConversionsSent
from domain.catalogue import BY_KIND
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.runner import Runner
from projections.storage import LostLeadership
from tests.cast import (
    NILE_HOMES,
    OPEN_HOUSE,
    TOUR,
    TOUR_2,
    Told,
    acted,
    allowed,
    completed,
    ended,
    form,
    room,
    saved,
    sent,
    started,
)
from tests.conftest import ConnectAs
from tests.memory import MemoryStorage
from tests.patience import eventually
from tests.postgres.stage import Stage, observed

MONA, ALI = "mona@example.com", "ali@example.com"
every_projection = pytest.mark.parametrize("name", BY_NAME)


def busy_day(stage: Stage) -> None:
    """A few people walk tours, fill in forms, come back and turn out to be known."""
    stage.decide(*OPEN_HOUSE)
    stage.write(
        observed("1", started(TOUR), fbp="fb.1.2.1"),
        observed("2", room("salon", 400, TOUR, rooms_available=2)),
        observed("3", form(timeline="now", location="Maadi"), email=MONA, phone="01023456789"),
        observed("4", room("Master bedroom", 201, TOUR)),
        observed("5", allowed(), email=MONA),
    )
    stage.write(
        observed("6", completed(TOUR), fbp="fb.1.2.1", email=MONA),  # the visitor is Mona
        observed("7", acted("share", session=TOUR_2), email=ALI),
        observed("8", saved(), email=ALI),
        observed("9", started(TOUR_2, when=5)),
        observed("10", room("salon", 30, TOUR), fbp="fb.1.2.1"),  # late
        observed("11", form(), visitor_id="v-1"),
    )
    mona = next(row[2] for row in stage.rows() if row[1] == "leads.form_submitted.v1")
    stage.decide(Told(ended(TOUR_2), mona))


ids = "SELECT id FROM read_models.conversions WHERE withheld IS NULL ORDER BY position, id"


def delivered(stage: Stage) -> None:
    first, *others = [row[0] for row in stage.query(ids)]
    stage.decide(
        sent(first, *others, outcome="transient"), sent(first, outcome="accepted"), sent(*others, outcome="rejected")
    )


def test_what_postgres_holds_is_what_the_fold_says(stage: Stage) -> None:
    busy_day(stage)
    stage.project("conversions")
    delivered(stage)
    stage.project()
    log = read_kinds(stage.opened[0], list(BY_KIND))
    for projection in PROJECTIONS:
        memory: MemoryStorage[Any] = MemoryStorage(projection, log).run()
        names = [column.name for column in projection.columns]
        held = stage.query(f"SELECT {', '.join(['key', *names])} FROM read_models.{projection.tables[0]}")
        assert {row[0]: comparable(row[1:]) for row in held} == {
            key: comparable(row) for (_, key), row in memory.rows.items()
        }
        if projection.decisions:
            columns = ", ".join(column.name for column in projection.decisions.columns)
            decided = stage.query(f"SELECT id::text, {columns} FROM read_models.{projection.decisions.table}")
            assert {row[0]: comparable(row[1:]) for row in decided} == {
                key: comparable(values) for (_, key), values in memory.decided.items()
            }
            assert len(decided) >= 5


def comparable(row: tuple[Any, ...]) -> list[Any]:
    """Return a row with the types that JSON and numeric columns give back."""
    return [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, datetime | bool) or value is None:
        return value
    return str(value) if isinstance(value, UUID | str) else float(value)


@every_projection
def test_live_equals_a_rebuild_which_emits_nothing(stage: Stage, name: str) -> None:
    busy_day(stage)
    stage.project("conversions")
    delivered(stage)
    stage.project()
    outbox = stage.query("SELECT id, state FROM outbox.messages ORDER BY id")
    assert outbox
    with Rebuild(stage.url, name) as rebuild:
        for _ in rebuild.run():
            pass
        outcome = rebuild.finish(swap=False)
    assert (outcome["equal"], outcome["different"]) == (True, 0)
    assert stage.query("SELECT id, state FROM outbox.messages ORDER BY id") == outbox
    assert stage.query("SELECT count(*) FROM projection.builds WHERE status <> 'live'") == [(0,)]


def test_a_rebuild_that_differs_is_caught(stage: Stage) -> None:
    busy_day(stage)
    stage.project()
    stage.owner.execute("UPDATE read_models.people SET score = score + 1 WHERE quality = 'hot'")
    with Rebuild(stage.url, "people") as rebuild:
        for _ in rebuild.run():
            pass
        outcome = rebuild.finish(swap=False)
    assert not outcome["equal"]


def test_after_a_swap_the_new_build_goes_on_and_the_old_leader_stands_down(stage: Stage) -> None:
    busy_day(stage)
    stage.project()
    old = stage.runner("people")
    with Rebuild(stage.url, "people") as rebuild:
        for _ in rebuild.run():
            pass
        rebuild.finish(swap=True)
    stage.write(observed("later", saved("villa-9"), email=MONA))
    with pytest.raises(LostLeadership):
        old.step()
    stage.project("people")
    assert stage.query("SELECT count(*) FROM read_models.people WHERE saved ? 'villa-9'") == [(1,)]


# Each fact once.


def outcome_of(stage: Stage) -> list[Any]:
    people = "SELECT key, touchpoints, score FROM read_models.people ORDER BY key"
    messages = "SELECT id, kind, position FROM outbox.messages ORDER BY id"
    return [stage.query(people), stage.query(messages), stage.query(ids)]


@every_projection
def test_a_stale_leader_changes_nothing(stage: Stage, name: str) -> None:
    busy_day(stage)
    stale, leader = stage.runner(name), stage.runner(name)
    drain(leader)
    before = outcome_of(stage)
    with pytest.raises(LostLeadership):
        stale.step()
    assert outcome_of(stage) == before


def test_two_leaders_that_take_turns_fold_each_fact_once(stage: Stage) -> None:
    busy_day(stage)
    one, other = stage.runner("people"), stage.runner("people")
    one.step()
    stage.write(*(observed(f"more-{nth}", saved(when=nth), email=ALI) for nth in range(3)))
    with pytest.raises(LostLeadership):
        other.step()
    drain(stage.runner("people"))
    told = [kind for _, kind, *_ in stage.rows() if BY_KIND[kind].observed]
    assert sum(count for _, count, _ in outcome_of(stage)[0]) == len(told)


def drain(runner: Runner[Any]) -> None:
    while runner.step():
        pass


def test_one_runner_holds_the_lock_of_a_build(stage: Stage, connect_as: ConnectAs) -> None:
    first, second = connect_as(stage.url, "masar_projector"), connect_as(stage.url, "masar_projector")
    build = live_build(first, "people")
    assert build is not None
    assert take_lock(first, build)
    assert not take_lock(second, build)
    first.close()
    eventually(lambda: take_lock(second, build), "the server's notice that the first is gone")


def test_a_process_that_dies_after_every_page_leaves_the_same(stage: Stage) -> None:
    busy_day(stage)
    runner = stage.runner("people")
    runner._limit = 1
    while runner.step():
        runner = stage.runner("people")
        runner._limit = 1
    with Rebuild(stage.url, "people") as rebuild:
        for _ in rebuild.run():
            pass
        assert rebuild.finish(swap=False)["equal"]


# What goes wrong with one fact costs that fact.

ASIDE = "SELECT name, error FROM projection.set_aside ORDER BY name, position"


def test_a_kind_of_a_newer_release_is_passed_over(stage: Stage) -> None:
    stage.smuggle("tours.teleported.v1", b"{}")
    busy_day(stage)
    stage.project()
    assert stage.query(ASIDE) == []
    assert stage.query("SELECT count(*) FROM read_models.tour_sessions") == [(2,)]


BROKEN = [b"not json", b"[]", b'"text"', b'{"session_id": 7}', b'{"occurred_at": "2026-03-01T12:00:00Z"}', b"\xff\xfe"]


@pytest.mark.parametrize("state", BROKEN)
def test_a_state_that_cannot_be_read_is_set_aside_and_the_rest_goes_on(stage: Stage, state: bytes) -> None:
    stage.decide(*OPEN_HOUSE)
    stage.write(observed("before", started(TOUR)))
    stage.smuggle("tours.started.v1", state)
    stage.write(observed("after", started(TOUR_2)))
    stage.project()
    handles = {name for name, projection in BY_NAME.items() if BY_KIND["tours.started.v1"] in projection.handles}
    aside = stage.query(ASIDE)
    assert {name for name, _ in aside} == handles
    assert all(error.startswith("tours.started.v1: ") for _, error in aside)
    assert stage.query("SELECT count(*) FROM read_models.tour_sessions") == [(2,)]


def test_a_broken_rule_of_a_brokerage_stops_nobody(stage: Stage) -> None:
    stage.decide(*OPEN_HOUSE)
    stage.smuggle("brokerage.policy_activated.v1", b"{}")
    busy_day(stage)
    stage.project()
    assert {name for name, _ in stage.query(ASIDE)} == set(BY_NAME)
    assert stage.query("SELECT count(*) FROM read_models.tour_sessions") == [(2,)]


def test_a_value_that_postgres_refuses_is_found_and_set_aside(stage: Stage) -> None:
    good, bad = UUID(int=1), UUID(int=2)
    told = [sent(good, when=nth) for nth in range(9)]
    told.insert(5, sent(bad, outcome="unknown", message="no answer\x00"))
    stage.decide(*told)
    stage.project("deliveries")
    assert stage.query("SELECT key, tries FROM read_models.deliveries") == [(str(good), 9)]
    ((name, error),) = stage.query(ASIDE)
    assert name == "deliveries"
    assert "0x00" in error


DAWN = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
"""A moment that is before the first year in UTC: no clock of ours can show it."""


def test_a_link_holds_though_a_fact_of_the_person_was_set_aside(stage: Stage) -> None:
    stage.decide(*OPEN_HOUSE)
    stage.write(observed("1", form(), email=MONA), observed("2", saved(), fbp="fb.1.2.1"))
    stage.write(observed("3", saved("villa-9"), when=DAWN, fbp="fb.1.2.1"))
    stage.project("people")
    stage.write(observed("4", saved("flat-1"), fbp="fb.1.2.1", email=MONA))
    stage.project("people")
    assert [name for name, _ in stage.query(ASIDE)] == ["people"]
    ((touchpoints, homes),) = stage.query("SELECT touchpoints, saved FROM read_models.people")
    assert (touchpoints, homes) == (3, ["flat-1", "villa-7"])


def test_what_is_set_aside_belongs_to_its_brokerage(stage: Stage) -> None:
    stage.smuggle("tours.started.v1", b"{}")
    stage.project("people")
    assert stage.query("SELECT brokerage_id, position FROM projection.set_aside") == [(NILE_HOMES, stage.rows()[0][0])]
    assert ConversionsSent in BY_NAME["deliveries"].handles
