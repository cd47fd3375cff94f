"""Reads the log: by person, kind, time and position; one fact with its causes and effects."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

COLUMNS = (
    "notification_id, originator_id, originator_version, topic, state, brokerage_id, subject_id, recorded_at, "
    "cause_id, correlation_id, occurred_at"
)
LIST = f"""
SELECT {COLUMNS} FROM log.masar_events
 WHERE brokerage_id = %(brokerage_id)s AND notification_id > %(after)s
   AND (%(subjects)s::uuid[] IS NULL OR subject_id = ANY(%(subjects)s))
   AND (%(kinds)s::text[] IS NULL OR topic = ANY(%(kinds)s))
   AND (%(stream_id)s::uuid IS NULL OR originator_id = %(stream_id)s)
   AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR occurred_at < %(until)s)
 ORDER BY notification_id LIMIT %(limit)s
"""  # noqa: S608 - the columns above
ONE = f"SELECT {COLUMNS} FROM log.masar_events WHERE originator_id = %s AND originator_version = %s"  # noqa: S608
EFFECTS = f"SELECT {COLUMNS} FROM log.masar_events WHERE cause_id = %s ORDER BY notification_id LIMIT 200"  # noqa: S608
CAUSED = """
SELECT id, slot, event_name, value, currency, withheld, why, policy FROM read_models.conversions
 WHERE cause_id = %s ORDER BY slot
"""


async def list_events(
    connection: Connection, brokerage_id: UUID, *, after: int, limit: int, subjects: list[UUID] | None = None,
    kinds: list[str] | None = None, stream_id: UUID | None = None, since: datetime | None = None,
    until: datetime | None = None,
) -> list[DictRow]:  # fmt: skip
    """Return facts after a position, in order; every filter that is given must hold."""
    arguments: dict[str, Any] = {
        "brokerage_id": brokerage_id, "after": after, "limit": limit, "subjects": subjects, "kinds": kinds,
        "stream_id": stream_id, "since": since, "until": until,
    }  # fmt: skip
    return await (await connection.execute(LIST, arguments)).fetchall()


async def one_event(connection: Connection, stream_id: UUID, version: int) -> DictRow | None:
    """Return one fact, None where this brokerage has no such."""
    return await (await connection.execute(ONE, (stream_id, version))).fetchone()


async def effects_of(connection: Connection, stream_id: UUID) -> list[DictRow]:
    """Return the facts that name this one as their cause."""
    return await (await connection.execute(EFFECTS, (stream_id,))).fetchall()


async def conversions_caused(connection: Connection, stream_id: UUID) -> list[DictRow]:
    """Return the conversions that this fact caused."""
    return await (await connection.execute(CAUSED, (stream_id,))).fetchall()
