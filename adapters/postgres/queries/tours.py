"""Reads tour sessions, summed up."""

from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

WHERE = """
 WHERE (%(property_id)s::text IS NULL OR property_id = %(property_id)s)
   AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR last_at < %(until)s)
"""
TOTALS = f"""
SELECT count(*)::int AS sessions, count(closed_by)::int AS closed,
       coalesce(round(avg(score), 1), 0)::float8 AS mean_score,
       coalesce(avg(total_time_s), 0) AS mean_time_s, coalesce(avg(rooms_visited), 0)::float8 AS mean_rooms,
       avg(completion_rate) AS mean_completion, count(*) FILTER (WHERE quality = 'hot')::int AS hot,
       count(*) FILTER (WHERE quality = 'warm')::int AS warm, count(*) FILTER (WHERE quality = 'cold')::int AS cold
  FROM read_models.tour_sessions {WHERE}
"""  # noqa: S608 - the filter above
BY_KIND = f"""
SELECT coalesce(tour_kind, 'unknown') AS tour_kind, count(*)::int AS sessions,
       round(avg(score), 1)::float8 AS mean_score
  FROM read_models.tour_sessions {WHERE} GROUP BY 1 ORDER BY 2 DESC
"""  # noqa: S608
BY_PROPERTY = f"""
SELECT nullif(property_id, '') AS property_id, count(*)::int AS sessions, round(avg(score), 1)::float8 AS mean_score,
       count(*) FILTER (WHERE quality = 'hot')::int AS hot, avg(total_time_s) AS mean_time_s
  FROM read_models.tour_sessions {WHERE} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50
"""  # noqa: S608
BY_MILESTONE = f"""
SELECT milestone, count(*)::int AS sessions
  FROM read_models.tour_sessions, jsonb_object_keys(milestones) AS milestone {WHERE} GROUP BY 1 ORDER BY 2 DESC, 1
"""  # noqa: S608
BY_DAY = f"""
SELECT (last_at AT TIME ZONE 'UTC')::date::text AS day, count(*)::int AS sessions,
       count(*) FILTER (WHERE quality = 'hot')::int AS hot
  FROM read_models.tour_sessions {WHERE} GROUP BY 1 ORDER BY 1
"""  # noqa: S608


async def analytics(
    connection: Connection, *, property_id: str | None, since: datetime | None, until: datetime | None
) -> dict[str, object]:
    """Return totals, and sessions by kind, property, milestone and day (UTC). Times in seconds, scores 0–100."""
    wanted: dict[str, object] = {"property_id": property_id, "since": since, "until": until}
    totals = await (await connection.execute(TOTALS, wanted)).fetchone()
    return {
        **(totals or {}),
        "by_kind": await _all(connection, BY_KIND, wanted),
        "by_property": await _all(connection, BY_PROPERTY, wanted),
        "by_milestone": await _all(connection, BY_MILESTONE, wanted),
        "by_day": await _all(connection, BY_DAY, wanted),
    }


async def _all(connection: Connection, statement: str, wanted: dict[str, object]) -> list[DictRow]:
    return await (await connection.execute(statement, wanted)).fetchall()
