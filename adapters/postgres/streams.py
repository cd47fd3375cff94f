"""Strict streams on the event store: load, decide, append at the version that was loaded."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError
from psycopg import Connection

from adapters.postgres.log import BrokerageLog
from adapters.postgres.mapper import Envelope, decode
from domain.brokerage.events import BrokerageFact
from domain.shared.fact import Fact

LOAD = """
SELECT topic, state, originator_version FROM log.masar_events
 WHERE originator_id = %s ORDER BY originator_version
"""
MOST_TRIES = 5


class VersionTaken(Exception):
    """Someone else appended to the stream first."""


def load(connection: Connection[Any], brokerage_id: UUID, stream_id: UUID) -> list[BrokerageFact]:
    """Return the facts of a brokerage's set-up stream in order, read under its row-level security."""
    with connection.transaction():
        connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(brokerage_id),))
        rows = connection.execute(LOAD, (stream_id,)).fetchall()
    facts = [decode(kind, state, stream_id, version) for kind, state, version in rows]
    return [fact for fact in facts if isinstance(fact, BrokerageFact)]


class PostgresStreams:
    """Streams of one database, read as `masar_app` under the brokerage's row-level security."""

    def __init__(self, connection: Connection[Any], log: BrokerageLog) -> None:
        self._connection, self._log = connection, log

    def load(self, brokerage_id: UUID, stream_id: UUID) -> list[BrokerageFact]:
        """Return the stream's facts in order."""
        return load(self._connection, brokerage_id, stream_id)

    def append(self, brokerage_id: UUID, stream_id: UUID, after: int, facts: Sequence[Fact]) -> None:
        """Append after version `after`, durable on return.

        Raises VersionTaken, unless what is stored there is the very same: then an earlier answer was lost; and
        ValidationError for a fact that nobody could read back, which would close the stream for ever.
        """
        for fact in facts:
            type(fact).model_validate(fact.model_dump())
        envelopes = [Envelope(stream_id, after + nth, fact, brokerage_id) for nth, fact in enumerate(facts, start=1)]
        try:
            self._log.recorder.insert_events([self._log.mapper.to_stored_event(one) for one in envelopes])
        except IntegrityError as taken:
            if list(facts) != self.load(brokerage_id, stream_id)[after : after + len(facts)]:
                raise VersionTaken(str(taken)) from taken

    def change(
        self, brokerage_id: UUID, stream_id: UUID, decide: Callable[[Sequence[BrokerageFact]], list[BrokerageFact]]
    ) -> list[BrokerageFact]:
        """Load, decide and append; again with fresh facts where someone else was first."""
        for left in reversed(range(MOST_TRIES)):
            known = self.load(brokerage_id, stream_id)
            new = decide(known)
            try:
                if new:
                    self.append(brokerage_id, stream_id, len(known), new)
            except VersionTaken:
                if left == 0:
                    raise
            else:
                return new
        return []
