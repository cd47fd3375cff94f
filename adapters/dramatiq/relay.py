"""The relay: finds what is due in the outbox and hints at it, over and over, since hints may get lost."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import psycopg
import redis
import structlog
from dramatiq.errors import BrokerConnectionError as BrokerAway

from adapters.dramatiq.broker import QUEUE, make_broker, send_hint
from adapters.dramatiq.feed import Feed
from adapters.postgres.alerts import review_alerts
from adapters.postgres.deliveries import forget_old
from adapters.postgres.outbox import Hint, Outbox
from adapters.postgres.outgoing import forget_old as forget_sent
from adapters.postgres.template_syncs import keep_syncing
from adapters.postgres.work import Line

POLL_S = 0.2
"""Between looks at the outbox; more where a look takes long, so that looking never fills the day."""
AT_LEAST_S = 0.04
"""Between looks where something is due sooner: an answer goes when its customer has paused, not at the next look."""
AGAIN_S = 2.0
"""After this long the same hint is given again."""
SWEEP_S = 2.0
"""Between looks for messages of workers that went away."""
TEMPLATES_S = 60.0
"""Between looks for business accounts whose templates nobody reads yet."""
REVIEW_S, DEADLINES_S = 10.0, 600.0
"""Between reviews of the alerts, and between those that look at deadlines as well."""
AWAY_S = 1.0
"""How long to leave a database or broker alone that does not answer."""

Key = tuple[UUID, str, str | None, UUID | None]

log = structlog.get_logger("masar.relay")


class Memory:
    """What was hinted at lately. News is a message due later than any hinted at before."""

    def __init__(self, again_s: float = AGAIN_S) -> None:
        self._again_s = again_s
        self._given: dict[Key, tuple[datetime, float]] = {}

    def is_news(self, hint: Hint, now_s: float) -> bool:
        """Tell whether a hint is worth giving; `now_s` is of a monotonic clock."""
        due_at, given_s = self._given.get(_key(hint), (None, 0.0))
        return due_at is None or hint.due_at > due_at or now_s - given_s >= self._again_s

    def given(self, hint: Hint, now_s: float) -> None:
        """Remember a hint that was taken; forget those that would be given again anyway."""
        if len(self._given) > 10_000:
            self._given = {key: one for key, one in self._given.items() if now_s - one[1] < self._again_s}
        self._given[_key(hint)] = (hint.due_at, now_s)


def _key(hint: Hint) -> Key:
    return hint.brokerage_id, hint.kind, hint.batch_by, hint.id


class Relay:
    """Looks, hints, sweeps and reviews alerts until told to stop.

    `send` gives a hint away; None where no hints are wanted.
    """

    def __init__(self, url: str, send: Callable[[Hint], None] | None) -> None:
        self._line = Line(url, "masar_projector", name="relay")
        self._send = send
        self._memory = Memory()
        self._swept_s = self._reviewed_s = self._deadlines_s = self._templates_s = float("-inf")
        self._soon_s = POLL_S

    def run(self, stop: threading.Event) -> None:
        """Go on through outages of the database and of Redis."""
        while not stop.is_set():
            started_s, self._soon_s = time.monotonic(), POLL_S
            try:
                self.tick(started_s)
            except psycopg.OperationalError as away:
                log.warning("database_away", error=type(away).__name__)
                self._line.close()
                stop.wait(AWAY_S)
            except (redis.RedisError, BrokerAway) as away:
                log.warning("redis_away", error=type(away).__name__)
                stop.wait(AWAY_S)
            except Exception:
                log.exception("relay_broke")
                stop.wait(AWAY_S)
            took_s = time.monotonic() - started_s
            stop.wait(max(min(POLL_S, max(AT_LEAST_S, self._soon_s)), 4 * took_s))
        self._line.close()

    def tick(self, now_s: float) -> None:
        """Look once: sweep if it is time, and hint at what is new or was hinted at long ago."""
        outbox = Outbox(self._line())
        if now_s - self._swept_s >= SWEEP_S:
            freed = outbox.sweep()
            outbox.forget_bodies()
            forget_old(self._line())
            forget_sent(self._line())
            self._swept_s = now_s
            if freed:
                log.warning("messages_freed", messages=freed)
        if now_s - self._templates_s >= TEMPLATES_S:
            keep_syncing(self._line())
            self._templates_s = now_s
        if self._send is not None:
            for hint in outbox.due():
                if self._memory.is_news(hint, now_s):
                    self._send(hint)
                    self._memory.given(hint, now_s)
        self._review(now_s)
        if self._send is not None and (soon_s := outbox.soon(POLL_S)) is not None:
            self._soon_s = soon_s

    def _review(self, now_s: float) -> None:
        if now_s - self._reviewed_s < REVIEW_S:
            return
        self._reviewed_s = now_s
        deadlines = now_s - self._deadlines_s >= DEADLINES_S
        if deadlines:
            self._deadlines_s = now_s
        review_alerts(self._line(), deadlines=deadlines)


def run_relay(url: str, redis_url: str | None, stop: threading.Event) -> None:
    """Relay to the workers on Redis until `stop` is set; without Redis they relay themselves, and this only sweeps.

    Beside it the feed writes what subscribers are to be told.
    """
    feed = threading.Thread(target=Feed(url).run, args=(stop,), name="feed")
    feed.start()
    if redis_url is None:
        Relay(url, None).run(stop)
    else:
        broker = make_broker(redis_url)
        broker.declare_queue(QUEUE)
        Relay(url, lambda hint: send_hint(broker, hint)).run(stop)
        broker.close()
    feed.join()
