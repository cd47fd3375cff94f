"""Reads people: lists, one person, and everything they did."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

FIELDS = (
    "key AS id, known, verified, hint_kinds, touchpoints, first_at, last_at, score, quality, policy, reasons, best, "
    "intent, multiplier, platforms, tours, forms, conversations, appraisals, viewings, bookings, saved, segment, "
    "predicted_ltv, investor_type, seller_likelihood, consents"
)
LIST = f"""
SELECT {FIELDS}, state FROM read_models.people
 WHERE (%(quality)s::text IS NULL OR quality = %(quality)s) AND (%(known)s::bool IS NULL OR known = %(known)s)
   AND (%(score)s::int8 IS NULL OR (score, key) < (%(score)s::int8, %(key)s::text))
 ORDER BY score DESC, key DESC LIMIT %(limit)s
"""  # noqa: S608 - the fields above
ONE = f"SELECT {FIELDS}, state FROM read_models.people WHERE key = %s"  # noqa: S608
PERSON = "SELECT person_id FROM read_models.people_aliases WHERE subject_id = %s"
SUBJECTS = "SELECT subject_id FROM read_models.people_aliases WHERE person_id = %s"
CONVERSIONS = """
SELECT c.id, c.slot, c.event_name, c.value, c.currency, c.cause_id, c.occurred_at, c.why, c.withheld, c.policy,
       d.outcome, o.state AS outbox
  FROM read_models.conversions c
  LEFT JOIN read_models.deliveries d ON d.brokerage_id = c.brokerage_id AND d.key = c.id::text
  LEFT JOIN outbox.messages o ON o.brokerage_id = c.brokerage_id AND o.id = c.id
 WHERE c.subject_id = ANY(%s) ORDER BY c.position, c.slot
"""


async def list_people(
    connection: Connection, *, quality: str | None, known: bool | None, after: list[Any] | None, limit: int
) -> list[DictRow]:
    """Return people with their folded state by score, the best first; `after` is the (score, id) of the last seen."""
    score, key = after or (None, None)
    cursor = await connection.execute(
        LIST, {"quality": quality, "known": known, "score": score, "key": key, "limit": limit}
    )
    return await cursor.fetchall()


async def person_of(connection: Connection, subject_id: UUID) -> UUID:
    """Return the person a subject belongs to, itself where it was never linked."""
    row = await (await connection.execute(PERSON, (subject_id,))).fetchone()
    return row["person_id"] if row else subject_id


async def subjects_of(connection: Connection, subject_id: UUID) -> list[UUID]:
    """Return all subjects of the person a subject belongs to, the person's own first."""
    person_id = await person_of(connection, subject_id)
    rows = await (await connection.execute(SUBJECTS, (person_id,))).fetchall()
    return [person_id, *(row["subject_id"] for row in rows)]


async def one_person(connection: Connection, person_id: UUID) -> DictRow | None:
    """Return one person with the folded state, None where there is no such person in this brokerage."""
    return await (await connection.execute(ONE, (str(person_id),))).fetchone()


async def conversions_of(connection: Connection, subjects: list[UUID]) -> list[DictRow]:
    """Return the conversions that the subjects' facts caused, in order."""
    return await (await connection.execute(CONVERSIONS, (subjects,))).fetchall()
