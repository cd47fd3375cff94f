"""The rules of one brokerage as the log has them now."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, tuple_row
from psycopg_pool import AsyncConnectionPool

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import decode
from domain.brokerage.events import BrokerageFact
from domain.brokerage.rulebook import DEFAULTS, House, with_fact
from domain.catalogue import kind_of
from projections.timeline import RULE_FACTS

FACTS = """
SELECT originator_id, originator_version, topic, state FROM log.masar_events
 WHERE brokerage_id = %s AND topic = ANY(%s) ORDER BY notification_id
"""
REMEMBERED_S = 5.0


class Houses:
    """Reads a brokerage's settings and policy; remembers them for some seconds."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        self._pool = pool
        self._known: dict[UUID, tuple[float, House]] = {}

    async def house(self, brokerage_id: UUID) -> House:
        """Return the rules that hold for a brokerage."""
        known = self._known.get(brokerage_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        kinds = _kinds()
        async with as_brokerage(self._pool, brokerage_id) as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            house = _folded(await (await cursor.execute(FACTS, (brokerage_id, kinds))).fetchall())
        self._known[brokerage_id] = (time.monotonic() + REMEMBERED_S, house)
        return house


def house_of(connection: Connection[Any], brokerage_id: UUID) -> House:
    """Return the rules that hold for a brokerage, on a connection that may read its log."""
    return _folded(connection.execute(FACTS, (brokerage_id, _kinds())).fetchall())


def _kinds() -> list[str]:
    return [kind_of(fact) for fact in RULE_FACTS]


def _folded(rows: Sequence[tuple[Any, ...]]) -> House:
    house = DEFAULTS
    for stream_id, version, topic, state in rows:
        fact = decode(topic, state, stream_id, version)
        if isinstance(fact, BrokerageFact):
            house = with_fact(house, fact)
    return house
