"""Appends facts as the last statement of work that ends with them."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from adapters.postgres.mapper import Envelope, SealingMapper
from adapters.postgres.recorder import APPEND_TOUCHPOINTS, FLUSH, chunks, touchpoint_columns
from application.ports.outbox import NewFact

_MAPPER = SealingMapper()


def append_in(connection: Connection[Any], envelopes: Sequence[Envelope]) -> None:
    """Append streams of one, each once, within the caller's transaction: nothing may follow but its commit.

    The transaction works on as `masar_ingest` and holds the gate until its end. Its commit is asynchronous: tell
    nobody before `flush`.
    """
    stored = [_MAPPER.to_stored_event(envelope) for envelope in envelopes]
    connection.execute("SET LOCAL ROLE masar_ingest")
    for chunk in chunks(stored):
        connection.execute(APPEND_TOUCHPOINTS, touchpoint_columns(chunk), binary=True)


def envelope_of(new: NewFact) -> Envelope:
    """Return a fact that work decided as it is appended: a stream of one."""
    return Envelope(
        new.id, 1, new.fact, new.brokerage_id, new.subject_id, cause_id=new.cause_id, correlation_id=new.correlation_id
    )


def flush(connection: Connection[Any]) -> None:
    """Make everything committed before durable."""
    connection.execute(FLUSH)
