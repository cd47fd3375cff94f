"""The log: nothing is ever changed, each touchpoint is there once, and readers by position miss none."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError

from adapters.postgres.connections import Role, connect
from adapters.postgres.facts import read_page
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import Envelope, SealingMapper
from adapters.postgres.recorder import MOST_BYTES, MOST_FACTS, chunks
from domain.people.hints import PersonHints
from domain.shared.personal import ERASED, Sealed
from tests.cast import ANNA, DELTA_HOMES, NILE_HOMES, VISITOR, acted, at, linked, registered, started
from tests.conftest import ConnectAs
from tests.patience import PATIENCE_S
from tests.postgres.stage import MASTER, Stage, observed, stored

CHANGES = (
    "UPDATE log.masar_events SET topic = 'x'",
    "DELETE FROM log.masar_events",
    "TRUNCATE log.masar_events",
)
OTHERS: tuple[Role, ...] = ("masar_app", "masar_projector", "masar_ingest", "masar_registry", "masar_auditor")

# Never changed.


@pytest.mark.parametrize("change", CHANGES)
def test_even_the_owner_cannot_change_a_fact(shared_stage: Stage, change: str) -> None:
    shared_stage.write(observed("here"))
    before = shared_stage.rows()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="facts are never changed"):
        shared_stage.owner.execute(change.encode())
    assert shared_stage.rows() == before


INSERT = "INSERT INTO log.masar_events (originator_id) VALUES (gen_random_uuid())"


@pytest.mark.parametrize("change", [*CHANGES, INSERT])
@pytest.mark.parametrize("role", OTHERS)
def test_no_other_role_may_even_try(shared_url: str, connect_as: ConnectAs, role: Role, change: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        connect_as(shared_url, role).execute(change.encode())


FUNCTIONS = """
SELECT p.oid::regproc::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = ANY(%s) AND has_schema_privilege(%s, n.oid, 'USAGE') AND has_function_privilege(%s, p.oid, 'EXECUTE')
   AND p.prorettype <> 'trigger'::regtype
 ORDER BY 1
"""
RELATIONS = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege(%s, c.oid,
       'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
"""
SCHEMAS = ["log", "registry", "auth", "outbox", "projection", "read_models"]


def test_ingest_may_append_and_nothing_else(shared_stage: Stage) -> None:
    role = "masar_ingest"
    functions = [name for (name,) in shared_stage.query(FUNCTIONS, SCHEMAS, role, role)]
    assert functions == ["log.append_and_flush", "log.append_streams", "log.append_touchpoints"]
    assert shared_stage.query(RELATIONS, SCHEMAS, role) == []


@pytest.mark.parametrize("role", [role for role in OTHERS if role != "masar_ingest"])
def test_nobody_else_may_append(shared_stage: Stage, role: Role) -> None:
    functions = [name for (name,) in shared_stage.query(FUNCTIONS, SCHEMAS, role, role)]
    assert not [name for name in functions if name.startswith("log.")]


# Each touchpoint once.


def test_a_repeat_is_told_from_news_and_from_other_content(shared_stage: Stage) -> None:
    item = f"order-{uuid4()}"
    (first,) = shared_stage.write(observed(item, email="mona@example.com"))
    (again,) = shared_stage.write(observed(item, email="mona@example.com"))
    (other,) = shared_stage.write(observed(item, email="someone@example.com"))
    assert (first.status, again.status, other.status) == ("accepted", "duplicate", "conflict")
    assert first.event_id == again.event_id == other.event_id
    assert first.position == again.position == other.position
    assert [problem.field for problem in other.errors] == ["id"]


def test_within_one_request_the_first_of_an_id_holds(shared_stage: Stage) -> None:
    item = f"twice-{uuid4()}"
    same, other = observed(item), observed(item, started(session="elsewhere"))
    assert shared_stage.statuses(same, same, other, same) == ["accepted", "duplicate", "conflict", "duplicate"]
    assert shared_stage.statuses(other, same) == ["conflict", "duplicate"]


