"""Reads facts from the log in order of position."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from adapters.postgres.mapper import decode
from adapters.postgres.positions import newest_position
from domain.shared.fact import Recorded
from projections.storage import Page, Unreadable

COLUMNS = sql.SQL(
    "notification_id, originator_id, originator_version, topic, state, brokerage_id, subject_id, recorded_at, "
    "cause_id, correlation_id"
)
PAGE = sql.SQL(
    "SELECT {} FROM log.masar_events WHERE notification_id > %s AND notification_id <= %s AND topic = ANY(%s) "
    "ORDER BY notification_id LIMIT %s"
).format(COLUMNS)
HISTORY = sql.SQL(
    "SELECT {} FROM log.masar_events WHERE brokerage_id = %s AND subject_id = ANY(%s) AND notification_id < %s "
    "AND topic = ANY(%s) AND notification_id <> ALL(%s) ORDER BY notification_id"
).format(COLUMNS)
OF_BROKERAGE = sql.SQL(
    "SELECT {} FROM log.masar_events WHERE brokerage_id = %s AND topic = ANY(%s) AND notification_id > %s "
    "AND notification_id <= %s ORDER BY notification_id"
).format(COLUMNS)
OF_KINDS = sql.SQL("SELECT {} FROM log.masar_events WHERE topic = ANY(%s) ORDER BY notification_id").format(COLUMNS)


def recorded(row: Sequence[Any]) -> Recorded:
    """Return a row of COLUMNS as a fact with its place in the log; personal fields stay sealed."""
    position, stream_id, version, kind, state, brokerage_id, subject_id, at, cause_id, correlation_id = row
    fact = decode(kind, state, stream_id, version)
    return Recorded(position, stream_id, version, brokerage_id, subject_id, at, cause_id, correlation_id, fact)


def read_page(connection: Connection[Any], after: int, limit: int, kinds: list[str]) -> Page:
    """Return the facts of some kinds after a position; `to` is how far the log was looked through.

    The end is asked for first: the gate makes commit order position order, so nothing appears below it later.
    """
    newest = newest_position(connection)
    if newest <= after:
        return Page((), after)
    rows = connection.execute(PAGE, (after, newest, kinds, limit), binary=True).fetchall()
    facts = [readable(row) for row in rows]
    return Page(facts, facts[-1].position if len(facts) == limit else newest)


def read_history(
    connection: Connection[Any], brokerage_id: UUID, subjects: Sequence[UUID], before: int, kinds: list[str],
    without: Sequence[int] = (),
) -> list[Recorded]:  # fmt: skip
    """Return the readable facts of some subjects before a position, in order, some positions left out."""
    arguments = (brokerage_id, list(subjects), before, kinds, list(without))
    rows = connection.execute(HISTORY, arguments, binary=True).fetchall()
    return [fact for row in rows if isinstance(fact := readable(row), Recorded)]


def read_kinds(connection: Connection[Any], kinds: list[str]) -> list[Recorded]:
    """Return all readable facts of some rare kinds, in order."""
    rows = connection.execute(OF_KINDS, (kinds,), binary=True).fetchall()
    return [fact for row in rows if isinstance(fact := readable(row), Recorded)]


def readable(row: Sequence[Any]) -> Recorded | Unreadable:
    """Return a row of COLUMNS as a fact, or what is known of one that cannot be read."""
    try:
        return recorded(row)
    except Exception as error:  # an unknown kind, a state its kind does not allow, broken JSON, an upcaster's mistake
        return Unreadable(row[0], row[5], f"{row[3]}: {error}"[:2000], row[3])
