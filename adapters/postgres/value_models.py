"""Records a fit that somebody asked for by hand: there is no message to settle."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from adapters.postgres.append import append_in, flush
from adapters.postgres.mapper import Envelope
from adapters.postgres.outbox import add_messages
from application.ports.outbox import Entry


class ValueModels:
    """The Records of a process that holds no leases; `line` gives an autocommit connection as `masar_projector`."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def record(self, entry: Entry) -> None:
        """Append an entry's facts and put its messages, durable on return. Raises ValueError for one that settles."""
        if entry.settled:
            raise ValueError("whoever settles messages has to hold their leases")
        connection = self._line()
        with connection.transaction():
            with connection.cursor(binary=True) as cursor:
                add_messages(cursor, entry.messages)
            append_in(
                connection,
                [Envelope(new.id, 1, new.fact, new.brokerage_id, new.subject_id, new.cause_id, new.correlation_id)
                 for new in entry.facts],
            )  # fmt: skip
        flush(connection)
