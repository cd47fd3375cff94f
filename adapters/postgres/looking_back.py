"""Read models as of a moment in the past, folded from the log on the fly; nothing that is live is touched.

A moment is a time of recording, mapped to a position: what the log held then, folded by the rules that held then.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from psycopg import AsyncConnection, Connection, sql
from psycopg.rows import dict_row, tuple_row

from adapters.postgres.connections import connect
from adapters.postgres.facts import HISTORY, OF_BROKERAGE, readable
from adapters.postgres.positions import Build, builds
from adapters.postgres.projector import runner_of
from domain.brokerage.rulebook import House
from domain.catalogue import kind_of
from domain.people.events import SubjectsParted
from domain.people.links import LINK_FACTS, Link, ends, people_of, standing
from domain.shared.fact import Recorded
from projections.catalogue import BY_NAME
from projections.projection import Projection
from projections.timeline import RULE_FACTS, Timeline

S = TypeVar("S")

POSITION_AT = """
WITH RECURSIVE search (low, high) AS (
  SELECT 0::bigint, (SELECT coalesce(max(notification_id), 0) FROM log.masar_events)
  UNION ALL
  SELECT CASE WHEN later THEN low ELSE place END, CASE WHEN later THEN middle ELSE high END
    FROM (SELECT s.low, s.high, (s.low + s.high) / 2 AS middle, e.notification_id AS place,
                 e.recorded_at > %(time)s AS later
            FROM search s, LATERAL (SELECT notification_id, recorded_at FROM log.masar_events
                                     WHERE notification_id > (s.low + s.high) / 2
                                     ORDER BY notification_id LIMIT 1) e
           WHERE s.low < s.high) halved
)
SELECT max(low) AS position FROM search
"""
"""The last fact recorded until a time, 0 before the first: by halving, as facts are recorded in order of position."""
ALIASES = """
SELECT subject_id, person_id FROM read_models.{table}
 WHERE subject_id = ANY(%(known)s) OR person_id = ANY(%(known)s)
"""
LIVE = "SELECT build, position FROM projection.builds WHERE name = %s AND status = 'live'"
ASIDE = "SELECT position FROM projection.set_aside WHERE name = %s AND build = %s AND brokerage_id = %s"
FARTHEST = 2**62


@dataclass(frozen=True, slots=True)
class AsOf(Generic[S]):
    """One person as of a position. `subjects` has the person's own first; `row` maps column names to values.

    `house` are the rules that held then; `facts` what was folded, in order, empty where there was nothing yet.
    """

    person_id: UUID
    subjects: Sequence[UUID]
    state: S
    house: House
    row: Mapping[str, Any]
    facts: Sequence[Recorded]


async def position_at(connection: AsyncConnection[Any], time: datetime) -> int:
    """Return the position of the last fact that was recorded until a time, 0 where there was none."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        row = await (await cursor.execute(POSITION_AT, {"time": time})).fetchone()
    return int(row[0]) if row else 0


async def fold_as_of(
    connection: AsyncConnection[Any], projection: Projection[S], brokerage_id: UUID, subject_id: UUID, position: int
) -> AsOf[S]:
    """Return the person of a subject as of a position, by the links and the rules of that time.

    `projection` is one by person. The connection may be the app's, in a transaction of the brokerage.
    """
    if not projection.by_person:
        raise TypeError(f"{projection.name} is not a read model of people")
    log = _Log(connection, brokerage_id)
    person_id, subjects = await _person(log, projection.name, subject_id, position)
    rules = await log.of_kinds(RULE_FACTS, 0, position)
    facts = await log.history(subjects, projection, position)
    return await asyncio.to_thread(_folded, projection, brokerage_id, person_id, subjects, rules, facts, position)


async def links_between(connection: AsyncConnection[Any], brokerage_id: UUID, subjects: Iterable[UUID]) -> list[Link]:
    """Return the links that stand between some subjects now, as the log has them, in the order they came to stand."""
    known = set(subjects)
    facts = await _Log(connection, brokerage_id).links_of(known, FARTHEST)
    return [link for link in standing(facts) if link.subject_id in known and link.into_subject_id in known]


