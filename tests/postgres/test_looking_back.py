"""Looking back in Postgres: as of a moment, several rebuilds in one reading, new versions going live by themselves."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg import AsyncConnection
from typer.testing import CliRunner, Result

from adapters.postgres import one_pass, upgrade
from adapters.postgres.connections import as_brokerage, connect, pool
from adapters.postgres.facts import read_kinds
from adapters.postgres.introduce import aliases, decisions, introduce, keyed
from adapters.postgres.looking_back import AsOf, fold_all_as_of, fold_as_of, line, position_at
from adapters.postgres.one_pass import OnePass
from adapters.postgres.projector import run_projector
from adapters.postgres.read_models import PostgresStorage
from adapters.postgres.rebuild import Rebuild, RebuildFailed
from adapters.postgres.upgrade import Upgrade
from adapters.postgres.watch import backlog
from api.cli.main import app
from domain.catalogue import BY_KIND
from domain.people.events import SubjectsParted
from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from projections.catalogue import BY_NAME
from projections.people import PEOPLE
from projections.projection import Column, Decided, Decisions, Projection
from tests.cast import DELTA_HOMES, NILE_HOMES, OPEN_HOUSE, Told, acted, at, form, saved
from tests.memory import MemoryStorage
from tests.patience import eventually
from tests.postgres.stage import Stage, observed

MONA, ALI = "mona@example.com", "ali@example.com"


def a_day(stage: Stage) -> None:
    """A visitor saves homes, turns out to be Mona, and a human says that they are not."""
    stage.decide(*OPEN_HOUSE)
    stage.write(observed("1", saved(), fbp="fb.1.2.1"), observed("2", form(), email=MONA))
    stage.write(observed("3", saved("flat-1"), fbp="fb.1.2.1", email=MONA))
    stage.write(observed("4", acted("share"), email=ALI), observed("5", saved("villa-9"), fbp="fb.1.2.1"))
    link = next(row for row in stage.rows() if row[1] == "people.subjects_linked.v1")
    (mona,) = {row[2] for row in stage.rows() if row[1] == "leads.form_submitted.v1"}
    part = SubjectsParted(subject_id=link[2], from_subject_id=mona, by="k_agent", occurred_at=at())
    stage.decide(Told(part, link[2]))
    stage.write(observed("6", saved("flat-2"), fbp="fb.1.2.1"), observed("7", saved("flat-3"), email=MONA))


def log_of(stage: Stage) -> list[Recorded]:
    return read_kinds(stage.owner, list(BY_KIND))


def messages(stage: Stage) -> list[tuple[Any, ...]]:
    return stage.query("SELECT id, kind, position FROM outbox.messages ORDER BY id")


# Two people again.


def test_what_postgres_holds_after_a_parting_is_what_the_fold_says(stage: Stage) -> None:
    a_day(stage)
    stage.project()
    memory: MemoryStorage[Any] = MemoryStorage(PEOPLE, log_of(stage)).run()
    place = [column.name for column in PEOPLE.columns].index("touchpoints")
    held = stage.query("SELECT key, touchpoints FROM read_models.people ORDER BY key")
    assert held == sorted((key, row[place]) for (_, key), row in memory.rows.items())
    assert stage.query("SELECT count(*) FROM read_models.people_aliases") == [(0,)]
    assert len(held) == 3


# As of.


def seen_by_the_app(stage: Stage, subject: UUID, position: int, brokerage_id: UUID = NILE_HOMES) -> AsOf[Any]:
    """Return a person as of a position, as the API's role under the brokerage's row-level security."""

    async def seen() -> AsOf[Any]:
        async with pool(stage.url, size=1) as connections, as_brokerage(connections, brokerage_id) as connection:
            return await fold_as_of(connection, PEOPLE, brokerage_id, subject, position)

    return asyncio.run(seen())


def place_at(stage: Stage, time: datetime) -> int:
    """Return the position of a time."""

    async def asked() -> int:
        async with await AsyncConnection.connect(stage.url) as connection:
            return await position_at(connection, time)

    return asyncio.run(asked())


@pytest.mark.parametrize("projected", [True, False])
def test_a_person_as_of_any_position_is_what_a_fold_up_to_there_says(stage: Stage, projected: bool) -> None:
    a_day(stage)
    if projected:  # who is whom is found in what the read model knows, and beside it
        stage.project("people")
    log = log_of(stage)
    for position in range(log[-1].position + 1):
        memory: MemoryStorage[Any] = MemoryStorage(PEOPLE, [one for one in log if one.position <= position]).run()
        for subject in {one.subject_id for one in log if one.subject_id}:
            found = seen_by_the_app(stage, subject, position)
            person = memory.aliases.get((NILE_HOMES, subject), subject)
            assert found.person_id == person
            assert set(found.subjects) == {person, *memory.cluster(NILE_HOMES, person)}
            if (NILE_HOMES, str(person)) in memory.rows:
                assert tuple(found.row.values()) == memory.rows[NILE_HOMES, str(person)]
                assert found.state == memory.all_states()[NILE_HOMES, str(person)]
            else:
                assert found.facts == []


def test_another_brokerage_sees_nothing_of_a_person_as_of_any_time(stage: Stage) -> None:
    a_day(stage)
    stage.project("people")
    for subject in {one.subject_id for one in log_of(stage) if one.subject_id}:
        found = seen_by_the_app(stage, subject, 10**6, DELTA_HOMES)
        assert (found.facts, list(found.subjects)) == ([], [subject])


def test_a_time_is_the_position_of_the_last_fact_recorded_until_then(stage: Stage) -> None:
    a_day(stage)
    log = log_of(stage)
    before = log[0].recorded_at - timedelta(microseconds=1)
    assert place_at(stage, before) == 0
    for nth, one in enumerate(log):
        later = [other.position for other in log[nth:] if other.recorded_at == one.recorded_at]
        assert place_at(stage, one.recorded_at) == later[-1]
    assert place_at(stage, datetime.now(UTC) + timedelta(days=1)) == log[-1].position


@pytest.mark.parametrize("name", ["people", "tour_sessions", "conversions"])
def test_a_whole_read_model_as_of_a_moment_touches_nothing_live(stage: Stage, name: str) -> None:
    a_day(stage)
    stage.project()
    live = "SELECT name, build, status, position, updated_at FROM projection.builds ORDER BY 1, 2"
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'read_models'::regnamespace ORDER BY 1"
    before = stage.query(live), stage.query(tables), messages(stage)
    projection, log = BY_NAME[name], log_of(stage)
    for upto in (log[0].position - 1, log[len(log) // 2].position, log[-1].position):
        moment = next(
            (one.recorded_at for one in log if one.position == upto), log[0].recorded_at - timedelta(seconds=1)
        )  # fmt: skip
        memory: MemoryStorage[Any] = MemoryStorage(projection, [one for one in log if one.position <= upto]).run()
        rows = [orjson.loads(line(row)) for row in fold_all_as_of(stage.url, name, moment)]
        held = memory.decided if projection.decisions else memory.rows
        own = "id" if projection.decisions else "key"
        assert [row[own] for row in rows] == sorted(key for _, key in held)
        assert all(row["brokerage_id"] == str(NILE_HOMES) and "state" not in row for row in rows)
    assert (stage.query(live), stage.query(tables), messages(stage)) == before


@pytest.fixture
def masar(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line on this database."""
    monkeypatch.setenv("MASAR_DATABASE_URL", stage.url)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