def test_an_id_is_one_producers_of_one_brokerage(shared_stage: Stage) -> None:
    item = f"mine-{uuid4()}"
    three = (observed(item), observed(item, producer="app"), observed(item, brokerage_id=DELTA_HOMES))
    verdicts = shared_stage.write(*three)
    assert [verdict.status for verdict in verdicts] == ["accepted"] * 3
    assert len({verdict.event_id for verdict in verdicts}) == 3


def test_a_repeat_adds_nothing_to_the_log(stage: Stage) -> None:
    batch = [observed(f"{nth}", email="mona@example.com", fbp="fb.1.2.3") for nth in range(5)]
    stage.write(*batch)
    before = stage.rows()
    assert stage.statuses(*batch) == ["duplicate"] * 5
    assert stage.rows() == before


def test_every_verdict_waits_for_a_flush_a_duplicates_too(shared_stage: Stage) -> None:
    owner, touchpoint = shared_stage.owner, observed("flushed", email="flush@example.com", fbp="fb.1.2.9")
    owner.execute("SET synchronous_commit = off")
    for status in ("accepted", "duplicate"):
        ((written,),) = owner.execute("SELECT pg_logical_emit_message(true, 'not flushed yet', '')").fetchall()
        assert shared_stage.statuses(touchpoint) == [status]
        ((flushed,),) = owner.execute("SELECT pg_current_wal_flush_lsn() > %s::pg_lsn", (written,)).fetchall()
        assert flushed
    owner.execute("RESET synchronous_commit")


def test_a_value_that_the_log_refuses_costs_only_itself(shared_stage: Stage) -> None:
    bad = started().model_copy(update={"kind": "tours.started\x00.v1"})
    good = [observed(f"good-{uuid4()}") for _ in range(3)]
    verdicts = shared_stage.write(*good[:2], observed(f"bad-{uuid4()}", bad), good[2])
    assert [verdict.status for verdict in verdicts] == ["accepted", "accepted", "rejected", "accepted"]
    assert [problem.field for problem in verdicts[2].errors] == ["payload"]


def test_a_large_request_goes_in_several_calls_and_answers_in_order(stage: Stage) -> None:
    batch = [observed(str(nth), started(session="one")) for nth in range(2 * MOST_FACTS + 1)]
    verdicts = stage.write(*batch)
    positions = [verdict.position for verdict in verdicts]
    assert {verdict.status for verdict in verdicts} == {"accepted"}
    assert positions == sorted(row[0] for row in stage.rows())


def test_calls_stay_below_five_hundred_facts_and_two_hundred_kilobytes() -> None:
    facts = stored([acted("zoom", when=nth) for nth in range(2 * MOST_FACTS + 1)])
    assert [len(chunk) for chunk in chunks(facts)] == [500, 500, 1]
    large = stored([registered().fact.model_copy(update={"name": "x" * 90_000}) for _ in range(5)])
    assert [len(chunk) for chunk in chunks(large)] == [2, 2, 1]
    assert all(sum(len(one.state) for one in chunk) <= MOST_BYTES for chunk in chunks(large))
    huge = stored([registered().fact.model_copy(update={"name": "x" * 300_000})])
    assert [len(chunk) for chunk in chunks([*huge, *large[:1]])] == [1, 1]


# What is personal.


def test_only_the_keyring_opens_what_is_personal_and_after_erasure_nobody(stage: Stage) -> None:
    stage.write(observed("sealed", email="mona@example.com", name="منى"))
    ((state,),) = stage.query("SELECT state FROM log.masar_events")
    assert b"mona" not in bytes(state)
    reader = stage.runner("people")._storage.page(0, 10)  # as the projector reads it
    (entry,) = reader.facts
    sealed = entry.fact.hints  # type: ignore[union-attr]
    assert isinstance(sealed, Sealed)
    ring = KeyRing(stage.url, MASTER)
    (opened,) = ring.open_all([sealed])
    assert PersonHints.model_validate(opened) == PersonHints(email="mona@example.com", name="منى")
    ring.close()
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL")
    later = KeyRing(stage.url, MASTER)
    assert later.open_all([sealed]) == [ERASED]
    later.close()


