"""Reads what nobody sends any more, the bodies of requests, and alerts."""

from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

DEAD = """
SELECT o.id, o.position, o.batch_by AS dataset_id, o.last_error AS reason, o.settled_at, o.created_at, o.expires_at,
       o.attempts AS leases, o.cause_id, o.payload, coalesce(d.tries, 0) AS tries, d.message AS meta_says, d.code,
       d.subcode, d.last_request AS request_id, coalesce(d.given_up, false) AS unknown
  FROM outbox.messages o
  LEFT JOIN read_models.deliveries d ON d.brokerage_id = o.brokerage_id AND d.key = o.id::text
 WHERE o.state = 'dead' AND o.kind = 'conversion' AND (%(dataset_id)s::text IS NULL OR o.batch_by = %(dataset_id)s)
   AND (%(position)s::int8 IS NULL OR (o.position, o.id) < (%(position)s, %(id)s::uuid))
 ORDER BY o.position DESC, o.id DESC LIMIT %(limit)s
"""
EVENT_ID = "SELECT event_id, cause_id FROM read_models.conversions WHERE id = %s"
BODY = "SELECT sealed FROM outbox.bodies WHERE request_id = %s"
ALERTS = """
SELECT id, subject, nullif(dataset_id, '') AS dataset_id, says, count, raised_at, cleared_at,
       (extract(epoch FROM raised_at) * 1000000)::int8 AS raised_us
  FROM outbox.alerts
 WHERE (%(all)s OR cleared_at IS NULL)
   AND (%(raised_us)s::int8 IS NULL
        OR ((extract(epoch FROM raised_at) * 1000000)::int8, id) < (%(raised_us)s, %(id)s::uuid))
 ORDER BY raised_us DESC, id DESC LIMIT %(limit)s
"""
SHOWN = ("event_name", "event_id", "event_time", "action_source", "value", "currency", "content_category", "custom")


async def list_dead(
    connection: Connection, *, dataset_id: str | None, after: list[Any] | None, limit: int
) -> list[DictRow]:
    """Return the dead, the newest first, each with what it would tell; of contacts only their kinds.

    `after` is the (position, id) of the last one seen.
    """
    position, key = after or (None, None)
    asked = {"dataset_id": dataset_id, "position": position, "id": key, "limit": limit}
    rows = await (await connection.execute(DEAD, asked)).fetchall()
    return [{**row, "payload": _summary(row["payload"])} for row in rows]


async def event_id_of(connection: Connection, conversion_id: UUID) -> tuple[str, str] | None:
    """Return the id under which Meta knows a conversion and the touchpoint it carries: events of several names may
    have one id. None where this brokerage has no such.
    """
    row = await (await connection.execute(EVENT_ID, (conversion_id,))).fetchone()
    return (str(row["event_id"]), str(row["cause_id"])) if row else None


async def sealed_body(connection: Connection, request_id: UUID) -> bytes | None:
    """Return the stored body of a request, None where there is none, or none any more."""
    row = await (await connection.execute(BODY, (request_id,))).fetchone()
    return bytes(row["sealed"]) if row else None


async def list_alerts(
    connection: Connection, *, cleared: bool, after: list[Any] | None, limit: int
) -> list[DictRow]:  # fmt: skip
    """Return open alerts, the newest first; with `cleared` also those that are over.

    `after` is the (`raised_us`, id) of the last one seen, unix microseconds.
    """
    raised_us, key = after or (None, None)
    asked = {"all": cleared, "raised_us": raised_us, "id": key, "limit": limit}
    return await (await connection.execute(ALERTS, asked)).fetchall()


def _summary(payload: bytes | None) -> dict[str, Any] | None:
    if payload is None:
        return None
    content = orjson.loads(payload)
    return {name: content.get(name) for name in SHOWN} | {"contact_kinds": sorted(content.get("contact", {}))}
