"""A worker's side of the database: leases, what it may read, and the one transaction that records its work."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

from adapters.postgres.append import append_in, envelope_of, flush
from adapters.postgres.bodies import seal_body
from adapters.postgres.connections import Role, connect
from adapters.postgres.outbox import (
    FORGET_NOTES,
    LEASE_SECONDS,
    RELEASE_PARKED,
    Outbox,
    add_messages,
    note_request,
    settle,
)
from adapters.sealing import MasterKey
from application.ports.outbox import Circuit, Entry, Lane, Leased, NewFact
from domain.ads.events import ConversionsSent
from domain.catalogue import kind_of
from domain.people.events import ConsentGiven, ConsentWithdrawn

OPEN_CIRCUIT = """
INSERT INTO outbox.circuits AS c (brokerage_id, dataset_id, next_probe_at, reason, throttled, watched)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (brokerage_id, dataset_id) DO UPDATE
   SET next_probe_at = excluded.next_probe_at, reason = excluded.reason, throttled = c.throttled AND excluded.throttled,
       watched = c.watched AND NOT c.throttled OR excluded.watched
"""
CLOSE_CIRCUIT = """
DELETE FROM outbox.circuits
 WHERE brokerage_id = %s AND dataset_id = %s AND (NOT throttled OR next_probe_at <= now()) RETURNING watched
"""
# What a check took for a missing permission was accepted all the same: its word no longer holds the lane.
WRITES_PROVED = """
UPDATE outbox.watches SET writes_proved = true
 WHERE brokerage_id = %s AND dataset_id = %s AND verdict = 'forbidden' AND NOT writes_proved
"""
CIRCUIT = """
SELECT reason, next_probe_at, throttled, watched FROM outbox.circuits
 WHERE brokerage_id = %s AND dataset_id = %s AND (NOT throttled OR next_probe_at > now())
"""
CLAIM_PROBE = """
UPDATE outbox.circuits SET next_probe_at = %s
 WHERE brokerage_id = %s AND dataset_id = %s AND NOT throttled AND next_probe_at <= now() RETURNING 1
"""
HOLD_BACK = """
UPDATE outbox.messages SET due_at = %s, last_error = %s
 WHERE state = 'waiting' AND kind = 'conversion' AND brokerage_id = %s AND batch_by = %s AND due_at <= now()
"""
KEEP = "INSERT INTO outbox.bodies (request_id, brokerage_id, sealed) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

WORDS = """
WITH asked AS (
  SELECT s AS subject_id, coalesce(a.person_id, s) AS person_id
    FROM unnest(%(subjects)s::uuid[]) s
    LEFT JOIN read_models.people_aliases a ON a.brokerage_id = %(brokerage_id)s AND a.subject_id = s
), everyone AS (
  SELECT subject_id AS asked, subject_id FROM asked
  UNION SELECT subject_id, person_id FROM asked
  UNION SELECT k.subject_id, a.subject_id FROM asked k
    JOIN read_models.people_aliases a ON a.brokerage_id = %(brokerage_id)s AND a.person_id = k.person_id
)
SELECT k.subject_id, coalesce(p.consents ->> 'meta_tracking' = 'false', false),
       EXISTS (
         SELECT FROM everyone w JOIN log.masar_events e
             ON e.brokerage_id = %(brokerage_id)s AND e.subject_id = w.subject_id AND e.topic = ANY(%(kinds)s)
            AND e.notification_id > (SELECT position FROM projection.builds WHERE name = 'people' AND status = 'live')
          WHERE w.asked = k.subject_id)
  FROM asked k LEFT JOIN read_models.people p ON p.brokerage_id = %(brokerage_id)s AND p.key = k.person_id::text
