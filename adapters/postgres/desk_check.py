"""Proves that desks are what the log tells, and makes those anew that are not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from adapters.postgres.mapper import decode
from domain.catalogue import kind_of
from domain.messaging.desk import HANDLES, NOBODY, Sitting, desk_of, differences, evolve, mended
from domain.messaging.events import PlatformTouchpoint, ThreadFact
from domain.shared.fact import Recorded

KINDS = sorted(kind_of(one) for one in HANDLES)
PAGE = 2_000
FACTS = """
SELECT notification_id, originator_id, originator_version, brokerage_id, subject_id, recorded_at, cause_id,
       correlation_id, topic, state
  FROM log.masar_events WHERE topic = ANY(%s)
"""
ALL = f"{FACTS} ORDER BY notification_id"
OF_ONE = f"{FACTS} AND brokerage_id = %s AND subject_id = %s ORDER BY notification_id"
DESKS = "SELECT * FROM messaging.desks"
HOLD = "SELECT * FROM messaging.desks WHERE thread_id = %s FOR UPDATE"
OPEN = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


@dataclass(frozen=True, slots=True)
class Whose:
    """The thread of a desk."""

    thread_id: UUID
    brokerage_id: UUID
    subject_id: UUID
    channel: str
    account_id: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A desk that is not what the log tells: the fields, or `missing`."""

    whose: Whose
    fields: Sequence[str]


def wrong_desks(connection: Connection[Any]) -> tuple[int, list[Wrong]]:
    """Return how many desks there are by the log and in the table, and those that differ, on one snapshot.

    `connection` is an autocommit one that sees all brokerages.
    """
    with connection.transaction():
        connection.execute(SNAPSHOT)
        told: dict[UUID, Sitting] = {}
        whose: dict[UUID, Whose] = {}
        for thread_id, recorded in _felt(connection, ALL, KINDS):
            told[thread_id] = evolve(told.get(thread_id, NOBODY), recorded)
            if thread_id not in whose:
                whose[thread_id] = _whose(thread_id, recorded)
        wrong, seen = [], set()
        with connection.cursor("desks", row_factory=dict_row) as cursor:
            cursor.itersize = PAGE
            for row in cursor.execute(DESKS):
                seen.add(row["thread_id"])
                if fields := differences(row, told.get(row["thread_id"], NOBODY)):
                    wrong.append(Wrong(_sat(row), fields))
    wrong += [Wrong(own, ["missing"]) for thread_id, own in whose.items() if thread_id not in seen]
    return len(seen | whose.keys()), sorted(wrong, key=lambda one: one.whose.thread_id)


def mend(connection: Connection[Any], wrong: Sequence[Wrong]) -> int:
    """Make desks anew from the log, each while it is held; return how many were changed."""
    return sum(_mend(connection, one.whose) for one in wrong)


def _mend(connection: Connection[Any], whose: Whose) -> bool:
    """What is written to the thread meanwhile waits for the desk, so the log read here has all that came before."""
    with connection.transaction():
        own = (whose.thread_id, whose.brokerage_id, whose.subject_id, whose.channel, whose.account_id)
        made = connection.execute(OPEN, own).rowcount
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(HOLD, (whose.thread_id,)).fetchone()
        if row is None:
            return False
        told = NOBODY
        for thread_id, recorded in _felt(connection, OF_ONE, KINDS, whose.brokerage_id, whose.subject_id):
            told = evolve(told, recorded) if thread_id == whose.thread_id else told
        if not differences(row, told):
            return bool(made)
        fields = mended(row, told)
        names = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in fields]
        update = sql.SQL("UPDATE messaging.desks SET {} WHERE thread_id = %s").format(sql.SQL(", ").join(names))
        connection.execute(update, (*fields.values(), whose.thread_id))
        return True


def _felt(connection: Connection[Any], statement: str, *asked: Any) -> Iterator[tuple[UUID, Recorded]]:
    """Yield the facts that are felt at a desk with their threads, in the order of the log."""
    with connection.cursor("facts") as cursor:
        cursor.itersize = PAGE
        for row in cursor.execute(statement.encode(), asked):
            recorded = _recorded(*row)
            thread_id = desk_of(recorded)
            if thread_id is not None and recorded.subject_id is not None:
                yield thread_id, recorded


def _recorded(
    position: int, stream_id: UUID, version: int, brokerage_id: UUID, subject_id: UUID | None, recorded_at: Any,
    cause_id: UUID | None, correlation_id: UUID | None, kind: str, state: bytes,
) -> Recorded:  # fmt: skip
    fact = decode(kind, bytes(state), stream_id, version)
    return Recorded(
        position, stream_id, version, brokerage_id, subject_id, recorded_at, cause_id, correlation_id, fact
    )  # fmt: skip


def _whose(thread_id: UUID, recorded: Recorded) -> Whose:
    fact = recorded.fact
    if recorded.subject_id is None or not isinstance(fact, PlatformTouchpoint | ThreadFact):
        raise TypeError(f"{fact.kind} is about no thread")
    return Whose(thread_id, recorded.brokerage_id, recorded.subject_id, fact.channel, fact.account_id)


def _sat(row: dict[str, Any]) -> Whose:
    return Whose(*(row[name] for name in ("thread_id", "brokerage_id", "subject_id", "channel", "account_id")))
