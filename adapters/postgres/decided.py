"""Appends facts that people decided: each a stream of its own, durable on return."""

from collections.abc import Sequence

from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope, SealingMapper
from adapters.postgres.recorder import FlushedRecorder


class DecidedFacts:
    """A connection per call: people decide rarely. Thread-safe."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._mapper = SealingMapper()

    def append(self, envelopes: Sequence[Envelope]) -> list[bool]:
        """Append facts and tell which were new. Raises psycopg.OperationalError when the database is away."""
        with connect(self._url, "masar_ingest", by_index=True, name="decided") as connection:
            stored = [self._mapper.to_stored_event(one) for one in envelopes]
            return [result.fresh for result in FlushedRecorder.append_touchpoints(connection, stored)]
