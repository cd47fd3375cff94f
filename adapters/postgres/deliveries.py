"""Webhooks as they came: listed, opened, forgotten in time; and a count of those that were turned away."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

KEPT_DAYS = 30
"""How long a delivery can be opened; what it was read as stays."""
FLUSH_S = 5.0
"""Between writings of the count of refusals."""
MOST_COUNTED = 1_000
"""Different refusals counted between two writings."""

COLUMNS = """
       d.id, d.source, d.app, d.received_at, d.size, d.verified_by, d.replays, d.replayed_at,
       jsonb_array_length(d.items) AS items,
       jsonb_array_length(jsonb_path_query_array(d.items, '$[*] ? (exists (@.problem))')) AS problems,
       d.raw IS NOT NULL AS kept
"""
LIST = (
    "SELECT"
    + COLUMNS
    + """
  FROM webhooks.deliveries d
 WHERE (%(source)s::text IS NULL OR d.source = %(source)s)
   AND (%(account)s::text IS NULL OR d.items @> jsonb_build_array(jsonb_build_object('account', %(account)s::text)))
   AND (%(problems)s::boolean IS NULL OR %(problems)s = jsonb_path_exists(d.items, '$[*].problem'))
   AND (%(since)s::timestamptz IS NULL OR d.received_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR d.received_at < %(until)s)
   AND (%(after_at)s::timestamptz IS NULL OR d.received_at < %(after_at)s
        OR d.received_at = %(after_at)s AND d.id > %(after_id)s)
 ORDER BY d.received_at DESC, d.id LIMIT %(limit)s
"""
)
ONE = (
    "SELECT"
    + COLUMNS.replace("AS items", "AS count")
    + ", d.headers, d.items AS told, d.raw FROM webhooks.deliveries d WHERE d.id = %s"
)
FACTS = """
SELECT originator_id, notification_id, topic, correlation_id, subject_id, fingerprint
  FROM log.masar_events WHERE originator_id = ANY(%s) AND originator_version = 1
"""
FORGET_OLD = """
DELETE FROM webhooks.deliveries WHERE id IN (SELECT id FROM webhooks.deliveries WHERE id < %s ORDER BY id LIMIT 5000)
"""
FORGET_PERSON = "SELECT webhooks.forget_person(%s, %s)"
COUNT = """
INSERT INTO webhooks.refusals AS r (source, reason, day, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (source, reason, day) DO UPDATE SET count = r.count + excluded.count, last_at = now()
"""

log = structlog.get_logger("masar.webhooks")


async def list_deliveries(
    connection: AsyncConnection[DictRow],
    *,
    source: str | None,
    account: str | None,
    problems: bool | None,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return deliveries, the newest first, without their bodies."""
    asked = {
        "source": source, "account": account, "problems": problems, "since": since, "until": until,
        "after_at": after[0] if after else None, "after_id": after[1] if after else None, "limit": limit,
    }  # fmt: skip
    return await (await connection.execute(LIST, asked)).fetchall()


async def one_delivery(connection: AsyncConnection[DictRow], delivery_id: UUID) -> dict[str, Any] | None:
    """Return a delivery with its items and its sealed body, None where there is none.

    Each item with a fact has a verdict: `new` where this delivery brought it, else `known`, or `conflict` where what is
    known has other content, or `lost` where the log has no such fact.
    """
    row = await (await connection.execute(ONE, (delivery_id,))).fetchone()
    if row is None:
        return None
    ids = [UUID(one["event_id"]) for one in row["told"] if "event_id" in one]
    facts = {one["originator_id"]: one for one in await (await connection.execute(FACTS, (ids,))).fetchall()}
    seen: set[str] = set()
    for item in row["told"]:
        if "event_id" in item:
            item["verdict"] = _verdict(item, facts.get(UUID(item["event_id"])), delivery_id, seen)
            seen.add(item["event_id"])
        item.pop("content", None)
        item.pop("subject_id", None)
    return row


def _verdict(item: dict[str, Any], fact: dict[str, Any] | None, delivery_id: UUID, seen: set[str]) -> str:
    if fact is None:
        return "lost"
    mark = bytes(fact["fingerprint"]).hex() if fact["fingerprint"] else None
    same_key = str(fact["subject_id"]) == item["subject_id"]
    if same_key and mark and item["content"] and mark != item["content"]:
        return "conflict"
    return "new" if fact["correlation_id"] == delivery_id and item["event_id"] not in seen else "known"


def forget_old(connection: Connection[Any]) -> int:
    """Delete deliveries older than KEPT_DAYS, on a connection as `masar_projector`; return how many.

    Their ids are in the order of their times, so the oldest are found by the primary key.
    """
    oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    return connection.execute(FORGET_OLD, (UUID(int=int(oldest.timestamp() * 1000) << 80),)).rowcount


def forget_person(connection: Connection[Any], brokerage_id: UUID, subjects: list[UUID]) -> int:
    """Delete the bodies in which any of a person's subjects is, as `masar_projector`; return of how many deliveries."""
    row = connection.execute(FORGET_PERSON, (brokerage_id, subjects)).fetchone()
    return int(row[0]) if row else 0


class Refusals:
    """Counts what was turned away at the door, in memory; written now and then. For one event loop."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        self._pool = pool
        self._counted: Counter[tuple[str, str, date]] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def count(self, source: str, reason: str, times: int = 1) -> None:
        """Count a refusal; it is written within seconds."""
        key = (source, reason, datetime.now(UTC).date())
        if key in self._counted or len(self._counted) < MOST_COUNTED:
            self._counted[key] += times
        if self._writing is None:
            self._writing = asyncio.create_task(self._later())

    async def close(self) -> None:
        """Write what is counted."""
        if self._writing is not None:
            self._writing.cancel()
        await self.write()

    async def write(self) -> None:
        """Write what is counted; what cannot be written now waits."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            async with self._pool.connection() as connection, connection.transaction():
                for (source, reason, day), times in sorted(counted.items()):
                    await connection.execute(COUNT, (source, reason, day, times))
        except (psycopg.OperationalError, PoolTimeout) as away:
            self._counted.update(counted)
            log.warning("refusals_not_written", error=type(away).__name__)

    async def _later(self) -> None:
        await asyncio.sleep(FLUSH_S)
        self._writing = None
        await self.write()