"""
CONSENTS = [kind_of(ConsentGiven), kind_of(ConsentWithdrawn)]

RECORD_TRIES_S = (0.1, 0.5, 2.0)
"""Waits before a record is tried again on a new connection: what the platform answered must not get lost."""

LONGEST_HELD_S = 300.0
"""Nothing takes this long: after that a lease is no longer renewed."""
MOST_REMEMBERED = 1_000

log = structlog.get_logger("masar.worker")


class NoBrokerage(RuntimeError):
    """Background work was about to read without saying for whom."""


class Line:
    """One autocommit connection as a role, opened when first needed and again when it broke. One thread's."""

    def __init__(self, url: str, role: Role, name: str = "worker") -> None:
        self._url, self._role, self._name = url, role, name
        self._connection: Connection[Any] | None = None

    def __call__(self) -> Connection[Any]:
        """Return the connection; raises psycopg.OperationalError when there is no database."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, self._role, name=self._name)
        return self._connection

    def close(self) -> None:
        """Close it; the next call opens another."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None


class Work:
    """The queue, the circuits, the people's words and the book of records, on one connection. One thread's."""

    def __init__(self, line: Callable[[], Connection[Any]], master: MasterKey, lease_s: int = LEASE_SECONDS) -> None:
        self._line, self._master, self._lease_s = line, master, lease_s
        self._leases: dict[int, float] = {}

    def lease(self, lane: Lane, limit: int) -> list[Leased]:
        """Take due conversions of a lane."""
        return self._taken(self._outbox().lease_batch(lane.brokerage_id, "conversion", lane.dataset_id, limit))

    def lease_one(self, message_id: UUID) -> Leased | None:
        """Take one message if it is due and free."""
        message = self._outbox().lease_one(message_id)
        return message and self._taken([message])[0]

    def about_to_ask(self, asked: Sequence[Leased], others: Sequence[Leased] = (), *, once: bool = False) -> None:
        """Note that a request with `asked` goes out now. Raises LeaseLost."""
        note_request(self._line(), asked, others, self._lease_s, once=once)

    def held(self) -> list[int]:
        """Return the leases that may still be in hand here; to be called from any thread.

        Those older than LONGEST_HELD_S are left to run out: their work hangs.
        """
        since = time.monotonic() - LONGEST_HELD_S
        return [lease for lease, taken in list(self._leases.items()) if taken > since]

    def put_back(self, why: str, *, broke: bool = False) -> None:
        """Let whatever is still leased here wait again; nothing happens where all of it was settled.

        `broke`: the work itself failed, so the next try is not made at once.
        """
        leases, self._leases = self._leases, {}
        if leases:
            self._outbox().put_back(list(leases), why, broke=broke)

    def forget(self) -> None:
        """All that was leased here is settled."""
        self._leases.clear()

    def circuit(self, lane: Lane) -> Circuit | None:
        """Return what holds a lane now."""
        row = self._line().execute(CIRCUIT, (lane.brokerage_id, lane.dataset_id)).fetchone()
        return Circuit(lane, *row) if row else None

    def take_probe(self, circuit: Circuit, next_at: datetime) -> list[Leased] | None:
        """Take one parked message to try the lane with; None where it is not time, empty where nothing is parked."""
        lane = circuit.lane
        claimed = self._line().execute(CLAIM_PROBE, (next_at, lane.brokerage_id, lane.dataset_id)).fetchone()
        return self._taken(self._outbox().lease_parked(lane.brokerage_id, lane.dataset_id)) if claimed else None

    def hold_back(self, circuit: Circuit) -> None:
        """Let what is due in a throttled lane wait."""
        lane = circuit.lane
        self._line().execute(HOLD_BACK, (circuit.next_at, circuit.reason, lane.brokerage_id, lane.dataset_id))

    def forbidden(self, brokerage_id: UUID, subjects: Iterable[UUID]) -> tuple[set[UUID], set[UUID]]:
        """Return (subjects whose person withdrew consent, subjects with a word that is not yet read)."""
        asked = {"brokerage_id": brokerage_id, "subjects": list(subjects), "kinds": CONSENTS}
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            rows = connection.execute(WORDS, asked).fetchall()
        return {row[0] for row in rows if row[1]}, {row[0] for row in rows if row[2]}

    def record(self, entry: Entry) -> None:
        """Settle, then append, then flush; tried again where the database went away meanwhile. Raises LeaseLost."""
        for wait_s in (*RECORD_TRIES_S, None):
            try:
                self._record(entry)
                break
            except psycopg.OperationalError:
                if wait_s is None:
                    raise
                time.sleep(wait_s)
        for new in entry.facts:
            _tell(new)

    def _record(self, entry: Entry) -> None:
        connection = self._line()
        with connection.transaction():
            if entry.settled:
                settle(connection, entry.settled)
            if over := _over(entry):
                connection.execute(FORGET_NOTES, (over,))
            for kept in entry.kept:
                sealed = seal_body(self._master, kept.brokerage_id, kept.request_id, kept.content)
                connection.execute(KEEP, (kept.request_id, kept.brokerage_id, sealed))
            _turn(connection, entry)
            if entry.messages:
                with connection.cursor(binary=True) as cursor:
                    add_messages(cursor, entry.messages)
            if entry.facts:
                append_in(connection, [envelope_of(new) for new in entry.facts])
        flush(connection)

    def _outbox(self) -> Outbox:
        return Outbox(self._line(), self._lease_s)

    def _taken(self, messages: list[Leased]) -> list[Leased]:
        now = time.monotonic()
        for lease in {one.lease for one in messages}:
            self._leases[lease] = now
        if len(self._leases) > MOST_REMEMBERED:
            self._leases = {lease: taken for lease, taken in self._leases.items() if taken > now - LONGEST_HELD_S}
        return messages


