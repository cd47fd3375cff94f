"""Reads viewings: lists, one, how much a property is wanted, and how a broker's leads fared."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

FIELDS = (
    "key AS id, property_id, broker_id, subject_id, viewing_type, status, party_size, starts_at, ends_at, booked_at, "
    "asked_for_broker, assigned, confirmation_code, confirmed_at, completed_at, missed_at, cancelled_at, "
    "followed_up_at, outcome, test"
)
COMPETITION = """
(SELECT count(*)::int FROM read_models.viewings other
  WHERE other.property_id = v.property_id AND other.status <> 'cancelled'
    AND other.starts_at BETWEEN v.starts_at - interval '7 days' AND v.starts_at + interval '7 days')
"""
"""How many viewings of the same property lie within the 14 days around one, itself included."""
LIST = f"""
SELECT {FIELDS}, {COMPETITION} AS viewings_in_14_days FROM read_models.viewings v
 WHERE booked_at IS NOT NULL
   AND (%(status)s::text IS NULL OR status = %(status)s)
   AND (%(broker_id)s::text IS NULL OR broker_id = %(broker_id)s)
   AND (%(property_id)s::text IS NULL OR property_id = %(property_id)s)
   AND (%(subjects)s::uuid[] IS NULL OR subject_id = ANY(%(subjects)s))
   AND (%(since)s::timestamptz IS NULL OR starts_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR starts_at < %(until)s)
   AND (%(at)s::timestamptz IS NULL OR (starts_at, key) < (%(at)s::timestamptz, %(key)s::text))
 ORDER BY starts_at DESC, key DESC LIMIT %(limit)s
"""  # noqa: S608 - the fields above
ONE = f"""
SELECT {FIELDS}, {COMPETITION} AS viewings_in_14_days FROM read_models.viewings v
 WHERE key = %s AND booked_at IS NOT NULL
"""  # noqa: S608
PEOPLE = """
SELECT s.subject_id, coalesce(a.person_id, s.subject_id) AS person_id, p.state
  FROM unnest(%s::uuid[]) AS s (subject_id)
  LEFT JOIN read_models.people_aliases a ON a.subject_id = s.subject_id
  JOIN read_models.people p ON p.key = coalesce(a.person_id, s.subject_id)::text
"""
BROKERS = """
SELECT broker_id, count(*)::int AS viewings,
       count(*) FILTER (WHERE status = 'completed')::int AS completed,
       count(*) FILTER (WHERE status = 'no_show')::int AS missed,
       count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled,
       count(*) FILTER (WHERE status = 'completed' AND followed_up_at IS NOT NULL)::int AS followed_up,
       count(*) FILTER (WHERE outcome = 'offer')::int AS offers,
       count(*) FILTER (WHERE outcome = 'second_viewing')::int AS second_viewings
  FROM read_models.viewings WHERE broker_id = ANY(%s) AND booked_at IS NOT NULL AND NOT test GROUP BY broker_id
"""


async def list_viewings(
    connection: Connection, *, status: str | None, broker_id: str | None, property_id: str | None,
    subjects: Sequence[UUID] | None, since: datetime | None, until: datetime | None,
    after: tuple[datetime, str] | None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Return viewings, the latest slot first; `after` is the (start, id) of the last one seen."""
    at, key = after or (None, None)
    asked: dict[str, Any] = {
        "status": status, "broker_id": broker_id, "property_id": property_id,
        "subjects": list(subjects) if subjects is not None else None, "since": since, "until": until, "at": at,
        "key": key, "limit": limit,
    }  # fmt: skip
    return await (await connection.execute(LIST, asked)).fetchall()


async def one_viewing(connection: Connection, viewing_id: UUID) -> DictRow | None:
    """Return one viewing, None where this brokerage has no such."""
    return await (await connection.execute(ONE, (str(viewing_id),))).fetchone()


async def people_of(connection: Connection, subjects: Sequence[UUID]) -> dict[UUID, DictRow]:
    """Return, by subject, the person (`person_id`) and their folded state."""
    rows = await (await connection.execute(PEOPLE, (list(subjects),))).fetchall()
    return {row["subject_id"]: row for row in rows}


async def broker_records(connection: Connection, broker_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return, by broker, how their viewings went, tests left out: counts, and offers per completed viewing (0 to 1)."""
    rows = await (await connection.execute(BROKERS, (list(broker_ids),))).fetchall()
    return {row.pop("broker_id"): {**row, "offer_rate": _rate(row["offers"], row["completed"])} for row in rows}


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
