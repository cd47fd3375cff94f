"""The outbox in Postgres: what has to leave the house, leased to one worker at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from psycopg import Connection, Cursor

from domain.shared.outbox import OutboxMessage

ADD = """
INSERT INTO outbox.messages (id, brokerage_id, kind, due_at, ordering_key, batch_by, also_unique, cause_id, position,
                             correlation_id, payload)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                     %b::uuid[], %b::int8[], %b::uuid[], %b::bytea[])
ON CONFLICT DO NOTHING
"""
LEASE_SECONDS = 60

LEASE_BATCH = """
WITH due AS (
  SELECT id FROM outbox.messages
   WHERE state = 'waiting' AND kind = %(kind)s AND brokerage_id = %(brokerage_id)s
     AND batch_by IS NOT DISTINCT FROM %(batch_by)s AND due_at <= now()
   ORDER BY due_at, position LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), token AS (SELECT nextval('outbox.lease') AS lease)
UPDATE outbox.messages m
   SET state = 'leased', lease = token.lease, leased_until = now() + make_interval(secs => %(seconds)s),
       attempts = attempts + 1
  FROM due, token WHERE m.id = due.id
RETURNING m.id, m.brokerage_id, m.kind, m.batch_by, m.cause_id, m.correlation_id, m.attempts, m.lease, m.payload,
          m.created_at
"""
LEASE_ONE = """
WITH due AS (
  SELECT id FROM outbox.messages o
   WHERE id = %(id)s AND state = 'waiting' AND due_at <= now()
     AND (ordering_key IS NULL OR NOT EXISTS (
       SELECT FROM outbox.messages earlier
        WHERE earlier.brokerage_id = o.brokerage_id AND earlier.ordering_key = o.ordering_key
          AND earlier.state IN ('waiting', 'leased', 'parked')
          AND (earlier.position, earlier.id) < (o.position, o.id)))
   FOR UPDATE SKIP LOCKED
)
UPDATE outbox.messages m
   SET state = 'leased', lease = nextval('outbox.lease'), leased_until = now() + make_interval(secs => %(seconds)s),
       attempts = attempts + 1
  FROM due WHERE m.id = due.id
RETURNING m.id, m.brokerage_id, m.kind, m.batch_by, m.cause_id, m.correlation_id, m.attempts, m.lease, m.payload,
          m.created_at
"""
DUE = """
SELECT brokerage_id, kind, batch_by, NULL::uuid AS id FROM outbox.messages
 WHERE state = 'waiting' AND batch_by IS NOT NULL AND due_at <= now() + make_interval(secs => %(ahead)s)
 GROUP BY 1, 2, 3
UNION ALL
(SELECT brokerage_id, kind, NULL, id FROM outbox.messages
  WHERE state = 'waiting' AND batch_by IS NULL AND due_at <= now() + make_interval(secs => %(ahead)s)
  ORDER BY due_at LIMIT 500)
"""
SETTLE = """
UPDATE outbox.messages m
   SET state = s.state, due_at = coalesce(s.due_at, m.due_at), last_error = s.error, lease = NULL, leased_until = NULL,
       settled_at = CASE WHEN s.state IN ('done', 'dead') THEN now() END,
       payload = CASE WHEN s.state = 'done' THEN NULL ELSE m.payload END
  FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::timestamptz[], %b::text[])
       AS s (id, lease, state, due_at, error)
 WHERE m.id = s.id AND m.state = 'leased' AND m.lease = s.lease
RETURNING m.id
"""
SWEEP = """
UPDATE outbox.messages SET state = 'waiting', lease = NULL, leased_until = NULL, last_error = 'the worker went away'
 WHERE state = 'leased' AND leased_until < now()
"""
RELEASE_PARKED = """
UPDATE outbox.messages SET state = 'waiting', due_at = now()
 WHERE state = 'parked' AND brokerage_id = %s AND batch_by = %s
"""

State = Literal["waiting", "parked", "done", "dead"]


class LeaseLost(Exception):
    """The lease ran out and somebody else took the message: what was done must not be recorded twice."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A message in one worker's hands until its lease runs out; `lease` fences out a worker that slept through."""

    id: UUID
    brokerage_id: UUID
    kind: str
    batch_by: str | None
    cause_id: UUID
    correlation_id: UUID | None
    attempts: int
    lease: int
    payload: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hint:
    """Something is due: one message by id, or all of a kind that go together. All of it can be found again."""

    brokerage_id: UUID
    kind: str
    batch_by: str | None
    id: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a leased message: done, dead, parked, or waiting again until `due_at`."""

    message: Leased
    state: State
    due_at: datetime | None = None
    error: str | None = None


def add_messages(cursor: Cursor[Any], messages: Sequence[OutboxMessage]) -> None:
    """Write messages in the caller's transaction; those decided before are left as they are."""
    cursor.execute(ADD, (
        [one.id for one in messages], [one.brokerage_id for one in messages], [one.kind for one in messages],
        [one.due_at for one in messages], [one.ordering_key for one in messages], [one.batch_by for one in messages],
        [one.also_unique for one in messages], [one.cause_id for one in messages],
        [one.position for one in messages], [one.correlation_id for one in messages],
        [orjson.dumps(dict(one.payload)) for one in messages],
    ))  # fmt: skip


class Outbox:
    """Leases and settles messages on one autocommit connection as `masar_projector`."""

    def __init__(self, connection: Connection[Any], lease_s: int = LEASE_SECONDS) -> None:
        self.connection = connection
        self._lease_s = lease_s

    def due(self, ahead: timedelta = timedelta(0)) -> list[Hint]:
        """Return what is due, or will be within `ahead`."""
        return [Hint(*row) for row in self.connection.execute(DUE, {"ahead": ahead.total_seconds()}).fetchall()]

    def lease_batch(self, hint: Hint, limit: int) -> list[Leased]:
        """Take up to `limit` due messages that go together; committed before any effect."""
        return self._lease(LEASE_BATCH, {
            "kind": hint.kind, "brokerage_id": hint.brokerage_id, "batch_by": hint.batch_by, "limit": limit,
        })  # fmt: skip

    def lease_one(self, message_id: UUID) -> Leased | None:
        """Take one message if it is due, free, and first of its ordering key."""
        taken = self._lease(LEASE_ONE, {"id": message_id})
        return taken[0] if taken else None

    def settle(self, settled: Sequence[Settled]) -> None:
        """Record what became of leased messages; inside a transaction, before its append.

        Raises LeaseLost when any of them is no longer ours.
        """
        rows = self.connection.execute(SETTLE, (
            [one.message.id for one in settled], [one.message.lease for one in settled],
            [one.state for one in settled], [one.due_at for one in settled], [one.error for one in settled],
        )).fetchall()  # fmt: skip
        if len(rows) < len(settled):
            raise LeaseLost(f"{len(settled) - len(rows)} of {len(settled)} leases ran out")

    def sweep(self) -> int:
        """Free the messages of workers that went away; return how many."""
        return self.connection.execute(SWEEP).rowcount

    def release_parked(self, brokerage_id: UUID, batch_by: str) -> int:
        """Let parked messages go again; return how many."""
        return self.connection.execute(RELEASE_PARKED, (brokerage_id, batch_by)).rowcount

    def _lease(self, statement: str, arguments: dict[str, Any]) -> list[Leased]:
        rows = self.connection.execute(statement, {**arguments, "seconds": self._lease_s}).fetchall()  # type: ignore[arg-type]
        leased = [Leased(*row[:8], orjson.loads(row[8] or b"{}"), row[9]) for row in rows]
        return sorted(leased, key=lambda one: (one.created_at, one.id))
