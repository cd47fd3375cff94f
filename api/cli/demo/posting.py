"""Plays the week over the public HTTP API: in batches, and item by item at the kinds' own paths."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import httpx

from api.cli.demo.diary import Item
from api.cli.demo.week import own_path

BATCH = 250
MOST_TRIES = 10
LONGEST_WAIT_S = 2.0
BUSY = (429, 503)
STATUS = {201: "accepted", 200: "duplicate", 409: "conflict", 422: "rejected"}
"""Answer of a path that takes one touchpoint → verdict."""
VIEWING = "viewings.requested.v1"
AGAIN = frozenset({("accepted", "duplicate"), ("taken", "rejected")})
"""Expected and said, where the demo was played here before; of a slot that is long past nobody says whose it is."""


class NotPlayed(Exception):
    """The API did not take the week; the message says why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was not taken: its field and the rule it breaks, as the API said it."""

    kind: str
    field: str
    rule: str


@dataclass(slots=True)
class Tally:
    """What the API said. `facts` maps an item's id → the id of its fact; `steps` counts those of viewings."""

    posted: int = 0
    requests: int = 0
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)


def play(
    producer: httpx.Client, items: Sequence[Item], progress: Callable[[int], None], tally: Tally | None = None
) -> Tally:
    """Post all items in order and return the verdicts; `progress` is called with the number just posted.

    What is counted is added to a tally where one is given.
    """
    tally, began = tally or Tally(), time.perf_counter()
    for part in _parts(items):
        verdicts = [_post_alone(producer, part[0])] if part[0].alone else _post_batch(producer, part)
        tally.requests += 1
        for item, verdict in zip(part, verdicts, strict=True):
            _count(tally, item, verdict)
            _follow(producer, tally, item, verdict)
        progress(len(part))
    tally.seconds += time.perf_counter() - began
    return tally


def _parts(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Cut the week into requests: what goes alone, alone; the rest in batches, nothing out of order."""
    for alone, run in groupby(items, key=lambda item: item.alone):
        waiting = list(run)
        size = 1 if alone else BATCH
        yield from (waiting[start : start + size] for start in range(0, len(waiting), size))


def _post_batch(producer: httpx.Client, items: Sequence[Item]) -> list[dict[str, Any]]:
    answer = _post(producer, "/api/touchpoints", {"touchpoints": [item.body for item in items]})
    if answer.status_code != 200:
        raise NotPlayed(f"/api/touchpoints answered {answer.status_code}: {answer.text[:300]}")
    return list(answer.json()["items"])


def _post_alone(producer: httpx.Client, item: Item) -> dict[str, Any]:
    path, body = own_path(item)
    answer = _post(producer, path, body)
    if answer.status_code not in STATUS:
        raise NotPlayed(f"{path} answered {answer.status_code}: {answer.text[:300]}")
    said = answer.json()
    if item.body["kind"] == VIEWING and "viewing_id" in said:  # the wish is recorded, whoever has the slot
        status = "taken" if answer.status_code == 409 else STATUS[answer.status_code]
        return {**said, "status": status, "event_id": said["viewing_id"]}
    return {**said, "status": STATUS[answer.status_code]}


def _follow(producer: httpx.Client, tally: Tally, item: Item, verdict: dict[str, Any]) -> None:
    """Take the steps of a viewing that was booked, as the brokers' system would; a repeat changes nothing."""
    if verdict["status"] not in ("accepted", "duplicate"):
        return
    for step in item.then:
        name, _, outcome = step.partition(":")
        body = {"outcome": outcome, "id": f"{item.body['id']}-{name}"} if outcome else {}
        answer = _post(producer, f"/api/viewings/{verdict['viewing_id']}/{name}", body)
        tally.requests += 1
        if answer.status_code in (200, 201):
            tally.steps[name] += 1
        else:
            tally.surprises.append(f"{item.body['id']}: {name} answered {answer.status_code}: {answer.text[:200]}")


def _post(producer: httpx.Client, path: str, body: dict[str, Any]) -> httpx.Response:
    """Post, and again while the API asks for patience or is away: every item is idempotent."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            answer = producer.post(path, json=body)
        except httpx.TransportError as lost:
            if attempt == MOST_TRIES:
                raise NotPlayed(f"{producer.base_url} does not answer: {lost}") from lost
            time.sleep(min(LONGEST_WAIT_S, 0.1 * 2**attempt))
            continue
        if answer.status_code not in BUSY or attempt == MOST_TRIES:
            break
        time.sleep(min(LONGEST_WAIT_S, float(answer.headers.get("retry-after", 1))))
    return answer


def _count(tally: Tally, item: Item, verdict: dict[str, Any]) -> None:
    status = str(verdict["status"])
    tally.posted += 1
    tally.verdicts[status] += 1
    if verdict.get("event_id"):
        tally.facts[str(item.body.get("id"))] = str(verdict["event_id"])
    errors = verdict.get("errors") or []
    if status == "rejected":
        tally.refused += [Refused(item.body["kind"], one["field"], one["message"]) for one in errors[:1]]
    if status != item.expected and (item.expected, status) not in AGAIN:
        said = "; ".join(f"{one['field']} {one['message']}" for one in errors)
        tally.surprises.append(f"{item.body.get('id')}: {status} instead of {item.expected}. {said}".strip())
