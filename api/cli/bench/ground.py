"""Where the bench runs: a durable Postgres of its own in a temporary folder, and the product's own processes."""

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from adapters.embedded.postgres import ADMIN, DATABASE, OWNER, EmbeddedPostgres
from adapters.embedded.redis import EmbeddedRedis, find_redis
from adapters.embedded.service import Kept, Service
from adapters.postgres.connections import connect
from adapters.postgres.migrate import migrate
from adapters.postgres.positions import newest_position
from adapters.postgres.secrets import TOKEN
from adapters.sealing import MasterKey
from api.auth.issuing import create_key
from api.cli.context import ROOT, set_up
from api.cli.ready import answers
from api.cli.setting_up import give_dataset, register_brokerage
from api.settings import Settings
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.scoring.brief import BRIEF

DATASET, ACCESS = "1234567890", "an-access-for-the-simulator"
PATIENCE_S = 60.0
ELSEWHERE = ("appending", "replaying", "messaging", "storming")
"""Databases beside the one that the processes use: no figure pays for the facts that another one wrote."""
COPY = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
SKIP = "UPDATE projection.builds SET position = %s WHERE status = 'live'"


class BenchFailed(Exception):
    """Something did not start or did not come; the message says what."""


@dataclass(frozen=True)
class Ground:
    """The database, a brokerage with a producer's key, and where processes write what they say."""

    home: Path
    url: str
    settings: Settings
    brokerage_id: UUID
    key: str

    def elsewhere(self, database: str) -> "Ground":
        """Return the same ground in a database of its own, whose log begins as empty as this one's did."""
        url = self.url.removesuffix(f"/{DATABASE}") + f"/{database}"
        return replace(self, url=url, settings=self.settings.model_copy(update={"database_url": url}))

    def process(self, name: str, *script: str, **environment: str) -> "Process":
        """Return a process of the product (`python -m api.cli NAME`, or a script of ours) to be run with `with`."""
        given = {
            "MASAR_DATABASE_URL": self.url,
            "MASAR_REDIS_URL": self.settings.redis_url or "",
            "MASAR_MASTER_KEY": self.settings.master_key or "",
            "MASAR_GRAPH_URL": self.settings.graph_url,
            "MASAR_LOG_LEVEL": "warning",
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        argv = [sys.executable, "-P", *(script or ("-m", "api.cli", name))]
        return Process(Service(name=name, argv=argv, env=given, grace_s=10), self.home / f"{name}.log")

    def last_words(self, name: str) -> str:
        """Return the end of what a process wrote."""
        said = self.home / f"{name}.log"
        return said.read_text(errors="replace")[-2000:] if said.exists() else ""


class Process:
    """A process that runs inside a `with` block and ends with it."""

    def __init__(self, service: Service, said: Path) -> None:
        self._service, self._said = service, said
        self._kept: Kept | None = None

    def __enter__(self) -> "Process":
        output = os.open(self._said, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            self._kept = Kept(self._service, output)
        finally:
            os.close(output)
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept is not None:
            self._kept.stop()

    def kill(self) -> None:
        """Kill it at once: it gets no chance to put anything back."""
        if self._kept is not None and (pid := self._kept.pid) is not None:
            os.kill(pid, signal.SIGKILL)

    def wait_for(self, url: str) -> "Process":
        """Wait until an address answers 200. Raises BenchFailed with the process's last words."""
        wait_until(lambda: answers(url) or self._ended(), f"{self._service.name} at {url}")
        return self

    def _ended(self) -> bool:
        if self._kept is None or self._kept.poll() is None:
            return False
        raise BenchFailed(f"{self._service.name} ended: {self._said.read_text(errors='replace')[-2000:]}")


@contextmanager
def opened() -> Iterator[Ground]:
    """Start the database and set up a brokerage; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="masar-bench-") as folder, ExitStack() as stack:
        home = Path(folder)
        home.chmod(0o711)  # the server may run as another user
        postgres = stack.enter_context(EmbeddedPostgres(home, durable=True))
        redis = stack.enter_context(EmbeddedRedis(home)) if find_redis() is not None else None
        url = postgres.url()
        migrate(url)
        own = Settings(
            database_url=url,
            redis_url=redis.url() if redis else None,
            master_key=MasterKey.generate(),
            graph_url=f"http://127.0.0.1:{free_port()}",
        )
        brokerage_id = _brokerage(own)
        with connect(url, "masar_owner", name="bench") as owner:
            key = create_key(owner, brokerage_id, "producer", "bench")
        with psycopg.connect(postgres.url(ADMIN), dbname="postgres", autocommit=True) as admin:
            for name in ELSEWHERE:
                admin.execute(COPY.format(sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER)))
        yield Ground(home, url, own, brokerage_id, key)


def _brokerage(own: Settings) -> UUID:
    now = datetime.now(UTC)
    with set_up(own) as setting:
        wanted = BrokerageRegistered(name="Bench", currency="EGP", region="EG", ask_first=False, occurred_at=now)
        brokerage_id = register_brokerage(setting, "bench", wanted, BRIEF)
        dataset = DatasetConnected(dataset_id=DATASET, role="website", occurred_at=now)
        give_dataset(setting, own, brokerage_id, dataset, {TOKEN: ACCESS})
    return brokerage_id


def skip_to_end(ground: Ground) -> None:
    """Let the live read models go on from the end of the log: what was appended for other figures is not for them."""
    with connect(ground.url, "masar_projector", name="bench") as connection:
        connection.execute(SKIP, (newest_position(connection),))


def free_port() -> int:
    """Return a TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds. Raises BenchFailed when it does not in time."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise BenchFailed(f"waited {patience_s:.0f} s for {what}")
        time.sleep(0.005)
