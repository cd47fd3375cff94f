"""Asks the public API, with a reader key, what came of the week."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from api.cli.demo.diary import Item
from api.cli.demo.ground import DATASETS
from api.cli.demo.posting import Tally

Row = dict[str, Any]
SHOWN = ("tours", "conversations", "appraisals", "lead_forms", "saves")
"""What somebody may be best at: one person of each is shown in full."""
JOURNEY = "came_to_see_it"
"""The story of which one journey is told."""
PAGE = 200
REMEMBERED_S = 60.0
"""How long to ask for the value model, which was made when the week began."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the read models say: all people, some of them in full, one journey, tours, viewings, rentals, conversions.

    `counted` is what the stand-in for Meta counted, by event name; None where there is no stand-in.
    """

    people: list[Row]
    shown: list[Row]
    journey: Row | None
    tours: Row
    viewings: list[Row]
    rentals: list[Row]
    value_model: Row | None
    conversions: Row
    counted: dict[str, Row] | None
    one_conversion: str | None


def find(reader: httpx.Client, graph_url: str, items: Sequence[Item], tally: Tally) -> Findings:
    """Return what came of the week. Raises httpx.HTTPError where the API does not answer."""
    people = _listed(reader, "/api/people")
    newest = _get(reader, "/api/conversions", status="accepted", limit="1")["items"]
    return Findings(
        people=people,
        shown=[_get(reader, f"/api/people/{row['id']}") for row in _some(people)],
        journey=_journey(reader, items, tally),
        tours=_get(reader, "/api/tours/analytics"),
        viewings=_listed(reader, "/api/viewings"),
        rentals=_listed(reader, "/api/rentals"),
        value_model=_value_model(reader),
        conversions=_get(reader, "/api/conversions", summary="true"),
        counted=counted_by(graph_url),
        one_conversion=newest[0]["id"] if newest else None,
    )


def counted_by(graph_url: str) -> dict[str, Row] | None:
    """Return what the stand-in counted in all the demo's datasets, by event name: `counted` and `repeats`.

    None where something else, or nobody, answers there.
    """
    try:
        answer = httpx.get(f"{graph_url}/_simulator/summary", timeout=5, trust_env=False)
        known = answer.json()["datasets"] if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    return None if known is None else _added(known[one] for one in DATASETS if one in known)


def _added(datasets: Iterable[Row]) -> dict[str, Row]:
    added: dict[str, Row] = {}
    for dataset in datasets:
        for name, totals in dataset.items():
            known = added.setdefault(name, {"counted": 0, "repeats": 0})
            added[name] = {key: known[key] + totals[key] for key in known}
    return added


def _listed(reader: httpx.Client, path: str) -> list[Row]:
    """Return all items of a list, page after page."""
    items: list[Row] = []
    cursor: str | None = None
    while True:
        page = _get(reader, path, limit=str(PAGE), **({"cursor": cursor} if cursor else {}))
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def _value_model(reader: httpx.Client) -> Row | None:
    """Return the value model; the API remembers a brokerage's rules for some seconds, so it may show a moment later."""
    deadline = time.monotonic() + REMEMBERED_S
    while True:
        answer = reader.get("/api/rentals/value-model")
        model = dict(answer.json()) if answer.status_code == 200 else None
        if (model and model["enough_data"]) or time.monotonic() > deadline:
            return model
        time.sleep(0.2)


def _some(people: Sequence[Row]) -> list[Row]:
    """Return one known person for each thing that somebody can be best at: of those, one in the upper half."""
    some: list[Row] = []
    for best in SHOWN:
        of_it = [row for row in people if row["best"] == best and row["known"]]
        some += of_it[len(of_it) // 4 :][:1]
    return some


def _journey(reader: httpx.Client, items: Sequence[Item], tally: Tally) -> Row | None:
    """Return the journey of the first who toured, talked, saved and came to see the home, with their name."""
    for item in items:
        fact = tally.facts.get(str(item.body.get("id")))
        if fact and item.story == JOURNEY and item.body["kind"] == "viewings.requested.v1":
            subject = _get(reader, f"/api/events/{fact}")["subject_id"]
            person = _get(reader, f"/api/people/{subject}")
            return {**_get(reader, f"/api/people/{subject}/journey"), "person": person}
    return None


def _get(reader: httpx.Client, path: str, **query: str) -> Row:
    return dict(reader.get(path, params=query).raise_for_status().json())
