"""Asks the public API, with a reader key, what came of the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from api.cli.demo.diary import Item
from api.cli.demo.ground import DATASET
from api.cli.demo.play import Tally

Row = dict[str, Any]
MOST_SHOWN = 6
PAGE = 200


@dataclass(frozen=True, slots=True)
class Findings:
    """What the read models say: all people, the best of them in full, one journey, tours, conversions.

    `counted` is what the stand-in for Meta counted, by event name; None where there is no stand-in.
    """

    people: list[Row]
    best: list[Row]
    journey: Row | None
    tours: Row
    conversions: Row
    counted: dict[str, Row] | None
    one_conversion: str | None


def find(reader: httpx.Client, graph_url: str, items: Sequence[Item], tally: Tally) -> Findings:
    """Return what came of the week. Raises httpx.HTTPError where the API does not answer."""
    people = _people(reader)
    best = [_get(reader, f"/api/people/{row['id']}") for row in people[:MOST_SHOWN]]
    newest = _get(reader, "/api/conversions", status="accepted", limit="1")["items"]
    return Findings(
        people=people,
        best=best,
        journey=_journey(reader, items, tally),
        tours=_get(reader, "/api/tours/analytics"),
        conversions=_get(reader, "/api/conversions", summary="true"),
        counted=counted_by(graph_url),
        one_conversion=newest[0]["id"] if newest else None,
    )


def counted_by(graph_url: str) -> dict[str, Row] | None:
    """Return what the stand-in counted, by event name; None where something else, or nobody, answers there."""
    try:
        answer = httpx.get(f"{graph_url}/_simulator/summary", timeout=5, trust_env=False)
        return dict(answer.json()["datasets"].get(DATASET, {})) if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def _people(reader: httpx.Client) -> list[Row]:
    people: list[Row] = []
    cursor: str | None = None
    while True:
        page = _get(reader, "/api/people", limit=str(PAGE), **({"cursor": cursor} if cursor else {}))
        people += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return people


def _journey(reader: httpx.Client, items: Sequence[Item], tally: Tally) -> Row | None:
    """Return the journey of the first visitor from an advertisement who told who they are, with their name."""
    for item in items:
        fact = tally.facts.get(str(item.body.get("id")))
        if fact and item.story == "came_from_an_ad" and item.body["kind"] == "leads.form_submitted.v1":
            subject = _get(reader, f"/api/events/{fact}")["subject_id"]
            person = _get(reader, f"/api/people/{subject}")
            return {**_get(reader, f"/api/people/{subject}/journey"), "person": person}
    return None


def _get(reader: httpx.Client, path: str, **query: str) -> Row:
    return dict(reader.get(path, params=query).raise_for_status().json())
