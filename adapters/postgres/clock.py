"""The time of all processes: the database's, as leases, due times and the log go by it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

ASKED_EVERY_S: Final = 60.0
NEVER: Final = float("-inf")
JUMPED_S: Final = 1.0
"""So far apart our own two clocks tell of a machine that slept or was set: the database is asked again."""
LOOKED_EVERY_S: Final = 5.0
"""How often a process that learns the time beside its work looks whether it is time to ask."""
LET_BE: Final = timedelta(seconds=0.1)
"""A correction as small does no harm, and what was asked one after another keeps its order."""
WAITS_S: Final = 2.0
"""How long a start waits for the first answer; where the database is away, nothing can be written anyway."""
NOW: Final = "SELECT clock_timestamp() AS now"


def time_of(connection: Connection[Any]) -> datetime:
    """Return the time of the database behind a connection, for what is written seldom. Raises psycopg.Error."""
    row = connection.execute(NOW).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


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
        self._then = time_of(self._line())
        self._asked_at, self._own_then = self._steady(), self._own()


class LearnedClock:
    """Tells the database's time from what a task learned beside the work: telling it costs no look at the database.

    Until the first answer it is the time of this machine. `ask` returns the database's time.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[datetime]], *, steady: Callable[[], float] = time.monotonic,
        own: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._ask, self._steady, self._own = ask, steady, own
        self._asked_at = NEVER
        self._own_then = own()
        self._point = datetime.fromtimestamp(self._own_then, UTC), steady()  # one value: other threads read it
        self._learning: asyncio.Task[None] | None = None

    def __call__(self) -> datetime:
        """Return the time of now, aware. Thread-safe."""
        then, steady_then = self._point
        return then + timedelta(seconds=self._steady() - steady_then)

    async def start(self) -> None:
        """Learn the time, and go on learning it until `close`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.learn(), WAITS_S)
        self._learning = asyncio.create_task(self._go_on(), name="clock")

    async def close(self) -> None:
        """Learn no more."""
        if self._learning is not None:
            self._learning.cancel()
            with suppress(asyncio.CancelledError):
                await self._learning

    async def learn(self) -> None:
        """Ask the database where it is a minute ago, or where this machine slept or was set; else do nothing.

        While the database is away the last answer is counted on.
        """
        steady, own = self._steady(), self._own()
        jumped = abs((own - self._own_then) - (steady - self._point[1])) > JUMPED_S
        if steady - self._asked_at <= ASKED_EVERY_S and not jumped:
            return
        try:
            told = await self._ask()
        except (psycopg.Error, OSError):
            return
        self._learn(told, self._steady(), timedelta(seconds=self._steady() - steady))

    def _learn(self, told: datetime, steady: float, trip: timedelta) -> None:
        """Count on from what was told, unless what we count may well be it: the answer was `trip` under way."""
        then, steady_then = self._point
        counted = then + timedelta(seconds=steady - steady_then)
        agrees = self._asked_at != NEVER and told - LET_BE <= counted <= told + trip + LET_BE
        self._point = (counted if agrees else told), steady
        self._asked_at, self._own_then = steady, self._own()

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(LOOKED_EVERY_S)
            await self.learn()


def asking(pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> Callable[[], Awaitable[datetime]]:
    """Return how to ask the database behind a pool for its time. Raises psycopg.Error."""

    async def ask() -> datetime:
        async with pool.connection(timeout=WAITS_S) as connection:
            row = await (await connection.execute(NOW)).fetchone()
        assert row is not None
        now: datetime = row["now"]
        return now

    return ask
