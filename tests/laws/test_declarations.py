"""What a projection declares is what its tables hold."""

from typing import Any

import pytest
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.positions import builds
from projections.catalogue import BY_NAME, PROJECTIONS
from projections.projection import Column, Projection

COLUMNS = """
SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
every_projection = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)


def held(connection: Connection[Any], table: str) -> dict[str, str]:
    """Return the columns of a table with their types."""
    return dict(connection.execute(COLUMNS, (table,)).fetchall())


def declared(own: dict[str, str], columns: tuple[Column, ...]) -> dict[str, str]:
    return {"brokerage_id": "uuid", **own} | {column.name: column.type for column in columns}


@every_projection
def test_the_live_tables_have_the_declared_columns(shared_url: str, projection: Projection[Any]) -> None:
    with connect(shared_url, "masar_owner") as connection:
        (live,) = [one for one in builds(connection) if (one.name, one.status) == (projection.name, "live")]
        assert live.version == projection.version
        keyed = declared({"key": "text", "state": "bytea"}, projection.columns)
        assert held(connection, live.table(projection.tables[0])) == keyed
        if projection.decisions:
            decided = declared({"id": "uuid"}, projection.decisions.columns)
            assert held(connection, live.table(projection.decisions.table)) == decided
        if projection.by_person:
            aliases = declared({"subject_id": "uuid", "person_id": "uuid"}, ())
            assert held(connection, live.table(f"{projection.name}_aliases")) == aliases


@every_projection
def test_readers_see_the_live_tables(shared_url: str, projection: Projection[Any]) -> None:
    with connect(shared_url, "masar_owner") as connection:
        for table in projection.tables:
            assert held(connection, f"read_models.{table}") == held(
                connection, f"read_models.{table}_v{projection.version}"
            )


def test_every_build_belongs_to_a_projection(shared_url: str) -> None:
    with connect(shared_url, "masar_owner") as connection:
        assert {one.name for one in builds(connection)} == set(BY_NAME)


def test_names_and_tables_are_nobody_elses() -> None:
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    assert len(set(tables)) == len(tables)
    assert len(BY_NAME) == len(PROJECTIONS)