def test_replay_as_of_writes_rows_as_json_lines(stage: Stage, masar: Callable[..., Result], tmp_path: Path) -> None:
    a_day(stage)
    stage.project()
    moment, before = datetime.now(UTC).isoformat(), log_of(stage)[0].recorded_at - timedelta(seconds=1)
    file = tmp_path / "people.ndjson"
    assert masar("replay", "people", "--as-of", moment, "--out", file).exit_code == 0
    rows = [orjson.loads(one) for one in file.read_bytes().splitlines()]
    assert [row["key"] for row in rows] == [
        key for (key,) in stage.query("SELECT key FROM read_models.people ORDER BY 1")
    ]
    assert masar("replay", "people", "--as-of", before.isoformat(), "--out", file).exit_code == 0
    assert file.read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "moment", "says"),
    [
        ("people", "2999-01-01T00:00:00Z", "must not be in the future"),
        ("people", "2026-11-01T00:00:00", "must have an offset"),
        ("people", "yesterday", "must be a time such as"),
        ("all", "2026-01-01T00:00:00Z", "name it"),
        ("nobody", "2026-01-01T00:00:00Z", "there is no read model"),
    ],
)
def test_replay_refuses_a_moment_that_is_none(masar: Callable[..., Result], name: str, moment: str, says: str) -> None:
    refused = masar("replay", name, "--as-of", moment)
    assert refused.exit_code == 2
    assert says in " ".join(refused.output.replace("│", " ").split())


