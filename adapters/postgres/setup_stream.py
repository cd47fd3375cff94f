"""A brokerage's set-up changed from an endpoint: load its stream, decide, append at the version loaded."""

from collections.abc import Callable, Sequence
from uuid import UUID

from adapters.postgres.connections import connect
from adapters.postgres.log import open_log
from adapters.postgres.streams import PostgresStreams
from application.brokerages import stream_of
from domain.brokerage.events import BrokerageFact


def change_setup(
    url: str, brokerage_id: UUID, decide: Callable[[Sequence[BrokerageFact]], list[BrokerageFact]]
) -> list[BrokerageFact]:
    """Return the facts that were appended, durable. People decide rarely, so each call opens the log anew.

    Raises what `decide` raises, VersionTaken, and psycopg.OperationalError when the database is away.
    """
    log = open_log(url)
    try:
        with connect(url, "masar_app", name="setup") as connection:
            return PostgresStreams(connection, log).change(brokerage_id, stream_of(brokerage_id), decide)
    finally:
        log.close()
