"""Two projectors: one works, the other stands by; whichever dies, the facts go on being counted exactly once."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.batcher import Batcher
from adapters.postgres.on_loop import connect_on_loop
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.ports.touchpoints import Observed
from domain.tours.events import TourRoomVisited
from tests.journeys.running import ROOT, until
from tests.patience import PATIENCE_S

MASTER = MasterKey(b"s" * 32)
BROKERAGE = UUID("99999999-2222-4333-8444-555555555555")


@pytest.fixture
def projector(own_url: str) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts projector processes on the test's database."""
    started: list[subprocess.Popen[bytes]] = []
    environment = {
        **os.environ, "MASAR_DATABASE_URL": own_url, "PYTHONPATH": str(ROOT),
        "MASAR_MASTER_KEY": base64.b64encode(MASTER.secret).decode(),
    }  # fmt: skip

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "api.cli", "projector"], env=environment, cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


def append(url: str, first: int, count: int) -> None:
    """Append `count` room visits by ten visitors."""

    async def write() -> None:
        batcher = Batcher(lambda: Writer(url, MASTER, connect_on_loop))
        await batcher.append([_visit(nth) for nth in range(first, first + count)])
        await batcher.close()

    asyncio.run(write())


def _visit(nth: int) -> Observed:
    fact = TourRoomVisited(
        session_id=f"s{nth % 10}", property_id="p", room="hall", dwell_s=2.0, occurred_at=datetime.now(UTC)
    )
    return Observed(BROKERAGE, "player", str(nth), fact, str(nth).encode(), uuid4(), "EG", 200)


def counted(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT coalesce(sum(touchpoints), 0) FROM read_models.people").fetchone()
    return int(row[0]) if row else 0


def test_the_standby_takes_over_and_nothing_is_counted_twice(
    own_url: str, projector: Callable[[], subprocess.Popen[bytes]]
) -> None:
    first = projector()
    append(own_url, 0, 300)
    until(lambda: counted(own_url) == 300, "the first projector's work")
    second = projector()
    append(own_url, 300, 300)
    first.send_signal(signal.SIGKILL)
    until(lambda: counted(own_url) == 600, "the standby's work")
    third = projector()
    append(own_url, 600, 300)
    second.send_signal(signal.SIGKILL)
    append(own_url, 900, 300)
    until(lambda: counted(own_url) == 1200, "the third projector's work")
    third.terminate()
    assert third.wait(timeout=PATIENCE_S) == 0, "SIGTERM ends it in order"
