"""The outbox in Postgres: what has to leave the house, leased to one worker at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection, Cursor

from application.ports.outbox import Leased, LeaseLost, Settled
from domain.shared.outbox import OutboxMessage

ADD = """
INSERT INTO outbox.messages (id, brokerage_id, kind, due_at, ordering_key, batch_by, also_unique, cause_id, position,
                             correlation_id, payload, expires_at)
SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                     %b::uuid[], %b::int8[], %b::uuid[], %b::bytea[], %b::timestamptz[])
ON CONFLICT DO NOTHING
"""
LEASE_SECONDS = 12
"""How long what a killed worker held is kept from others. A living one renews its leases (`Pulse`) while it works."""

MOST_CRASHES = 6
"""Workers that may be lost over a message before it is set aside as the likely reason: by then it was alone thrice.

Only those count that were lost before the request went out. From then on the worker waits for an answer, which is where
most of its time goes: whoever ends it then, it is not the message.
"""

LEASED = """
RETURNING m.id, m.brokerage_id, m.kind, m.batch_by, m.cause_id, m.correlation_id, m.attempts, m.lease, m.payload,
          m.created_at, m.expires_at, m.asked
"""
"""How every lease answers: the fields of `Leased`, in order."""
# Where workers were lost, the batch shrinks: 1,000, 125, 15, 1. A message that kills its worker is found alone.
LEASE_BATCH = """
WITH first AS (
  SELECT crashes FROM outbox.messages
   WHERE state = 'waiting' AND kind = %(kind)s AND brokerage_id = %(brokerage_id)s
     AND batch_by IS NOT DISTINCT FROM %(batch_by)s AND due_at <= now()
   ORDER BY due_at, position LIMIT 1
), due AS (
  SELECT id FROM outbox.messages
   WHERE state = 'waiting' AND kind = %(kind)s AND brokerage_id = %(brokerage_id)s
     AND batch_by IS NOT DISTINCT FROM %(batch_by)s AND due_at <= now() AND crashes = (SELECT crashes FROM first)
   ORDER BY due_at, position LIMIT (SELECT greatest(1, %(limit)s >> 3 * crashes) FROM first)
   FOR UPDATE SKIP LOCKED
), token AS (SELECT nextval('outbox.lease') AS lease)
UPDATE outbox.messages m
   SET state = 'leased', lease = token.lease, leased_until = now() + make_interval(secs => %(seconds)s),
       attempts = attempts + 1
  FROM due, token WHERE m.id = due.id
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
"""
LEASE_PARKED = """
WITH one AS (
  SELECT id FROM outbox.messages
   WHERE state = 'parked' AND brokerage_id = %(brokerage_id)s AND batch_by = %(batch_by)s
   ORDER BY attempts, due_at, position LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE outbox.messages m
   SET state = 'leased', lease = nextval('outbox.lease'), leased_until = now() + make_interval(secs => %(seconds)s),
       attempts = attempts + 1
  FROM one WHERE m.id = one.id
"""
RENEW = """
UPDATE outbox.messages SET leased_until = now() + make_interval(secs => %(seconds)s)
 WHERE state = 'leased' AND lease = ANY(%(leases)s)
   AND leased_until < now() + make_interval(secs => 0.8 * %(seconds)s)
"""
# Locks what it finds until the note is written, so that a sweep comes before both or after both.
HOLD = """
UPDATE outbox.messages m SET leased_until = now() + make_interval(secs => %s)
  FROM unnest(%s::uuid[], %s::bigint[]) AS held (id, lease)
 WHERE m.id = held.id AND m.state = 'leased' AND m.lease = held.lease
RETURNING 1
"""
STILL_HELD = """
SELECT count(*) FROM outbox.messages m JOIN unnest(%s::uuid[], %s::bigint[]) AS held (id, lease)
    ON m.id = held.id AND m.lease = held.lease WHERE m.state = 'leased'
"""
NOTE = """
INSERT INTO outbox.under_way (lease, brokerage_id, message_ids, once) VALUES (%s, %s, %s, %s)
ON CONFLICT (lease, brokerage_id) DO UPDATE SET message_ids = excluded.message_ids, once = excluded.once, at = now()
"""
FORGET_NOTES = "DELETE FROM outbox.under_way WHERE lease = ANY(%s)"
DUE = """
SELECT brokerage_id, kind, batch_by, NULL::uuid, max(due_at) FROM outbox.messages
 WHERE state = 'waiting' AND batch_by IS NOT NULL AND due_at <= now() - make_interval(secs => %(age_s)s)
 GROUP BY 1, 2, 3
UNION ALL
SELECT brokerage_id, 'conversion', dataset_id, NULL, next_probe_at FROM outbox.circuits
 WHERE NOT throttled AND next_probe_at <= now() - make_interval(secs => %(age_s)s)
UNION ALL
(SELECT brokerage_id, kind, NULL, id, due_at FROM outbox.messages
  WHERE state = 'waiting' AND batch_by IS NULL AND due_at <= now() - make_interval(secs => %(age_s)s)
  ORDER BY due_at LIMIT 500)
"""
SOON = """
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM outbox.messages
 WHERE state = 'waiting' AND batch_by IS NULL AND due_at > now() AND due_at < now() + make_interval(secs => %s)
"""
SETTLE = """
UPDATE outbox.messages m
   SET state = s.state, due_at = coalesce(s.due_at, m.due_at), last_error = s.error, lease = NULL, leased_until = NULL,
       crashes = 0, asked = m.asked AND s.state NOT IN ('done', 'dead'),
       settled_at = CASE WHEN s.state IN ('done', 'dead') THEN now() END,
       payload = CASE WHEN s.state = 'done' THEN NULL ELSE m.payload END
  FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::timestamptz[], %b::text[])
       AS s (id, lease, state, due_at, error)
 WHERE m.id = s.id AND m.state = 'leased' AND m.lease = s.lease