async def last_parting(connection: AsyncConnection[Any], brokerage_id: UUID, subjects: Iterable[UUID]) -> UUID | None:
    """Return the newest fact that parted one of some subjects from anybody, None where there is none."""
    facts = await _Log(connection, brokerage_id).links_of(subjects, FARTHEST)
    return next((one.stream_id for one in reversed(facts) if isinstance(one.fact, SubjectsParted)), None)


def _folded(
    projection: Projection[S], brokerage_id: UUID, person_id: UUID, subjects: Sequence[UUID],
    rules: Iterable[Recorded], facts: Iterable[Recorded], position: int,
) -> AsOf[S]:  # fmt: skip
    timeline = Timeline()
    timeline.learn(rules)
    now = timeline.at(position).house(brokerage_id)
    state, last, folded = projection.initial, now, []
    for fact in facts:
        house = timeline.at(fact.position).house(brokerage_id)
        try:
            state, _ = projection.step(state, fact, house, str(person_id))
        except Exception:  # noqa: S112 - it is set aside, or will be: the read model tells why
            continue
        last = house
        folded.append(fact)
    names = (column.name for column in projection.columns)
    row = dict(zip(names, projection.row(state, last), strict=True))
    return AsOf(person_id, subjects, state, now, row, folded)


async def _person(log: "_Log", name: str, subject_id: UUID, position: int) -> tuple[UUID, list[UUID]]:
    """Return a subject's person as of a position, and all subjects of it, the person's own first.

    They are searched among those that are one with the subject now, and those parted from these at any time.
    """
    loose = await log.loose_links(name)
    known = {subject_id}
    while True:
        near = await log.one_with(name, known)
        near |= {one for fact in loose if near & set(ends(fact.fact)) for one in ends(fact.fact)}
        if near == known:
            break
        known = near
    person = people_of(standing(await log.links_of(known, position)), known)
    own = person[subject_id]
    return own, [own, *sorted(one for one in known if person[one] == own and one != own)]


class _Log:
    """What of the log and of who is whom now belongs to one brokerage."""

    def __init__(self, connection: AsyncConnection[Any], brokerage_id: UUID) -> None:
        self._connection, self.brokerage_id = connection, brokerage_id

    async def read(self, statement: sql.Composed, arguments: tuple[Any, ...]) -> list[Recorded]:
        """Return the readable facts of a statement that selects COLUMNS."""
        async with self._connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            rows = await (await cursor.execute(statement, arguments)).fetchall()
        return [fact for row in rows if isinstance(fact := readable(row), Recorded)]

    async def of_kinds(self, facts: Iterable[type[Any]], after: int, upto: int) -> list[Recorded]:
        """Return all facts of some rare kinds between two positions."""
        return await self.read(OF_BROKERAGE, (self.brokerage_id, kinds(facts), after, upto))

    async def links_of(self, subjects: Iterable[UUID], position: int) -> list[Recorded]:
        """Return what linked or parted some subjects until a position, in order."""
        return await self.read(HISTORY, (self.brokerage_id, list(subjects), position + 1, kinds(LINK_FACTS), []))

    async def loose_links(self, name: str) -> list[Recorded]:
        """Return every parting, and the links that the read model does not know yet: its aliases tell the others."""
        live = await self._rows(LIVE, (name,))
        known_until = live[0][1] if live else 0
        partings = await self.of_kinds(LINK_FACTS[1:], 0, FARTHEST)
        return [*partings, *await self.of_kinds(LINK_FACTS[:1], known_until, FARTHEST)]

    async def one_with(self, name: str, known: set[UUID]) -> set[UUID]:
        """Return some subjects and all that are one with any of them now."""
        statement = ALIASES.format(table=f"{name}_aliases")
        while True:
            rows = await self._rows(statement, {"known": list(known)})
            more = known.union(*rows)
            if more == known:
                return more
            known = more

    async def history(self, subjects: Sequence[UUID], projection: Projection[Any], position: int) -> list[Recorded]:
        """Return the handled facts of some subjects until a position, but those that the live build set aside."""
        live = await self._rows(LIVE, (projection.name,))
        aside = await self._rows(ASIDE, (projection.name, live[0][0], self.brokerage_id)) if live else []
        without = [place for (place,) in aside]
        arguments = (self.brokerage_id, list(subjects), position + 1, kinds(projection.handles), without)
        return await self.read(HISTORY, arguments)

    async def _rows(self, statement: str, arguments: Any) -> list[tuple[Any, ...]]:
        async with self._connection.cursor(row_factory=tuple_row) as cursor:
            return await (await cursor.execute(statement.encode(), arguments)).fetchall()