def test_replay_all_tells_of_each_and_backlog_of_what_was_set_aside(stage: Stage, masar: Callable[..., Result]) -> None:
    a_day(stage)
    stage.smuggle("tours.started.v1", b"not json")
    stage.project()
    replayed = masar("replay", "all", "--json")
    assert replayed.exit_code == 0
    assert {one["projection"]: one["equal"] for one in orjson.loads(replayed.output)} == dict.fromkeys(BY_NAME, True)
    aside = orjson.loads(masar("backlog", "--json").output)["set_aside"]
    assert {one["kind"] for one in aside} == {"tours.started.v1"}
    assert "people" in {one["name"] for one in aside}
    assert "folded again by ./masar replay" in masar("backlog").output


# One reading of the log for several rebuilds.


def test_one_pass_builds_all_as_they_are(stage: Stage) -> None:
    a_day(stage)
    stage.project()
    before = messages(stage)
    with OnePass(stage.url, tuple(BY_NAME)) as rebuilds:
        read = list(rebuilds.run())
        outcomes = rebuilds.finish(swap=True)
    assert [one["projection"] for one in outcomes] == list(BY_NAME)
    assert all(one["equal"] and one["swapped"] for one in outcomes)
    assert read[-1] == log_of(stage)[-1].position
    assert messages(stage) == before
    stage.write(observed("later", saved("villa-5"), email=MONA))
    stage.project()
    assert stage.query("SELECT count(*) FROM read_models.people WHERE saved ? 'villa-5'") == [(1,)]


def test_one_pass_reads_each_page_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    a_day(stage)
    stage.project()
    pages, read = [], one_pass.read_page
    monkeypatch.setattr(one_pass, "read_page", lambda *asked: pages.append(asked[1]) or read(*asked))
    monkeypatch.setattr(one_pass, "LARGEST_PAGE", 3)
    with OnePass(stage.url, tuple(BY_NAME)) as rebuilds:
        list(rebuilds.run())
        assert all(one["equal"] for one in rebuilds.finish(swap=False))
    assert pages == sorted(set(pages))
    assert len(pages) > 3


