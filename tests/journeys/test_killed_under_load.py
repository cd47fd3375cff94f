"""Everything is killed with -9, again and again, under load and with a failing Meta: nothing lost, nothing twice."""

import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.journeys.running import Masar, running, until
from tests.journeys.touring import tour, visitor

VICTIMS = ("api", "projector", "worker", "scheduler", "postgres", "redis")
ROUNDS = 3
WRITERS, TOURS = 4, 60


class Load:
    """Writers that post tours and send again whatever was not acknowledged; they stop when all of theirs is."""

    def __init__(self, masar: Masar) -> None:
        self._masar = masar
        self.acknowledged: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._write, args=(nth,)) for nth in range(WRITERS)]

    @property
    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=120)

    def _write(self, writer: int) -> None:
        with httpx.Client() as client:
            for nth in range(TOURS):
                touchpoints = tour(f"w{writer}-{nth}", visitor(writer * TOURS + nth))
                until(lambda batch=touchpoints: self._post(client, batch), "an answer", 60)
                with self._lock:
                    self.acknowledged += touchpoints

    def _post(self, client: httpx.Client, touchpoints: list[dict[str, Any]]) -> bool:
        verdicts = self._masar.post(touchpoints, client)
        return bool(verdicts["accepted"] + verdicts["duplicate"] == len(touchpoints))


def test_nothing_is_lost_or_doubled_whatever_dies(tmp_path: Path) -> None:
    with running(tmp_path) as masar:
        masar.faults(lost_after_processing_share=0.2, transient_share=0.2, seed=5)
        load = Load(masar)
        load.start()
        killed = _kill_in_turn(masar, load)
        load.join()
        assert set(killed) == set(VICTIMS), f"only {killed} died"
        masar.kill_all()
        masar.start()
        masar.faults()
        until(masar.settled, "an empty backlog", 120)

        again = masar.post(load.acknowledged[:900])
        assert again["duplicate"] == min(900, len(load.acknowledged)), "an acknowledged touchpoint is gone"
        events = masar.listed("/api/events", kind=["tours.started.v1", "tours.completed.v1"])
        assert Counter(one["kind"] for one in events) == {
            "tours.started.v1": WRITERS * TOURS, "tours.completed.v1": WRITERS * TOURS,
        }  # fmt: skip
        findings = masar.cli("doctor", "--consistency", check=False)
        assert [one for one in findings if not one["ok"]] == []
        _each_counted_once(masar)


def _kill_in_turn(masar: Masar, load: Load) -> Counter[str]:
    """Kill each service several times while the load runs, each as soon as it is up again."""
    killed: Counter[str] = Counter()
    order = [victim for _ in range(ROUNDS) for victim in random.Random(11).sample(VICTIMS, len(VICTIMS))]
    for victim in order:
        reached = len(load.acknowledged)
        until(lambda name=victim: masar.kill(name), f"{victim} to kill")
        killed[victim] += 1
        until(lambda past=reached: len(load.acknowledged) > past or not load.alive, "progress after a kill", 60)
    return killed


def _each_counted_once(masar: Masar) -> None:
    conversions = masar.listed("/api/conversions")
    assert Counter(one["status"] for one in conversions) == {"accepted": len(conversions)}
    ledger = masar.ledger()
    counted = Counter((one["event_name"], one["event_id"]) for one in ledger if one["outcome"] == "counted")
    assert set(counted.values()) == {1}
    assert set(counted) == {(one["event_name"], one["event_id"]) for one in conversions}
    assert [one for one in ledger if one["anomalies"]] == [], "an attempt differed from the one before"
