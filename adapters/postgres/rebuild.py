"""Rebuilds a read model from nothing beside the live one, compares the two, and swaps in one transaction."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import psycopg
from psycopg import sql

from adapters.postgres.connections import connect
from adapters.postgres.positions import Build, builds
from adapters.postgres.projector import live_build, runner_of, take_lock
from adapters.postgres.tenancy import protect_read_model
from projections.catalogue import BY_NAME
from projections.runner import uncollected
from projections.storage import LostLeadership

NEXT = r"SELECT coalesce(max(substring(build FROM 'r(\d+)$')::int), 0) + 1 FROM projection.builds WHERE name = %s"
RETIRED = "DELETE FROM projection.builds WHERE name = %s AND status = 'retired' RETURNING build"
ADD = "INSERT INTO projection.builds (name, build, version, status) VALUES (%s, %s, %s, 'building')"
LOCK_LIVE = "SELECT position FROM projection.builds WHERE name = %s AND build = %s AND status = 'live' FOR UPDATE"
RETIRE = "UPDATE projection.builds SET status = 'retired', emit_from = NULL WHERE name = %s AND build = %s"
PROMOTE = "UPDATE projection.builds SET status = 'live', emit_from = %s WHERE name = %s AND build = %s"
FORGET = "DELETE FROM projection.builds WHERE name = %s AND build = %s AND status = 'building'"
CLOSE_ENOUGH = 2_000
"""Positions behind the live one from which the rest is folded while the live one holds still."""


class RebuildFailed(Exception):
    """The rebuild could not go on; the live read model is untouched."""


class Rebuild:
    """One rebuild of one projection; thrown away unless `finish` swaps it in."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._projection = url, BY_NAME[name]
        self._owner = connect(url, "masar_owner", name="rebuild")
        self._connection = connect(url, "masar_projector", by_index=True, name="rebuild")
        live = live_build(self._connection, name)
        if live is None:
            raise RebuildFailed(f"{name} has no live build of version {self._projection.version}")
        self._live, self._finished = live, False
        self._build = self._create()
        self._writer = connect(url, "masar_projector", synchronous=False, by_index=True, name="rebuild")
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="rebuild")
        self._runner = runner_of(self._connection, self._build, self._writer, self._behind)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._behind.shutdown()
        self._writer.close()
        if not self._finished:
            self._drop(self._build)
        self._owner.close()
        self._connection.close()

    def target(self) -> int:
        """Return the live one's position, where the rebuild is headed."""
        return self._position(self._live)

    def folded(self) -> int:
        """Return how far the rebuild has come."""
        return self._runner.position

    def run(self) -> Iterator[int]:
        """Fold from nothing until close to the live one; yields the position after each page."""
        with uncollected():
            yield from self._run()

    def _run(self) -> Iterator[int]:
        try:
            while self.target() - self._runner.position > 0:
                behind = self.target()
                if self._runner.step(up_to=behind) == 0:
                    return
                yield self._runner.position
                if behind - self._runner.position < CLOSE_ENOUGH and self.target() == behind:
                    self._runner.settle()
                    return
        except (psycopg.Error, LostLeadership) as error:
            raise RebuildFailed(f"{self._projection.name}: {error}") from error

    def finish(self, *, swap: bool) -> dict[str, Any]:
        """Hold the live one still, fold the rest, compare, and swap or throw away.

        Returns projection, facts (positions folded), per_s, equal, different (rows) and swapped.
        """
        facts = self._runner.position
        took = time.monotonic() - self._started
        name = self._projection.name
        try:
            with self._owner.transaction():
                self._owner.execute("SET LOCAL lock_timeout = '5s'")
                row = self._owner.execute(LOCK_LIVE, (name, self._live.build)).fetchone()
                if row is None:
                    raise RebuildFailed(f"{name} was replaced by somebody else meanwhile")
                self._catch_up(int(row[0]))
                different = sum(self._differences(table) for table in self._tables())
                if swap:
                    self._swap(int(row[0]))
            self._finished = swap
        except psycopg.Error as error:
            raise RebuildFailed(f"{name}: {error}") from error
        return {
            "projection": name, "facts": facts, "per_s": round(facts / max(took, 1e-9)), "equal": different == 0,
            "different": different, "swapped": swap,
        }  # fmt: skip

    def _catch_up(self, to: int) -> None:
        while self._runner.position < to:
            if self._runner.step(up_to=to) == 0:
                raise RebuildFailed(f"{self._projection.name}: the log ends before the live position {to}")
        self._runner.settle()

    def _create(self) -> Build:
        name = self._projection.name
        row = self._owner.execute(NEXT, (name,)).fetchone()
        build = f"v{self._projection.version}r{int(row[0]) if row else 1}"
        with self._owner.transaction():
            for (old,) in self._owner.execute(RETIRED, (name,)).fetchall():
                self._drop_tables(old)  # the one before the live one: its time for a rollback is over
            self._owner.execute(ADD, (name, build, self._projection.version))
            for table in self._tables():
                new = f"read_models.{table}_{build}"
                self._owner.execute(
                    sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                        _named(new), _named(self._live.table(table))
                    )
                )
                self._owner.execute(protect_read_model(new))
        created = next(one for one in builds(self._connection) if (one.name, one.build) == (name, build))
        if not take_lock(self._connection, created):
            raise RebuildFailed(f"{name} {build} is being built by somebody else")
        return created

    def _tables(self) -> tuple[str, ...]:
        aliases = (f"{self._projection.name}_aliases",) if self._projection.by_person else ()
        return (*self._projection.tables, *aliases)

    def _differences(self, table: str) -> int:
        """Count the rows that are in one and not in the other; the folded state is compared through its columns."""
        columns = self._columns(table)
        old, new = _named(self._live.table(table)), _named(self._build.table(table))
        first = sql.SQL("SELECT {} FROM {}").format(columns, old)
        second = sql.SQL("SELECT {} FROM {}").format(columns, new)
        query = sql.SQL("SELECT count(*) FROM (({a} EXCEPT {b}) UNION ALL ({b} EXCEPT {a})) d").format(
            a=first, b=second
        )
        row = self._owner.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _columns(self, table: str) -> sql.Composed:
        rows = self._owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attname <> 'state' "
            "AND NOT attisdropped ORDER BY attnum",
            (self._live.table(table),),
        ).fetchall()
        return sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)

    def _swap(self, position: int) -> None:
        name = self._projection.name
        self._owner.execute(RETIRE, (name, self._live.build))
        self._owner.execute(PROMOTE, (position, name, self._build.build))
        for table in self._tables():
            view, new = _named(f"read_models.{table}"), _named(self._build.table(table))
            self._owner.execute(sql.SQL("DROP VIEW {}").format(view))
            self._owner.execute(sql.SQL("CREATE VIEW {} WITH (security_invoker) AS SELECT * FROM {}").format(view, new))
            self._owner.execute(sql.SQL("GRANT SELECT ON {} TO masar_app, masar_auditor, masar_projector").format(view))

    def _position(self, build: Build) -> int:
        found = [one.position for one in builds(self._connection) if (one.name, one.build) == (build.name, build.build)]
        if not found:
            raise RebuildFailed(f"{build.name} was replaced by somebody else meanwhile")
        return found[0]

    def _drop(self, build: Build) -> None:
        self._owner.execute(FORGET, (build.name, build.build))
        self._drop_tables(build.build)

    def _drop_tables(self, build: str) -> None:
        for table in self._tables():
            self._owner.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_named(f"read_models.{table}_{build}")))


def _named(qualified: str) -> sql.Identifier:
    return sql.Identifier(*qualified.split("."))
