"""Posts prepared requests from a process of its own, each again until it is taken, as a platform does.

Reads an Order as JSON from standard input and writes a Report to standard output. Its requests lie in a file, since
there may be a hundred thousand. It shares the machine's cores with what it measures.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
PAUSE_S = 0.05
"""Before a request is posted again."""
ANSWER_S = 15.0
"""After which an answer is taken for lost."""
LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Order:
    """What to post: numbers of requests in `file`, each as often as it stands in `turns`, by so many connections.

    Turns go to the ports in turn. With `per_s` one is due at each such moment, come what may; else one follows another.
    """

    file: str
    ports: list[int]
    turns: list[int]
    connections: int
    per_s: float | None = None
    tries: int = 1_000


@dataclass(slots=True)
class Report:
    """What came of it. `due` holds, for each turn, the moment (monotonic clock, seconds) at which it was due."""

    taken: int = 0
    given_up: int = 0
    requests: int = 0
    unanswered: int = 0
    took_s: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)
    first_bad: str = ""
    due: list[float] = field(default_factory=list)


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Write requests so that `read_requests` finds them."""
    path.write_bytes(b"".join(len(one).to_bytes(LENGTH_BYTES) + one for one in requests))


def read_requests(path: Path) -> list[bytes]:
    """Return the requests of a file, in order."""
    content, at, found = path.read_bytes(), 0, []
    while at < len(content):
        end = at + LENGTH_BYTES + int.from_bytes(content[at : at + LENGTH_BYTES])
        found.append(content[at + LENGTH_BYTES : end])
        at = end
    return found


class Line:
    """One kept-alive connection to a port, made anew whenever it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer. Raises OSError, EOFError, ValueError or TimeoutError."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._asked(request)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go."""
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None

    async def _asked(self, request: bytes) -> tuple[int, bytes]:
        if self._ends is None:
            self._ends = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._ends
        writer.write(request)
        head = (await reader.readuntil(END_OF_HEAD)).lower()
        at = head.index(LENGTH) + len(LENGTH)
        body = await reader.readexactly(int(head[at : head.index(b"\r", at)]))
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), body


class Load:
    """Carries out one order."""

    def __init__(self, order: Order) -> None:
        self._order, self._requests = order, read_requests(Path(order.file))
        self.report = Report(due=[0.0] * len(order.turns))
        self._answers: Counter[str] = Counter()

    async def run(self) -> Report:
        """Post everything; return when all is taken or given up."""
        order, started = self._order, time.monotonic()
        waiting = [deque(range(nth, len(order.turns), len(order.ports))) for nth in range(len(order.ports))]
        await asyncio.gather(*(
            self._connection(order.ports[nth % len(order.ports)], waiting[nth % len(order.ports)], started)
            for nth in range(order.connections)
        ))  # fmt: skip
        self.report.took_s, self.report.answers = time.monotonic() - started, dict(self._answers)
        return self.report

    async def _connection(self, port: int, waiting: deque[int], started: float) -> None:
        line = Line(port)
        while waiting:
            turn = waiting.popleft()
            due = time.monotonic()
            if self._order.per_s is not None:
                due = started + turn / self._order.per_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.report.due[turn] = due
            await self._until_taken(line, self._requests[self._order.turns[turn]])
        line.close()

    async def _until_taken(self, line: Line, request: bytes) -> None:
        for attempt in range(self._order.tries):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            self.report.requests += 1
            try:
                status, body = await line.ask(request)
            except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
                self.report.unanswered += 1
                continue
            self._answers[str(status)] += 1
            if 200 <= status < 300:
                self.report.taken += 1
                return
            self.report.first_bad = self.report.first_bad or f"{status} {body[:300]!r}"
        self.report.given_up += 1


async def _main() -> None:
    report = await Load(Order(**json.load(sys.stdin))).run()
    json.dump(asdict(report), sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
