"""Figures of conversions by day, week, month and campaign; they count what the list of conversions counts."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.queries.conversions import FROM, STATUS, WHERE, Filters
from domain.catalogue import DONE_BY_PEOPLE

Connection = AsyncConnection[DictRow]
By = Literal["day", "week", "month", "campaign"]

CLICK_LOOKBACK_DAYS = 90
"""How far back the click before a conversion is looked for."""
CLICK = "(e.told -> 'hint_kinds' ?| ARRAY['fbclid', 'ctwa_clid'] OR e.told -> 'utm' ->> 'source' IS NOT NULL)"
"""A visit that an ad's click or a tagged link began."""
BUCKETS = {
    "day": ("date_trunc('day', {at} AT TIME ZONE 'UTC')::date::text",) * 2,
    "week": ("date_trunc('week', {at} AT TIME ZONE 'UTC')::date::text",) * 2,
    "month": ("date_trunc('month', {at} AT TIME ZONE 'UTC')::date::text",) * 2,
    "campaign": ("coalesce(c.attribution ->> 'campaign', c.attribution ->> 'campaign_id')",
                 "e.told -> 'utm' ->> 'campaign'"),
}  # fmt: skip
"""What a conversion, and a touchpoint, is counted under: the first day of its span (UTC), or the campaign's name."""

TOLD = """
WITH told AS (
  SELECT c.id, {bucket} AS bucket, c.occurred_at, c.value, c.currency, c.cause_id, {status} AS status,
         c.withheld IS DISTINCT FROM 'test_traffic' AS lived, coalesce(a.person_id, c.subject_id) AS person
  {source} LEFT JOIN read_models.people_aliases a ON a.brokerage_id = c.brokerage_id AND a.subject_id = c.subject_id
  {where}
), met AS (
  SELECT coalesce(a.person_id, e.subject_id) AS person, e.occurred_at,
         convert_from(e.state, 'UTF8')::jsonb AS told
    FROM log.masar_events e
    LEFT JOIN read_models.people_aliases a ON a.brokerage_id = e.brokerage_id AND a.subject_id = e.subject_id
   WHERE e.brokerage_id = %(brokerage_id)s AND e.topic = ANY(%(touchpoints)s) AND e.subject_id IS NOT NULL
     AND e.occurred_at < %(until)s
     AND e.occurred_at >= %(since)s::timestamptz - make_interval(days => %(lookback)s)
)
"""
COUNTS = """, clicked AS (
  SELECT id, max(click) OVER (PARTITION BY person ORDER BY at, rank ROWS UNBOUNDED PRECEDING) AS clicked_at
    FROM (SELECT NULL::uuid AS id, e.person, e.occurred_at AS at, e.occurred_at AS click, 0 AS rank FROM met e
           WHERE {click}
          UNION ALL
          SELECT id, person, occurred_at, NULL, 1 FROM told) visits
)
SELECT grouping(t.bucket) = 1 AS whole, t.bucket, count(*)::int AS conversions,
       count(*) FILTER (WHERE t.status = 'accepted')::int AS accepted,
       count(DISTINCT t.person) FILTER (WHERE t.lived)::int AS converting_people,
       avg(greatest(extract(epoch FROM t.occurred_at - p.first_at), 0))::float8 AS first_touch_to_conversion_s,
       avg(extract(epoch FROM t.occurred_at - k.clicked_at))::float8 AS last_click_to_conversion_s,
       count(k.clicked_at)::int AS after_a_click
  FROM told t
  LEFT JOIN read_models.people p ON p.key = t.person::text
  LEFT JOIN clicked k ON k.id = t.id
 GROUP BY GROUPING SETS ((), (t.bucket)) ORDER BY 1 DESC, 2
"""
VALUES = """
SELECT grouping(bucket) = 1 AS whole, bucket, currency, coalesce(sum(value), 0) AS value,
       count(value)::int AS valued, round(avg(value), 2) AS mean_value,
       coalesce(sum(value) FILTER (WHERE status = 'accepted'), 0) AS value_accepted
  FROM told GROUP BY GROUPING SETS ((currency), (bucket, currency)) HAVING count(value) > 0 ORDER BY 1 DESC, 2, 3
"""
REPEATED = """
SELECT whole, bucket, count(*) FILTER (WHERE things > 1)::int AS repeating_people
  FROM (SELECT grouping(bucket) = 1 AS whole, bucket, person, count(DISTINCT cause_id) AS things
          FROM told WHERE lived GROUP BY GROUPING SETS ((person), (bucket, person))) of_people
 GROUP BY 1, 2
"""
SEEN = """
SELECT grouping(bucket) = 1 AS whole, bucket, count(DISTINCT person)::int AS people_seen
  FROM (SELECT {met_bucket} AS bucket, e.person FROM met e
         WHERE e.occurred_at >= %(since)s AND (e.told ->> 'test') IS DISTINCT FROM 'true') seen
 GROUP BY GROUPING SETS ((), (bucket))
"""


async def metrics(
    connection: Connection, brokerage_id: UUID, wanted: Filters, by: By, *, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Return the whole span first (`whole` true), then each bucket in order.

    Values are in currency units by currency, times in seconds, rates from 0 to 1, None where nothing is to be divided.
    """
    arguments = {
        **wanted, "since": since, "until": until, "brokerage_id": brokerage_id, "lookback": CLICK_LOOKBACK_DAYS,
        "touchpoints": sorted(DONE_BY_PEOPLE),
    }  # fmt: skip
    counts = await _all(connection, COUNTS, by, arguments)
    values = await _all(connection, VALUES, by, arguments)
    repeated = {_at(row): row["repeating_people"] for row in await _all(connection, REPEATED, by, arguments)}
    seen = {_at(row): row["people_seen"] for row in await _all(connection, SEEN, by, arguments)}
    return [_row(row, values, repeated.get(_at(row), 0), seen.get(_at(row), 0)) for row in counts]


def _row(row: DictRow, values: list[DictRow], repeating: int, seen: int) -> dict[str, Any]:
    of_row = [one for one in values if _at(one) == _at(row)]
    return {
        **row,
        "value": {one["currency"]: one["value"] for one in of_row},
        "value_accepted": {one["currency"]: one["value_accepted"] for one in of_row},
        "mean_value": {one["currency"]: one["mean_value"] for one in of_row},
        "people_seen": seen,
        "rate": _rate(row["converting_people"], seen),
        "repeating_people": repeating,
        "repeat_rate": _rate(repeating, row["converting_people"]),
    }


def _at(row: DictRow) -> tuple[bool, str | None]:
    return row["whole"], row["bucket"]


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


async def _all(connection: Connection, statement: str, by: By, arguments: dict[str, Any]) -> list[DictRow]:
    of_conversion, of_touchpoint = BUCKETS[by]
    made = (TOLD + statement).format(
        bucket=of_conversion.format(at="c.occurred_at"), met_bucket=of_touchpoint.format(at="e.occurred_at"),
        status=STATUS, source=FROM, where=WHERE, click=CLICK,
    )  # fmt: skip
    return await (await connection.execute(made.encode(), arguments)).fetchall()
