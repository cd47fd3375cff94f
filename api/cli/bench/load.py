"""A load generator in a process of its own, made to cost little: raw HTTP/1.1 over kept-alive connections.

Reads one JSON document (an Order) from standard input and writes one (a Report) to standard output. It shares the
machine's cores with what it measures.
"""

import asyncio
import hmac
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
PATIENCE_S = 60.0

# fmt: off
KINDS = {
    "room": '{"id":"%(run)s-%(nth)08d","kind":"tours.room_visited.v1","occurred_at":"%(now)s",'
            '"person":{"fbp":"fb.1.1700000000000.%(nth)08d"},"payload":{"session_id":"%(run)s-%(session)08d",'
            '"property_id":"villa-17","tour_kind":"virtual_3d","rooms_available":8,"room":"kitchen","dwell_s":42.5}}',
    "lead": '{"id":"%(run)s-%(nth)08d","kind":"leads.form_submitted.v1","occurred_at":"%(now)s",'
            '"person":{"email":"%(run)s-%(nth)08d@example.com","phone":"+2010%(nth)08d"},'
            '"payload":{"form_id":"viewing-request"}}',
    "webhook": '{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"field":"messages",'
               '"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"201000000000",'
               '"phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Mona"},"wa_id":"2010%(session)08d"'
               '}],"messages":[{"from":"2010%(session)08d","id":"wamid.%(run)s%(nth)08d","timestamp":"%(unix)d",'
               '"type":"text","text":{"body":"Is the villa by the sea still to be had?"}}]}}]}]}',
}
# fmt: on
"""What is posted: one room of a tour (eight to a session), a lead form of a person of its own, or a webhook of
WhatsApp's with one message (eight to a thread)."""
PATHS = {"webhook": "/api/webhooks/meta"}
EXPECTED = {"webhook": b"EVENT_RECEIVED"}
"""Where it goes if not to touchpoints, and what a good answer to it has in it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to do: closed loop for `seconds`, or with `per_s` an open loop that posts on schedule, come what may.

    With `keep`, the report tells of every request. `key` is a producer's key; of webhooks the secret that signs them.
    """

    port: int
    key: str
    run: str
    connections: int
    seconds: float
    per_s: float | None = None
    batch: int = 1
    kind: str = "room"
    keep: bool = False


@dataclass(slots=True)
class Report:
    """What came of it; times in seconds of the monotonic clock, latencies in milliseconds from the scheduled moment.

    `kept` holds, per good request, when it was due, when it was answered, and the answer.
    """

    good: int = 0
    bad: int = 0
    took_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    kept: list[tuple[float, float, str]] = field(default_factory=list)
    first_bad: str = ""


class Requests:
    """Writes requests that were never sent before."""

    def __init__(self, order: Order) -> None:
        self._order, self._nth = order, 0
        path = PATHS.get(order.kind, "/api/touchpoints")
        key = "" if order.kind in PATHS else f"Authorization: Bearer {order.key}\r\n"
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}Content-Type: application/json\r\nContent-Length: "
        )

    def next(self) -> bytes:
        """Return one request."""
        if self._order.kind == "webhook":
            return self._webhook()
        order, now = self._order, datetime.now(UTC).isoformat()
        items = []
        for nth in range(self._nth, self._nth + order.batch):
            items.append(KINDS[order.kind] % {"run": order.run, "nth": nth, "session": nth // 8, "now": now})
        self._nth += order.batch
        body = '{"touchpoints":[' + ",".join(items) + "]}"
        return f"{self._head}{len(body)}\r\n\r\n{body}".encode()

    def _webhook(self) -> bytes:
        order, nth = self._order, self._nth
        self._nth += 1
        body = KINDS["webhook"] % {"run": order.run, "nth": nth, "session": nth // 8, "unix": int(time.time())}
        signed = hmac.digest(order.key.encode(), body.encode(), "sha256").hex()
        return f"{self._head}{len(body)}\r\nX-Hub-Signature-256: sha256={signed}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Offer itself for work."""
        self._transport = transport
        self._load.idle.append(self)

    def send(self, request: bytes, due: float) -> None:
        """Send a request; `due` is the moment its latency counts from."""
        self.due = due
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Collect an answer until it is whole."""
        self._received += data
        end = self._received.find(END_OF_HEAD)
        if end < 0:
            return
        head = self._received[:end].lower()
        at = head.find(LENGTH) + len(LENGTH)
        line_end = head.find(b"\r", at)
        length = int(head[at : line_end if line_end >= 0 else None])
        if len(self._received) >= end + len(END_OF_HEAD) + length:
            answer, self._received = self._received, b""
            self._load.answered(self, answer, end)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up: a server that closes connections is not being measured."""
        self._load.lost(exc)


class Load:
    """Carries out one order."""

    def __init__(self, order: Order) -> None:
        self._order, self._requests, self.report = order, Requests(order), Report()
        self.idle: deque[Connection] = deque()  # in turn: a server closes connections that are long unused
        self._due: deque[float] = deque()
        self._under_way = 0
        self._until = 0.0
        self._expect = EXPECTED.get(order.kind, f'"accepted":{order.batch}'.encode())
        self._done = asyncio.get_running_loop().create_future()

    async def run(self) -> Report:
        """Connect, measure, disconnect."""
        loop, order = asyncio.get_running_loop(), self._order
        for _ in range(order.connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", order.port)
        started = time.monotonic()
        self._until = started + order.seconds
        if order.per_s is None:
            while self.idle:
                self._send(self.idle.popleft(), time.monotonic())
        else:
            for nth in range(round(order.seconds * order.per_s)):
                loop.call_later(nth / order.per_s, self._fire, started + nth / order.per_s)
        await asyncio.wait_for(self._done, order.seconds + PATIENCE_S)
        self.report.took_s = time.monotonic() - started
        return self.report

    def answered(self, connection: Connection, answer: bytes, head_end: int) -> None:
        """Take an answer into account and give the connection its next work."""
        now = time.monotonic()
        self._under_way -= 1
        if answer.startswith(b"HTTP/1.1 2") and self._expect in answer:
            self.report.good += 1
            self.report.latencies_ms.append((now - connection.due) * 1000)
            if self._order.keep:
                self.report.kept.append((connection.due, now, answer[head_end + len(END_OF_HEAD) :].decode()))
        else:
            self.report.bad += 1
            self.report.first_bad = self.report.first_bad or answer[:500].decode(errors="replace")
        if self._due:
            self._send(connection, self._due.popleft())
        elif self._order.per_s is None and now < self._until:
            self._send(connection, now)
        else:
            self.idle.append(connection)
            self._finish(now)

    def lost(self, error: Exception | None) -> None:
        """A connection went away."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionResetError("the server closed a connection"))

    def _fire(self, due: float) -> None:
        if self.idle:
            self._send(self.idle.popleft(), due)
        else:
            self._due.append(due)

    def _send(self, connection: Connection, due: float) -> None:
        self._under_way += 1
        connection.send(self._requests.next(), due)

    def _finish(self, now: float) -> None:
        expected = round(self._order.seconds * (self._order.per_s or 0))
        answered = self.report.good + self.report.bad
        over = now >= self._until if self._order.per_s is None else answered >= expected
        if over and not self._under_way and not self._done.done():
            self._done.set_result(None)


async def _main() -> None:
    report = await Load(Order(**json.load(sys.stdin))).run()
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