def test_one_rebuild_that_fails_does_not_cost_the_others(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    a_day(stage)
    stage.smuggle("tours.started.v1", b"not json")
    stage.project()
    stage.owner.execute("UPDATE projection.builds SET status = 'retired' WHERE name = 'deliveries'")  # none is live
    take = Rebuild.take

    def broken(self: Rebuild, page: Any) -> bool:
        if self._projection.name == "tour_sessions":
            raise ZeroDivisionError("planted")
        return take(self, page)

    monkeypatch.setattr(Rebuild, "take", broken)
    with OnePass(stage.url, tuple(BY_NAME)) as rebuilds:
        list(rebuilds.run())
        outcomes = {one["projection"]: one for one in rebuilds.finish(swap=True)}
    assert {name for name, one in outcomes.items() if "error" in one} == {"deliveries", "tour_sessions"}
    assert "planted" in outcomes["tour_sessions"]["error"]
    assert outcomes["people"]["swapped"]
    assert outcomes["conversions"]["equal"]
    assert stage.query("SELECT count(*) FROM projection.builds WHERE status = 'building'") == [(0,)]


def test_what_is_set_aside_is_shown_and_folded_again_by_a_rebuild(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day(stage)
    monkeypatch.setitem(BY_NAME, "people", brittle_people())
    stage.project("people")
    shown = backlog(stage.owner)["set_aside"]
    assert [(one["name"], one["kind"]) for one in shown] == [("people", "properties.saved.v1")]
    assert "ZeroDivisionError: villa-9" in shown[0]["error"]
    monkeypatch.setitem(BY_NAME, "people", PEOPLE)
    with Rebuild(stage.url, "people") as rebuild:
        list(rebuild.run())
        assert not rebuild.finish(swap=True)["equal"]
    assert backlog(stage.owner)["set_aside"] == []
    assert stage.query("SELECT count(*) FROM read_models.people WHERE saved ? 'villa-9'") == [(1,)]


def brittle_people() -> Projection[Any]:
    """The people, with a fold that cannot bear villa-9."""

    def evolve(state: Any, entry: Recorded, house: Any, key: str) -> Any:
        if getattr(entry.fact, "property_id", "") == "villa-9":
            raise ZeroDivisionError("villa-9")
        return PEOPLE.step(state, entry, house, key)[0]

    return Projection(
        "people", PEOPLE.version, PEOPLE.handles, "person", PEOPLE.initial, PEOPLE.columns, PEOPLE.row, evolve
    )


# A key too long for its index, and other values that Postgres refuses in ways of its own.


@pytest.mark.parametrize("bad", [{"key": "x" * 9_000}, {"text": "nul \x00"}, {"text": "\ud800"}, {"number": 2**40},
                                 {"number": "seven"}, {"number": object()}])  # fmt: skip
def test_whatever_postgres_refuses_costs_that_fact_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, bad: dict[str, Any]
) -> None:
    def is_bad(entry: Recorded) -> bool:
        return getattr(entry.fact, "property_id", "") == "villa-9"

    incompressible = "".join(uuid4().hex for _ in range(300))
    odd = {**bad, "key": incompressible} if "key" in bad else bad
    visits: Projection[int] = Projection(
        "visits", 1, PEOPLE.handles,
        key=lambda entry: [odd.get("key", "bad") if is_bad(entry) else "good"],
        initial=0, columns=(Column("number", "int4"), Column("text", "text")),
        row=lambda seen, _house: (odd.get("number", 1), odd.get("text", "")) if seen < 0 else (seen, ""),
        evolve=lambda seen, entry, _house, _key: -1 if is_bad(entry) else seen + 1,
    )  # fmt: skip
    monkeypatch.setitem(BY_NAME, "visits", visits)
    stage.owner.execute(introduce("visits", 1, keyed("visits", "number int, text text")).encode())
    stage.write(*(observed(str(nth), saved("villa-9" if nth in (2, 3) else "flat-1"), email=ALI) for nth in range(6)))
    stage.project("visits")
    assert stage.query("SELECT key, number FROM read_models.visits") == [("good", 4)]
    assert stage.query("SELECT count(*) FROM projection.set_aside WHERE name = 'visits'") == [(2,)]


def test_whole_and_broken_numbers_go_into_one_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = Column("number", "numeric"), Column("share", "float8")
    values = iter([1, 1.5, 2, 0.25] * 9)
    mixed: Projection[int] = Projection(
        "visits", 1, PEOPLE.handles, "person", 0, columns,
        row=lambda seen, _house: (1 if seen % 2 else 1.5, 1.5 if seen % 2 else 1),
        react=lambda seen, entry, _house, _key: (
            seen + 1, ([Decided(str(uuid4()), (next(values),)) for _ in range(2)], ())
        ),
        decisions=Decisions("visited", (Column("worth", "numeric"),)),
    )  # fmt: skip
    monkeypatch.setitem(BY_NAME, "visits", mixed)
    tables = (keyed("visits_memory", "number numeric, share float8"), decisions("visited", "worth numeric"),
              aliases("visits_aliases"))  # fmt: skip
    stage.owner.execute(introduce("visits", 1, *tables).encode())
    stage.write(
        observed("1", saved(), email=MONA), observed("2", saved(), email=MONA), observed("3", saved(), email=ALI)
    )
    commits, written = [], PostgresStorage.commit
    monkeypatch.setattr(PostgresStorage, "commit", lambda *page: commits.append(page[1:3]) or written(*page))
    stage.project("visits")
    assert stage.query("SELECT number, share FROM read_models.visits_memory ORDER BY number") == [(1, 1.5), (1.5, 1)]
    assert stage.query("SELECT count(*), sum(worth) FROM read_models.visited") == [(6, Decimal("7.25"))]
    assert len(commits) == 1


# A new version.

REMINDERS = UUID("aa51be1f-62d5-5c0a-8f0e-0fb4a1f0c9d3")


def homes_saved(version: int, fail: Callable[[], None] = lambda: None) -> Projection[int]:
    """A made-up reaction by person: notes every home that is saved, and tells somebody. Version 2 counts twice."""

    def react(seen: int, entry: Recorded, _house: Any, key: str) -> Any:
        fail()
        home = getattr(entry.fact, "property_id", "")
        message = OutboxMessage(
            id=entry.stream_id, brokerage_id=entry.brokerage_id, kind="told", due_at=entry.recorded_at, payload={},
            cause_id=entry.stream_id, position=entry.position, correlation_id=None,
        )  # fmt: skip
        values = (home,) if version == 1 else (home, version)
        return seen + version, ([Decided(str(entry.stream_id), values)], [message])

    columns = (Column("home", "text"), Column("told_by", "int4"))[:version]
    return Projection(
        "homes_saved", version, (type(saved()),), "person", 0, (Column("seen", "int4"),),
        lambda seen, _house: (seen,), react=react, decisions=Decisions("homes_told", columns),
    )  # fmt: skip


def bring(stage: Stage, version: int, **more: Any) -> None:
    """Do what the migration of a version does."""
    columns = ("home text", "home text, told_by int")[version - 1]
    tables = keyed("homes_saved_memory", "seen int"), decisions("homes_told", columns), aliases("homes_saved_aliases")
    stage.owner.execute(introduce("homes_saved", version, *tables, **more).encode())


def saves(stage: Stage, *names: str) -> None:
    stage.write(*(observed(name, saved(name), email=MONA) for name in names))


BUILDS = "SELECT build, status FROM projection.builds WHERE name = 'homes_saved' ORDER BY build"
TOLD = "SELECT payload IS NOT NULL, position FROM outbox.messages WHERE kind = 'told' ORDER BY position"


@pytest.fixture
def first_version(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A database that runs version 1, to which facts came that version 1 never saw."""
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(1))
    bring(stage, 1)
    saves(stage, "villa-1", "villa-2", "villa-3")
    stage.project("homes_saved")
    saves(stage, "villa-4", "villa-5")
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(2))
    return stage


def test_a_new_version_is_built_swapped_and_emits_what_the_old_one_had_not(first_version: Stage) -> None:
    stage = first_version
    bring(stage, 2)
    assert stage.query(BUILDS) == [("v1", "live"), ("v2", "building")]
    assert stage.query("SELECT home, told_by FROM read_models.homes_told ORDER BY home")[0] == ("villa-1", None)
    told = stage.query(TOLD)
    assert len(told) == 3
    with Upgrade(stage.url, "homes_saved") as new:
        list(new.run())
        new.swap()
    assert stage.query(BUILDS) == [("v1", "retired"), ("v2", "live")]
    assert stage.query(TOLD) == told
    assert stage.query("SELECT home, told_by FROM read_models.homes_told ORDER BY home") == [
        (f"villa-{nth}", 2) for nth in (1, 2, 3)
    ]
    stage.project("homes_saved")
    assert [position for _, position in stage.query(TOLD)] == [row[0] for row in stage.rows() if "saved" in row[1]]
    assert stage.query("SELECT seen FROM read_models.homes_saved_memory") == [(10,)]
    with Rebuild(stage.url, "homes_saved") as rebuild:
        list(rebuild.run())
        assert rebuild.finish(swap=True)["equal"]
    assert stage.query("SELECT to_regclass('read_models.homes_told_v1')") == [(None,)]


def test_the_projector_brings_a_new_version_live_by_itself(first_version: Stage) -> None:
    stage = first_version
    bring(stage, 2)
    stop = threading.Event()
    running = threading.Thread(target=run_projector, args=(stage.url, stop, ("homes_saved",)))
    running.start()
    try:
        eventually(lambda: len(stage.query(TOLD)) == 5)
        saves(stage, "villa-6")
        eventually(lambda: len(stage.query(TOLD)) == 6)
    finally:
        stop.set()
        running.join()
    assert stage.query("SELECT seen FROM read_models.homes_saved_memory") == [(12,)]


def test_a_build_that_died_goes_on_where_it_was(first_version: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = first_version
    bring(stage, 2)
    folded: list[int] = []
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(2, lambda: folded.append(1)))
    for died_after in (1, 2):
        with Upgrade(stage.url, "homes_saved") as new:
            new._runner._limit = 1
            for _ in range(died_after - len(folded)):
                next(new.run())
            new._runner.settle()
    assert len(folded) == 2
    with Upgrade(stage.url, "homes_saved") as new:
        list(new.run())
        new.swap()
    assert len(folded) == 3
    stage.project("homes_saved")
    assert [stage.query("SELECT seen FROM read_models.homes_saved_memory"), len(stage.query(TOLD))] == [[(10,)], 5]


def test_one_process_builds_a_version_and_another_waits(first_version: Stage) -> None:
    bring(first_version, 2)
    with Upgrade(first_version.url, "homes_saved"), pytest.raises(RebuildFailed, match="by somebody else"):
        Upgrade(first_version.url, "homes_saved")


def test_a_fold_that_changed_alone_needs_no_migration_and_a_column_does(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.write(observed("1", saved(), email=MONA))
    stage.project("people")
    newer = Projection(
        "people", PEOPLE.version + 1, PEOPLE.handles, "person", PEOPLE.initial, PEOPLE.columns, PEOPLE.row,
        PEOPLE.evolve,
    )  # fmt: skip
    monkeypatch.setitem(BY_NAME, "people", newer)
    with Upgrade(stage.url, "people") as new:
        list(new.run())
        new.swap()
    assert stage.query("SELECT touchpoints FROM read_models.people") == [(1,)]
    wider = Projection(
        "people", PEOPLE.version + 2, PEOPLE.handles, "person", PEOPLE.initial,
        (*PEOPLE.columns, Column("shoe_size", "int4")), PEOPLE.row, PEOPLE.evolve,
    )  # fmt: skip
    monkeypatch.setitem(BY_NAME, "people", wider)
    with pytest.raises(RebuildFailed, match=r"needs a migration.*shoe_size"):
        Upgrade(stage.url, "people")


def test_an_older_release_does_not_build_its_version_again(
    first_version: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(first_version, 2)
    with Upgrade(first_version.url, "homes_saved") as new:
        new.swap()
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(1))
    with connect(first_version.url, "masar_projector") as connection:
        assert upgrade.older(upgrade.builds(connection), "homes_saved") is None


@pytest.mark.parametrize("emits_past", [True, False])
def test_a_brand_new_read_model_is_live_from_the_start_and_emits_the_past_only_if_told_to(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, emits_past: bool
) -> None:
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(1))
    saves(stage, "villa-1", "villa-2")
    bring(stage, 1, emits_past=emits_past)
    with Rebuild(stage.url, "homes_saved") as rebuild:  # before it has caught up: that must not make it emit
        list(rebuild.run())
        rebuild.finish(swap=True)
    saves(stage, "villa-3")
    stage.project("homes_saved")
    assert stage.query("SELECT seen FROM read_models.homes_saved_memory") == [(3,)]
    assert len(stage.query(TOLD)) == (3 if emits_past else 1)


def test_over_an_empty_log_a_new_version_replaces_the_old_one_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(stage, 1)
    bring(stage, 2)
    assert stage.query(BUILDS) == [("v2", "live")]
    assert stage.query("SELECT to_regclass('read_models.homes_told_v1')") == [(None,)]
    monkeypatch.setitem(BY_NAME, "homes_saved", homes_saved(2))
    saves(stage, "villa-1")
    stage.project("homes_saved")
    assert stage.query("SELECT home FROM read_models.homes_told") == [("villa-1",)]
