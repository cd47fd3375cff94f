"""Reads what attribution needs: conversions once each, and what every touchpoint tells of its visit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from domain.attribution.report import Converted
from domain.attribution.touches import Mark, Touch, touches
from domain.catalogue import DONE_BY_PEOPLE
from domain.shared.clock import millis

Connection = AsyncConnection[DictRow]
MOST_CONVERSIONS = 200_000

# What goes to several datasets is one thing that happened.
CONVERTED = """
SELECT DISTINCT ON (c.slot, c.once_per)
       coalesce(a.person_id, c.subject_id)::text AS person, c.occurred_at, c.value, c.currency
  FROM read_models.conversions c
  LEFT JOIN read_models.people_aliases a ON a.brokerage_id = c.brokerage_id AND a.subject_id = c.subject_id
 WHERE c.occurred_at >= %(since)s AND c.occurred_at < %(until)s AND c.withheld IS DISTINCT FROM 'test_traffic'
   AND (%(event_name)s::text IS NULL OR c.event_name = %(event_name)s)
   AND (%(dataset_id)s::text IS NULL OR c.dataset_id = %(dataset_id)s)
 ORDER BY c.slot, c.once_per, c.position, c.id LIMIT %(most)s
"""
# A server's word about a conversion is no visit, unless it brings the click or the link along.
MARKS = """
SELECT * FROM (
  SELECT coalesce(a.person_id, e.subject_id)::text AS person, e.occurred_at, e.notification_id AS place,
         e.topic, convert_from(e.state, 'UTF8')::jsonb AS told
    FROM log.masar_events e
    LEFT JOIN read_models.people_aliases a ON a.brokerage_id = e.brokerage_id AND a.subject_id = e.subject_id
   WHERE e.brokerage_id = %(brokerage_id)s AND e.topic = ANY(%(visits)s) AND e.subject_id IS NOT NULL
     AND e.occurred_at >= %(from)s AND e.occurred_at < %(until)s
) visits
 WHERE (told ->> 'test') IS DISTINCT FROM 'true'
   AND coalesce(told ->> 'origin', 'website') IN ('website', 'app', 'chat', 'business_messaging', 'phone_call', 'email')
   AND (topic <> 'ads.conversion_asked.v1' OR told -> 'utm' IS NOT NULL
        OR told -> 'hint_kinds' ?| ARRAY['fbclid', 'ctwa_clid'])
"""
NO_VISITS = frozenset({"people.consent_given.v1", "people.consent_withdrawn.v1", "leads.stage_reached.v1"})
"""Touchpoints that are no visit of the person: a word about consent, a step in a broker's CRM."""


async def conversions(
    connection: Connection, *, since: datetime, until: datetime, event_name: str | None, dataset_id: str | None
) -> list[Converted]:
    """Return each conversion once, whichever datasets it goes to, tests left out; at most 200,000 and one."""
    wanted = {
        "since": since, "until": until, "event_name": event_name, "dataset_id": dataset_id,
        "most": MOST_CONVERSIONS + 1,
    }  # fmt: skip
    rows = await (await connection.execute(CONVERTED, wanted)).fetchall()
    return [
        Converted(row["person"], millis(row["occurred_at"]), round((row["value"] or 0) * 100), row["currency"])
        for row in rows
    ]


async def touches_of_all(
    connection: Connection, brokerage_id: UUID, *, since: datetime, until: datetime
) -> dict[str, tuple[Touch, ...]]:
    """Return the visits of every person within a span, by person, in order of time."""
    wanted = {
        "brokerage_id": brokerage_id, "from": since, "until": until, "visits": sorted(DONE_BY_PEOPLE - NO_VISITS),
    }  # fmt: skip
    marks: dict[str, list[Mark]] = {}
    for row in await (await connection.execute(MARKS, wanted)).fetchall():
        marks.setdefault(row["person"], []).append(_mark(row))
    return {person: touches(of_person) for person, of_person in marks.items()}


def _mark(row: dict[str, Any]) -> Mark:
    told = row["told"]
    messaging = bool(told.get("channel")) or told.get("origin") == "business_messaging"
    return Mark(
        millis(row["occurred_at"]), row["place"], frozenset(told.get("hint_kinds", ())), told.get("utm"), messaging
    )
