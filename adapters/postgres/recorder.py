"""The library's recorder, appending in one round trip behind a gate and flushing before it answers."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection

from adapters.postgres.arrays import Array, Blobs, Ids, Longs, Texts, Times
from adapters.postgres.mapper import StoredFact

MOST_FACTS, MOST_BYTES = 500, 200_000
"""Per call: more is split. The library's own pipeline hangs above some 200 KB; ours has none, and keeps the cap."""

APPEND_TOUCHPOINTS = """
SELECT stream_id, place, fresh, stored_subject, stored_fingerprint FROM log.append_touchpoints(
  %b::uuid[], %b::text[], %b::bytea[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[], %b::uuid[], %b::bytea[])
"""
APPEND_AND_FLUSH = """
CALL log.append_and_flush(
  %b::uuid[], %b::text[], %b::bytea[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[], %b::uuid[], %b::bytea[],
  NULL, NULL, NULL, NULL, NULL)
"""
RECEIVE_AND_FLUSH = """
CALL webhooks.receive_and_flush(
  %b::uuid[], %b::text[], %b::bytea[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[], %b::uuid[], %b::bytea[],
  %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
  %b::int[],
  %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::timestamptz[], %b::int[], %b::text[], %b::text[], %b::text[],
  %b::text[], %b::bytea[],
  NULL, NULL, NULL, NULL, NULL)
"""
APPEND_STREAMS = """
SELECT log.append_streams(
  %b::uuid[], %b::bigint[], %b::text[], %b::bytea[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[], %b::uuid[])
"""
FLUSH = "SELECT pg_logical_emit_message(true, 'masar', '')"
"""A tiny transaction with a synchronous commit: it flushes the WAL, and so everything appended before it."""


class Appended(NamedTuple):
    """What became of one touchpoint: its position; where it was there before, whose and which it was."""

    position: int
    fresh: bool
    stored_subject: UUID | None = None
    stored_fingerprint: bytes | None = None


class FlushedRecorder(PostgresApplicationRecorder):
    """Appends so that commit order is position order and every acknowledged fact is durable.

    The append commits asynchronously while it holds the gate (under a millisecond); the flush comes after, outside
    the gate, and concurrent callers share it. Reached through `APPLICATION_RECORDER_TOPIC`.
    """

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> list[int]:
        """Append to streams at expected versions, all or nothing, and flush.

        Returns positions. Raises IntegrityError where a version is taken.
        """
        facts = _ours(stored_events)
        if not facts:
            return []
        with self.datastore.get_connection() as connection:
            connection.execute("SET ROLE masar_ingest")
            try:
                rows = connection.execute(APPEND_STREAMS, _stream_columns(facts)).fetchall()
            except psycopg.errors.UniqueViolation as taken:
                raise IntegrityError(str(taken)) from taken
            finally:
                connection.execute("RESET ROLE")
            connection.execute(FLUSH)
        return [row["append_streams"] for row in rows]

    @staticmethod
    def append_touchpoints(connection: Connection[Any], facts: Sequence[StoredFact]) -> list[Appended]:
        """Append streams of one, each once, on an autocommit connection; durable on return.

        At most a chunk of facts, with distinct stream ids.
        """
        return appended(connection.execute(APPEND_AND_FLUSH, touchpoint_columns(facts), binary=True).fetchone(), facts)


def appended(row: Sequence[Any] | None, facts: Sequence[StoredFact]) -> list[Appended]:
    """Return what became of each fact, from the columns that a procedure answered."""
    results: dict[UUID, Appended] = {}
    for stream_id, *result in zip(*(column or () for column in row or ()), strict=True):  # the new ones come first
        results.setdefault(stream_id, Appended(*result))
    return [results[fact.originator_id] for fact in facts]


def chunks(facts: Sequence[StoredFact]) -> Iterator[list[StoredFact]]:
    """Split facts into calls of at most MOST_FACTS and MOST_BYTES; a single larger fact goes alone."""
    chunk: list[StoredFact] = []
    size = 0
    for fact in facts:
        if chunk and (len(chunk) >= MOST_FACTS or size + len(fact.state) > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(fact)
        size += len(fact.state)
    if chunk:
        yield chunk


def _ours(stored_events: Sequence[StoredEvent]) -> list[StoredFact]:
    facts = [event for event in stored_events if isinstance(event, StoredFact)]
    if len(facts) != len(stored_events):
        raise TypeError("this log takes facts with a brokerage; map them with SealingMapper")
    return facts


def touchpoint_columns(facts: Sequence[StoredFact]) -> tuple[Array, ...]:
    """Return the arguments of APPEND_TOUCHPOINTS."""
    return (
        Ids(fact.originator_id for fact in facts),
        Texts(fact.topic for fact in facts),
        Blobs(fact.state for fact in facts),
        Ids(fact.brokerage_id for fact in facts),
        Ids(fact.subject_id for fact in facts),
        Times(fact.occurred_at for fact in facts),
        Ids(fact.cause_id for fact in facts),
        Ids(fact.correlation_id for fact in facts),
        Blobs(fact.fingerprint for fact in facts),
    )


def _stream_columns(facts: Sequence[StoredFact]) -> tuple[Array, ...]:
    ids, *others = touchpoint_columns(facts)[:-1]
    return ids, Longs(fact.originator_version for fact in facts), *others
