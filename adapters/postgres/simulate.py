"""One brokerage's past out of the log, folded under a candidate; and the process beside a worker that does it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, sql

from adapters.postgres.connections import connect
from adapters.postgres.facts import COLUMNS, OF_BROKERAGE, readable
from adapters.postgres.looking_back import FARTHEST, POSITION_AT
from adapters.postgres.positions import newest_position
from adapters.postgres.simulations import PostgresSimulations
from application.ports.simulations import Part, Wanted, Window
from application.simulate_policy import carry_out
from domain.catalogue import kind_of
from domain.people.links import LINK_FACTS
from domain.scoring.comparison import Counted
from domain.scoring.policy import Policy
from domain.shared.fact import Fact, Recorded
from projections.runner import uncollected
from projections.simulated import READ, CandidateTimeline, fold, groups_of
from projections.timeline import RULE_FACTS

FACTS_AT_ONCE, GROUPS_AT_ONCE = 5_000, 400
"""Folded together, and forgotten before the next: memory does not grow with the history."""
SUBJECT = 6
"""Where a row of COLUMNS has its subject."""
BY_SUBJECT = sql.SQL(
    "SELECT {} FROM log.masar_events WHERE brokerage_id = %s AND (subject_id, notification_id) > (%s, %s) "
    "AND notification_id <= %s AND topic = ANY(%s) ORDER BY subject_id, notification_id LIMIT %s"
).format(COLUMNS)
OF_SUBJECTS = sql.SQL(
    "SELECT {} FROM log.masar_events WHERE brokerage_id = %s AND subject_id = ANY(%s) AND notification_id <= %s "
    "AND topic = ANY(%s)"
).format(COLUMNS)
COUNT = """
SELECT count(*) FROM log.masar_events
 WHERE brokerage_id = %s AND topic = ANY(%s) AND notification_id <= %s AND subject_id IS NOT NULL
"""
POSITION = "SELECT position FROM projection.builds WHERE name = 'conversions' AND status = 'live'"
DECIDED = """
SELECT id, event_name, occurred_at, value::float8, currency, match_quality, withheld FROM read_models.conversions
 WHERE brokerage_id = %s AND position <= %s AND (%s::timestamptz IS NULL OR recorded_at >= %s)
"""
IN_ORDER = "SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off"
"""Pages come by the index on subjects: sorted anew for each page they would cost as often the whole history."""
LEFT_ALONE = 3
"""The code with which the process ends when its worker is gone."""
NICENESS = 10
"""The process leaves the processor to others."""


class PostgresPast:
    """The Past of a brokerage, on a connection as `masar_projector` that is its own until the end. Reads only."""

    def __init__(self, connection: Connection[Any], brokerage_id: UUID, candidate: Policy, window: Window) -> None:
        self._connection, self._brokerage_id, self._window = connection, brokerage_id, window
        self.position = self._position()
        rules = self._of_kinds(RULE_FACTS, FARTHEST)
        self._timeline = CandidateTimeline(rules, brokerage_id, candidate)
        self._kinds = _kinds(READ)

    @property
    def in_force(self) -> str:
        """The policy in force, such as `brief@2`."""
        newest = self._timeline.at(FARTHEST).house(self._brokerage_id)
        return self._timeline.as_it_was(newest).policy.label

    def facts(self) -> int:
        """Return how many facts there are to fold."""
        row = self._connection.execute(COUNT, (self._brokerage_id, self._kinds, self.position)).fetchone()
        return int(row[0]) if row else 0

    def parts(self) -> Iterator[Part]:
        """Fold it: first those who were never linked, subject by subject; then the others, group by group."""
        for rows in self._alone():
            yield self._folded(rows)
        groups = iter(self._groups)
        while some := list(islice(groups, GROUPS_AT_ONCE)):
            yield self._folded(self._together([subject for group in some for subject in group]))

    def decided(self) -> Iterator[Counted]:
        """Return what was decided in truth, of what is counted."""
        since = self._window.since
        with self._connection.transaction(), self._connection.cursor(name="decided") as cursor:
            cursor.itersize = FACTS_AT_ONCE
            cursor.execute(DECIDED, (self._brokerage_id, self.position, since, since))
            for row in cursor:
                yield Counted(*row)

    def never_fired(self) -> list[str]:
        """Return the candidate's rows that did not fire, by their places in the document."""
        return self._timeline.fired.never()

    @cached_property
    def _groups(self) -> list[frozenset[UUID]]:
        return groups_of(self._of_kinds(LINK_FACTS, self.position))

    def _position(self) -> int:
        row = self._connection.execute(POSITION).fetchone()
        decided = int(row[0]) if row else newest_position(self._connection)
        if self._window.until is None:
            return decided
        row = self._connection.execute(POSITION_AT, {"time": self._window.until}).fetchone()
        return min(decided, int(row[0]) if row and row[0] else 0)

    def _of_kinds(self, kinds: tuple[type[Fact], ...], until: int) -> list[Recorded]:
        asked = (self._brokerage_id, _kinds(kinds), 0, until)
        rows = self._connection.execute(OF_BROKERAGE, asked, binary=True).fetchall()
        return [fact for row in rows if isinstance(fact := readable(row), Recorded)]

    def _alone(self) -> Iterator[list[Any]]:
        """Return the rows of whole subjects, some at a time; those of linked ones are passed over."""
        linked = {subject for group in self._groups for subject in group}
        self._connection.execute(IN_ORDER)
        rows: list[Any] = []
        for row in self._by_subject():
            if len(rows) >= FACTS_AT_ONCE and row[SUBJECT] != rows[-1][SUBJECT]:
                yield rows
                rows = []
            if row[SUBJECT] not in linked:
                rows.append(row)
        yield rows

    def _by_subject(self) -> Iterator[Any]:
        after = (UUID(int=0), 0)
        while True:
            asked = (self._brokerage_id, *after, self.position, self._kinds, FACTS_AT_ONCE)
            rows = self._connection.execute(BY_SUBJECT, asked, binary=True).fetchall()
            yield from rows
            if len(rows) < FACTS_AT_ONCE:
                return
            after = (rows[-1][SUBJECT], rows[-1][0])

    def _together(self, subjects: list[UUID]) -> list[Any]:
        asked = (self._brokerage_id, subjects, self.position, self._kinds)
        return self._connection.execute(OF_SUBJECTS, asked, binary=True).fetchall()

    def _folded(self, rows: list[Any]) -> Part:
        with uncollected():
            facts = [readable(row) for row in sorted(rows, key=lambda row: row[0])]
            folded = fold(facts, self._timeline)
        return Part(len(facts), folded.would, folded.people, folded.set_aside)


