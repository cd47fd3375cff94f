"""Reads audiences: how they are defined, whom they are of, how those convert, and how they were synchronised."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg import Connection as Reading
from psycopg.rows import DictRow

from adapters.postgres.mapper import decode
from domain.audiences.events import AudienceDefined, AudienceSynced
from domain.audiences.segment import Segment
from domain.brokerage.rulebook import House
from domain.catalogue import kind_of
from domain.people.contact import Held

Connection = AsyncConnection[DictRow]

DEFINED = """
SELECT topic, state, originator_id, originator_version FROM log.masar_events
 WHERE brokerage_id = %s AND topic = %s ORDER BY notification_id
"""
LISTS = """
SELECT l.audience_id, l.list_id, count(m.person_id)::int AS listed
  FROM audiences.lists l LEFT JOIN audiences.members m USING (brokerage_id, audience_id)
 WHERE l.audience_id = ANY(%s) GROUP BY 1, 2
"""
# What goes to several datasets is one thing that happened.
THINGS = """
WITH things AS (
  SELECT DISTINCT ON (c.slot, c.once_per)
         coalesce(a.person_id, c.subject_id)::text AS person, c.event_name, c.value, c.currency, c.occurred_at
    FROM read_models.conversions c
    LEFT JOIN read_models.people_aliases a ON a.brokerage_id = c.brokerage_id AND a.subject_id = c.subject_id
   WHERE c.withheld IS DISTINCT FROM 'test_traffic'
   ORDER BY c.slot, c.once_per, c.position, c.id
), asked AS (
  SELECT person, count(*) AS things, coalesce(sum(value) FILTER (WHERE currency = %(currency)s), 0) AS value
    FROM things
   WHERE (cardinality(%(converted)s::text[]) = 0 OR event_name = ANY(%(converted)s::text[]))
     AND (%(converted_days)s::int IS NULL OR occurred_at >= now() - make_interval(days => %(converted_days)s::int))
   GROUP BY person
), met AS (
  SELECT p.*, coalesce((p.consents ->> 'meta_tracking')::bool, NOT %(ask_first)s)
              AND coalesce((p.consents ->> 'profiling')::bool, true) AS allowed
    FROM read_models.people p LEFT JOIN asked ON asked.person = p.key
   WHERE (cardinality(%(qualities)s::text[]) = 0 OR p.quality = ANY(%(qualities)s::text[]))
     AND (%(score_low)s::float8 IS NULL OR p.score >= %(score_low)s::float8)
     AND (%(score_high)s::float8 IS NULL OR p.score <= %(score_high)s::float8)
     AND (%(intent)s::float8 IS NULL OR p.intent >= %(intent)s::float8)
     AND (cardinality(%(platforms)s::text[]) = 0 OR p.platforms ?| %(platforms)s::text[])
     AND p.platforms ?& %(all_platforms)s::text[]
     AND (cardinality(%(segments)s::text[]) = 0 OR p.segment = ANY(%(segments)s::text[]))
     AND (cardinality(%(investors)s::text[]) = 0 OR p.investor_type = ANY(%(investors)s::text[]))
     AND (%(ltv)s::float8 IS NULL OR p.predicted_ltv >= %(ltv)s::float8)
     AND (cardinality(%(saved)s::text[]) = 0 OR p.saved ?| %(saved)s::text[])
     AND (%(seen_days)s::int IS NULL OR p.last_at >= now() - make_interval(days => %(seen_days)s::int))
     AND (%(unseen_days)s::int IS NULL OR p.last_at < now() - make_interval(days => %(unseen_days)s::int))
     AND (NOT %(of_conversions)s OR (asked.things >= %(least_things)s
          AND (%(least_value)s::float8 IS NULL OR asked.value >= %(least_value)s::float8)))
     AND (NOT %(never)s OR asked.person IS NULL)
)
"""
SIZE = """
SELECT count(*) FILTER (WHERE allowed)::int AS size, count(*) FILTER (WHERE NOT allowed)::int AS without_consent,
       count(*) FILTER (WHERE allowed AND EXISTS (SELECT FROM things t WHERE t.person = met.key))::int AS converted,
       (SELECT jsonb_object_agg(currency, mean) FROM (
          SELECT t.currency, round(avg(t.value), 2) AS mean FROM things t JOIN met ON met.key = t.person
           WHERE met.allowed AND t.value IS NOT NULL GROUP BY 1) of_currency) AS mean_value
  FROM met
