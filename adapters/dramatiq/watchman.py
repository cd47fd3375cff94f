"""The watchman of a worker: looks at the datasets that are due, whether or not anything is being sent."""

import threading

import psycopg
import structlog

from adapters.dramatiq.hands import WorkerSettings
from adapters.meta.dataset_checks import MetaDatasets
from adapters.postgres.clock import DatabaseClock
from adapters.postgres.secrets import SecretStore
from adapters.postgres.watches import PostgresWatchlist
from adapters.postgres.work import Line, Work
from application.watch_datasets import WatchDatasets

LOOK_S = 5.0
"""Between looks at the list; each dataset has its own time on it."""

log = structlog.get_logger("masar.watch")


class Watchman:
    """A thread with connections of its own. Several may run: the list gives each dataset to one of them."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._line = Line(settings.url, "masar_projector", name="watch")
        self._registry = Line(settings.url, "masar_registry", name="watch")
        self._check = MetaDatasets(settings.graph_url, settings.graph_version, settings.timeout_s)
        work = Work(self._line, settings.master)
        self._watch = WatchDatasets(
            watchlist=PostgresWatchlist(self._line),
            circuits=work,
            safe=SecretStore(self._registry, settings.master),
            check=self._check,
            records=work,
            every_s=settings.watch_every_s,
            probe_s=settings.probe_s,
            clock=DatabaseClock(self._line),
        )

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; an outage of the database is waited out."""
        while not stop.is_set():
            try:
                while not stop.is_set() and self._watch.look():
                    pass
            except psycopg.OperationalError as away:
                log.warning("database_away", error=type(away).__name__)
                self._line.close()
                self._registry.close()
            except Exception:
                log.exception("watch_broke")
            stop.wait(LOOK_S)
        self._line.close()
        self._registry.close()
        self._check.close()
