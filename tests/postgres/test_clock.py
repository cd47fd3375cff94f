"""All processes go by the database's clock, whatever their own machine believes."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
from psycopg import Connection

from adapters.dramatiq.hands import Crew, WorkerSettings
from adapters.postgres.clock import LET_BE, DatabaseClock, LearnedClock, asking
from adapters.postgres.connections import pool
from tests.conftest import ConnectAs
from tests.embedded.processes import ROOT
from tests.postgres.stage import MASTER

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Line = Callable[[], Connection[Any]]


@dataclass
class Server:
    """A database whose clock is set by hand, and a machine beside it with clocks of its own."""

    now: datetime = NOON
    steady_s: float = 500.0
    own_s: float = 0.0
    asked: int = 0
    away: bool = False
    clock: DatabaseClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = DatabaseClock(cast(Line, lambda: self), steady=lambda: self.steady_s, own=lambda: self.own_s)

    def execute(self, _: str) -> "Server":
        if self.away:
            raise psycopg.OperationalError("gone")
        self.asked += 1
        return self

    def fetchone(self) -> tuple[datetime]:
        return (self.now,)

    def passes(self, seconds: float) -> None:
        """Time passes for all alike."""
        self.now += timedelta(seconds=seconds)
        self.steady_s += seconds
        self.own_s += seconds


def test_it_is_the_time_of_the_database(shared_url: str, connect_as: ConnectAs) -> None:
    connection = connect_as(shared_url, "masar_projector")

    def told() -> datetime:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        return cast(datetime, row[0])

    ten_minutes_ahead = DatabaseClock(lambda: connection, own=lambda: time.time() + 600)
    before = told()
    assert before <= ten_minutes_ahead() <= ten_minutes_ahead() <= told()


@pytest.mark.parametrize("off_s", [-600, 600])
def test_a_machine_whose_clock_is_off_tells_the_same(off_s: float) -> None:
    server = Server(own_s=NOON.timestamp() + off_s)
    assert server.clock() == NOON
    server.passes(59)
    assert (server.clock(), server.asked) == (NOON + timedelta(seconds=59), 1)


def test_it_is_asked_once_a_minute() -> None:
    server = Server()
    for _ in range(121):
        server.clock()
        server.passes(1)
    assert server.asked == 2


def test_a_machine_that_slept_or_was_set_asks_again() -> None:
    server = Server()
    server.clock()
    server.now, server.own_s = server.now + 8 * MINUTE, server.own_s + 480  # asleep: its steady clock stood still
    assert (server.clock(), server.asked) == (NOON + 8 * MINUTE, 2)


def test_while_the_database_is_away_it_counts_on() -> None:
    server = Server()
    server.clock()
    server.away = True
    server.passes(300)
    assert server.clock() == NOON + 5 * MINUTE
    with pytest.raises(psycopg.OperationalError):
        Server(away=True).clock()


def test_every_work_of_a_worker_goes_by_it(shared_url: str) -> None:
    crew = Crew(WorkerSettings(shared_url, None, MASTER, "http://127.0.0.1:1"))
    try:
        hands = crew.hands()
        works: list[Any] = [hands._deliver, *(getattr(one, "__self__", None) for one in hands._alone.values())]
        clocks = {type(one).__name__: one.clock for one in works if hasattr(one, "clock")}
        others = {name for name, clock in clocks.items() if not isinstance(clock, DatabaseClock)}
        assert {name for name in others if isinstance(clocks[name](), datetime)} == set()
    finally:
        crew.close()
    assert {"DeliverConversions", "SendMessage", "AnswerThread", "QuietThread", "FetchMedia"} <= set(clocks)


@dataclass
class Learner:
    """A process that serves: it learns the time of a database beside its work. `way_s` is how long an answer takes."""

    server: Server = field(default_factory=Server)
    way_s: float = 0.0
    clock: LearnedClock = field(init=False)

    def __post_init__(self) -> None:
        server = self.server
        self.clock = LearnedClock(self.ask, steady=lambda: server.steady_s, own=lambda: server.own_s)

    async def ask(self) -> datetime:
        self.server.execute("")
        told = self.server.now
        self.server.passes(self.way_s)
        return told

    def learns(self) -> datetime:
        """Look whether it is time to ask; return what the clock tells then."""
        asyncio.run(self.clock.learn())
        return self.clock()


@pytest.mark.parametrize("off_s", [-600, 600])
def test_what_serves_learns_the_time_beside_its_work(off_s: float) -> None:
    one = Learner(Server(own_s=NOON.timestamp() + off_s))
    assert one.clock() == NOON + timedelta(seconds=off_s)  # until it knows better: nothing can be written then anyway
    assert one.learns() == NOON
    one.server.passes(30)
    assert (one.clock(), one.learns(), one.server.asked) == (NOON + MINUTE / 2, NOON + MINUTE / 2, 1)
    one.server.passes(31)
    one.learns()
    assert one.server.asked == 2


def test_a_learner_whose_machine_slept_or_was_set_asks_again() -> None:
    one = Learner()
    one.learns()
    one.server.now, one.server.own_s = NOON + 8 * MINUTE, one.server.own_s + 480
    assert (one.learns(), one.server.asked) == (NOON + 8 * MINUTE, 2)


def test_a_slow_answer_does_not_turn_a_learner_back() -> None:
    """What is asked for one after another keeps its order, though an answer was seconds under way."""
    one = Learner()
    one.learns()
    one.server.passes(61)
    one.way_s = 2.0
    assert one.learns() == NOON + timedelta(seconds=63)


def test_a_learner_follows_a_database_whose_clock_was_set() -> None:
    one = Learner()
    one.learns()
    one.server.passes(61)
    one.server.now -= 5 * MINUTE
    assert one.learns() == NOON + timedelta(seconds=61) - 5 * MINUTE


def test_while_the_database_is_away_a_learner_counts_on() -> None:
    one = Learner()
    one.learns()
    one.server.passes(300)
    one.server.away = True
    assert one.learns() == NOON + 5 * MINUTE


def test_a_learner_asks_the_database_itself(own_url: str) -> None:
    async def told() -> tuple[datetime, datetime, datetime]:
        async with pool(own_url, size=1) as connections:
            ask = asking(connections)
            clock = LearnedClock(ask, own=lambda: time.time() + 600)
            await clock.start()
            before, now = await ask(), clock()
            await clock.close()
            return before, now, await ask()

    before, now, after = asyncio.run(told())
    assert before - LET_BE <= now <= after


WRITERS = ("api/routers", "adapters/postgres")
READ_BACK = {"adapters/postgres/deliveries.py", "adapters/postgres/writer.py"}
"""What asks its machine for the time of nothing that waits: how long bodies are kept, when a link was seen."""


def test_nothing_that_a_request_writes_goes_by_the_clock_of_its_machine() -> None:
    files = [one for folder in WRITERS for one in (ROOT / folder).rglob("*.py") if one.name != "clock.py"]
    assert len(files) > 50
    own = {str(one.relative_to(ROOT)) for one in files if "datetime.now(" in one.read_text()}
    assert own <= READ_BACK
