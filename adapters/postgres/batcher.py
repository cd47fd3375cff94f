"""Groups touchpoints, or deliveries, of many requests into few appends, so that they share round trips and flushes."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

import psycopg
import structlog

from adapters.postgres.on_loop import on_loop
from adapters.postgres.recorder import MOST_BYTES, MOST_FACTS
from adapters.postgres.registry import LostRace
from application.ports.touchpoints import Busy, Observed, Verdict
from application.ports.webhooks import Delivery

MOST_WAITING = 20_000
"""Items waiting to be appended; beyond it the door is closed (503)."""
MOST_BYTES_WAITING = 256 * 1024 * 1024
"""Bytes of items waiting; beyond it the door is closed as well."""

PIPELINES = 2
"""Batches on their way at once: while one waits for the database, the other is made ready."""

log = structlog.get_logger("masar.ingest")


class Sized(Protocol):
    """Something of a brokerage, with about its number of bytes."""

    @property
    def brokerage_id(self) -> UUID:
        """Whose it is."""

    @property
    def size(self) -> int:
        """Bytes, about."""


Item = TypeVar("Item", bound=Sized)
Answer = TypeVar("Answer")
Taken = TypeVar("Taken", bound=Sized, contravariant=True)
Given = TypeVar("Given", covariant=True)


class BatchWriter(Protocol[Taken, Given]):
    """Writes batches of items, on the event loop (`on_loop`), one at a time."""

    def write(self, batch: Sequence[Taken], /) -> Sequence[Given]:
        """Return an answer per item once all are durable. Raises psycopg.Error, LostRace."""

    def close(self) -> None:
        """Close its connections."""


@dataclass(slots=True)
class _Request(Generic[Item, Answer]):
    """One call of `append`: its items with their bytes, the answers in their places, and who waits."""

    items: Sequence[Item]
    size: int
    done: asyncio.Future[list[Answer]]
    answers: list[Any]
    taken: int = 0
    unanswered: int = 0


class _Share(NamedTuple):
    """What a batch holds of a request: its items from `start` to before `end`, with their bytes."""

    request: _Request[Any, Any]
    start: int
    end: int
    size: int


class Grouping(Generic[Item, Answer]):
    """Appends for a process: bounded, fair between brokerages, every answer after its flush."""

    def __init__(
        self,
        make_writer: Callable[[], BatchWriter[Item, Answer]],
        *,
        most_waiting: int = MOST_WAITING,
        pipelines: int = PIPELINES,
    ) -> None:
        self._most_waiting = most_waiting
        self._waiting = self._queued = self._bytes = 0
        self._queues: OrderedDict[UUID, deque[_Request[Item, Answer]]] = OrderedDict()
        self._idle = [make_writer() for _ in range(pipelines)]
        self._running: set[asyncio.Task[None]] = set()
        self._starting = False

    @property
    def waiting(self) -> int:
        """Items accepted for appending and not yet answered."""
        return self._waiting

    async def append(self, items: Sequence[Item]) -> list[Answer]:
        """Return answers in order, all durable; all items are of one brokerage.

        Raises Busy when too much waits or the database is away.
        """
        if not items:
            return []
        size = sum(one.size for one in items)
        if self._waiting and (
            self._waiting + len(items) > self._most_waiting or self._bytes + size > MOST_BYTES_WAITING
        ):
            raise Busy(f"{self._waiting} items are waiting to be appended")
        done: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting += len(items)
        self._queued += len(items)
        self._bytes += size
        request = _Request(items, size, done, [None] * len(items), unanswered=len(items))
        self._queues.setdefault(items[0].brokerage_id, deque()).append(request)
        self._start_soon()
        try:
            return await done
        finally:
            self._waiting -= len(items)
            self._bytes -= size

    async def close(self) -> None:
        """Finish what was taken, then close the connections."""
        while self._running or self._queues:
            await asyncio.sleep(0)
            await asyncio.gather(*self._running, return_exceptions=True)
        for writer in self._idle:
            writer.close()

    def _start_soon(self) -> None:
        """Start at the end of this turn of the loop: those who came in the same turn come along."""
        if self._idle and not self._starting:
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        """Share what is queued among the idle pipelines: with all of it in one, nothing is made ready meanwhile."""
        self._starting = False
        while self._queues and self._idle:
            share = -(-self._queued // len(self._idle))
            task = asyncio.create_task(self._run(self._idle.pop(), self._next_batch(share)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _next_batch(self, enough: int) -> list[_Share]:
        """Take an equal share of each brokerage in turn, until there are `enough`; what one leaves, the next ones fill.

        Requests are taken whole, but for those that are larger than a batch may be.
        """
        batch: list[_Share] = []
        count = size = 0
        turns = len(self._queues)
        while self._queues and count < min(enough, MOST_FACTS) and size < MOST_BYTES:
            brokerage_id, queue = self._queues.popitem(last=False)
            room = max(1, (MOST_FACTS - count) // max(1, turns))
            for share in _take(queue, room, MOST_BYTES - size, enough - count):
                batch.append(share)
                count += share.end - share.start
                size += share.size
            turns -= 1
            if queue:
                self._queues[brokerage_id] = queue
        self._queued -= count
        return batch

    async def _run(self, writer: BatchWriter[Item, Answer], batch: list[_Share]) -> None:
        items: list[Item] = [one for share in batch for one in share.request.items[share.start : share.end]]
        try:
            answers = await on_loop(writer.write, items)
            _hand_out(batch, answers)
        except (psycopg.Error, LostRace) as failure:
            log.warning("append_failed", items=len(items), error=type(failure).__name__)
            _fail(batch, Busy("the event store is not reachable"))
        except Exception as defect:
            log.exception("append_broke", items=len(items))
            _fail(batch, defect)
        finally:
            self._idle.append(writer)
            self._start_soon()


class Batcher(Grouping[Observed, Verdict]):
    """The TouchpointLog of a process."""


class DeliveryBatcher(Grouping[Delivery, list[Verdict]]):
    """The DeliveryLog of a process."""


def _take(queue: deque[_Request[Item, Answer]], room: int, most_bytes: int, enough: int) -> Iterator[_Share]:
    """Take up to `room` items from the front of a queue, until they have `most_bytes` or are `enough`; one request at
    the least.

    Requests that are through are dropped.
    """
    while queue and room > 0 and most_bytes > 0 and enough > 0:
        request, start = queue[0], queue[0].taken
        request.taken = end = min(len(request.items), start + room)
        whole = end - start == len(request.items)
        size = request.size if whole else sum(one.size for one in request.items[start:end])
        room -= end - start
        enough -= end - start
        most_bytes -= size
        if end == len(request.items):
            queue.popleft()
        yield _Share(request, start, end, size)


def _hand_out(batch: Sequence[_Share], answers: Sequence[Answer]) -> None:
    place = 0
    for request, start, end, _ in batch:
        following = place + end - start
        request.answers[start:end] = answers[place:following]
        request.unanswered -= end - start
        place = following
        if not request.unanswered and not request.done.done():
            request.done.set_result(request.answers)


def _fail(batch: Sequence[_Share], error: Exception) -> None:
    for share in batch:
        if not share.request.done.done():
            share.request.done.set_exception(error)
