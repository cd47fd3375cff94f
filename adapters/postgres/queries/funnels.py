"""Reads funnels: how they are defined, and what every person did that is about their steps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.mapper import decode
from domain.catalogue import TOUCHPOINTS, kind_of
from domain.funnels.events import FunnelDefined, FunnelStepCompleted
from domain.funnels.funnel import Funnel
from domain.funnels.progress import Event
from domain.shared.clock import millis

Connection = AsyncConnection[DictRow]
MOST_EVENTS = 1_000_000
"""Facts looked through for one question; more are asked for in shorter spans."""
NOTHING_DONE = frozenset({"people.consent_given.v1", "people.consent_withdrawn.v1"})
"""Touchpoints that are nothing done: under a strict order they do not stand between two steps."""
STEP_COMPLETED = kind_of(FunnelStepCompleted)

DEFINED = """
SELECT topic, state, originator_id, originator_version FROM log.masar_events
 WHERE brokerage_id = %s AND topic = %s ORDER BY notification_id
"""
DONE = """
SELECT coalesce(a.person_id, e.subject_id) AS person, e.occurred_at, e.notification_id AS place, e.topic, e.state
  FROM log.masar_events e
  LEFT JOIN read_models.people_aliases a ON a.brokerage_id = e.brokerage_id AND a.subject_id = e.subject_id
 WHERE e.brokerage_id = %(brokerage_id)s AND e.topic = ANY(%(kinds)s) AND e.subject_id IS NOT NULL
   AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
   AND (%(subjects)s::uuid[] IS NULL OR e.subject_id = ANY(%(subjects)s))
 LIMIT %(most)s
"""


class TooMuch(Exception):
    """More facts lie in the span than one question may look through."""


async def definitions(connection: Connection, brokerage_id: UUID) -> dict[UUID, list[FunnelDefined]]:
    """Return every version of every funnel's definition, in order, by its id."""
    found: dict[UUID, list[FunnelDefined]] = {}
    for row in await (await connection.execute(DEFINED, (brokerage_id, kind_of(FunnelDefined)))).fetchall():
        fact = decode(row["topic"], row["state"], row["originator_id"], row["originator_version"])
        if isinstance(fact, FunnelDefined):
            found.setdefault(fact.funnel_id, []).append(fact)
    return found


async def done(
    connection: Connection, brokerage_id: UUID, funnel: Funnel, *, since: datetime, until: datetime,
    subjects: Sequence[UUID] | None = None,
) -> list[DictRow]:  # fmt: skip
    """Return what people did that may matter to a funnel, in no order. Raises TooMuch above a million facts."""
    kinds = funnel.kinds | {STEP_COMPLETED}
    if funnel.order == "strict":
        kinds |= TOUCHPOINTS.keys() - NOTHING_DONE
    wanted = {
        "brokerage_id": brokerage_id, "kinds": sorted(kinds), "since": since, "until": until,
        "subjects": list(subjects) if subjects is not None else None, "most": MOST_EVENTS + 1,
    }  # fmt: skip
    rows = await (await connection.execute(DONE, wanted)).fetchall()
    if len(rows) > MOST_EVENTS:
        raise TooMuch(f"more than {MOST_EVENTS} facts lie in the span")
    return rows


def events_of(funnel_id: UUID, funnel: Funnel, rows: Sequence[DictRow]) -> dict[str, list[Event]]:
    """Return, by person, what the rows are to a funnel; tests are left out."""
    found: dict[str, list[Event]] = {}
    for row in rows:
        fields = orjson.loads(row["state"])
        if fields.get("test") is not True:
            event = _event(funnel_id, funnel, row, fields)
            if funnel.order == "strict" or event.steps or event.exclusions:
                found.setdefault(str(row["person"]), []).append(event)
    return found


def _event(funnel_id: UUID, funnel: Funnel, row: DictRow, fields: dict[str, Any]) -> Event:
    kind = row["topic"]
    steps = [nth for nth, step in enumerate(funnel.steps) if step.matches(kind, fields)]
    if kind == STEP_COMPLETED and fields.get("funnel_id") == str(funnel_id):
        steps = sorted({*steps, fields["step"] - 1} & set(range(len(funnel.steps))))
    exclusions = [nth for nth, out in enumerate(funnel.exclusions) if out.matches(kind, fields)]
    return Event(millis(row["occurred_at"]), row["place"], tuple(steps), tuple(exclusions))
