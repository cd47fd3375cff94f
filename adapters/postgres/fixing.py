"""Sets a conversion of the outbox going again: message and fact in one transaction."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import psycopg
from psycopg import Connection

from adapters.postgres.append import append_in, flush
from adapters.postgres.clock import time_of
from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope
from application.fix_conversion import CannotResend, Resent, Standing, Wish, decide

STANDING = """
SELECT batch_by, state, payload, expires_at, last_error FROM outbox.messages
 WHERE brokerage_id = %s AND id = %s AND kind = 'conversion' FOR UPDATE
"""
RESEND = """
UPDATE outbox.messages SET state = 'waiting', due_at = now(), payload = %s, also_unique = %s, asked = false,
       crashes = 0, settled_at = NULL, last_error = 'an operator has it sent again'
 WHERE id = %s
"""
PROBE_NOW = """
UPDATE outbox.circuits SET next_probe_at = now() WHERE brokerage_id = %s AND dataset_id = %s AND NOT throttled
"""


class NoSuchMessage(Exception):
    """The outbox holds no such conversion of this brokerage: it was withheld when decided, or never was."""


def resend(
    url: str, brokerage_id: UUID, conversion_id: UUID, wish: Wish, *, by: str, correlation_id: UUID
) -> UUID | None:
    """Let a conversion wait to be sent again, due at once; return the log entry that says so, if one is needed.

    Raises NoSuchMessage, CannotResend, and psycopg.OperationalError when the database is away.
    """
    with connect(url, "masar_projector", name="fixing") as connection:
        try:
            with connection.transaction():
                entry = _resend(connection, brokerage_id, conversion_id, wish, by, correlation_id)
        except psycopg.errors.UniqueViolation:
            raise CannotResend("another conversion has this event name and id already") from None
        flush(connection)
        return entry


def _resend(
    connection: Connection[Any], brokerage_id: UUID, conversion_id: UUID, wish: Wish, by: str, correlation_id: UUID
) -> UUID | None:
    row = connection.execute(STANDING, (brokerage_id, conversion_id)).fetchone()
    if row is None:
        raise NoSuchMessage(str(conversion_id))
    dataset_id, state, payload, expires_at, error = row
    standing = Standing(dataset_id, state, orjson.loads(payload) if payload else None, expires_at, error)
    resent = decide(conversion_id, standing, wish, by, time_of(connection))
    new = resent.payload
    unique = f"{dataset_id}|{new['event_name']}|{new['event_id']}"
    connection.execute(RESEND, (orjson.dumps(dict(new)), unique, conversion_id))
    connection.execute(PROBE_NOW, (brokerage_id, dataset_id))
    return _told(connection, brokerage_id, resent, correlation_id)


def _told(connection: Connection[Any], brokerage_id: UUID, resent: Resent, correlation_id: UUID) -> UUID | None:
    if resent.fact is None:
        return None
    entry = uuid4()
    cause_id = UUID(resent.payload["touchpoint_id"])
    envelope = Envelope(entry, 1, resent.fact, brokerage_id, cause_id=cause_id, correlation_id=correlation_id)
    append_in(connection, [envelope])
    return entry
