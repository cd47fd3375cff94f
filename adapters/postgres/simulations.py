"""Where simulations of policies are kept: asked for, under way, over."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from adapters.postgres.clock import time_of
from adapters.postgres.connections import connect
from adapters.postgres.outbox import add_messages
from adapters.postgres.positions import newest_position
from application.ports.simulations import Progress, Superseded, Wanted, Window
from domain.scoring.policy import Policy
from domain.shared.outbox import OutboxMessage

SILENT_S = 20
"""A run of which nothing was heard for so long is lost."""
MOST_RUNS = 3
"""Runs that may be lost before a simulation is given up."""
MOST_WAITING, MOST_KEPT = 10, 50
"""Simulations of one brokerage that may be under way, and that are kept."""

ASK = """
INSERT INTO outbox.simulations (id, brokerage_id, policy, label, since, until, asked_by)
SELECT %(id)s, %(brokerage_id)s, %(policy)s, %(label)s, %(since)s, %(until)s, %(by)s
 WHERE (SELECT count(*) FROM outbox.simulations
         WHERE brokerage_id = %(brokerage_id)s AND finished_at IS NULL) < %(most)s
"""
FORGET = """
DELETE FROM outbox.simulations WHERE brokerage_id = %(brokerage_id)s AND finished_at IS NOT NULL AND id NOT IN (
  SELECT id FROM outbox.simulations WHERE brokerage_id = %(brokerage_id)s ORDER BY asked_at DESC, id LIMIT %(kept)s)
"""
NEEDS_RUN = """
SELECT state = 'waiting' OR beat_at < now() - make_interval(secs => %s) FROM outbox.simulations
 WHERE id = %s AND finished_at IS NULL
"""
IS_OVER = "SELECT finished_at IS NOT NULL FROM outbox.simulations WHERE id = %s"
BEGIN = """
UPDATE outbox.simulations SET state = 'running', run = %(run)s, runs = runs + 1, beat_at = now(), progress = NULL,
       started_at = now()
 WHERE id = %(id)s AND runs < %(most)s
   AND (state = 'waiting' OR state = 'running' AND beat_at < now() - make_interval(secs => %(silent)s))
RETURNING brokerage_id, policy, since, until
"""
GIVE_UP = """
UPDATE outbox.simulations SET state = 'failed', finished_at = now(), error = 'its process was lost again and again'
 WHERE id = %(id)s AND state = 'running' AND runs >= %(most)s
   AND beat_at < now() - make_interval(secs => %(silent)s)
"""
BEAT = "UPDATE outbox.simulations SET beat_at = now(), progress = %s WHERE id = %s AND run = %s AND state = 'running'"
FINISH = """
UPDATE outbox.simulations SET state = 'done', finished_at = now(), result = %s
 WHERE id = %s AND run = %s AND state = 'running'
"""
FAIL = """
UPDATE outbox.simulations SET state = 'failed', finished_at = now(), error = %s
 WHERE id = %s AND run = %s AND state = 'running'
