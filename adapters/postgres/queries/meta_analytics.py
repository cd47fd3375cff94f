"""How conversions fare with Meta: accepted, withheld, refused, waiting; how quickly, how well matched, what worth."""

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.queries.conversions import CURRENCY, FROM, NAME, PARITY, REASON, SENT, STATUS, VALUE

Connection = AsyncConnection[DictRow]

CUBE = f"""
WITH told AS (
  SELECT {NAME} AS event_name, c.dataset_id, c.source, (c.occurred_at AT TIME ZONE 'UTC')::date AS day,
         {STATUS} AS status, {VALUE} AS value, c.match_quality, c.recorded_at,
         extract(epoch FROM d.accepted_at - c.recorded_at)::float8 AS seconds,
         {SENT} AS sent, {CURRENCY} AS currency
    {FROM}
   WHERE c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
     AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
)
SELECT CASE WHEN grouping(event_name) = 0 THEN 'event' WHEN grouping(dataset_id) = 0 THEN 'dataset'
            WHEN grouping(source) = 0 THEN 'source' WHEN grouping(day) = 0 THEN 'day' ELSE 'all' END AS by,
       event_name, dataset_id, source, day,
       count(*)::int AS decided,
       count(*) FILTER (WHERE sent)::int AS sent,
       count(*) FILTER (WHERE status = 'accepted')::int AS accepted,
       count(*) FILTER (WHERE status = 'withheld')::int AS withheld,
       count(*) FILTER (WHERE status = 'rejected')::int AS rejected,
       count(*) FILTER (WHERE status = 'dead')::int AS dead,
       count(*) FILTER (WHERE status = 'waiting')::int AS waiting,
       count(*) FILTER (WHERE status = 'parked')::int AS parked,
       count(*) FILTER (WHERE status = 'unknown')::int AS unknown,
       count(*) FILTER (WHERE status = 'merged')::int AS merged,
       round(100.0 * count(*) FILTER (WHERE status = 'accepted')
             / nullif(count(*) FILTER (WHERE status IN ('accepted', 'rejected', 'dead')), 0), 2)::float8
         AS success_rate,
       extract(epoch FROM now() - min(recorded_at) FILTER (WHERE status IN ('waiting', 'parked')))::float8
         AS oldest_waiting_s,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE status = 'accepted') AS acceptance_p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE status = 'accepted') AS acceptance_p95_s,
       round(avg(match_quality)::numeric, 2)::float8 AS match_quality,
       CASE WHEN count(DISTINCT currency) FILTER (WHERE status = 'accepted' AND value IS NOT NULL) < 2
            THEN coalesce(sum(value) FILTER (WHERE status = 'accepted'), 0) END AS value_accepted,
       CASE WHEN count(DISTINCT currency) FILTER (WHERE status = 'withheld' AND value IS NOT NULL) < 2
            THEN coalesce(sum(value) FILTER (WHERE status = 'withheld'), 0) END AS value_withheld
  FROM told
 GROUP BY GROUPING SETS ((), (event_name), (dataset_id), (source), (day))
 ORDER BY 1, decided DESC, event_name, dataset_id, source, day
"""  # noqa: S608 - the columns of the read model
REASONS = f"""
SELECT {STATUS} AS status, {REASON} AS reason, count(*)::int AS conversions, coalesce(sum({VALUE}), 0) AS value
  {FROM}
 WHERE c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
   AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
   AND {STATUS} NOT IN ('accepted', 'merged', 'waiting')
 GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100
"""
MISSING = """
SELECT best_missing AS field, count(*)::int AS conversions,
       round(avg(match_quality)::numeric, 2)::float8 AS match_quality
  FROM read_models.conversions
 WHERE occurred_at >= %(since)s AND occurred_at < %(until)s AND best_missing IS NOT NULL AND withheld IS NULL
   AND (%(dataset_id)s::text IS NULL OR dataset_id = %(dataset_id)s)
 GROUP BY 1 ORDER BY 2 DESC LIMIT 20
"""
WHO = f"""
SELECT {NAME} AS event_name,
       count(*) FILTER (WHERE {PARITY["server"]})::int AS server,
       count(*) FILTER (WHERE {PARITY["both"]})::int AS both,
       count(*) FILTER (WHERE {PARITY["pixel_only"]})::int AS pixel_only
  {FROM}
 WHERE c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
   AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
 GROUP BY 1 ORDER BY 2 DESC, 1
"""
CURRENCIES = f"""
SELECT {CURRENCY} AS currency, coalesce(sum({VALUE}), 0) AS value, count(*)::int AS conversions
  FROM read_models.conversions c JOIN read_models.deliveries d ON d.brokerage_id = c.brokerage_id AND d.key = c.id::text
 WHERE d.outcome = 'accepted' AND c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
   AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
 GROUP BY 1 ORDER BY 2 DESC
"""  # noqa: S608


async def analytics(
    connection: Connection, *, since: datetime, until: datetime, dataset_id: str | None
) -> dict[str, Any]:
    """Return totals, the same by event, dataset, source and day (UTC), reasons, missing fields, parity, currencies.

    Rates in percent, times in seconds, values in currency units; None where they are of several currencies.
    """
    wanted = {"since": since, "until": until, "dataset_id": dataset_id}
    cube = await _all(connection, CUBE, wanted)
    named = {"event": "event_name", "dataset": "dataset_id", "source": "source", "day": "day"}
    return {
        "totals": next((_measures(row) for row in cube if row["by"] == "all"), {}),
        **{
            f"by_{by}": [{name: row[name], **_measures(row)} for row in cube if row["by"] == by]
            for by, name in named.items()
        },
        "reasons": await _all(connection, REASONS, wanted),
        "missing": await _all(connection, MISSING, wanted),
        "parity": await _all(connection, WHO, wanted),
        "currencies": await _all(connection, CURRENCIES, wanted),
    }


DIMENSIONS = frozenset({"by", "event_name", "dataset_id", "source", "day"})


def _measures(row: DictRow) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in DIMENSIONS}


async def _all(connection: Connection, statement: str, wanted: dict[str, Any]) -> list[DictRow]:
    return await (await connection.execute(statement.encode(), wanted)).fetchall()
