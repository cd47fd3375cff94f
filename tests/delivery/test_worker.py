"""The worker as a whole: hints through Redis or without it, and nothing that depends on them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.dramatiq.relay import Memory, run_relay
from adapters.dramatiq.worker import Turns, run_worker
from adapters.embedded.redis import EmbeddedRedis, find_redis
from adapters.postgres.outbox import Hint
from application.ports.outbox import Lane
from domain.tours.events import TourStarted
from tests.delivery.stage import LONG_AGO, Stage
from tests.patience import PATIENCE_S, eventually


@contextmanager
def at_work(stage: Stage, redis_url: str | None, *, relay: bool = True) -> Iterator[None]:
    """A worker, and a relay where wanted, until the end of the test."""
    stop = threading.Event()
    threads = [threading.Thread(target=run_worker, args=(stage.settings(redis_url), stop))]
    if relay:
        threads.append(threading.Thread(target=run_relay, args=(stage.db.url, redis_url, stop)))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads), "did not stop"


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_redis() is None:
        pytest.skip("no Redis on this machine")
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url()


def all_counted(stage: Stage, leads: list[str]) -> bool:
    return sorted(stage.meta.counted(stage.dataset_id)) == sorted(leads)


def test_conversions_flow_through_redis(stage: Stage, redis_url: str) -> None:
    with at_work(stage, redis_url):
        leads = [stage.lead() for _ in range(3)]
        eventually(lambda: set(map(stage.states().get, leads)) == {"done"})
    assert all_counted(stage, leads)


def test_without_redis_the_worker_hints_to_itself(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(3)]
    with at_work(stage, None):
        eventually(lambda: set(map(stage.states().get, leads)) == {"done"})
    assert all_counted(stage, leads)


def test_a_redis_that_is_gone_costs_seconds_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    lead = stage.lead()
    with at_work(stage, "redis://127.0.0.1:1/0"):
        eventually(lambda: stage.states()[lead] == "done")
    assert all_counted(stage, [lead])


def test_a_dead_dataset_does_not_delay_another(stage: Stage, redis_url: str) -> None:
    dead = Stage(stage.db, stage.meta)
    dead.store_token()
    stage.meta.register(dead.dataset_id, dead_token=True)
    parked, lead = dead.lead(), stage.lead()
    with at_work(stage, redis_url):
        eventually(lambda: stage.states()[lead] == "done" and dead.states()[parked] == "parked")
    assert all_counted(stage, [lead])


def test_a_quiet_tour_is_ended_by_the_worker(stage: Stage, redis_url: str) -> None:
    stage.observe(TourStarted(session_id="walk", property_id="villa-7", occurred_at=LONG_AGO))
    arrived_long_ago = "arrived_at = now() - interval '2 hours'"
    stage.db.rows(
        f"UPDATE read_models.tour_sessions_v1 SET {arrived_long_ago} WHERE brokerage_id = %s RETURNING 1",
        stage.brokerage_id,
    )
    stage.db.rows(
        "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s RETURNING 1", stage.brokerage_id
    )  # fmt: skip
    with at_work(stage, redis_url):
        (ended,) = eventually(lambda: stage.db.facts(stage.brokerage_id, "tours.ended.v1"))
    assert ended["session_id"] == "walk"


def test_a_storm_of_weakness_passes_and_everything_is_counted_once(stage: Stage, redis_url: str) -> None:
    stage.meta.plan(transient_share=0.3, lost_after_processing_share=0.1, seed=7)
    with at_work(stage, redis_url):
        leads = [stage.lead() for _ in range(12)]
        eventually(lambda: set(map(stage.states().get, leads)) == {"done"})
    assert all_counted(stage, leads)
    assert not [one for one in stage.meta.received(stage.dataset_id) if one["anomalies"]]


def test_a_hint_is_repeated_only_for_news_or_after_a_while(stage: Stage) -> None:
    memory = Memory(again_s=5)
    first = Hint(stage.brokerage_id, "conversion", stage.dataset_id, None, LONG_AGO)
    assert memory.is_news(first, 100.0)
    memory.given(first, 100.0)
    assert not memory.is_news(first, 104.0)
    assert memory.is_news(first, 105.0)
    later = Hint(stage.brokerage_id, "conversion", stage.dataset_id, None, LONG_AGO.replace(hour=1))
    assert memory.is_news(later, 101.0)


def test_a_second_drain_of_a_lane_makes_the_first_look_again(stage: Stage) -> None:
    turns, lane = Turns(), Lane(stage.brokerage_id, "1")
    assert turns.take(lane)
    assert not turns.take(lane)
    assert turns.again(lane)
    assert not turns.again(lane)
    assert turns.take(lane)
