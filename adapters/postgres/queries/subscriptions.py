"""Reads subscriptions, their deliveries and every attempt; the secrets stay where they are."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

COLUMNS = """
id, url, patterns AS kinds, description, enabled, personal, created_at, created_by, changed_at, changed_by,
disabled_at, disabled_why, failures AS failures_in_a_row,
CASE WHEN held_until > now() THEN held_until END AS held_until,
last_success_at, last_failure_at, last_failure,
CASE WHEN before_until > now() THEN before_until END AS old_secret_until
"""
LIST = f"SELECT {COLUMNS} FROM subscriptions.endpoints WHERE brokerage_id = %s ORDER BY created_at, id"  # noqa: S608
ONE = f"SELECT {COLUMNS} FROM subscriptions.endpoints WHERE brokerage_id = %s AND id = %s"  # noqa: S608
COUNTS = """
SELECT count(*) FILTER (WHERE state = 'waiting')::int AS waiting,
       count(*) FILTER (WHERE state = 'delivered')::int AS delivered,
       count(*) FILTER (WHERE state = 'failed')::int AS failed,
       count(*) FILTER (WHERE state = 'dropped')::int AS dropped
  FROM subscriptions.deliveries WHERE brokerage_id = %s AND endpoint_id = %s
"""
DELIVERIES = """
SELECT id, kind, event_id, event_version, position, state, attempts, created_at, expires_at, next_at, settled_at
  FROM subscriptions.deliveries
 WHERE brokerage_id = %(brokerage_id)s AND endpoint_id = %(endpoint_id)s
   AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(id)s::uuid IS NULL OR id = %(id)s)
   AND (%(before)s::timestamptz IS NULL OR (created_at, id) < (%(before)s, %(before_id)s))
 ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
ATTEMPTS = """
SELECT delivery_id, number, at, outcome, status, duration_ms, why, excerpt FROM subscriptions.attempts
 WHERE brokerage_id = %s AND delivery_id = ANY(%s) ORDER BY delivery_id, number
"""


async def subscriptions(connection: Connection, brokerage_id: UUID) -> list[DictRow]:
    """Return a brokerage's subscriptions, oldest first."""
    return await (await connection.execute(LIST.encode(), (brokerage_id,))).fetchall()


async def subscription(connection: Connection, brokerage_id: UUID, endpoint_id: UUID) -> DictRow | None:
    """Return one subscription with `deliveries` counted by state; None where there is none."""
    row = await (await connection.execute(ONE.encode(), (brokerage_id, endpoint_id))).fetchone()
    if row is None:
        return None
    counts = await (await connection.execute(COUNTS, (brokerage_id, endpoint_id))).fetchone()
    return {**row, "deliveries": counts}


async def deliveries(
    connection: Connection, brokerage_id: UUID, endpoint_id: UUID, *, limit: int, state: str | None = None,
    before: tuple[datetime, UUID] | None = None, delivery_id: UUID | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return deliveries to a subscription, newest first, each with all its attempts (`tries`)."""
    asked = {
        "brokerage_id": brokerage_id, "endpoint_id": endpoint_id, "state": state, "id": delivery_id, "limit": limit,
        "before": before[0] if before else None, "before_id": before[1] if before else None,
    }  # fmt: skip
    rows = await (await connection.execute(DELIVERIES, asked)).fetchall()
    found = await (await connection.execute(ATTEMPTS, (brokerage_id, [row["id"] for row in rows]))).fetchall()
    tries: dict[UUID, list[dict[str, Any]]] = {}
    for one in found:
        tries.setdefault(one.pop("delivery_id"), []).append(one)
    return [{**row, "tries": tries.get(row["id"], [])} for row in rows]
