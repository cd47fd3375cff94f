"""Reads conversions: lists, sums, and one with everything that became of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

STATUS = """
CASE WHEN c.withheld IS NOT NULL THEN 'withheld'
     WHEN d.outcome IN ('accepted', 'rejected', 'withheld') THEN d.outcome
     WHEN d.given_up THEN 'unknown'
     WHEN o.id IS NULL THEN 'merged'
     WHEN o.state = 'parked' THEN 'parked'
     WHEN o.state = 'dead' THEN 'dead'
     ELSE 'waiting' END
"""
"""`merged`: another conversion of the same event name and id stands for it. `unknown`: nobody knows whether Meta has
it, and it is not sent again by itself."""
SENT = f"(d.tries > 0 AND {STATUS} NOT IN ('withheld', 'parked', 'merged'))"
"""A request to Meta named it, and it is not held back since."""
VALUE = "coalesce((d.corrections ->> 'value')::numeric, c.value)"
CURRENCY = "coalesce(d.corrections ->> 'currency', c.currency)"
NAME = "coalesce(d.corrections ->> 'event_name', c.event_name)"
"""What was decided, unless somebody corrected it."""
REASON = "coalesce(c.withheld, CASE WHEN d.outcome IN ('withheld', 'rejected') THEN d.message END, o.last_error)"
TYPE = """
(SELECT convert_from(e.state, 'UTF8')::jsonb ->> 'conversion_type' FROM log.masar_events e
  WHERE e.originator_id = c.cause_id AND e.originator_version = 1 AND e.topic = 'ads.conversion_asked.v1')
"""
"""The brokerage's own name for a conversion that a producer asked for."""
PARITY: dict[str, str] = {
    "server": "c.withheld IS DISTINCT FROM 'told_by_pixel'",
    "both": "c.event_id <> c.id::text AND c.withheld IS DISTINCT FROM 'told_by_pixel'",
    "pixel_only": "c.withheld = 'told_by_pixel'",
}
"""Who tells Meta: we, we under the pixel's own id (which is not made from the conversion's), the pixel alone."""
FROM = """
  FROM read_models.conversions c
  LEFT JOIN read_models.deliveries d ON d.brokerage_id = c.brokerage_id AND d.key = c.id::text
  LEFT JOIN outbox.messages o ON o.brokerage_id = c.brokerage_id AND o.id = c.id
"""
FIELDS = f"""
SELECT c.id, c.person_id, c.subject_id, c.dataset_id, c.slot, c.once_per, {NAME} AS event_name, c.event_id,
       c.occurred_at, c.recorded_at, c.action_source, {VALUE} AS value, {CURRENCY} AS currency, c.category, c.custom,
       c.cause_id, c.position, c.policy,
       c.why, c.match_keys, c.match_quality, c.best_missing, c.base_value, c.multiplier, c.channel, c.source,
       c.attribution, {TYPE} AS conversion_type, c.property_id, c.order_id, c.expires_at,
       {STATUS} AS status, {REASON} AS reason,
       coalesce(d.tries, 0) AS tries, d.settled_at, d.accepted_at, d.corrections
"""
WHERE = f"""
 WHERE (%(person)s::uuid[] IS NULL OR c.subject_id = ANY(%(person)s))
   AND (%(event_name)s::text IS NULL OR {NAME} = %(event_name)s)
   AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
   AND (%(conversion_type)s::text IS NULL OR {NAME} = %(conversion_type)s
        OR c.source IN ('pixel', 'capi', 'webhook') AND {TYPE} = %(conversion_type)s)
   AND (%(status)s::text IS NULL OR {STATUS} = %(status)s OR %(status)s = 'sent' AND {SENT})
   AND (%(best_missing)s::text IS NULL OR c.withheld IS NULL AND c.best_missing = %(best_missing)s)
   AND (%(currency)s::text IS NULL OR {CURRENCY} = %(currency)s)
   AND CASE %(told_by)s::text WHEN 'server' THEN {PARITY["server"]} WHEN 'both' THEN {PARITY["both"]}
                              WHEN 'pixel_only' THEN {PARITY["pixel_only"]} ELSE true END
   AND (%(reason)s::text IS NULL OR {REASON} = %(reason)s)
   AND (%(source)s::text IS NULL OR c.source = %(source)s)
   AND (%(campaign)s::text IS NULL OR c.attribution ->> 'campaign' = %(campaign)s
        OR c.attribution ->> 'campaign_id' = %(campaign)s)
   AND (%(since)s::timestamptz IS NULL OR c.occurred_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR c.occurred_at < %(until)s)
"""
LIST = f"""{FIELDS} {FROM} {WHERE}
   AND (%(position)s::int8 IS NULL OR (c.position, c.id) < (%(position)s, %(id)s::uuid))
 ORDER BY c.position DESC, c.id DESC LIMIT %(limit)s
"""
SUMMARY = f"""
SELECT {NAME} AS event_name, c.dataset_id, {STATUS} AS status,
       CASE WHEN {STATUS} <> 'accepted' THEN {REASON} END AS reason,
       count(*)::int AS conversions, coalesce(sum({VALUE}), 0) AS value, {CURRENCY} AS currency
  {FROM} {WHERE} GROUP BY 1, 2, 3, 4, 7 ORDER BY 1, 2, 3, 4
"""
ONE = f"{FIELDS}, d.state AS delivery, o.state AS outbox_state, o.due_at, o.attempts AS leases {FROM} WHERE c.id = %s"

Filters = dict[str, Any]


def filters(
    *, person: list[UUID] | None = None, event_name: str | None = None, dataset_id: str | None = None,
    status: str | None = None, reason: str | None = None, source: str | None = None, campaign: str | None = None,
    since: datetime | None = None, until: datetime | None = None, conversion_type: str | None = None,
    best_missing: str | None = None, currency: str | None = None, told_by: str | None = None,
) -> Filters:  # fmt: skip
    """Return the filters of a list or a sum; every one that is given must hold.

    `conversion_type` is the brokerage's own name or Meta's; `status` may be `sent` as well, `told_by` is of `PARITY`.
    """
    return {
        "person": person, "event_name": event_name, "dataset_id": dataset_id, "status": status, "reason": reason,
        "source": source, "campaign": campaign, "since": since, "until": until, "conversion_type": conversion_type,
        "best_missing": best_missing, "currency": currency, "told_by": told_by,
    }  # fmt: skip


async def list_conversions(
    connection: Connection, wanted: Filters, *, after: list[Any] | None, limit: int
) -> list[DictRow]:
    """Return conversions, the newest first; `after` is the (position, id) of the last one seen."""
    position, key = after or (None, None)
    cursor = await connection.execute(LIST, {**wanted, "position": position, "id": key, "limit": limit})
    return await cursor.fetchall()


async def summarise(connection: Connection, wanted: Filters) -> list[DictRow]:
    """Return counts and values by event name, dataset, status and reason."""
    return await (await connection.execute(SUMMARY, wanted)).fetchall()


async def one_conversion(connection: Connection, conversion_id: UUID) -> DictRow | None:
    """Return one conversion with its delivery, None where this brokerage has no such."""
    return await (await connection.execute(ONE, (conversion_id,))).fetchone()
