"""Where a build of a read model keeps its rows: written in bulk with the position, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import psycopg
from psycopg import Connection, Cursor, sql
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from adapters.postgres.facts import read_history, read_page
from adapters.postgres.outbox import add_messages
from adapters.postgres.positions import Build
from domain.catalogue import kind_of
from domain.people.links import LINK_FACTS
from domain.shared.fact import Recorded
from projections.projection import Column, Projection
from projections.storage import Key, LostLeadership, Page, Unwritable, Writes
from projections.timeline import RULE_FACTS

S = TypeVar("S")

REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a key too long for its index, a value too large: no fault of the server's
    ValueError,
    TypeError,
    OverflowError,
)
"""How Postgres, and what makes its values on the way there, refuse what a fact brought; all else is tried again."""


def kinds_of(projection: Projection[Any]) -> list[str]:
    """Return the kinds that a runner reads: those handled, about rules, and, by person, about who is whom."""
    links = LINK_FACTS if projection.by_person else ()
    return sorted({kind_of(fact) for fact in (*projection.handles, *RULE_FACTS, *links)})


class PostgresStorage(Generic[S]):
    """The Storage of one build; one connection holds its advisory lock and reads, `writer` (else the same) writes."""

    def __init__(
        self,
        connection: Connection[Any],
        projection: Projection[S],
        build: Build,
        writer: Connection[Any] | None = None,
    ) -> None:
        self.emit_from = build.emit_from if build.status == "live" else None
        self._connection, self._projection, self._build = connection, projection, build
        self._writer = writer or connection
        self._codec: TypeAdapter[S] = TypeAdapter(type(projection.initial))
        self._kinds = kinds_of(projection)
        self._history_kinds = sorted(kind_of(fact) for fact in projection.handles)
        self._link_kinds = sorted(kind_of(fact) for fact in LINK_FACTS)
        self._sql = _Statements(projection, build)

    def page(self, after: int, limit: int) -> Page:
        """Return up to `limit` handled facts after a position, in order."""
        return read_page(self._connection, after, limit, self._kinds)

    def history(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        """Return the handled facts of some subjects before a position, in order, but those set aside."""
        return self._of(brokerage_id, subjects, before, self._history_kinds)

    def links(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int) -> list[Recorded]:
        """Return what linked or parted some subjects before a position, in order, but what was set aside."""
        return self._of(brokerage_id, subjects, before, self._link_kinds)

    def _of(self, brokerage_id: UUID, subjects: Sequence[UUID], before: int, kinds: list[str]) -> list[Recorded]:
        place = (self._build.name, self._build.build, brokerage_id)
        aside = [position for (position,) in self._connection.execute(self._sql.aside, place).fetchall()]
        return read_history(self._connection, brokerage_id, subjects, before, kinds, aside)

    def states(self, keys: Sequence[Key]) -> Mapping[Key, S]:
        """Return the stored states of those keys that have one."""
        brokerages, names = [key[0] for key in keys], [key[1] for key in keys]
        rows = self._connection.execute(self._sql.states, (brokerages, names), binary=True).fetchall()
        return {(brokerage, key): self._codec.validate_json(state) for brokerage, key, state in rows}

    def people(self, subjects: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], UUID]:
        """Return the person of those (brokerage, subject) that joined one."""
        arguments = [one[0] for one in subjects], [one[1] for one in subjects]
        rows = self._connection.execute(self._sql.people, arguments, binary=True).fetchall()
        return {(brokerage, subject): person for brokerage, subject, person in rows}

    def cluster(self, brokerage_id: UUID, person_id: UUID) -> list[UUID]:
        """Return the subjects linked into a person."""
        rows = self._connection.execute(self._sql.cluster, (brokerage_id, person_id), binary=True).fetchall()
        return [subject for (subject,) in rows]

    def commit(self, after: int, to: int, writes: Writes[S]) -> None:
        """Write it all and move the position, in one transaction. Raises Unwritable, LostLeadership."""
        try:
            with self._writer.transaction(), self._writer.cursor(binary=True) as cursor:
                self._fence(cursor, after, to)
                self._write(cursor, writes)
        except REFUSALS as refusal:
            raise Unwritable(str(refusal)) from refusal
        except psycopg.ProgrammingError as refusal:
            if refusal.sqlstate is not None:  # the statement is wrong, not a value
                raise
            raise Unwritable(str(refusal)) from refusal

    def _fence(self, cursor: Cursor[Any], after: int, to: int) -> None:
        build = self._build
        place = {"name": build.name, "build": build.build, "status": build.status, "after": after, "to": to}
        if cursor.execute(self._sql.fence, place).rowcount != 1:
            raise LostLeadership(f"{build.name} {build.build} is no longer at {after}")

    def _write(self, cursor: Cursor[Any], writes: Writes[S]) -> None:
        if writes.aliases:
            rows = [(brokerage, subject, person) for (brokerage, subject), person in writes.aliases.items()]
            cursor.execute(self._sql.link, _columns([row for row in rows if row[1] != row[2]], 3))
            cursor.execute(self._sql.unlink, _columns([row[:2] for row in rows if row[1] == row[2]], 2))
        if writes.gone:
            cursor.execute(self._sql.forget, _columns(list(writes.gone), 2))
        if writes.states:
            cursor.execute(self._sql.upsert, self._rows(writes))
        if writes.decided and self._projection.decisions:
            types = self._projection.decisions.columns
            rows = [(brokerage, one.id, *_adapt(types, one.values)) for brokerage, one in writes.decided]
            cursor.execute(self._sql.decide, _columns(rows, 2 + len(types)))
        for aside in writes.set_aside:
            error = aside.error.replace("\x00", "")
            cursor.execute(
                self._sql.set_aside, (self._build.name, self._build.build, aside.position, aside.brokerage_id, error)
            )
        if writes.messages:
            add_messages(cursor, writes.messages)

    def _rows(self, writes: Writes[S]) -> list[list[Any]]:
        types, dump = self._projection.columns, self._codec.dump_json
        rows = [(key[0], key[1], dump(state), *_adapt(types, writes.rows[key])) for key, state in writes.states.items()]
        return _columns(rows, 3 + len(types))


class _Statements:
    """The SQL of one build, made once."""

    def __init__(self, projection: Projection[Any], build: Build) -> None:
        table, aliases = build.table(projection.tables[0]), build.table(f"{projection.name}_aliases")
        keyed = (Column("key", "text"), Column("state", "bytea"), *projection.columns)
        names = [column.name for column in keyed]
        self.fence = _compose(
            f"UPDATE {build.records}.builds SET position = %(to)s, updated_at = now() WHERE name = %(name)s "
            "AND build = %(build)s AND position = %(after)s AND status = %(status)s"
        )
        self.aside = _compose(
            f"SELECT position FROM {build.records}.set_aside WHERE name = %s AND build = %s AND brokerage_id = %s"
        )
        self.set_aside = _compose(
            f"INSERT INTO {build.records}.set_aside (name, build, position, brokerage_id, error) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
        )
        self.states = _compose(
            f"SELECT t.brokerage_id, t.key, t.state FROM {table} t "
            "JOIN unnest(%b::uuid[], %b::text[]) AS k (b, key) ON t.brokerage_id = k.b AND t.key = k.key"
        )
        self.people = _compose(
            f"SELECT a.brokerage_id, a.subject_id, a.person_id FROM {aliases} a "
            "JOIN unnest(%b::uuid[], %b::uuid[]) AS k (b, s) ON a.brokerage_id = k.b AND a.subject_id = k.s"
        )
        self.cluster = _compose(f"SELECT subject_id FROM {aliases} WHERE brokerage_id = %b AND person_id = %b")
        self.link = _compose(
            f"INSERT INTO {aliases} SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[]) "
            "ON CONFLICT (brokerage_id, subject_id) DO UPDATE SET person_id = excluded.person_id"
        )
        self.unlink = _compose(
            f"DELETE FROM {aliases} a USING unnest(%b::uuid[], %b::uuid[]) AS k (b, s) "
            "WHERE a.brokerage_id = k.b AND a.subject_id = k.s"
        )
        self.forget = _compose(
            f"DELETE FROM {table} t USING unnest(%b::uuid[], %b::text[]) AS k (b, key) "
            "WHERE t.brokerage_id = k.b AND t.key = k.key"
        )
        self.upsert = _compose(
            f"INSERT INTO {table} (brokerage_id, {', '.join(names)}) SELECT * FROM unnest({_casts(keyed)}) "
            f"ON CONFLICT (brokerage_id, key) DO UPDATE SET {', '.join(f'{n} = excluded.{n}' for n in names[1:])}"
        )
        if projection.decisions:
            columns = (Column("id", "uuid"), *projection.decisions.columns)
            listed = ", ".join(column.name for column in columns)
            self.decide = _compose(
                f"INSERT INTO {build.table(projection.decisions.table)} (brokerage_id, {listed}) "
                f"SELECT * FROM unnest({_casts(columns)}) ON CONFLICT DO NOTHING"
            )


def _casts(columns: Sequence[Column]) -> str:
    return ", ".join(["%b::uuid[]", *(f"%b::{column.type}[]" for column in columns)])


def _compose(statement: str) -> sql.SQL:
    return sql.SQL(statement)


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _adapt(columns: Sequence[Column], values: Sequence[Any]) -> list[Any]:
    return [
        value if value is None else _AS[column.type](value) if column.type in _AS else value
        for column, value in zip(columns, values, strict=True)
    ]


_AS: Mapping[str, Callable[[Any], Any]] = {
    "jsonb": lambda value: Jsonb(value, dumps=orjson.dumps),
    "float8": float,
    "numeric": lambda value: Decimal(str(value)),
}
"""How values of a column are made alike: a page's values go as one array, and 1 beside 1.5 is none to the driver."""
