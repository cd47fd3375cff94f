"""Brokers' calendars as strict streams of the log, and the facts of a viewing by their cause."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import Envelope, SealingMapper, decode
from adapters.postgres.recorder import APPEND_STREAMS, FLUSH, touchpoint_columns
from adapters.postgres.registry import KEYS
from adapters.sealing import MasterKey, key_id_of, keyed_hash
from application.book_viewing import calendar_stream
from application.ports.calendars import Appending, Moved, Told
from domain.catalogue import kind_of
from domain.shared.fact import Fact
from domain.shared.personal import personal_fields
from domain.viewings.calendar import CHANGED, Calendar, Slot, fold
from domain.viewings.events import (
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingRequested,
    ViewingStep,
)

STEPS = sorted(
    kind_of(one)
    for one in (
        ViewingBooked,
        ViewingConfirmed,
        ViewingCompleted,
        ViewingMissed,
        ViewingCancelled,
        ViewingFollowedUp,
    )
)
OF_LATE = timedelta(days=90)
"""How long ago a broker's last viewing may lie for them to be given another."""

# Two indexes: the primary key, and the one on causes. The end of the log is the same for both: one statement.
TOLD = """
SELECT originator_id, originator_version, topic, state, subject_id, notification_id FROM log.masar_events
 WHERE originator_id = %(id)s AND originator_version = 1 AND topic = %(request)s
UNION ALL
SELECT originator_id, originator_version, topic, state, subject_id, notification_id FROM log.masar_events
 WHERE cause_id = %(id)s AND topic = ANY(%(steps)s)
 ORDER BY notification_id
"""
# What was recorded longer ago is over; the newest is asked for in any case, for the stream's version.
CALENDAR = """
SELECT originator_version, topic, state FROM log.masar_events
 WHERE originator_id = %s AND (recorded_at >= %s OR originator_version = (
         SELECT max(originator_version) FROM log.masar_events WHERE originator_id = %s))
 ORDER BY originator_version
"""
BROKERS = """
SELECT broker_id FROM read_models.viewings
 WHERE starts_at >= %(since)s AND assigned <> 'property_calendar'
 GROUP BY broker_id
 ORDER BY count(*) FILTER (WHERE starts_at >= %(from)s AND starts_at < %(to)s
                             AND status NOT IN ('cancelled', 'no_show')), broker_id
 LIMIT %(most)s
"""
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and letters that nobody takes for one another, read or heard: without 0, 1, I, L, O and U."""

_MAPPER = SealingMapper()


class PostgresCalendars:
    """The Calendars of one database: reads as the brokerage under row-level security, appends as `masar_ingest`."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]], master: MasterKey) -> None:
        self._pool, self._master = pool, master

    async def told(self, brokerage_id: UUID, viewing_id: UUID) -> Told | None:
        """Return a request and the steps after it, personal fields opened."""
        asked = {"id": viewing_id, "request": kind_of(ViewingRequested), "steps": STEPS}
        async with as_brokerage(self._pool, brokerage_id) as connection:
            rows = await (await connection.execute(TOLD, asked)).fetchall()
            key = await self._key(connection, rows[0]["subject_id"]) if rows else None
        facts = [_opened(row, key) for row in rows]
        if not facts or not isinstance(facts[0], ViewingRequested):
            return None
        steps = [(row["originator_id"], fact) for row, fact in zip(rows, facts, strict=True)]
        found = [(event_id, fact) for event_id, fact in steps if isinstance(fact, ViewingStep)]
        return Told(facts[0], rows[0]["subject_id"], found)

    async def calendar(self, brokerage_id: UUID, broker_id: str, since: datetime) -> Calendar:
        """Return a calendar with what was recorded since a moment, and its newest version."""
        stream_id = calendar_stream(brokerage_id, broker_id)
        async with as_brokerage(self._pool, brokerage_id) as connection:
            rows = await (await connection.execute(CALENDAR, (stream_id, since, stream_id))).fetchall()
        facts = [decode(row["topic"], row["state"], stream_id, row["originator_version"]) for row in rows]
        version = rows[-1]["originator_version"] if rows else 0
        return fold(broker_id, version, [fact for fact in facts if isinstance(fact, CHANGED)])

    async def brokers(self, brokerage_id: UUID, day: Slot, most: int) -> list[str]:
        """Return the brokers of late, by how many viewings the read model has on a day, then by name."""
        asked = {"since": day.starts_at - OF_LATE, "from": day.starts_at, "to": day.ends_at, "most": most}
        async with as_brokerage(self._pool, brokerage_id) as connection:
            rows = await (await connection.execute(BROKERS, asked)).fetchall()
        return [row["broker_id"] for row in rows]

    async def append(self, brokerage_id: UUID, entries: Sequence[Appending], correlation_id: UUID) -> None:
        """Append at expected versions, all or nothing, and flush. Raises Moved."""
        async with self._pool.connection() as connection:
            keys = await self._keys(connection, [one for one in entries if personal_fields(type(one.fact))])
            envelopes = [self._envelope(one, brokerage_id, correlation_id, keys) for one in entries]
            stored = [_MAPPER.to_stored_event(one) for one in envelopes]
            ids, *others = touchpoint_columns(stored)[:-1]
            try:
                async with connection.transaction():
                    await connection.execute("SET LOCAL ROLE masar_ingest")
                    await connection.execute(APPEND_STREAMS, (ids, [one.originator_version for one in stored], *others))
            except psycopg.errors.UniqueViolation as taken:
                raise Moved(str(taken)) from taken
            await connection.execute(FLUSH)

    def code_of(self, brokerage_id: UUID, viewing_id: UUID) -> str:
        """Return the confirmation code of a viewing: two groups of four, not to be guessed from the viewing's id."""
        digest = keyed_hash(self._master.for_brokerage(brokerage_id), "confirmation", str(viewing_id))
        number = int.from_bytes(digest[:16])
        letters = "".join(ALPHABET[number // len(ALPHABET) ** nth % len(ALPHABET)] for nth in range(8))
        return f"{letters[:4]}-{letters[4:]}"

    def _envelope(
        self, one: Appending, brokerage_id: UUID, correlation_id: UUID, keys: dict[UUID, bytes | None]
    ) -> Envelope:  # fmt: skip
        fact, key = one.fact, keys.get(one.subject_id) if one.subject_id else None
        if key is None:  # nothing personal in it, or the person was erased: then nothing personal is kept
            fact = fact.model_copy(update=dict.fromkeys(personal_fields(type(fact))))
        return Envelope(
            one.stream_id, one.version, fact, brokerage_id, one.subject_id, one.cause_id, correlation_id, key=key
        )  # fmt: skip

    async def _keys(
        self, connection: AsyncConnection[DictRow], entries: Sequence[Appending]
    ) -> dict[UUID, bytes | None]:  # fmt: skip
        subjects = {one.subject_id for one in entries if one.subject_id}
        if not subjects:
            return {}
        async with connection.transaction():
            return {subject: await self._key(connection, subject) for subject in subjects}

    async def _key(self, connection: AsyncConnection[DictRow], subject_id: UUID | None) -> bytes | None:
        """Return a subject's data key, None where there is none; the rest of the transaction is the registry's."""
        await connection.execute("SET LOCAL ROLE masar_registry")
        row = await (await connection.execute(KEYS, ([subject_id],))).fetchone()
        wrapped = row["wrapped_key"] if row else None
        return self._master.unwrap(wrapped, subject_id) if wrapped and subject_id else None


def _opened(row: DictRow, key: bytes | None) -> Fact:
    subject_id = row["subject_id"]

    def key_of(token: str) -> Any:
        return key if key_id_of(token) == subject_id else None

    return decode(row["topic"], row["state"], row["originator_id"], row["originator_version"], key_of)
