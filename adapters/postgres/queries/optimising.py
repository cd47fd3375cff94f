"""Reads what optimising needs: conversions as they were decided, and the brokerage's rules."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.mapper import decode
from adapters.postgres.queries.conversions import FIELDS, FROM, WHERE, Filters
from domain.ads.improvements import Decided
from domain.ads.optimisation import OptimisationRuleWritten
from domain.catalogue import kind_of
from domain.scoring.policy import FactValue

Connection = AsyncConnection[DictRow]

BY_IDS = f"{FIELDS} {FROM} WHERE c.id = ANY(%s) ORDER BY c.position DESC, c.id DESC"
IN_SPAN = f"{FIELDS} {FROM} {WHERE} ORDER BY c.position DESC, c.id DESC LIMIT %(limit)s"
RULES = """
SELECT topic, state, originator_id, originator_version, recorded_at FROM log.masar_events
 WHERE brokerage_id = %s AND topic = %s ORDER BY notification_id
"""
SHOWN_FIELDS = (
    "slot", "event_name", "category", "value", "currency", "source", "channel", "property_id", "status", "reason",
    "match_quality", "action_source",
)  # fmt: skip
"""What a rule's condition may ask of a conversion, beside the fields sent along."""


async def by_ids(connection: Connection, ids: Sequence[UUID]) -> list[DictRow]:
    """Return the conversions of these ids that there are, the newest first."""
    return await (await connection.execute(BY_IDS.encode(), (list(ids),))).fetchall()


async def in_span(connection: Connection, wanted: Filters, limit: int) -> list[DictRow]:
    """Return the newest conversions that pass the filters, at most `limit`."""
    return await (await connection.execute(IN_SPAN.encode(), {**wanted, "limit": limit})).fetchall()


async def rules(connection: Connection, brokerage_id: UUID) -> dict[str, list[tuple[OptimisationRuleWritten, Any]]]:
    """Return every version of every rule by its name, in order, with the time it was recorded."""
    kind = kind_of(OptimisationRuleWritten)
    found: dict[str, list[tuple[OptimisationRuleWritten, Any]]] = {}
    for row in await (await connection.execute(RULES, (brokerage_id, kind))).fetchall():
        fact = decode(row["topic"], row["state"], row["originator_id"], row["originator_version"])
        if isinstance(fact, OptimisationRuleWritten):
            found.setdefault(fact.rule.name, []).append((fact, row["recorded_at"]))
    return found


def decided(row: DictRow) -> Decided:
    """Return a row as the domain judges it."""
    return Decided(
        event_name=row["event_name"], event_id=row["event_id"], own_event_id=str(row["id"]), status=row["status"],
        reason=row["reason"], action_source=row["action_source"], channel=row["channel"],
        value=None if row["value"] is None else float(row["value"]), currency=row["currency"],
        kinds=frozenset(row["match_keys"] or ()), occurred_at=row["occurred_at"], recorded_at=row["recorded_at"],
    )  # fmt: skip


def fields_of(row: DictRow) -> dict[str, FactValue]:
    """Return a conversion as named values: what was sent along, and its own fields."""
    sent = {name: value for name, value in (row["custom"] or {}).items() if isinstance(value, str | int | float | bool)}
    own = {name: row[name] for name in SHOWN_FIELDS}
    return sent | own | {"value": None if row["value"] is None else float(row["value"])}
