"""The feed: reads the log as it grows and writes what each subscriber is to be told."""

import threading
import time

import psycopg
import structlog

from adapters.postgres.projector import Wake
from adapters.postgres.subscriptions import feed_once, forget_deliveries
from adapters.postgres.work import Line

POLL_S = 1.0
"""Between looks when no notice comes."""
FORGET_S = 3600.0

log = structlog.get_logger("masar.feed")


class Feed:
    """One of any number: who holds the position's row reads on, the others find nothing to do."""

    def __init__(self, url: str) -> None:
        self._line = Line(url, "masar_projector", name="feed")
        self._wake = Wake(url)
        self._bell = self._wake.bell()
        self._forgot_s = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop; an outage of the database is waited out."""
        self._wake.start()
        while not stop.is_set():
            try:
                self._bell.clear()
                while not stop.is_set() and feed_once(self._line()):
                    pass
                self._forget()
                self._bell.wait(POLL_S)
            except psycopg.OperationalError as away:
                log.warning("database_away", error=type(away).__name__)
                self._line.close()
                stop.wait(POLL_S)
            except Exception:
                log.exception("feed_broke")
                stop.wait(POLL_S)
        self._wake.stop()
        self._line.close()

    def _forget(self) -> None:
        if time.monotonic() - self._forgot_s >= FORGET_S:
            self._forgot_s = time.monotonic()
            forget_deliveries(self._line())
