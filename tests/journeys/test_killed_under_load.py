"""Everything is killed with -9, again and again, under load and with a failing Meta: nothing lost, nothing twice."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.journeys.running import Masar, running, until
from tests.journeys.touring import LISTING, home_of, save, talk, tour, view, visitor
from tests.patience import PATIENCE_S

VICTIMS = ("api", "projector", "worker", "scheduler", "postgres", "redis")
ROUNDS = 3
WRITERS, TOURS = 4, 60
EVERY = 4
"""Of so many tours one is followed by a conversation to be read, a save, and a viewing."""


class Load:
    """Writers that post tours, talks, saves and viewings, and send again whatever was not acknowledged.

    They stop when all of theirs is.
    """

    def __init__(self, masar: Masar) -> None:
        self._masar = masar
        self.acknowledged: list[dict[str, Any]] = []
        self.booked: list[str] = []
        self._tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
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
            thread.join(timeout=PATIENCE_S)

    def _write(self, writer: int) -> None:
        with httpx.Client() as client:
            for nth in range(TOURS):
                touchpoints = _touchpoints(f"w{writer}-{nth}", visitor(writer * TOURS + nth), nth % EVERY == 0)
                until(lambda batch=touchpoints: self._post(client, batch), "an answer")
                with self._lock:
                    self.acknowledged += touchpoints
                if nth % EVERY == 0:
                    self._book(client, writer, nth)

    def _book(self, client: httpx.Client, writer: int, nth: int) -> None:
        home, starts_at = home_of(f"w{writer}-{nth}"), self._tomorrow + timedelta(hours=nth)
        wish = {
            "id": f"viewing-{writer}-{nth}", "person": visitor(writer * TOURS + nth), "listing": LISTING,
            "broker_id": f"broker-{writer}", "starts_at": starts_at.isoformat(),
            "occurred_at": datetime.now(UTC).isoformat(), "page_url": "https://homes.example/viewing",
        }  # fmt: skip
        path = f"/api/properties/{home}/book-viewing"
        booked = until(lambda: self._masar.send(path, wish, client), "a viewing")
        with self._lock:
            self.booked.append(booked["viewing_id"])

    def _post(self, client: httpx.Client, touchpoints: list[dict[str, Any]]) -> bool:
        verdicts = self._masar.post(touchpoints, client)
        return bool(verdicts["accepted"] + verdicts["duplicate"] == len(touchpoints))


def _touchpoints(session: str, person: dict[str, Any], more: bool) -> list[dict[str, Any]]:
    toured = tour(session, person)
    if not more:
        return toured
    now, home = datetime.now(UTC), home_of(session)
    return [
        view(f"{session}/view", person, now - timedelta(minutes=40), home), *toured,
        *talk(f"talk-{session}", person, now - timedelta(minutes=20), home=home),
        save(f"{session}/save", person, now - timedelta(minutes=5), home),
    ]  # fmt: skip


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
        until(masar.settled, "an empty backlog")

        again = masar.post(load.acknowledged[:900])
        assert again["duplicate"] == min(900, len(load.acknowledged)), "an acknowledged touchpoint is gone"
        toured, more = WRITERS * TOURS, WRITERS * TOURS // EVERY
        # fmt: off
        expected = {
            "tours.started.v1":           toured, "tours.completed.v1":         toured,
            "conversations.completed.v1": more,   "conversations.analysed.v1":  more,
            "properties.saved.v1":        more,   "viewings.requested.v1":      more,
            "viewings.booked.v1":         more,   "calendars.slot_held.v1":     more,
        }
        # fmt: on
        events = masar.listed("/api/events", kind=list(expected))
        assert Counter(one["kind"] for one in events) == expected
        viewings = masar.listed("/api/viewings")
        assert sorted(one["id"] for one in viewings) == sorted(load.booked), "each was booked once, none is gone"
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
        until(lambda past=reached: len(load.acknowledged) > past or not load.alive, "progress after a kill")
    return killed


def _each_counted_once(masar: Masar) -> None:
    conversions = masar.listed("/api/conversions")
    assert Counter(one["status"] for one in conversions) == {"accepted": len(conversions)}
    ledger = masar.ledger()
    counted = Counter((one["event_name"], one["event_id"]) for one in ledger if one["outcome"] == "counted")
    assert set(counted.values()) == {1}
    assert set(counted) == {(one["event_name"], one["event_id"]) for one in conversions}
    assert [one for one in ledger if one["anomalies"]] == [], "an attempt differed from the one before"
