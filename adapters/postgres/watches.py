"""The list of datasets to look at: every one that ever got a token, claimed by one process at a time."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from application.ports.datasets import Seen, Watched
from application.ports.outbox import Lane

TAKE = """
UPDATE outbox.watches w SET next_at = now() + make_interval(secs => %s)
  FROM (SELECT brokerage_id, dataset_id FROM outbox.watches WHERE next_at <= now()
         ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
 WHERE w.brokerage_id = due.brokerage_id AND w.dataset_id = due.dataset_id
RETURNING w.brokerage_id, w.dataset_id, w.writes_proved
"""
NOTE = """
UPDATE outbox.watches SET checked_at = now(), verdict = coalesce(%s, verdict), says = %s
 WHERE brokerage_id = %s AND dataset_id = %s
"""
LONGEST = 300


class PostgresWatchlist:
    """The Watchlist on a worker's connection as `masar_projector`."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def take(self, again_s: float) -> Watched | None:
        """Return one that is due and put it off, committed before anybody is asked."""
        row = self._line().execute(TAKE, (again_s,)).fetchone()
        return Watched(Lane(row[0], row[1]), row[2]) if row else None

    def note(self, lane: Lane, seen: Seen) -> None:
        """Keep what a look found; the last verdict stays where nothing could be told."""
        found = (seen.verdict, seen.says[:LONGEST], lane.brokerage_id, lane.dataset_id)
        self._line().execute(NOTE, found)
