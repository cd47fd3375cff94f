"""No brokerage sees or touches another's rows: checked on every table there is, and on one planted bare."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql

from adapters.postgres.connections import Role
from adapters.postgres.positions import builds
from adapters.postgres.rebuild import Rebuild
from projections.people import PEOPLE
from tests.cast import DELTA_HOMES, NILE_HOMES, OPEN_HOUSE, acted, completed, form, room, sent
from tests.conftest import ConnectAs
from tests.postgres.stage import Stage, observed

SCHEMAS = [
    "log", "registry", "auth", "outbox", "projection", "read_models", "channels", "webhooks", "messaging",
    "subscriptions",
]  # fmt: skip
TENANT_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brokerage_id' AND NOT a.attisdropped
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') ORDER BY 1, 2
"""
UNPROTECTED = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brokerage_id' AND NOT a.attisdropped
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
"""
LEAKY_VIEWS = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind IN ('v', 'm')
   AND NOT coalesce(c.reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker']
"""
VIEWS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY(%s) AND c.relkind = 'v' ORDER BY 2
"""
Table = tuple[str, str]


def named(table: Table) -> sql.Identifier:
    return sql.Identifier(*table)


def tables(stage: Stage) -> list[Table]:
    return [(schema, name) for schema, name in stage.query(TENANT_TABLES, SCHEMAS)]


def brokerages_in(connection: Connection[Any], table: Table, brokerage_id: UUID | str | None) -> set[UUID]:
    """Return whose rows of a table a connection sees in the name of a brokerage; none where it may not look."""
    with connection.transaction():
        if brokerage_id is not None:
            connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(brokerage_id),))
        try:
            with connection.transaction():
                rows = connection.execute(sql.SQL("SELECT DISTINCT brokerage_id FROM {}").format(named(table)))
                return {brokerage for (brokerage,) in rows.fetchall()}
        except psycopg.errors.InsufficientPrivilege:
            return set()


def run_as(connection: Connection[Any], brokerage_id: UUID, statement: sql.Composed, arguments: list[Any]) -> None:
    """Run a statement in the name of a brokerage."""
    with connection.transaction():
        connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(brokerage_id),))
        connection.execute(statement, arguments)


def leaks(connection: Connection[Any], stage: Stage, everything: list[Table]) -> list[str]:
    """Return what is wrong with the protection of tables, as the app sees them."""
    problems = [f"{table} has no forced row-level security" for (table,) in stage.query(UNPROTECTED, SCHEMAS)]
    for table in everything:
        if brokerages_in(connection, table, NILE_HOMES) - {NILE_HOMES}:
            problems.append(f"{'.'.join(table)} shows another's rows")
        for nobody in (None, ""):
            if brokerages_in(connection, table, nobody):
                problems.append(f"{'.'.join(table)} shows rows to nobody in particular")
    return sorted(set(problems))


@pytest.fixture(scope="module")
def neighbours(shared_stage: Stage) -> Stage:
    """Two brokerages with rows in every table."""
    stage = shared_stage
    for brokerage_id in (NILE_HOMES, DELTA_HOMES):
        mine: dict[str, Any] = {"brokerage_id": brokerage_id, "email": "mona@example.com"}
        stage.decide(*OPEN_HOUSE, brokerage_id=brokerage_id)
        stage.write(
            observed("form", form(), **mine), observed("seen", acted("zoom"), fbp="fb.1", brokerage_id=brokerage_id)
        )
        stage.write(observed("known", acted("share"), fbp="fb.1", **mine), observed("room", room("hall", 9), **mine))
        stage.write(observed("end", completed(), **mine))
        stage.decide(sent(uuid4()), brokerage_id=brokerage_id)
    stage.project()
    for table in tables(stage):
        for brokerage_id in (NILE_HOMES, DELTA_HOMES):
            fill(stage, table, brokerage_id)
    return stage


COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0
   AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef
"""
SAMPLES: dict[str, Any] = {
    "text": "producer",
    "bytea": b"x",
    "bigint": 1,
    "integer": 1,
    "timestamp with time zone": "2026-03-01T12:00:00Z",
    "jsonb": "{}",
    "boolean": True,
    "uuid[]": [],
    "date": "2026-03-01",
}

WORDS: dict[Table, dict[str, str]] = {
    ("channels", "accounts"): {"channel": "whatsapp", "provider": "meta"},
    ("messaging", "addresses"): {"kind": "phone"},
    ("messaging", "notices"): {"medium": "email", "outcome": "sent"},
}
"""Columns that take only certain words."""


def row_for(stage: Stage, table: Table, brokerage_id: UUID) -> tuple[sql.Composed, list[Any]]:
    """Return an INSERT of a plausible row of a brokerage."""
    columns = stage.query(COLUMNS, f"{table[0]}.{table[1]}")
    names = dict(columns) | {"brokerage_id": "uuid"}
    samples = {name: uuid4() if kind == "uuid" else SAMPLES[kind] for name, kind in names.items()}
    samples["brokerage_id"] = brokerage_id
    samples |= {name: str(uuid4()) for name in ("key", "slug", "key_id", "build", "account_id") if name in samples}
    samples |= WORDS.get(table, {})
    if table == ("registry", "identities"):
        samples["subject_id"] = stage.query("SELECT subject_id FROM registry.subjects LIMIT 1")[0][0]
    listed = sql.SQL(", ").join(map(sql.Identifier, samples))
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        named(table), listed, sql.SQL(", ").join([sql.Placeholder()] * len(samples))
    )
    return statement, list(samples.values())


