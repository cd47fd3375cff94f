"""From a webhook to a subscriber of the live stream, and how soon one that was away has everything."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from adapters.postgres.live import KINDS
from adapters.simulator.webhooks import guest, said, text
from api.cli.bench.ground import BenchFailed, wait_until
from api.cli.bench.messaging_ground import LINE, House, Platform, load, webhook
from api.cli.bench.rows import Row, percentile
from api.cli.bench.sizes import Sizes

STREAM = "/api/conversations/stream"
PER_S, THREAD = 50.0, 8
"""Webhooks a second, and how many of them are of one customer."""
FIRST_CUSTOMER = 4_000_000
APPENDED = """
SELECT originator_id FROM log.masar_events WHERE topic = ANY(%s) AND notification_id > %s ORDER BY notification_id
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: when it came (monotonic clock, seconds), and which."""

    at: float
    type: str
    id: str
    position: int


class Subscriber:
    """Listens to the stream of events in a thread of its own, inside a `with` block."""

    def __init__(self, port: int, key: str, cursor: str | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"authorization": f"Bearer {key}", **({"last-event-id": cursor} if cursor else {})}
        self._thread = threading.Thread(target=self._listen, name="subscriber", daemon=True)
        self.heard: list[Heard] = []
        self.cursor: str | None = None

    def __enter__(self) -> "Subscriber":
        self._thread.start()
        wait_until(lambda: self.cursor is not None or not self._thread.is_alive(), "the stream of events")
        if self.cursor is None:
            raise BenchFailed("the stream of events ended before it began")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _listen(self) -> None:
        with suppress(OSError, http.client.HTTPException, ValueError):
            self._connection.request("GET", STREAM, headers=self._headers)
            answer = self._connection.getresponse()
            if answer.status == 200:
                while line := answer.readline():
                    self._take(line)

    def _take(self, line: bytes) -> None:
        name, _, value = line.rstrip(b"\n").partition(b": ")
        if name == b"id":
            self.cursor = value.decode()
        elif name == b"data":
            at, told = time.monotonic(), json.loads(value)
            self.heard.append(Heard(at, told["type"], told["id"], told["position"]))


def live_rows(house: House, sizes: Sizes, port: int, platform: Platform) -> list[Row]:
    """Post messages at a steady rate and measure each from when it was due until a subscriber has it."""
    count, run, now = max(1, round(PER_S * sizes.live_s)), uuid4().hex[:8], int(time.time())
    names = [f"wamid.{run}{nth:06d}" for nth in range(count)]
    whose = [guest(FIRST_CUSTOMER + nth // THREAD) for nth in range(count)]
    words = text("Is it still to be had?")
    requests = [webhook(said(LINE, one, name, now, words)) for one, name in zip(whose, names, strict=True)]
    platform.hears({str(one.phone) for one in whose})
    refs = [str(house.ref(name)) for name in names]
    with Subscriber(port, house.reader) as subscriber:
        report = load(house, [port], requests, connections=16, per_s=PER_S)
        wait_until(lambda: _came(subscriber, refs) == count, f"{count} events at the subscriber")
    wait_until(house.rests, "nothing left to be answered")
    at = {one.id: one.at for one in subscriber.heard}
    took_ms = [(at[ref] - due) * 1000 for ref, due in zip(refs, report.due, strict=True)]
    return [
        Row("webhook_to_stream_p50_ms", round(percentile(took_ms, 0.5), 1), "ms"),
        Row("webhook_to_stream_p95_ms", round(percentile(took_ms, 0.95), 1), "ms"),
    ]


def resume_rows(house: House, port: int, meanwhile: Callable[[], None]) -> list[Row]:
    """Let a subscriber be away while something is done; measure from its return until it has all that happened.

    Raises BenchFailed where anything is missing, came twice, or out of order.
    """
    with Subscriber(port, house.reader) as before:
        pass
    after = house.number("SELECT coalesce(max(notification_id), 0) FROM log.masar_events")
    meanwhile()
    missed = [str(one) for (one,) in house.query(APPENDED, list(KINDS), after)]
    started = time.monotonic()
    with Subscriber(port, house.reader, before.cursor) as back:
        wait_until(lambda: len(back.heard) >= len(missed), f"{len(missed)} events missed")
        heard = [one for one in back.heard if one.position > after]
    if [one.id for one in heard] != missed:
        raise BenchFailed(f"{len(missed)} events were missed, {len(heard)} came, and they are not the same in order")
    return [
        Row("stream_resume_ms", round((heard[-1].at - started) * 1000), "ms"),
        Row("stream_resume_events", len(missed), "events missed"),
    ]


def _came(subscriber: Subscriber, refs: list[str]) -> int:
    return len({one.id for one in subscriber.heard} & set(refs))