RETURNING m.id
"""
# What may have been received and must not be sent twice comes back as asked. What breaks the work on it comes back ever
# later and in smaller batches, so that it is found alone and the others go on; it never dies of that.
PUT_BACK = """
UPDATE outbox.messages m
   SET state = 'waiting', lease = NULL, leased_until = NULL, last_error = %(why)s,
       due_at = now() + make_interval(secs => CASE WHEN %(broke)s THEN least(300, 2 ^ least(m.attempts, 9)) ELSE 1 END),
       crashes = CASE WHEN %(broke)s THEN greatest(m.crashes, least(m.crashes + 1, 3)) ELSE m.crashes END,
       asked = m.asked OR EXISTS (
         SELECT FROM outbox.under_way u WHERE u.lease = m.lease AND u.once AND m.id = ANY(u.message_ids))
 WHERE state = 'leased' AND lease = ANY(%(leases)s)
"""
SWEEP = """
WITH lost AS (
  SELECT m.id, coalesce(m.id = ANY(u.message_ids), false) AS out, coalesce(u.once, false) AS once
    FROM outbox.messages m LEFT JOIN outbox.under_way u ON u.lease = m.lease
   WHERE m.state = 'leased' AND m.leased_until < now() FOR UPDATE OF m SKIP LOCKED
)
UPDATE outbox.messages m
   SET state = CASE WHEN NOT lost.out AND m.crashes + 1 >= %(most)s THEN 'dead' ELSE 'waiting' END,
       settled_at = CASE WHEN NOT lost.out AND m.crashes + 1 >= %(most)s THEN now() END,
       crashes = m.crashes + (NOT lost.out)::int, asked = m.asked OR (lost.out AND lost.once),
       due_at = now() + make_interval(secs => m.crashes), lease = NULL, leased_until = NULL,
       last_error = 'the worker went away'
  FROM lost WHERE m.id = lost.id
"""
FORGET_OLD_NOTES = """
DELETE FROM outbox.under_way u WHERE at < now() - interval '1 minute'
   AND NOT EXISTS (SELECT FROM outbox.messages m WHERE m.state = 'leased' AND m.lease = u.lease)
"""
# What was parked just as its lane was let go again, and what would come too late if it waited longer.
UNPARK = """
UPDATE outbox.messages m SET state = 'waiting', due_at = now()
 WHERE state = 'parked' AND (expires_at <= now() OR NOT EXISTS (
   SELECT FROM outbox.circuits c
    WHERE c.brokerage_id = m.brokerage_id AND c.dataset_id = m.batch_by
      AND (NOT c.throttled OR c.next_probe_at > now())))
"""
RELEASE_PARKED = """
UPDATE outbox.messages SET state = 'waiting', due_at = now()
 WHERE state = 'parked' AND brokerage_id = %s AND batch_by = %s
"""


@dataclass(frozen=True, slots=True)
class Hint:
    """Something is due since `due_at`: one message by id, or all of a kind that go together.

    All of it can be found again, so a hint may be lost or repeated.
    """

    brokerage_id: UUID
    kind: str
    batch_by: str | None
    id: UUID | None
    due_at: datetime


def add_messages(cursor: Cursor[Any], messages: Sequence[OutboxMessage]) -> None:
    """Write messages in the caller's transaction; those decided before are left as they are."""
    cursor.execute(ADD, (
        [one.id for one in messages], [one.brokerage_id for one in messages], [one.kind for one in messages],
        [one.due_at for one in messages], [one.ordering_key for one in messages], [one.batch_by for one in messages],
        [one.also_unique for one in messages], [one.cause_id for one in messages],
        [one.position for one in messages], [one.correlation_id for one in messages],
        [orjson.dumps(dict(one.payload)) for one in messages], [one.expires_at for one in messages],
    ))  # fmt: skip


