"""A brokerage's set-up, read and changed by people: rarely, on connections of their own."""

from collections.abc import Callable
from uuid import UUID

from adapters.postgres.connections import connect
from adapters.postgres.log import open_log
from adapters.postgres.streams import PostgresStreams, load
from application.brokerages import Setup, fold, stream_of
from domain.brokerage.events import BrokerageFact


class Setups:
    """The strict set-up streams of one database. Thread-safe: each call opens what it needs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def setup(self, brokerage_id: UUID) -> Setup:
        """Return what a brokerage chose so far. Raises psycopg.OperationalError when the database is away."""
        with connect(self._url, "masar_app", name="setup") as connection:
            return fold(load(connection, brokerage_id, stream_of(brokerage_id)))

    def change(self, brokerage_id: UUID, decide: Callable[[Setup], list[BrokerageFact]]) -> Setup:
        """Append what is decided about a set-up, durable on return; return the set-up after it.

        Raises what `decide` raises, VersionTaken, and psycopg.OperationalError when the database is away.
        """
        stream = stream_of(brokerage_id)
        with connect(self._url, "masar_app", name="setup") as connection:
            log = open_log(self._url)
            try:
                streams = PostgresStreams(connection, log)
                streams.change(brokerage_id, stream, lambda facts: decide(fold(facts)))
                return fold(streams.load(brokerage_id, stream))
            finally:
                log.close()