def _kinds(facts: tuple[type[Fact], ...]) -> list[str]:
    return sorted(kind_of(fact) for fact in facts)


def carry_out_here(url: str, simulation_id: UUID) -> None:
    """Carry out a simulation that somebody asked for, in this process."""
    with connect(url, "masar_projector", name="simulation") as own, connect(url, "masar_projector") as reading:

        def past(wanted: Wanted) -> PostgresPast:
            return PostgresPast(reading, wanted.brokerage_id, wanted.policy, wanted.window)

        carry_out(PostgresSimulations(lambda: own), past, simulation_id, away=(psycopg.OperationalError,))


class ProcessRuns:
    """The Runs of a worker: a process beside it, one at a time, that ends with the worker whatever ends that."""

    _lock = threading.Lock()
    _process: subprocess.Popen[bytes] | None = None

    def __init__(self, url: str, line: Callable[[], Connection[Any]]) -> None:
        self._url, self._simulations = url, PostgresSimulations(line)

    def is_over(self, simulation_id: UUID) -> bool:
        """Tell whether a simulation has its result, or failed, or is gone."""
        with ProcessRuns._lock:
            self._busy()
        return self._simulations.is_over(simulation_id)

    def start(self, simulation_id: UUID) -> None:
        """Let it be carried out beside this process, unless it is being carried out, or this process is busy."""
        with ProcessRuns._lock:
            if not self._busy() and self._simulations.needs_run(simulation_id):
                ProcessRuns._process = _started({"url": self._url, "simulation_id": str(simulation_id)})

    @staticmethod
    def _busy() -> bool:
        """Tell whether the process still runs; one that ended is let go."""
        process = ProcessRuns._process
        if process is None or process.poll() is None:
            return process is not None
        if process.stdin is not None:
            process.stdin.close()
        ProcessRuns._process = None
        return False


def _started(asked: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the process; what it may know of the database it is told, not shown to all by its arguments."""
    path = os.pathsep.join(one for one in sys.path if one)
    process = subprocess.Popen(  # noqa: S603 - the interpreter that we are, and a module of ours
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    if process.stdin is not None:
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    return process


def main() -> None:
    """Carry out what the first line of the input asks for; end as soon as the input does: the worker is gone."""
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    os.nice(NICENESS)
    carry_out_here(asked["url"], UUID(asked["simulation_id"]))


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(LEFT_ALONE)


if __name__ == "__main__":
    main()