"""
PEOPLE = """
SELECT key, convert_from(state, 'UTF8')::jsonb #> '{contact,newest}' AS contact FROM met
 WHERE allowed AND hint_kinds ?| ARRAY['email', 'phone'] ORDER BY key LIMIT %(most)s
"""


async def definitions(connection: Connection, brokerage_id: UUID) -> dict[UUID, list[AudienceDefined]]:
    """Return every version of every audience's definition, in order, by its id."""
    found: dict[UUID, list[AudienceDefined]] = {}
    for _, fact in await _facts(connection, brokerage_id, kind_of(AudienceDefined)):
        if isinstance(fact, AudienceDefined):
            found.setdefault(fact.audience_id, []).append(fact)
    return found


async def syncs(connection: Connection, brokerage_id: UUID) -> dict[UUID, list[tuple[UUID, AudienceSynced]]]:
    """Return (id, what became of it) of every synchronisation, in order, by the audience's id."""
    found: dict[UUID, list[tuple[UUID, AudienceSynced]]] = {}
    for sync_id, fact in await _facts(connection, brokerage_id, kind_of(AudienceSynced)):
        if isinstance(fact, AudienceSynced):
            found.setdefault(fact.audience_id, []).append((sync_id, fact))
    return found


async def lists(connection: Connection, audience_ids: list[UUID]) -> dict[UUID, DictRow]:
    """Return Meta's id (`list_id`) of the audiences that have one, and how many people may be on it (`listed`)."""
    rows = await (await connection.execute(LISTS, (audience_ids,))).fetchall()
    return {row.pop("audience_id"): row for row in rows}


async def size(connection: Connection, segment: Segment, house: House) -> dict[str, Any]:
    """Return how many people are in a segment, how many more would be with consent, and how those in it convert."""
    row = await (await connection.execute((THINGS + SIZE).encode(), _arguments(segment, house))).fetchone() or {}
    return {
        "size": row.get("size", 0),
        "without_consent": row.get("without_consent", 0),
        "conversion_rate": round(row["converted"] / row["size"], 4) if row.get("size") else None,
        "mean_value": row.get("mean_value") or {},
    }


def people_of(reading: Reading[Any], segment: Segment, house: House, most: int) -> dict[str, dict[str, Held]]:
    """Return the people of a segment who allow it and left a contact: sealed e-mail and phone, by person.

    At most `most` and one; `reading` is in a transaction that sees the brokerage's rows and no other's.
    """
    arguments = _arguments(segment, house) | {"most": most + 1}
    rows = reading.execute((THINGS + PEOPLE).encode(), arguments).fetchall()
    return {
        person: {kind: Held(**contact[kind]) for kind in ("email", "phone") if kind in contact}
        for person, contact in rows
    }


def _arguments(segment: Segment, house: House) -> dict[str, Any]:
    return {
        "currency": segment.currency or house.currency, "ask_first": house.ask_first,
        "qualities": list(segment.qualities), "score_low": segment.score_at_least, "score_high": segment.score_at_most,
        "intent": segment.intent_at_least, "platforms": list(segment.platforms),
        "all_platforms": list(segment.all_platforms), "segments": list(segment.segments),
        "investors": list(segment.investor_types), "ltv": segment.predicted_ltv_at_least, "saved": list(segment.saved),
        "seen_days": segment.seen_within_days, "unseen_days": segment.not_seen_within_days,
        "converted": list(segment.converted), "converted_days": segment.converted_within_days,
        "of_conversions": segment.of_conversions, "never": segment.never_converted,
        "least_things": segment.conversions_at_least or 1, "least_value": segment.value_at_least,
    }  # fmt: skip


async def _facts(connection: Connection, brokerage_id: UUID, kind: str) -> list[tuple[UUID, Any]]:
    rows = await (await connection.execute(DEFINED, (brokerage_id, kind))).fetchall()
    return [
        (row["originator_id"], decode(row["topic"], row["state"], row["originator_id"], row["originator_version"]))
        for row in rows
    ]