"""
SHOWN = "id, label, since, until, asked_by, asked_at, state, progress, started_at, finished_at, error"
LIST = f"SELECT {SHOWN} FROM outbox.simulations WHERE brokerage_id = %s ORDER BY asked_at DESC, id LIMIT %s"  # noqa: S608
ONE = f"SELECT {SHOWN}, result FROM outbox.simulations WHERE brokerage_id = %s AND id = %s"  # noqa: S608


class TooMany(Exception):
    """So many simulations of this brokerage are under way that another has to wait."""


def ask(url: str, brokerage_id: UUID, policy: Policy, window: Window, by: str) -> UUID:
    """Ask for a simulation; return its id. Some worker begins it within seconds.

    Raises TooMany, and psycopg.OperationalError when the database is away.
    """
    simulation_id = uuid4()
    asked = {
        "id": simulation_id, "brokerage_id": brokerage_id, "policy": _json(policy.model_dump(mode="json")),
        "label": policy.label, "since": window.since, "until": window.until, "by": by, "most": MOST_WAITING,
        "kept": MOST_KEPT,
    }  # fmt: skip
    with connect(url, "masar_projector", name="simulations") as connection, connection.transaction():
        if connection.execute(ASK, asked).rowcount == 0:
            raise TooMany(f"{MOST_WAITING} simulations are under way already")
        connection.execute(FORGET, asked)
        with connection.cursor(binary=True) as cursor:
            add_messages(
                cursor, [_message(simulation_id, brokerage_id, newest_position(connection), time_of(connection))]
            )
    return simulation_id


def _message(simulation_id: UUID, brokerage_id: UUID, position: int, now: datetime) -> OutboxMessage:
    return OutboxMessage(
        id=simulation_id, brokerage_id=brokerage_id, kind="simulate_policy", due_at=now,
        payload={"simulation_id": str(simulation_id)}, cause_id=simulation_id, position=position,
    )  # fmt: skip


class PostgresSimulations:
    """The Simulations of one autocommit connection as `masar_projector`, opened when first needed."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def needs_run(self, simulation_id: UUID) -> bool:
        """Tell whether nobody is at it."""
        row = self._line().execute(NEEDS_RUN, (SILENT_S, simulation_id)).fetchone()
        return bool(row and row[0])

    def is_over(self, simulation_id: UUID) -> bool:
        """Tell whether it has its result, or failed, or is gone; one whose runs all got lost is given up."""
        self._line().execute(GIVE_UP, self._place(simulation_id))
        row = self._line().execute(IS_OVER, (simulation_id,)).fetchone()
        return row is None or bool(row[0])

    def begin(self, simulation_id: UUID) -> tuple[Wanted, UUID] | None:
        """Begin a run, unless it is over or another run is at it; return what is wanted and the run's id."""
        run = uuid4()
        row = self._line().execute(BEGIN, {**self._place(simulation_id), "run": run}).fetchone()
        if row is None:
            return None
        brokerage_id, policy, since, until = row
        return Wanted(simulation_id, brokerage_id, Policy.model_validate(policy), Window(since, until)), run

    def beat(self, simulation_id: UUID, run: UUID, progress: Progress) -> None:
        """Keep how far a run is. Raises Superseded."""
        self._own(BEAT, _json(progress.document()), simulation_id, run)

    def finish(self, simulation_id: UUID, run: UUID, result: dict[str, Any]) -> None:
        """Keep the result. Raises Superseded."""
        self._own(FINISH, _json(result), simulation_id, run)

    def fail(self, simulation_id: UUID, run: UUID, error: str) -> None:
        """Keep why it failed; nothing happens where another run is at it."""
        self._line().execute(FAIL, (error.replace("\x00", ""), simulation_id, run))

    def _own(self, statement: str, *arguments: Any) -> None:
        if self._line().execute(statement.encode(), arguments).rowcount == 0:
            raise Superseded("another run is at this simulation")

    def _place(self, simulation_id: UUID) -> dict[str, Any]:
        return {"id": simulation_id, "most": MOST_RUNS, "silent": SILENT_S}


async def list_simulations(connection: AsyncConnection[DictRow], brokerage_id: UUID, limit: int) -> list[DictRow]:
    """Return the brokerage's simulations, the newest first, without their results."""
    return await (await connection.execute(LIST.encode(), (brokerage_id, limit))).fetchall()


async def one_simulation(
    connection: AsyncConnection[DictRow], brokerage_id: UUID, simulation_id: UUID
) -> DictRow | None:
    """Return one with its result; None where the brokerage has no such simulation."""
    return await (await connection.execute(ONE.encode(), (brokerage_id, simulation_id))).fetchone()


def _json(document: Any) -> Jsonb:
    return Jsonb(document, dumps=lambda one: orjson.dumps(one, default=str))
