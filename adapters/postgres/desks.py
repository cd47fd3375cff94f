"""Desks in Postgres: one row per thread, locked while something is decided about it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection, sql

from adapters.postgres.append import append_in, envelope_of, flush
from adapters.postgres.outbox import FORGET_NOTES, add_messages, settle
from application.ports.desks import Desk, NoSuchThread, OpenSend
from application.ports.outbox import NewFact, Settled
from domain.shared.outbox import OutboxMessage

COLUMNS = tuple(Desk.__dataclass_fields__)
HOLD = sql.SQL("SELECT {} FROM messaging.desks WHERE brokerage_id = %s AND thread_id = %s FOR UPDATE").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
OPEN_SENDS = """
SELECT id, payload, state = 'leased' FROM outbox.messages
 WHERE brokerage_id = %s AND ordering_key = %s AND kind = 'send_message' AND state IN ('waiting', 'leased', 'parked')
 ORDER BY position, id
"""
CANCEL = """
UPDATE outbox.messages SET state = 'done', settled_at = now(), payload = NULL, last_error = %s
 WHERE brokerage_id = %s AND ordering_key = %s AND kind = 'send_message' AND id = ANY(%s)
   AND state IN ('waiting', 'parked') AND NOT asked
RETURNING id
"""
Line = Callable[[], AbstractContextManager[Connection[Any]]]
"""Gives an autocommit connection as `masar_projector` for the time of one piece of work."""


def desk_of(row: Sequence[Any]) -> Desk:
    """Return a row of COLUMNS as a desk."""
    return Desk(**dict(zip(COLUMNS, row, strict=True)))


class PostgresDesks:
    """The Desks of one database. Locks go in one order everywhere: desk, outbox, and the gate of the log last."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @contextmanager
    def at(self, brokerage_id: UUID, thread_id: UUID) -> Iterator["PostgresDeskWork"]:
        """Hold one desk until the context ends."""
        with self._line() as connection:
            with connection.transaction():
                row = connection.execute(HOLD, (brokerage_id, thread_id)).fetchone()
                if row is None:
                    raise NoSuchThread(str(thread_id))
                work = PostgresDeskWork(connection, desk_of(row))
                yield work
                work.finish()
            flush(connection)


class PostgresDeskWork:
    """What is done at one desk; written when it ends."""

    def __init__(self, connection: Connection[Any], desk: Desk) -> None:
        self.desk = desk
        self._connection = connection
        self._changed: dict[str, Any] = {}
        self._messages: list[OutboxMessage] = []
        self._settled: list[Settled] = []
        self._facts: list[NewFact] = []

    def open_sends(self) -> list[OpenSend]:
        """Return the sends of this thread that are not settled, in order."""
        own = (self.desk.brokerage_id, str(self.desk.thread_id))
        rows = self._connection.execute(OPEN_SENDS, own).fetchall()
        return [
            OpenSend(send_id, (told := orjson.loads(payload))["author"], going, told.get("purpose", "answer"))
            for send_id, payload, going in rows
        ]

    def change(self, **fields: Any) -> None:
        """Set fields of the desk."""
        self._changed |= fields
        self.desk = replace(self.desk, **fields)

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        """Have messages carried out."""
        self._messages += messages

    def cancel(self, send_ids: Sequence[UUID], why: str) -> list[UUID]:
        """Take back what no worker has in hand and none was lost with; return their ids."""
        asked = (why, self.desk.brokerage_id, str(self.desk.thread_id), list(send_ids))
        taken = {one for (one,) in self._connection.execute(CANCEL, asked).fetchall()}
        return [one for one in send_ids if one in taken]

    def settle(self, settled: Sequence[Settled]) -> None:
        """Settle leased messages with this work."""
        self._settled += settled

    def append(self, facts: Sequence[NewFact]) -> None:
        """Append facts with this work."""
        self._facts += facts

    def finish(self) -> None:
        """Write it all, the facts last. Raises LeaseLost."""
        connection = self._connection
        if self._changed:
            names = [sql.SQL("{} = %s").format(sql.Identifier(name)) for name in self._changed]
            update = sql.SQL("UPDATE messaging.desks SET {} WHERE thread_id = %s").format(sql.SQL(", ").join(names))
            connection.execute(update, (*self._changed.values(), self.desk.thread_id))
        if self._settled:
            settle(connection, self._settled)
            connection.execute(FORGET_NOTES, ([one.message.lease for one in self._settled],))
        if self._messages:
            with connection.cursor(binary=True) as cursor:
                add_messages(cursor, self._messages)
        if self._facts:
            append_in(connection, [envelope_of(new) for new in self._facts])
