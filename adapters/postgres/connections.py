"""Connections to Postgres, each as the one role that its work needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

Role = Literal["masar_owner", "masar_app", "masar_projector", "masar_ingest", "masar_registry", "masar_auditor"]

NET = {
    "connect_timeout": 3,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""How soon a dead peer is noticed: a stuck connection must not hold its work for minutes."""

BY_INDEX = " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_material=off"
"""For connections that only look rows up by key, many at a time. A plan made while a table was small is kept while it
grows: without this a look-up of some keys ends up reading all of it."""


def conninfo(url: str, role: Role, *, synchronous: bool = True, by_index: bool = False, name: str = "masar") -> str:
    """Return the connection string of a role; `synchronous=False` where a later flush makes it durable."""
    options = "" if role == "masar_owner" else f"-c role={role}"
    if not synchronous:
        options += " -c synchronous_commit=off"
    if by_index:
        options += BY_INDEX
    options += " -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    return make_conninfo(url, options=options.strip(), application_name=f"{name}:{role}", **NET)


class Connect(Protocol):
    """Opens autocommit connections."""

    def __call__(
        self, url: str, role: Role, *, synchronous: bool = True, by_index: bool = False, name: str = "masar"
    ) -> Connection[Any]:
        """Open one as a role; raises psycopg.OperationalError when there is no database."""


def connect(
    url: str, role: Role, *, synchronous: bool = True, by_index: bool = False, name: str = "masar",
    kind: type[Connection[Any]] = Connection,
) -> Connection[Any]:  # fmt: skip
    """Open an autocommit connection as a role; raises psycopg.OperationalError when there is no database."""
    return kind.connect(conninfo(url, role, synchronous=synchronous, by_index=by_index, name=name), autocommit=True)


def pool(url: str, role: Role = "masar_app", *, size: int = 8) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    """Return an unopened pool for the API's reads."""
    return AsyncConnectionPool(
        conninfo(url, role),
        kwargs={"row_factory": dict_row},
        connection_class=AsyncConnection[DictRow],
        min_size=1,
        max_size=size,
        timeout=3,
        reconnect_timeout=5,  # then anew with the next request: the pool's pauses double as long as it goes on
        open=False,
        check=AsyncConnectionPool.check_connection,
    )


@asynccontextmanager
async def as_brokerage(
    pool: AsyncConnectionPool[AsyncConnection[DictRow]], brokerage_id: UUID, *, snapshot: bool = False
) -> AsyncIterator[AsyncConnection[DictRow]]:
    """Give a connection in a transaction that sees one brokerage's rows and no other's.

    With `snapshot` all its reads see one moment: who is whom may change between two of them.
    """
    async with pool.connection() as connection, connection.transaction():
        if snapshot:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(brokerage_id),))
        yield connection
