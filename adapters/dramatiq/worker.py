"""The worker process: takes hints, drains the outbox, and looks for itself where no hints come."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import dramatiq
import psycopg
import structlog

from adapters.dramatiq.broker import declare_actors, make_broker, send_hint
from adapters.dramatiq.hands import Crew, WorkerSettings
from adapters.dramatiq.notifier import Notifier
from adapters.dramatiq.pulse import Pulse
from adapters.dramatiq.relay import Relay
from adapters.dramatiq.watchman import Watchman
from adapters.postgres.outbox import Hint, Outbox
from adapters.postgres.search import SearchFeed
from adapters.postgres.work import Line
from application.ports.outbox import Lane

LOOK_S, OVERDUE_S = 2.0, 3.0
"""How often a worker looks for itself, and for what: due this long, so no hint came. Redis gone costs seconds only."""
STOP_MS = 25_000
"""For finishing what is in hand; a request takes ten seconds at most."""
IDLE_MS = 100
"""Longest pause between looks at an empty queue."""

log = structlog.get_logger("masar.worker")


class Turns:
    """One drain per lane and process: a second is not run, but makes the first look once more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again: dict[Lane, bool] = {}

    def take(self, lane: Lane) -> bool:
        """Return whether the lane is free, and take it; else its holder will look again."""
        with self._lock:
            free = lane not in self._again
            self._again[lane] = not free
            return free

    def again(self, lane: Lane) -> bool:
        """Return whether somebody came meanwhile; else the lane is free again."""
        with self._lock:
            came = self._again.pop(lane, False)
            if came:
                self._again[lane] = False
            return came

    def leave(self, lane: Lane) -> None:
        """Free the lane whatever came."""
        with self._lock:
            self._again.pop(lane, None)


class Desk:
    """What is done about a hint, in whichever thread takes it."""

    def __init__(self, settings: WorkerSettings, stop: threading.Event) -> None:
        self.crew = Crew(settings)
        self.notifier = Notifier(settings.url, settings.master, settings.outside, settings.lease_s)
        self._stop = stop
        self._turns = Turns()

    def drain(self, brokerage_id: str, kind: str, batch_by: str) -> None:
        """Deliver what is due in a lane, unless this process is at it already."""
        if kind == "notify_subscriber":
            self.notifier.wake(UUID(brokerage_id), UUID(batch_by))
            return
        if kind != "conversion":
            log.error("unknown_kind", kind=kind)
            return
        lane = Lane(UUID(brokerage_id), batch_by)
        if not self._turns.take(lane):
            return
        try:
            while self._going():
                self.crew.hands().drain(lane, self._going)
                if not self._turns.again(lane):
                    return
        finally:
            self._turns.leave(lane)

    def run_one(self, message_id: str) -> None:
        """Carry out one message."""
        if self._going():
            self.crew.hands().run_one(UUID(message_id))

    def follow(self, hint: Hint) -> None:
        """Do what a hint says."""
        if hint.id is not None:
            self.run_one(str(hint.id))
        else:
            self.drain(str(hint.brokerage_id), hint.kind, str(hint.batch_by))

    def held(self) -> list[int]:
        """Return the leases in hand, of all threads."""
        return self.crew.held() + self.notifier.held()

    def _going(self) -> bool:
        return not self._stop.is_set()


class Lookout:
    """Finds what is overdue, whether or not anybody hints at it."""

    def __init__(self, url: str, desk: Desk, threads: int) -> None:
        self._line = Line(url, "masar_projector", name="lookout")
        self._desk = desk
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lookout")
        self._taken: set[tuple[UUID, str | None, UUID | None]] = set()

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; an outage of the database is waited out."""
        while not stop.wait(LOOK_S):
            try:
                outbox = Outbox(self._line())
                outbox.sweep()
                for hint in outbox.due(OVERDUE_S):
                    self._take(hint)
            except psycopg.OperationalError as away:
                log.warning("database_away", error=type(away).__name__)
                self._line.close()
            except Exception:
                log.exception("lookout_broke")
        self._pool.shutdown()
        self._line.close()

    def _take(self, hint: Hint) -> None:
        key = (hint.brokerage_id, hint.batch_by, hint.id)
        if key not in self._taken:
            self._taken.add(key)
            self._pool.submit(self._follow, key, hint)

    def _follow(self, key: tuple[UUID, str | None, UUID | None], hint: Hint) -> None:
        try:
            self._desk.follow(hint)
        except Exception:
            log.exception("work_broke")
        finally:
            self._taken.discard(key)


def run_worker(settings: WorkerSettings, stop: threading.Event) -> None:
    """Work until `stop` is set; then finish what is in hand, put the rest back, and return.

    Without Redis the process hints to itself.
    """
    broker = make_broker(settings.redis_url)
    desk = Desk(settings, stop)
    declare_actors(broker, drain=desk.drain, run_one=desk.run_one)
    broker.emit_after("process_boot")  # starts the watch over the time limit
    worker = dramatiq.Worker(broker, worker_threads=settings.threads, worker_timeout=IDLE_MS)
    lookout = Lookout(settings.url, desk, threads=2)
    threads = [
        threading.Thread(target=lookout.run, args=(stop,), name="lookout"),
        threading.Thread(target=Watchman(settings).run, args=(stop,), name="watchman"),
        threading.Thread(target=SearchFeed(settings.url, settings.master).run, args=(stop,), name="search"),
    ]
    if settings.redis_url is None:
        relay = Relay(settings.url, lambda hint: send_hint(broker, hint))
        threads.append(threading.Thread(target=relay.run, args=(stop,), name="relay"))
    still = threading.Event()  # what is in hand is renewed until it is finished
    pulse = threading.Thread(target=Pulse(settings.url, desk.held, settings.lease_s).run, args=(still,), name="pulse")
    pulse.start()
    worker.start()
    for thread in threads:
        thread.start()
    stop.wait()
    worker.stop(timeout=STOP_MS)
    desk.notifier.stop()
    for thread in threads:
        thread.join(timeout=STOP_MS / 1000)
    still.set()
    pulse.join()
    broker.close()
    desk.crew.close()
