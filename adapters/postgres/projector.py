"""The projector process: every build of every read model at work, or standing by for the one that is."""

import threading
from concurrent.futures import Executor
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.facts import read_kinds
from adapters.postgres.positions import Build, builds
from adapters.postgres.read_models import PostgresStorage
from domain.catalogue import kind_of
from projections.catalogue import BY_NAME
from projections.runner import Runner
from projections.storage import LostLeadership
from projections.timeline import RULE_FACTS, Timeline

POLL_S = 1.0
"""Sleep between looks at the log when no notice comes; also how soon a standby takes over."""

log = structlog.get_logger("masar.projector")


class Wake:
    """One LISTEN connection for the whole process: sets every runner's bell when facts were appended."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bells: set[threading.Event] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listen", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and wake everyone a last time."""
        self._stop.set()
        self._ring()
        self._thread.join(timeout=5)

    def bell(self) -> threading.Event:
        """Return a new event that is set whenever facts were appended."""
        bell = threading.Event()
        self._bells.add(bell)
        return bell

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._url, "masar_projector", name="listen") as connection:
                    connection.execute("LISTEN masar_log")
                    self._ring()
                    while not self._stop.is_set():
                        for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                            self._ring()
            except psycopg.Error as lost:
                log.warning("listen_lost", error=type(lost).__name__)
                self._stop.wait(0.5)


class Worker:
    """One projection in one process: takes the lock of its builds, runs them, gives way when they are replaced."""

    def __init__(self, url: str, name: str, bell: threading.Event, stop: threading.Event) -> None:
        self._url, self._name, self._bell, self._stop = url, name, bell, stop

    def run(self) -> None:
        """Work until told to stop; whatever goes wrong, begin again from what the database says."""
        while not self._stop.is_set():
            try:
                with connect(self._url, "masar_projector", by_index=True, name=f"projector {self._name}") as connection:
                    self._stand_by(connection)
            except LostLeadership as lost:
                log.info("leadership_lost", projection=self._name, why=str(lost))
            except psycopg.OperationalError as away:
                log.warning("database_away", projection=self._name, error=type(away).__name__)
                self._stop.wait(0.3)
            except Exception:
                log.exception("projection_broke", projection=self._name)
                self._stop.wait(POLL_S)

    def _stand_by(self, connection: Connection[Any]) -> None:
        while not self._stop.is_set():
            build = live_build(connection, self._name)
            if build is not None and take_lock(connection, build):
                self._lead(connection, live_build(connection, self._name) or build)
            self._stop.wait(POLL_S)

    def _lead(self, connection: Connection[Any], build: Build) -> None:
        log.info("leading", projection=build.name, build=build.build, position=build.position)
        runner = runner_of(connection, build)
        while not self._stop.is_set():
            self._bell.clear()
            if runner.step() == 0:
                self._bell.wait(POLL_S)


def live_build(connection: Connection[Any], name: str) -> Build | None:
    """Return the live build of a projection if this release has its version."""
    version = BY_NAME[name].version
    return next(
        (one for one in builds(connection) if (one.name, one.status, one.version) == (name, "live", version)), None
    )


def take_lock(connection: Connection[Any], build: Build) -> bool:
    """Become the one active runner of a build; it lasts as long as the connection."""
    return take_named_lock(connection, build.lock)


def take_named_lock(connection: Connection[Any], name: str) -> bool:
    """Take an advisory lock by its name unless somebody has it; it lasts as long as the connection."""
    row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()
    return bool(row and row[0])


def runner_of(
    connection: Connection[Any], build: Build, writer: Connection[Any] | None = None, behind: Executor | None = None
) -> Runner[Any]:
    """Return a runner that goes on where the build is, knowing the rules that held until there.

    With a connection to write on and an executor of one thread, it writes a page while it folds the next.
    """
    projection = BY_NAME[build.name]
    timeline = Timeline()
    timeline.learn(read_kinds(connection, [kind_of(fact) for fact in RULE_FACTS]))
    return Runner(projection, PostgresStorage(connection, projection, build, writer), timeline, build.position, behind)


def run_projector(url: str, stop: threading.Event, names: tuple[str, ...] = tuple(BY_NAME)) -> None:
    """Run the projections of this process until `stop` is set, and build what this release has a newer version of."""
    from adapters.postgres.upgrade import Builder  # here, not above: it builds with the runners of this module

    wake = Wake(url)
    workers = [Worker(url, name, wake.bell(), stop) for name in names]
    threads = [threading.Thread(target=one.run, name=name) for one, name in zip(workers, names, strict=True)]
    threads.append(threading.Thread(target=Builder(url, names, stop).run, name="builder"))
    wake.start()
    for thread in threads:
        thread.start()
    stop.wait()
    wake.stop()
    for thread in threads:
        thread.join(timeout=10)