def fill(stage: Stage, table: Table, brokerage_id: UUID) -> None:
    """See to it that a brokerage has a row, where the product's own work left none."""
    held = sql.SQL("SELECT 1 FROM {} WHERE brokerage_id = %s LIMIT 1").format(named(table))
    if not stage.owner.execute(held, (brokerage_id,)).fetchall():
        stage.owner.execute(*row_for(stage, table, brokerage_id))


def test_every_table_has_rows_of_both(neighbours: Stage) -> None:
    everything = tables(neighbours)
    assert ("log", "masar_events") in everything
    assert {schema for schema, _ in everything} == set(SCHEMAS)
    for table in everything:
        assert brokerages_in(neighbours.owner, table, None) == {NILE_HOMES, DELTA_HOMES}, table


def test_nobody_sees_a_neighbours_rows(neighbours: Stage, connect_as: ConnectAs) -> None:
    assert leaks(connect_as(neighbours.url, "masar_app"), neighbours, tables(neighbours)) == []


@pytest.mark.parametrize("role", ["masar_app", "masar_auditor"])
def test_a_brokerage_sees_its_own_rows(neighbours: Stage, connect_as: ConnectAs, role: Role) -> None:
    connection = connect_as(neighbours.url, role)
    for table in [("log", "masar_events"), ("outbox", "messages"), *neighbours.query(VIEWS, SCHEMAS)]:
        assert brokerages_in(connection, table, DELTA_HOMES) == {DELTA_HOMES}, table
        assert brokerages_in(connection, table, None) == set()


def test_nobody_writes_into_a_neighbours_books(neighbours: Stage, connect_as: ConnectAs) -> None:
    app = connect_as(neighbours.url, "masar_app")
    for table in tables(neighbours):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_as(app, NILE_HOMES, *row_for(neighbours, table, DELTA_HOMES))


def test_nobody_moves_a_row_to_a_neighbour(neighbours: Stage, connect_as: ConnectAs) -> None:
    app = connect_as(neighbours.url, "masar_app")
    for table in tables(neighbours):
        moved = sql.SQL("UPDATE {} SET brokerage_id = %s").format(named(table))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_as(app, NILE_HOMES, moved, [DELTA_HOMES])


def test_every_view_asks_as_the_one_who_looks(neighbours: Stage) -> None:
    assert neighbours.query(LEAKY_VIEWS, SCHEMAS) == []
    assert neighbours.query(VIEWS, SCHEMAS)


def test_roles_are_bound_by_the_rules(neighbours: Stage) -> None:
    exempt = "SELECT rolname FROM pg_roles WHERE rolname LIKE %s AND (rolsuper OR rolbypassrls)"
    assert neighbours.query(exempt, "masar_%") == [("masar_admin",)]  # logs in to make databases, never to serve


PLANTED = {
    "bare": "GRANT SELECT ON read_models.planted TO masar_app",
    "not forced": "ALTER TABLE read_models.planted ENABLE ROW LEVEL SECURITY",
    "open to all": """
        ALTER TABLE read_models.planted ENABLE ROW LEVEL SECURITY;
        ALTER TABLE read_models.planted FORCE ROW LEVEL SECURITY;
        CREATE POLICY owner ON read_models.planted TO masar_owner USING (true) WITH CHECK (true);
        CREATE POLICY everyone ON read_models.planted USING (true); GRANT SELECT ON read_models.planted TO masar_app""",
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_an_unprotected_table_is_caught(stage: Stage, connect_as: ConnectAs, mistake: str) -> None:
    stage.owner.execute("CREATE TABLE read_models.planted (brokerage_id uuid NOT NULL)")
    stage.owner.execute(PLANTED[mistake].encode())
    for brokerage_id in (NILE_HOMES, DELTA_HOMES):
        stage.owner.execute("INSERT INTO read_models.planted VALUES (%s)", (brokerage_id,))
    found = leaks(connect_as(stage.url, "masar_app"), stage, tables(stage))
    assert found
    assert all("read_models.planted" in problem for problem in found)


def test_a_view_that_asks_as_its_owner_is_caught(stage: Stage) -> None:
    table = f"read_models.people_v{PEOPLE.version}"
    stage.owner.execute(f"CREATE VIEW read_models.planted AS SELECT * FROM {table}".encode())
    assert stage.query(LEAKY_VIEWS, SCHEMAS) == [("read_models.planted",)]


def test_a_rebuilt_read_model_is_as_protected_as_the_first(stage: Stage, connect_as: ConnectAs) -> None:
    for brokerage_id in (NILE_HOMES, DELTA_HOMES):
        stage.write(observed("form", form(), brokerage_id=brokerage_id, email="mona@example.com"))
    stage.project()
    with Rebuild(stage.url, "people") as rebuild:
        for _ in rebuild.run():
            pass
        rebuild.finish(swap=True)
    app = connect_as(stage.url, "masar_app")
    assert leaks(app, stage, tables(stage)) == []
    assert stage.query(LEAKY_VIEWS, SCHEMAS) == []
    assert brokerages_in(app, ("read_models", "people"), NILE_HOMES) == {NILE_HOMES}
    assert {build.build for build in builds(stage.owner) if build.name == "people"} == {f"v{PEOPLE.version}r1"}
