"""Tells subscribers, on threads of its own: one that hangs keeps no conversion and no message waiting."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import psycopg
import structlog

from adapters.dramatiq.hands import FreshKeys
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.outside.postman import GuardedPostman
from adapters.postgres.clock import DatabaseClock
from adapters.postgres.keyring import KeyRing
from adapters.postgres.outbox import LEASE_SECONDS
from adapters.postgres.subscriptions import PostgresSubscribers
from adapters.postgres.work import Line
from adapters.sealing import MasterKey
from application.ports.outbox import LeaseLost
from application.ports.subscriptions import Postman
from application.subscriptions import NotifySubscriber

THREADS = 8
EACH = 2
"""Threads at work for one subscriber at most, in one process."""

Subscription = tuple[UUID, UUID]
"""Brokerage, subscriber."""

log = structlog.get_logger("masar.notify")


class Post:
    """One thread's connections and use case."""

    def __init__(self, url: str, master: MasterKey, lease_s: int, postman: Postman) -> None:
        self._line = Line(url, "masar_projector", name="notify")
        self._ring = KeyRing(url, master)
        self.book = PostgresSubscribers(self._line, master, FreshKeys(self._ring), lease_s)
        self._notify = NotifySubscriber(self.book, postman, clock=DatabaseClock(self._line))

    def run(self, subscription: Subscription, go_on: Callable[[], bool]) -> bool:
        """Tell a subscriber some of what waits; return whether there is more. What breaks off is put back."""
        try:
            more = self._notify.run(*subscription, go_on)
        except LeaseLost as lost:
            log.warning("lease_lost", why=str(lost))
            self._back("its message was lost to another worker")
        except psycopg.OperationalError as away:
            log.warning("database_away", error=type(away).__name__)
            self._line.close()
            self._ring.close()
            self._back("the database went away")
        except Exception as defect:
            log.exception("work_broke")
            self._back(f"the work broke: {type(defect).__name__}", broke=True)
        else:
            self.book.forget()
            return more
        return False

    def close(self) -> None:
        """Put back what is in hand and let go of the connections."""
        self._back("the worker stops")
        with suppress(psycopg.Error):
            self._line.close()
        with suppress(psycopg.Error):
            self._ring.close()

    def _back(self, why: str, *, broke: bool = False) -> None:
        with suppress(psycopg.Error):
            self.book.put_back(why, broke=broke)


class Notifier:
    """A process's threads for subscribers: woken by hints, a few for each subscriber, turn and turn about."""

    def __init__(
        self, url: str, master: MasterKey, rules: Rules, lease_s: int = LEASE_SECONDS, postman: Postman | None = None
    ) -> None:
        self._url, self._master, self._lease_s = url, master, lease_s
        self._postman = postman or GuardedPostman(GuardedClient(rules))
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="notify")
        self._lock, self._local = threading.Lock(), threading.local()
        self._busy: Counter[Subscription] = Counter()
        self._posts: list[Post] = []
        self._stop = threading.Event()

    def wake(self, brokerage_id: UUID, subscriber_id: UUID) -> None:
        """See to what is due for a subscriber, unless enough threads do; returns at once."""
        one = (brokerage_id, subscriber_id)
        with self._lock:
            if self._stop.is_set() or self._busy[one] >= EACH:
                return
            self._busy[one] += 1
            self._pool.submit(self._turn, one)

    def held(self) -> list[int]:
        """Return the leases in all hands."""
        with self._lock:
            return [lease for post in self._posts for lease in post.book.held()]

    def stop(self) -> None:
        """Take nothing new, finish what is in hand, and put the rest back."""
        with self._lock:
            self._stop.set()
        self._pool.shutdown(cancel_futures=True)
        for post in self._posts:
            post.close()

    def _turn(self, one: Subscription) -> None:
        more = False
        try:
            more = self._post().run(one, lambda: not self._stop.is_set())
        except Exception:
            log.exception("notify_broke")
        with self._lock:
            if more and not self._stop.is_set():
                self._pool.submit(self._turn, one)  # behind the others
            elif self._busy[one] <= 1:
                del self._busy[one]
            else:
                self._busy[one] -= 1

    def _post(self) -> Post:
        post: Post | None = getattr(self._local, "post", None)
        if post is None:
            post = self._local.post = Post(self._url, self._master, self._lease_s, self._postman)
            with self._lock:
                self._posts.append(post)
        return post
