"""The pulse of a worker: renews what its threads hold, so that leases can be short and requests long."""

import threading
from collections.abc import Callable, Iterable

import psycopg
import structlog

from adapters.postgres.outbox import LEASE_SECONDS, Outbox
from adapters.postgres.work import Line

BEATS = 4
"""Beats within the time of a lease: a few may fail."""

log = structlog.get_logger("masar.worker")


class Pulse:
    """A thread with a connection of its own. It stops with the process: killed, its leases run out within seconds."""

    def __init__(self, url: str, held: Callable[[], Iterable[int]], lease_s: int = LEASE_SECONDS) -> None:
        self._line = Line(url, "masar_projector", name="pulse")
        self._held, self._lease_s = held, lease_s

    def run(self, stop: threading.Event) -> None:
        """Beat until told to stop; an outage of the database is waited out."""
        while not stop.wait(self._lease_s / BEATS):
            self.beat()
        self._line.close()

    def beat(self) -> None:
        """Renew once what is held now."""
        leases = list(self._held())
        if not leases:
            return
        try:
            Outbox(self._line(), self._lease_s).renew(leases)
        except psycopg.OperationalError as away:
            log.warning("database_away", error=type(away).__name__)
            self._line.close()
        except Exception:
            log.exception("pulse_broke")
