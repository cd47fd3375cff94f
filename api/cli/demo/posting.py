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
    """What the API said. `facts` maps an item's id → the id of its fact."""

    posted: int = 0
    requests: int = 0
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def play(producer: httpx.Client, items: Sequence[Item], progress: Callable[[int], None]) -> Tally:
    """Post all items in order and return the verdicts; `progress` is called with the number just posted."""
    tally, began = Tally(), time.perf_counter()
    for part in _parts(items):
        verdicts = [_post_alone(producer, part[0])] if part[0].alone else _post_batch(producer, part)
        tally.requests += 1
        for item, verdict in zip(part, verdicts, strict=True):
            _count(tally, item, verdict)
        progress(len(part))
    tally.seconds = time.perf_counter() - began
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
    return {**answer.json(), "status": STATUS[answer.status_code]}


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
    again = item.expected == "accepted" and status == "duplicate"  # the demo was played here before
    if status != item.expected and not again:
        said = "; ".join(f"{one['field']} {one['message']}" for one in errors)
        tally.surprises.append(f"{item.body.get('id')}: {status} instead of {item.expected}. {said}".strip())
