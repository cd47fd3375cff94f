"""Rebuilds a read model from nothing beside the live one, compares the two, and swaps in one transaction."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import psycopg
from psycopg import Connection, sql

from adapters.postgres.connections import connect
from adapters.postgres.introduce import READERS
from adapters.postgres.positions import Build, builds
from adapters.postgres.projector import live_build, runner_of, take_lock
from adapters.postgres.read_models import kinds_of
from adapters.postgres.tenancy import protect_read_model
from domain.shared.fact import Recorded
from projections.catalogue import BY_NAME
from projections.runner import uncollected
from projections.storage import LostLeadership, Page, Unreadable

NEXT = r"SELECT coalesce(max(substring(build FROM 'r(\d+)$')::int), 0) + 1 FROM projection.builds WHERE name = %s"
RETIRED = "SELECT build FROM projection.builds WHERE name = %s AND status = 'retired'"
ADD = "INSERT INTO projection.builds (name, build, version, status) VALUES (%s, %s, %s, 'building')"
LOCK_LIVE = """
SELECT position, coalesce(emit_from, 0) FROM projection.builds
 WHERE name = %s AND build = %s AND status = 'live' FOR UPDATE
"""
RETIRE = "UPDATE projection.builds SET status = 'retired', emit_from = NULL WHERE name = %s AND build = %s"
PROMOTE = "UPDATE projection.builds SET status = 'live', emit_from = %s WHERE name = %s AND build = %s"
FORGET = "DELETE FROM projection.builds WHERE name = %s AND build = %s AND status <> 'live'"
FORGET_ASIDE = "DELETE FROM projection.set_aside WHERE name = %s AND build = %s"
CLOSE_ENOUGH = 2_000
"""Positions behind the live one from which the rest is folded while the live one holds still."""


class RebuildFailed(Exception):
    """The rebuild could not go on; the live read model is untouched."""


class Rebuild:
    """One rebuild of one projection; thrown away unless `finish` swaps it in. Raises RebuildFailed where it cannot."""

    def __init__(self, url: str, name: str) -> None:
        self._projection = BY_NAME[name]
        self._kinds = frozenset(kinds_of(self._projection))
        self._finished = False
        with ExitStack() as opened:
            self._owner = opened.enter_context(connect(url, "masar_owner", name="rebuild"))
            self._connection = self._open(opened, url, synchronous=True)
            self._live = self._find_live()
            self._build = self._prepare()
            behind = opened.enter_context(ThreadPoolExecutor(1, thread_name_prefix="rebuild"))
            self._runner = runner_of(self._connection, self._build, self._open(opened, url, synchronous=False), behind)
            self._opened = opened.pop_all()
        self._started = time.monotonic()

    def _open(self, opened: ExitStack, url: str, *, synchronous: bool) -> Connection[Any]:
        return opened.enter_context(
            connect(url, "masar_projector", synchronous=synchronous, by_index=True, name="rebuild")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._opened:
            self._runner.abandon()
            if not self._finished:
                self._throw_away()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of facts that it reads."""
        return self._kinds

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

    def take(self, page: Page) -> bool:
        """Fold what concerns this projection of a page of the whole log; False once the live position is reached."""
        try:
            target = self.target()
            to = min(page.to, target)
            facts = [fact for fact in page.facts if fact.position <= to and _kind(fact) in self._kinds]
            self._runner.take(Page(facts, to))
            if to < target:
                return True
            self._runner.settle()
        except (psycopg.Error, LostLeadership) as error:
            raise RebuildFailed(f"{self._projection.name}: {error}") from error
        return False

    def finish(self, *, swap: bool) -> dict[str, Any]:
        """Hold the live one still, fold the rest, compare, and swap or throw away.

        Returns projection, facts (positions folded), per_s, equal, different (rows) and swapped.
        """
        facts = self._runner.position
        took = time.monotonic() - self._started
        name = self._projection.name
        with self._held() as (position, emit_from):
            different = sum(self._differences(table) for table in self._tables())
            if swap:
                self._swap(max(position, emit_from))
        self._finished = swap
        return {
            "projection": name, "facts": facts, "per_s": round(facts / max(took, 1e-9)), "equal": different == 0,
            "different": different, "swapped": swap,
        }  # fmt: skip

    @contextmanager
    def _held(self) -> Iterator[tuple[int, int]]:
        """Hold the live one still and fold up to it, in a transaction; gives its position and where it emits from."""
        name = self._projection.name
        try:
            with self._owner.transaction():
                self._owner.execute("SET LOCAL lock_timeout = '5s'")
                row = self._owner.execute(LOCK_LIVE, (name, self._live.build)).fetchone()
                if row is None:
                    raise RebuildFailed(f"{name} was replaced by somebody else meanwhile")
                self._catch_up(int(row[0]))
                yield int(row[0]), int(row[1])
        except (psycopg.Error, LostLeadership) as error:
            raise RebuildFailed(f"{name}: {error}") from error

    def _catch_up(self, to: int) -> None:
        while self._runner.position < to:
            if self._runner.step(up_to=to) == 0:
                raise RebuildFailed(f"{self._projection.name}: the log ends before the live position {to}")
        self._runner.settle()

    def _find_live(self) -> Build:
        name = self._projection.name
        live = live_build(self._connection, name)
        if live is None:
            raise RebuildFailed(f"{name} has no live build of version {self._projection.version} (yet)")
        return live

    def _prepare(self) -> Build:
        name = self._projection.name
        row = self._owner.execute(NEXT, (name,)).fetchone()
        with self._owner.transaction():
            for (old,) in self._owner.execute(RETIRED, (name,)).fetchall():
                self._drop(old)  # the one before the live one: its time for a rollback is over
            for old in self._abandoned():
                self._drop(old)
            return self._create(f"v{self._projection.version}r{int(row[0]) if row else 1}")

    def _abandoned(self) -> list[str]:
        """Return the rebuilds whose process died, and what was never built before a newer version went live."""
        unfinished = [one for one in builds(self._connection) if one.name == self._projection.name]
        return [
            one.build
            for one in unfinished
            if one.status == "building"
            and (one.version < self._live.version or one.build != f"v{one.version}")
            and take_lock(self._connection, one)
        ]

    def _create(self, build: str) -> Build:
        """Make the tables of a build, each like the live one's, and hold its lock."""
        self._owner.execute(ADD, (self._projection.name, build, self._projection.version))
        for table in self._tables():
            new = f"read_models.{table}_{build}"
            self._owner.execute(
                sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(_named(new), _named(self._live.table(table)))
            )
            self._owner.execute(protect_read_model(new))
        created = Build(self._projection.name, build, self._projection.version, "building", 0, None)
        self._lead(created)
        return created

    def _lead(self, build: Build) -> None:
        if not take_lock(self._connection, build):
            raise RebuildFailed(f"{build.name} {build.build} is being built by somebody else")

    def _tables(self) -> tuple[str, ...]:
        aliases = (f"{self._projection.name}_aliases",) if self._projection.by_person else ()
        return (*self._projection.tables, *aliases)

    def _differences(self, table: str) -> int:
        """Count the rows that are in one and not in the other; the folded state is compared through its columns."""
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in self._columns(self._live.table(table)))
        old, new = _named(self._live.table(table)), _named(self._build.table(table))
        first = sql.SQL("SELECT {} FROM {}").format(columns, old)
        second = sql.SQL("SELECT {} FROM {}").format(columns, new)
        query = sql.SQL("SELECT count(*) FROM (({a} EXCEPT {b}) UNION ALL ({b} EXCEPT {a})) d").format(
            a=first, b=second
        )
        row = self._owner.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _columns(self, table: str) -> list[str]:
        rows = self._owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND attname <> 'state' "
            "AND NOT attisdropped ORDER BY attnum",
            (table,),
        ).fetchall()
        return [name for (name,) in rows]

    def _swap(self, emit_from: int) -> None:
        name = self._projection.name
        self._owner.execute(RETIRE, (name, self._live.build))
        self._owner.execute(PROMOTE, (emit_from, name, self._build.build))
        for table in self._tables():
            view, new = _named(f"read_models.{table}"), _named(self._build.table(table))
            self._owner.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
            self._owner.execute(sql.SQL("CREATE VIEW {} WITH (security_invoker) AS SELECT * FROM {}").format(view, new))
            self._owner.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, sql.SQL(READERS)))

    def _position(self, build: Build) -> int:
        found = [one.position for one in builds(self._connection) if (one.name, one.build) == (build.name, build.build)]
        if not found:
            raise RebuildFailed(f"{build.name} was replaced by somebody else meanwhile")
        return found[0]

    def _throw_away(self) -> None:
        with self._owner.transaction():
            self._drop(self._build.build)

    def _drop(self, build: str) -> None:
        self._owner.execute(FORGET, (self._projection.name, build))
        self._owner.execute(FORGET_ASIDE, (self._projection.name, build))
        for table in self._tables():
            self._owner.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_named(f"read_models.{table}_{build}")))


def _kind(fact: Recorded | Unreadable) -> str:
    return fact.kind if isinstance(fact, Unreadable) else fact.fact.kind


def _named(qualified: str) -> sql.Identifier:
    return sql.Identifier(*qualified.split("."))