def test_a_repeat_of_an_erased_persons_touchpoint_is_a_duplicate_whatever_it_says(stage: Stage) -> None:
    page = started().model_copy(update={"page_url": "https://nile.example/?q=1"})
    stage.write(observed("a", page), observed("b", email="mona@example.com"))
    stage.owner.execute("DELETE FROM registry.identities")
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL, erased_at = now()")
    repeats = (observed("a", page), observed("b", email="mona@example.com"), observed("c"))
    assert stage.statuses(*repeats) == ["duplicate", "duplicate", "accepted"]
    assert stage.statuses(observed("a", started(session="other"))) == ["duplicate"]


# Streams with rules.


def _envelope(stream_id: UUID, version: int, **settings: Any) -> Any:
    return SealingMapper().to_stored_event(Envelope(stream_id, version, registered(**settings).fact, NILE_HOMES))


def test_a_strict_stream_refuses_a_taken_version_and_all_that_came_with_it(stage: Stage) -> None:
    stream_id, other = uuid4(), uuid4()
    positions = stage.recorder.insert_events([_envelope(stream_id, 1), _envelope(stream_id, 2)])
    assert positions == [row[0] for row in stage.rows()]
    with pytest.raises(IntegrityError):
        stage.recorder.insert_events([_envelope(other, 1), _envelope(stream_id, 2, currency="AED")])
    assert [row[4] for row in stage.rows()] == [stream_id, stream_id]
    assert stage.recorder.insert_events([_envelope(stream_id, 3)]) > positions[-1:]


def test_the_librarys_own_reading_works_beside_our_appending(stage: Stage) -> None:
    stream_id = uuid4()
    stage.recorder.insert_events([_envelope(stream_id, 1)])
    assert [event.topic for event in stage.recorder.select_events(stream_id)] == ["brokerage.registered.v1"]
    assert stage.recorder.max_notification_id() == stage.rows()[-1][0]


# One order.

WRITERS, CALLS, PER_CALL = 12, 25, 10


def test_a_reader_by_position_misses_nothing_that_twelve_writers_append(stage: Stage) -> None:
    expected: set[UUID] = set()
    lock = threading.Lock()

    def append(_writer: int) -> None:
        with connect(stage.url, "masar_ingest", synchronous=False) as connection:
            for call in range(CALLS):
                facts = stored([acted("zoom", when=call) for _ in range(1 + call % PER_CALL)])
                stage.recorder.append_touchpoints(connection, facts)
                with lock:
                    expected.update(fact.originator_id for fact in facts)

    total = WRITERS * sum(1 + call % PER_CALL for call in range(CALLS))
    with ThreadPoolExecutor(WRITERS + 1) as threads:
        reading = threads.submit(_read_live, stage.url, total, time.monotonic() + PATIENCE_S)
        list(threads.map(append, range(WRITERS)))
        seen = reading.result()
    positions = [position for position, _ in seen]
    assert positions == sorted(set(positions))
    assert {stream for _, stream in seen} == expected
    assert len(seen) == total


def _read_live(url: str, total: int, deadline: float) -> list[tuple[int, UUID]]:
    """Page through the log while it grows, never looking back."""
    seen: list[tuple[int, UUID]] = []
    position = 0
    with connect(url, "masar_projector") as connection:
        while len(seen) < total and time.monotonic() < deadline:
            page = read_page(connection, position, 50, ["tours.acted.v1"])
            seen += [(fact.position, fact.stream_id) for fact in page.facts]  # type: ignore[union-attr]
            position = page.to
    return seen


def test_a_page_looks_past_facts_of_other_kinds(stage: Stage) -> None:
    stage.decide(registered(), linked(VISITOR, ANNA), registered())
    with connect(stage.url, "masar_projector") as connection:
        page = read_page(connection, 0, 10, ["people.subjects_linked.v1"])
    assert [fact.position for fact in page.facts] == [stage.rows()[1][0]]
    assert page.to == stage.rows()[2][0]
    assert all(row[0] for row in stage.query("SELECT recorded_at >= %s FROM log.masar_events", at()))
