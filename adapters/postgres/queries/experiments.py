"""Reads experiments: how they are defined, and what people did that is about them."""

from datetime import datetime
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.mapper import decode
from adapters.postgres.queries.funnels import DEFINED, DONE, MOST_EVENTS, TooMuch
from domain.catalogue import kind_of
from domain.experiments.events import ExperimentDefined
from domain.experiments.experiment import Experiment
from domain.experiments.results import Seen
from domain.shared.clock import millis

Connection = AsyncConnection[DictRow]


async def definitions(connection: Connection, brokerage_id: UUID) -> dict[UUID, ExperimentDefined]:
    """Return every experiment by its id, in the order of definition."""
    rows = await (await connection.execute(DEFINED, (brokerage_id, kind_of(ExperimentDefined)))).fetchall()
    facts = [decode(row["topic"], row["state"], row["originator_id"], row["originator_version"]) for row in rows]
    return {fact.experiment_id: fact for fact in facts if isinstance(fact, ExperimentDefined)}


async def seen(connection: Connection, brokerage_id: UUID, experiment: Experiment, until: datetime) -> list[list[Seen]]:
    """Return what each person did that shows a variant or is the goal, tests left out. Raises TooMuch."""
    wanted = {
        "brokerage_id": brokerage_id, "kinds": sorted(experiment.kinds), "since": experiment.starts_at,
        "until": min(until, experiment.ends_at or until), "subjects": None, "most": MOST_EVENTS + 1,
    }  # fmt: skip
    rows = await (await connection.execute(DONE, wanted)).fetchall()
    if len(rows) > MOST_EVENTS:
        raise TooMuch(f"more than {MOST_EVENTS} facts lie in the experiment")
    found: dict[UUID, list[Seen]] = {}
    for row in rows:
        fields = orjson.loads(row["state"])
        if fields.get("test") is not True:
            shown = [nth for nth, one in enumerate(experiment.variants) if one.matches(row["topic"], fields)]
            goal = experiment.goal.matches(row["topic"], fields)
            found.setdefault(row["person"], []).append(Seen(millis(row["occurred_at"]), tuple(shown), goal))
    return list(found.values())
