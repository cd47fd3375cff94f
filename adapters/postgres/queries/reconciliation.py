"""What we sent against what Meta says it received, per dataset and day, and the requests behind each number.

Read from the facts about requests, so that it needs no read model and can be asked for any time since the beginning.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]
Number = Literal["sent", "received", "unknown", "refused", "missing"]
NUMBERS: tuple[Number, ...] = ("sent", "received", "unknown", "refused", "missing")

# Only requests that were made have a version of the Graph API. Before `received` was kept, an answer that named
# another number than was sent did not count as accepted: there the two are the same.
REQUESTS = """
WITH requests AS (
  SELECT notification_id AS position, originator_id AS request_id, occurred_at, told ->> 'dataset_id' AS dataset_id,
         told ->> 'outcome' AS outcome, coalesce((told ->> 'final')::bool, false) AS final,
         jsonb_array_length(told -> 'conversion_ids') AS sent,
         CASE WHEN told ->> 'outcome' = 'accepted'
              THEN coalesce((told ->> 'received')::int, jsonb_array_length(told -> 'conversion_ids')) ELSE 0 END
           AS received,
         told ->> 'fbtrace_id' AS fbtrace_id, told ->> 'message' AS message, told -> 'conversion_ids' AS conversion_ids
    FROM (SELECT notification_id, originator_id, occurred_at, convert_from(state, 'UTF8')::jsonb AS told
            FROM log.masar_events
           WHERE brokerage_id = %(brokerage_id)s AND topic = 'ads.conversions_sent.v1'
             AND occurred_at >= %(since)s AND occurred_at < %(until)s) facts
   WHERE told ? 'graph_version' AND (%(dataset_id)s::text IS NULL OR told ->> 'dataset_id' = %(dataset_id)s)
)
"""
BY_DAY = """
SELECT dataset_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*)::int AS requests, sum(sent)::int AS sent,
       sum(received)::int AS received,
       coalesce(sum(sent) FILTER (WHERE outcome = 'unknown'), 0)::int AS unknown,
       coalesce(sum(sent) FILTER (WHERE final), 0)::int AS given_up,
       coalesce(sum(sent) FILTER (WHERE outcome NOT IN ('accepted', 'unknown')), 0)::int AS refused,
       coalesce(sum(sent - received) FILTER (WHERE outcome = 'accepted'), 0)::int AS missing
  FROM requests GROUP BY 1, 2 ORDER BY 2 DESC, 1
"""
BEHIND = """
SELECT position, request_id, occurred_at, dataset_id, outcome, final, sent, received, fbtrace_id, message,
       conversion_ids
  FROM requests
 WHERE CASE %(number)s WHEN 'received' THEN outcome = 'accepted' WHEN 'unknown' THEN outcome = 'unknown'
                       WHEN 'refused' THEN outcome NOT IN ('accepted', 'unknown')
                       WHEN 'missing' THEN outcome = 'accepted' AND sent <> received ELSE true END
   AND (%(after)s::int8 IS NULL OR position < %(after)s)
 ORDER BY position DESC LIMIT %(limit)s
"""


async def by_day(
    connection: Connection, brokerage_id: UUID, *, since: datetime, until: datetime, dataset_id: str | None = None
) -> list[DictRow]:
    """Return one row per dataset and day (UTC), the newest first.

    In each, in events: `sent` in requests that were made, a repeat counting again; `received` as Meta said;
    `unknown` without an answer, `given_up` the part of these that is not sent again; `refused`; and `missing`, which
    Meta accepted without counting them as received.
    """
    asked = {"brokerage_id": brokerage_id, "since": since, "until": until, "dataset_id": dataset_id}
    return await (await connection.execute(REQUESTS + BY_DAY, asked)).fetchall()


async def behind(
    connection: Connection, brokerage_id: UUID, number: Number, *, since: datetime, until: datetime,
    dataset_id: str | None = None, after: int | None = None, limit: int = 50,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the requests that make up one of the numbers, the newest first; `after` is the last position seen."""
    asked = {
        "brokerage_id": brokerage_id, "since": since, "until": until, "dataset_id": dataset_id, "number": number,
        "after": after, "limit": limit,
    }  # fmt: skip
    return await (await connection.execute(REQUESTS + BEHIND, asked)).fetchall()
