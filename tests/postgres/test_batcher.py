"""Many small requests share few appends; nobody is starved, forgotten or kept waiting for ever."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
import pytest

from adapters.postgres.batcher import Batcher
from adapters.postgres.on_loop import connect_on_loop, in_thread
from adapters.postgres.recorder import MOST_FACTS
from adapters.postgres.writer import Writer
from application.ports.touchpoints import Busy, Observed, Verdict
from tests.cast import DELTA_HOMES, NILE_HOMES
from tests.patience import PATIENCE_S, run
from tests.postgres.stage import MASTER, Stage, observed


@dataclass
class Held:
    """A writer that accepts everything once it is let go, and remembers what came together."""

    go: threading.Event = field(default_factory=threading.Event)
    batches: list[list[Observed]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    closed: bool = False

    def write(self, batch: Sequence[Observed]) -> list[Verdict]:
        self.batches.append(list(batch))
        assert in_thread(self.go.wait, PATIENCE_S)
        if self.failures:
            raise self.failures.pop(0)
        return [Verdict("accepted", position=int(one.item_id)) for one in batch]

    def close(self) -> None:
        self.closed = True


def batcher_of(writer: Held, **settings: Any) -> Batcher:
    return Batcher(lambda: cast(Writer, writer), **{"pipelines": 1, **settings})


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


def nile(first: int, count: int = 1) -> list[Observed]:
    return [observed(str(nth)) for nth in range(first, first + count)]


def delta(nth: int) -> list[Observed]:
    return [observed(str(nth), brokerage_id=DELTA_HOMES)]


def test_requests_that_come_while_one_is_written_share_the_next_batch() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        first = asyncio.create_task(batcher.append(nile(0)))
        await until(lambda: len(writer.batches) == 1)
        others = [asyncio.create_task(batcher.append(nile(nth))) for nth in range(1, 51)]
        await until(lambda: batcher.waiting == 51)
        writer.go.set()
        answers = await asyncio.gather(first, *others)
        assert [verdict.position for (verdict,) in answers] == list(range(51))
        assert [len(batch) for batch in writer.batches] == [1, 50]
        await batcher.close()
        assert writer.closed

    run(story())


@pytest.mark.parametrize(("pipelines", "sizes"), [(1, [10]), (2, [5, 5]), (3, [4, 3, 3])])
def test_those_who_come_together_go_together_in_equal_shares(pipelines: int, sizes: list[int]) -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer, pipelines=pipelines)
        tasks = [asyncio.create_task(batcher.append(nile(nth))) for nth in range(10)]
        await until(lambda: sum(map(len, writer.batches)) == 10)
        assert [len(batch) for batch in writer.batches] == sizes
        writer.go.set()
        assert [verdict.position for (verdict,) in await asyncio.gather(*tasks)] == list(range(10))
        await batcher.close()

    run(story())


def test_a_request_is_not_cut_for_the_sake_of_shares() -> None:
    async def story() -> None:
        writer = Held()
        writer.go.set()
        batcher = batcher_of(writer, pipelines=2)
        tasks = [asyncio.create_task(batcher.append(nile(first, 100))) for first in (0, 100, 200)]
        await asyncio.gather(*tasks)
        assert [len(batch) for batch in writer.batches] == [200, 100]
        await batcher.close()

    run(story())


def test_closing_at_once_finishes_what_was_taken_just_now() -> None:
    async def story() -> None:
        writer = Held()
        writer.go.set()
        batcher = batcher_of(writer)
        task = asyncio.create_task(batcher.append(nile(7)))
        await asyncio.sleep(0)
        await batcher.close()
        assert [verdict.position for verdict in await task] == [7]
        assert writer.closed

    run(story())


def test_a_large_request_is_cut_and_its_verdicts_come_in_order() -> None:
    async def story() -> None:
        writer = Held()
        writer.go.set()
        batcher = batcher_of(writer)
        verdicts = await batcher.append(nile(0, 2 * MOST_FACTS + 1))
        assert [verdict.position for verdict in verdicts] == list(range(2 * MOST_FACTS + 1))
        assert max(len(batch) for batch in writer.batches) == MOST_FACTS
        assert batcher.waiting == 0
        assert await batcher.append([]) == []
        await batcher.close()

    run(story())


def test_a_brokerage_with_much_does_not_hold_up_one_with_little() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        flood = [asyncio.create_task(batcher.append(nile(0, 5_000))) for _ in range(2)]
        await until(lambda: len(writer.batches) == 1)
        little = asyncio.create_task(batcher.append(delta(7)))
        await until(lambda: batcher.waiting == 10_001)
        writer.go.set()
        assert [verdict.position for verdict in await little] == [7]
        shares = [{one.brokerage_id for one in batch} for batch in writer.batches]
        assert shares[1] == {NILE_HOMES, DELTA_HOMES}  # the very next batch
        await asyncio.gather(*flood)
        await batcher.close()

    run(story())


def test_brokerages_that_all_have_much_get_equal_shares() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        first = asyncio.create_task(batcher.append(nile(0)))
        await until(lambda: len(writer.batches) == 1)
        deltas = [one for nth in range(2_000) for one in delta(nth)]
        floods = [asyncio.create_task(batcher.append(many)) for many in (nile(0, 2_000), deltas)]
        await until(lambda: batcher.waiting == 4_001)
        writer.go.set()
        await asyncio.gather(first, *floods)
        for batch in writer.batches[1:-1]:
            assert len(batch) == MOST_FACTS
            assert sum(one.brokerage_id == DELTA_HOMES for one in batch) == MOST_FACTS // 2
        await batcher.close()

    run(story())


def test_the_door_closes_when_too_much_waits_and_opens_again() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer, most_waiting=10)
        taken = asyncio.create_task(batcher.append(nile(0, 25)))  # nobody waits: even more than that is taken
        await until(lambda: len(writer.batches) == 1)
        with pytest.raises(Busy):
            await batcher.append(nile(0))
        writer.go.set()
        assert len(await taken) == 25
        assert len(await batcher.append(nile(0, 10))) == 10
        await batcher.close()

    run(story())


def test_many_small_requests_of_one_brokerage_get_their_share_beside_a_flood() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        first = asyncio.create_task(batcher.append(nile(0)))
        await until(lambda: len(writer.batches) == 1)
        flood = asyncio.create_task(batcher.append(nile(0, 2_000)))
        small = [asyncio.create_task(batcher.append(delta(nth))) for nth in range(100)]
        await until(lambda: batcher.waiting == 2_101)
        writer.go.set()
        await asyncio.gather(first, flood, *small)
        assert [one.brokerage_id for one in writer.batches[1]].count(DELTA_HOMES) == 100
        await batcher.close()

    run(story())


@pytest.mark.parametrize("failure", [psycopg.OperationalError("away"), psycopg.errors.AdminShutdown("bye")])
def test_when_the_database_is_away_everyone_in_the_batch_is_told_to_try_again(failure: Exception) -> None:
    async def story() -> None:
        writer = Held(failures=[failure])
        batcher = batcher_of(writer)
        tasks = [asyncio.create_task(batcher.append(nile(nth))) for nth in range(3)]
        await until(lambda: batcher.waiting == 3)
        writer.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        refused = len(writer.batches[0])
        assert [type(one) for one in outcomes] == [Busy] * refused + [list] * (3 - refused)
        assert batcher.waiting == 0
        assert len(await batcher.append(nile(9))) == 1
        await batcher.close()

    run(story())


def test_a_defect_reaches_the_caller_and_does_not_stop_the_rest() -> None:
    async def story() -> None:
        writer = Held(failures=[ZeroDivisionError("a defect")])
        writer.go.set()
        batcher = batcher_of(writer)
        with pytest.raises(ZeroDivisionError):
            await batcher.append(nile(0))
        assert len(await batcher.append(nile(1))) == 1
        await batcher.close()

    run(story())


def test_a_caller_who_leaves_does_not_take_the_others_along() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        first = asyncio.create_task(batcher.append(nile(0)))
        await until(lambda: len(writer.batches) == 1)
        leaving, staying = (asyncio.create_task(batcher.append(nile(nth))) for nth in (1, 2))
        await until(lambda: batcher.waiting == 3)
        leaving.cancel()
        writer.go.set()
        assert [verdict.position for verdict in await staying] == [2]
        await asyncio.gather(first, leaving, return_exceptions=True)
        assert batcher.waiting == 0
        await batcher.close()

    run(story())


def test_closing_finishes_what_was_taken() -> None:
    async def story() -> None:
        writer = Held()
        batcher = batcher_of(writer)
        tasks = [asyncio.create_task(batcher.append(nile(nth))) for nth in range(5)]
        await until(lambda: batcher.waiting == 5)
        writer.go.set()
        await batcher.close()
        assert [len(task.result()) for task in tasks] == [1] * 5

    run(story())


def test_hundreds_of_callers_on_a_real_log_each_get_their_own_verdict(stage: Stage) -> None:
    async def story() -> None:
        batcher = Batcher(lambda: Writer(stage.url, MASTER, connect_on_loop))
        items = [observed(str(nth % 150), email=f"p{nth % 150 % 7}@example.com") for nth in range(300)]
        answers = await asyncio.gather(*(batcher.append([item]) for item in items))
        statuses = [verdict.status for (verdict,) in answers]
        assert sorted(statuses) == ["accepted"] * 150 + ["duplicate"] * 150
        assert [one[0].event_id for one in answers[:150]] == [one[0].event_id for one in answers[150:]]
        await batcher.close()

    run(story())
    assert len(stage.kinds("tours")) == 150