def kinds(facts: Iterable[type[Any]]) -> list[str]:
    """Return the kinds under which classes of facts are stored."""
    return sorted(kind_of(fact) for fact in facts)


class NoTables(Exception):
    """No tables of this release's version are there to be copied."""


def fold_all_as_of(url: str, name: str, time: datetime) -> Iterator[dict[str, Any]]:
    """Fold a whole read model, of every brokerage, up to a time of recording; yield its rows.

    It is folded into temporary tables that nobody else sees. A reaction's rows are what it had decided by then.
    Raises NoTables where this version of the read model was not brought by a migration yet.
    """
    with connect(url, "masar_owner", by_index=True, name="as of") as connection:
        row = connection.execute(POSITION_AT.encode(), {"time": time}).fetchone()
        build = _temporary(connection, name)
        runner = runner_of(connection, build)
        position = int(row[0]) if row else 0
        while runner.position < position and runner.step(up_to=position):
            pass
        yield from _rows_of(connection, BY_NAME[name], build)


def _temporary(connection: Connection[Any], name: str) -> Build:
    """Make temporary tables like those of a build of this release's version, with a position of their own."""
    projection = BY_NAME[name]
    model = next((one for one in builds(connection) if (one.name, one.version) == (name, projection.version)), None)
    if model is None:
        raise NoTables(f"{name} has no tables of version {projection.version} yet: ./masar migrate")
    build = replace(model, build="as_of", status="building", position=0, emit_from=None)
    build = replace(build, schema="pg_temp", records="pg_temp")
    aliases = (f"{name}_aliases",) if projection.by_person else ()
    likes = {build.table(table): model.table(table) for table in (*projection.tables, *aliases)}
    likes |= {f"pg_temp.{table}": f"projection.{table}" for table in ("builds", "set_aside")}
    for new, like in likes.items():
        made = sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING ALL)")
        connection.execute(made.format(_named(new), _named(like)))
    connection.execute(
        "INSERT INTO pg_temp.builds (name, build, version, status) VALUES (%s, %s, %s, 'building')",
        (name, build.build, build.version),
    )
    return build


def _rows_of(connection: Connection[Any], projection: Projection[Any], build: Build) -> Iterator[dict[str, Any]]:
    declared, own = (
        (projection.decisions.columns, "id") if projection.decisions else (projection.columns, "key")
    )  # fmt: skip
    names = ["brokerage_id", own, *(column.name for column in declared)]
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    table = _named(build.table(projection.tables[-1]))
    with connection.transaction(), connection.cursor(name="as_of", row_factory=dict_row) as cursor:
        cursor.execute(
            sql.SQL("SELECT {} FROM {} ORDER BY brokerage_id, {}").format(listed, table, sql.Identifier(own))
        )
        yield from cursor


def line(row: Mapping[str, Any]) -> bytes:
    """Return a row as a line of JSON; personal values are not in it, or sealed."""
    return orjson.dumps(dict(row), default=str) + b"\n"


def _named(qualified: str) -> sql.Identifier:
    return sql.Identifier(*qualified.split("."))
