"""Playing the week: every item once, in order, patiently, and with an honest count."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.cli.demo import posting
from api.cli.demo.posting import BATCH, NotPlayed, play
from api.cli.demo.week import week

ITEMS = week(30, 7, datetime(2026, 11, 20, 18, tzinfo=UTC))


class Api:
    """Answers as the API does, with a verdict for each item by `judge`; remembers what came."""

    def __init__(self, judge: str | None = None) -> None:
        self.judge, self.busy = judge, 0
        self.came: list[str | None] = []
        self.steps: list[str] = []
        self.verdicts = iter([item.expected for item in ITEMS])

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.busy:
            self.busy -= 1
            return httpx.Response(503, headers={"Retry-After": "0"})
        body = json.loads(request.content)
        if request.url.path == "/api/touchpoints":
            assert len(body["touchpoints"]) <= BATCH
            return httpx.Response(200, json={"items": [self._one(item) for item in body["touchpoints"]]})
        if request.url.path.startswith("/api/viewings/"):
            self.steps.append(request.url.path.rpartition("/")[2])
            return httpx.Response(201, json={})
        verdict = self._one(body)
        codes = {"accepted": 201, "duplicate": 200, "conflict": 409, "rejected": 422, "taken": 409}
        if request.url.path.endswith("/book-viewing"):
            verdict["viewing_id"] = verdict["event_id"]
        return httpx.Response(codes[verdict["status"]], json=verdict)

    def _one(self, body: dict[str, Any]) -> dict[str, Any]:
        self.came.append(body.get("id"))
        status = self.judge or next(self.verdicts)
        errors = [{"field": "dwell_s", "message": "is wrong"}] if status == "rejected" else []
        event_id = None if errors else f"fact of {body.get('id')}"
        return {"status": status, "event_id": event_id, "errors": errors}


def client(api: Api) -> httpx.Client:
    return httpx.Client(base_url="http://masar", transport=httpx.MockTransport(api))


def test_all_items_are_posted_in_order_and_counted() -> None:
    api = Api()
    steps: list[int] = []
    with client(api) as producer:
        tally = play(producer, ITEMS, steps.append)
    assert api.came == [item.body.get("id") for item in ITEMS]
    assert tally.posted == sum(steps) == sum(tally.verdicts.values()) == len(ITEMS)
    assert tally.surprises == []
    assert len(tally.refused) == tally.verdicts["rejected"] > 0


def test_the_steps_of_a_viewing_follow_its_booking_and_none_follow_a_refusal() -> None:
    api = Api()
    with client(api) as producer:
        tally = play(producer, ITEMS, lambda _: None)
    expected = [step.partition(":")[0] for item in ITEMS for step in item.then]
    assert api.steps == expected
    assert sum(tally.steps.values()) == len(expected) > 0
    assert tally.verdicts["taken"] == 1


def test_a_step_that_is_refused_is_a_surprise() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/viewings/"):
            return httpx.Response(409, json={"detail": "nobody came"})
        return api(request)

    api = Api()
    with httpx.Client(base_url="http://masar", transport=httpx.MockTransport(answer)) as producer:
        tally = play(producer, ITEMS, lambda _: None)
    assert len(tally.surprises) == sum(len(item.then) for item in ITEMS)
    assert "nobody came" in tally.surprises[0]


def test_a_busy_api_is_asked_again() -> None:
    api = Api()
    api.busy = 3
    with client(api) as producer:
        assert play(producer, ITEMS, lambda _: None).posted == len(ITEMS)


def test_an_api_that_stays_busy_ends_the_play(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "MOST_TRIES", 2)
    api = Api()
    api.busy = 100
    with client(api) as producer, pytest.raises(NotPlayed, match="503"):
        play(producer, ITEMS, lambda _: None)


def test_a_second_run_surprises_nobody() -> None:
    api = Api()
    api.verdicts = iter(["duplicate" if item.expected == "accepted" else item.expected for item in ITEMS])
    with client(api) as producer:
        assert play(producer, ITEMS, lambda _: None).surprises == []


def test_items_taken_that_should_be_refused_are_a_surprise() -> None:
    broken = sum(item.expected != "accepted" for item in ITEMS)
    with client(Api("accepted")) as producer:
        assert len(play(producer, ITEMS, lambda _: None).surprises) == broken


def test_the_facts_of_items_can_be_found_again() -> None:
    with client(Api()) as producer:
        tally = play(producer, ITEMS, lambda _: None)
    name = next(item.body["id"] for item in ITEMS if item.expected == "accepted")
    assert tally.facts[name] == f"fact of {name}"