def as_app(connection: Connection[Any], brokerage_id: UUID | None) -> None:
    """Go on, until the transaction's end, as one that sees this brokerage's rows and no other's."""
    if brokerage_id is None:
        raise NoBrokerage("background work must name the brokerage it reads for")
    connection.execute("SET LOCAL ROLE masar_app")
    connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(brokerage_id),))


def _turn(connection: Connection[Any], entry: Entry) -> None:
    """Hold a lane, or let it go with all that is parked in it."""
    if entry.opens is not None:
        lane, one = entry.opens.lane, entry.opens
        held = (lane.brokerage_id, lane.dataset_id, one.next_at, one.reason, one.throttled, one.watched)
        connection.execute(OPEN_CIRCUIT, held)
    if entry.closes is not None:
        names = (entry.closes.brokerage_id, entry.closes.dataset_id)
        if row := connection.execute(CLOSE_CIRCUIT, names).fetchone():
            connection.execute(RELEASE_PARKED, names)
            if row[0]:
                connection.execute(WRITES_PROVED, names)


def _over(entry: Entry) -> list[int]:
    """Return the leases whose request is answered, or was never made."""
    answered = {entry.answered} if entry.answered is not None else set()
    return sorted(answered | {one.message.lease for one in entry.settled})


def _tell(new: NewFact) -> None:
    """Log what was recorded: ids, counts and codes, nothing of any person."""
    if isinstance(new.fact, ConversionsSent):
        fact = new.fact
        log.info(
            "conversions_sent", request_id=str(new.id), brokerage_id=str(new.brokerage_id), dataset_id=fact.dataset_id,
            conversions=len(fact.conversion_ids), outcome=fact.outcome, status=fact.status, code=fact.code,
            subcode=fact.subcode, fbtrace_id=fact.fbtrace_id, **_correlation(new),
        )  # fmt: skip
    else:
        log.info(
            "recorded",
            event_id=str(new.id),
            brokerage_id=str(new.brokerage_id),
            kind=new.fact.kind,
            **_correlation(new),
        )


def _correlation(new: NewFact) -> dict[str, str]:
    return {"correlation_id": str(new.correlation_id)} if new.correlation_id else {}