def settle(connection: Connection[Any], settled: Sequence[Settled]) -> None:
    """Record what became of leased messages; inside a transaction, before its append.

    Raises LeaseLost when any of them is no longer ours.
    """
    rows = connection.execute(SETTLE, (
        [one.message.id for one in settled], [one.message.lease for one in settled],
        [one.state for one in settled], [one.due_at for one in settled], [one.error for one in settled],
    )).fetchall()  # fmt: skip
    if len(rows) < len(settled):
        raise LeaseLost(f"{len(settled) - len(rows)} of {len(settled)} leases ran out")


def note_request(
    connection: Connection[Any], asked: Sequence[Leased], others: Sequence[Leased], seconds: int, *, once: bool
) -> None:
    """Note that a request with `asked` goes out now, all of one lease. Raises LeaseLost when any lease is lost.

    With `once` the note is durable on return, and no sweep can come between it and the leases; else it serves only to
    tell which messages are not to blame when a worker is lost, and its commit is asynchronous.
    """
    messages = [*asked, *others]
    held = [one.id for one in messages], [one.lease for one in messages]
    with connection.transaction():
        if once:
            found = len(connection.execute(HOLD, (seconds, *held)).fetchall())
        else:
            connection.execute("SET LOCAL synchronous_commit = off")
            row = connection.execute(STILL_HELD, held).fetchone()
            found = row[0] if row else 0
        if found < len(messages):
            raise LeaseLost("a lease ran out before its request was made")
        connection.execute(NOTE, (asked[0].lease, asked[0].brokerage_id, [one.id for one in asked], once))


KEPT_DAYS = 30
"""How long the body of a request can be opened; the fact that it was sent stays for ever."""
FORGET_BODIES = "DELETE FROM outbox.bodies WHERE created_at < now() - make_interval(days => %s)"


class Outbox:
    """Leases messages on one autocommit connection as `masar_projector`; every call commits before it returns."""

    def __init__(self, connection: Connection[Any], lease_s: int = LEASE_SECONDS) -> None:
        self.connection = connection
        self._lease_s = lease_s

    def due(self, age_s: float = 0) -> list[Hint]:
        """Return what has been due for at least `age_s` seconds, and the lanes whose probe is."""
        return [Hint(*row) for row in self.connection.execute(DUE, {"age_s": age_s}).fetchall()]

    def soon(self, within_s: float) -> float | None:
        """Return in how many seconds the next message that goes alone is due, None where that takes longer."""
        row = self.connection.execute(SOON, (within_s,)).fetchone()
        return max(0.0, row[0]) if row and row[0] is not None else None

    def lease_batch(self, brokerage_id: UUID, kind: str, batch_by: str, limit: int) -> list[Leased]:
        """Take up to `limit` due messages that go together."""
        return self._lease(LEASE_BATCH, brokerage_id=brokerage_id, kind=kind, batch_by=batch_by, limit=limit)

    def lease_one(self, message_id: UUID) -> Leased | None:
        """Take one message if it is due, free, and first of its ordering key."""
        return next(iter(self._lease(LEASE_ONE, id=message_id)), None)

    def lease_parked(self, brokerage_id: UUID, batch_by: str) -> list[Leased]:
        """Take the parked message that was tried least, if there is any."""
        return self._lease(LEASE_PARKED, brokerage_id=brokerage_id, batch_by=batch_by)

    def put_back(self, leases: Sequence[int], why: str, *, broke: bool = False) -> None:
        """Let what is still under these leases wait again: the work on it broke off.

        For a second where that is nobody's fault; where the work `broke` for up to five minutes, ever longer.
        """
        self.connection.execute(PUT_BACK, {"why": why, "leases": list(leases), "broke": broke})

    def renew(self, leases: Sequence[int]) -> None:
        """Extend what is still held under these leases, where a good part of their time is over."""
        self.connection.execute(RENEW, {"leases": list(leases), "seconds": self._lease_s})

    def forget_bodies(self) -> int:
        """Delete the bodies of requests older than KEPT_DAYS; return how many."""
        return self.connection.execute(FORGET_BODIES, (KEPT_DAYS,)).rowcount

    def sweep(self) -> int:
        """Free the messages of workers that went away, and the parked ones that nothing holds; return how many."""
        freed = self.connection.execute(SWEEP, {"most": MOST_CRASHES}).rowcount
        self.connection.execute(FORGET_OLD_NOTES)
        return freed + self.connection.execute(UNPARK).rowcount

    def _lease(self, statement: str, **arguments: Any) -> list[Leased]:
        given = {**arguments, "seconds": self._lease_s}
        rows = self.connection.execute((statement + LEASED).encode(), given).fetchall()
        leased = [Leased(*row[:8], *_loaded(*row[8:])) for row in rows]
        return sorted(leased, key=lambda one: (one.created_at, one.id))


def _loaded(payload: bytes | None, *rest: Any) -> tuple[Any, ...]:
    return orjson.loads(payload or b"{}"), *rest
