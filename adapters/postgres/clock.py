"""The time of all workers: the database's, as leases, due times and the log go by it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection

ASKED_EVERY_S: Final = 60.0
NEVER: Final = float("-inf")
JUMPED_S: Final = 1.0
"""So far apart our own two clocks tell of a machine that slept or was set: the database is asked again."""


class DatabaseClock:
    """Tells the time of the database's machine, whatever this one believes: asked once a minute, counted on in between.

    A worker whose own clock is minutes off would let retries wait for too long or not at all, and judge windows, ages
    and pauses wrongly. `line` gives an autocommit connection; one thread's.
    """

    def __init__(
        self, line: Callable[[], Connection[Any]], *, steady: Callable[[], float] = time.monotonic,
        own: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._line, self._steady, self._own = line, steady, own
        self._asked_at = self._own_then = NEVER
        self._then = datetime.min.replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time of now, aware. Raises psycopg.OperationalError where there was never a database to ask.

        While it is away the last answer is counted on: what a platform said just now must not get lost over the time.
        """
        passed = self._steady() - self._asked_at
        if passed > ASKED_EVERY_S or abs(self._own() - self._own_then - passed) > JUMPED_S:
            try:
                self._ask()
            except psycopg.Error:
                if self._asked_at == NEVER:
                    raise
            passed = self._steady() - self._asked_at
        return self._then + timedelta(seconds=passed)

    def _ask(self) -> None:
        row = self._line().execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        self._then, self._asked_at, self._own_then = row[0], self._steady(), self._own()
