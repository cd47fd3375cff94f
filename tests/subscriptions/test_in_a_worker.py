"""The scheduler and a worker together: a fact is told by itself, and who hangs keeps nobody waiting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.dramatiq.hands import WorkerSettings
from adapters.dramatiq.notifier import Notifier
from adapters.dramatiq.relay import run_relay
from adapters.dramatiq.worker import run_worker
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.outside.postman import GuardedPostman
from adapters.postgres.connections import connect
from tests.outside.receiver import Receiver, Says
from tests.patience import PATIENCE_S, eventually
from tests.postgres.stage import MASTER
from tests.subscriptions.stage import Subscribed


@contextmanager
def at_work(own: Subscribed) -> Iterator[None]:
    """A scheduler and a worker of their own."""
    stop, url = threading.Event(), own.stage.url
    outside = Rules.of(hosts=[own.there.authority])
    settings = WorkerSettings(url, None, MASTER, "http://127.0.0.1:1", threads=2, outside=outside)
    threads = [
        threading.Thread(target=run_worker, args=(settings, stop)),
        threading.Thread(target=run_relay, args=(url, None, stop)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads), "did not stop"


def test_what_happens_is_told_by_itself(own: Subscribed, there: Receiver) -> None:
    with at_work(own):
        own.happen("one", "two")
        eventually(lambda: own.deliveries() == [("delivered",), ("delivered",)])
        own.happen("three")
        eventually(lambda: len(own.deliveries()) == 3 and own.waiting() == 0)
    assert len({one.headers["webhook-id"] for one in there.asked}) == len(there.asked) == 3


def test_those_that_hang_keep_nobody_waiting(own: Subscribed, there: Receiver) -> None:
    release = threading.Event()
    there.says["/hangs"] = Says(before=lambda: release.wait(2 * PATIENCE_S))
    hanging = [own.subscribe(url=there.url("/hangs")) for _ in range(3)]
    own.happen(*(f"walk-{number}" for number in range(12)))  # more than one handful
    own.feed()
    rules = Rules.of(hosts=[there.authority])
    postman = GuardedPostman(GuardedClient(rules), 2 * PATIENCE_S)  # none is left meanwhile
    notifier = Notifier(own.stage.url, MASTER, rules, postman=postman)
    try:
        for one in hanging * 4:  # however often they are hinted at
            notifier.wake(own.brokerage_id, one)
        eventually(lambda: [one.path for one in there.asked].count("/hangs") == 6)  # two at a time for each, no more
        notifier.wake(own.brokerage_id, own.id)
        eventually(lambda: [one.path for one in there.asked].count("/hook") == 12)
        assert [one.path for one in there.asked].count("/hangs") == 6
    finally:
        release.set()
        notifier.stop()
    assert notifier.held() == []
    with connect(own.stage.url, "masar_projector") as connection:
        leased = "SELECT count(*) FROM outbox.messages WHERE state = 'leased' AND brokerage_id = %s"
        assert connection.execute(leased, (own.brokerage_id,)).fetchone() == (0,)
