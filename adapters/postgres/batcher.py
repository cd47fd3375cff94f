"""Groups touchpoints of many requests into few appends, so that they share round trips and flushes."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog

from adapters.postgres.recorder import MOST_BYTES, MOST_FACTS
from adapters.postgres.registry import LostRace
from adapters.postgres.writer import Writer
from application.ports.touchpoints import Busy, Observed, Verdict

MOST_WAITING = 20_000
"""Touchpoints waiting to be appended; beyond it the door is closed (503)."""

PIPELINES = 2
"""Batches on their way at once: while one waits for the database, the other is made ready."""

log = structlog.get_logger("masar.ingest")


@dataclass(slots=True)
class _Request:
    """One call of `append`: its touchpoints, the verdicts so far, and who waits."""

    touchpoints: Sequence[Observed]
    done: asyncio.Future[list[Verdict]]
    taken: int = 0
    verdicts: dict[int, Verdict] = field(default_factory=dict)


_Share = tuple[_Request, int, int]
"""A request and the half-open range of its touchpoints that a batch takes."""


class Batcher:
    """The TouchpointLog of a process: bounded, fair between brokerages, every verdict after its flush."""

    def __init__(
        self, make_writer: Callable[[], Writer], *, most_waiting: int = MOST_WAITING, pipelines: int = PIPELINES
    ) -> None:
        self._make_writer = make_writer
        self._most_waiting = most_waiting
        self._waiting = 0
        self._queues: OrderedDict[UUID, deque[_Request]] = OrderedDict()
        self._idle = [make_writer() for _ in range(pipelines)]
        self._threads = ThreadPoolExecutor(pipelines, thread_name_prefix="append")
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Touchpoints accepted for appending and not yet answered."""
        return self._waiting

    async def append(self, touchpoints: Sequence[Observed]) -> list[Verdict]:
        """Return verdicts in order, all durable. Raises Busy when too much waits or the database is away."""
        if not touchpoints:
            return []
        if self._waiting and self._waiting + len(touchpoints) > self._most_waiting:
            raise Busy(f"{self._waiting} touchpoints are waiting to be appended")
        request = _Request(touchpoints, asyncio.get_running_loop().create_future())
        self._waiting += len(touchpoints)
        self._queues.setdefault(touchpoints[0].brokerage_id, deque()).append(request)
        self._start()
        try:
            return await request.done
        finally:
            self._waiting -= len(touchpoints)

    async def close(self) -> None:
        """Finish what was taken, then close the connections."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        self._threads.shutdown()
        for writer in self._idle:
            writer.close()

    def _start(self) -> None:
        while self._queues and self._idle:
            task = asyncio.create_task(self._run(self._idle.pop(), self._next_batch()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _next_batch(self) -> list[_Share]:
        """Take an equal share of each brokerage in turn; what one leaves, the next ones fill."""
        batch: list[_Share] = []
        facts = size = 0
        turns = len(self._queues)
        while self._queues and facts < MOST_FACTS and size < MOST_BYTES:
            brokerage_id, queue = self._queues.popitem(last=False)
            for request, start, end in _take(queue, max(1, (MOST_FACTS - facts) // max(1, turns))):
                batch.append((request, start, end))
                facts += end - start
                size += sum(one.size for one in request.touchpoints[start:end])
            turns -= 1
            if queue:
                self._queues[brokerage_id] = queue
        return batch

    async def _run(self, writer: Writer, batch: list[_Share]) -> None:
        touchpoints = [one for request, start, end in batch for one in request.touchpoints[start:end]]
        try:
            verdicts = await asyncio.get_running_loop().run_in_executor(self._threads, writer.write, touchpoints)
            _hand_out(batch, verdicts)
        except (psycopg.Error, LostRace) as failure:
            log.warning("append_failed", touchpoints=len(touchpoints), error=type(failure).__name__)
            _fail(batch, Busy("the event store is not reachable"))
        except Exception as defect:
            log.exception("append_broke", touchpoints=len(touchpoints))
            _fail(batch, defect)
        finally:
            self._idle.append(writer)
            self._start()


def _take(queue: deque[_Request], room: int) -> Iterator[_Share]:
    """Take up to `room` touchpoints from the front of a queue, dropping the requests that are through."""
    while queue and room > 0:
        request, start = queue[0], queue[0].taken
        request.taken = min(len(request.touchpoints), start + room)
        room -= request.taken - start
        if request.taken == len(request.touchpoints):
            queue.popleft()
        yield request, start, request.taken


def _hand_out(batch: list[_Share], verdicts: list[Verdict]) -> None:
    answers = iter(verdicts)
    for request, start, end in batch:
        request.verdicts.update(zip(range(start, end), answers, strict=False))
        if len(request.verdicts) == len(request.touchpoints) and not request.done.done():
            request.done.set_result([request.verdicts[nth] for nth in range(len(request.touchpoints))])


def _fail(batch: list[_Share], error: Exception) -> None:
    for request, _, _ in batch:
        if not request.done.done():
            request.done.set_exception(error)
