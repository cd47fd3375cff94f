"""Agents' decisions about threads, on connections of their own: people decide rarely. Thread-safe."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.postgres.clock import time_of
from adapters.postgres.connections import connect
from adapters.postgres.desks import PostgresDesks
from adapters.postgres.notices import LISTED, PostgresAgents
from adapters.postgres.outgoing import PostgresOutgoing
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.secrets import SecretStore
from adapters.postgres.work import as_app
from adapters.sealing import MasterKey
from application.request_send import RequestSend
from application.take_over import Holding
from domain.messaging.windows import RULES, WindowRules

WANTED = """
SELECT thread_id, channel, account_id, subject_id, state_at AS since, waiting_since, inbound - answered AS unanswered
  FROM messaging.desks
 WHERE brokerage_id = %s AND state = 'WAITING_AGENT' AND holder = 'assistant'
 ORDER BY state_at, thread_id LIMIT %s
"""


class HoldingThreads:
    """Opens what a decision about a thread needs, and closes it after."""

    def __init__(self, url: str, master: MasterKey, windows: WindowRules = RULES) -> None:
        self._url, self._master, self._windows = url, master, windows
        self.desks = PostgresDesks(lambda: connect(url, "masar_projector", name="holding"))

    @contextmanager
    def open(self) -> Iterator[Holding]:
        """Give the use cases. Raises psycopg.OperationalError when the database is away."""
        with (
            connect(self._url, "masar_projector", name="holding") as line,
            connect(self._url, "masar_registry", name="holding") as registry,
        ):
            seals = SubjectSeals(lambda: registry, self._master)
            book = PostgresOutgoing(lambda: line, SecretStore(lambda: registry, self._master))
            yield Holding(self.desks, RequestSend(seals, book, self._windows), lambda: time_of(line))

    def wanted(self, brokerage_id: UUID, limit: int) -> list[dict[str, Any]]:
        """Return the threads in which a human is asked for and nobody holds them, the longest waiting first."""
        with connect(self._url, "masar_projector", name="holding") as line, line.transaction():
            as_app(line, brokerage_id)
            return _rows(line, WANTED, brokerage_id, limit)

    def notices(self, brokerage_id: UUID, limit: int, thread_id: UUID | None = None) -> list[dict[str, Any]]:
        """Return what agents were told, the newest first: of all threads, or of one."""
        asked = {"brokerage_id": brokerage_id, "thread_id": thread_id, "limit": limit}
        with connect(self._url, "masar_projector", name="holding") as line, line.transaction():
            as_app(line, brokerage_id)
            return _rows(line, LISTED, asked)

    @contextmanager
    def agents(self) -> Iterator[PostgresAgents]:
        """Give what is known of how agents are reached. Raises psycopg.OperationalError."""
        with connect(self._url, "masar_projector", name="holding") as line:
            yield PostgresAgents(lambda: line, self._master)


def _rows(line: Connection[Any], statement: str, *arguments: Any) -> list[dict[str, Any]]:
    cursor = line.execute(statement.encode(), arguments[0] if isinstance(arguments[0], dict) else arguments)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
