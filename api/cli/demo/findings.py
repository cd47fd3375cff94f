"""Asks the public API, with a reader key, what came of the week."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from api.cli.demo.diary import Item
from api.cli.demo.ground import DATASET
from api.cli.demo.posting import Tally

Row = dict[str, Any]
SHOWN = (("hot", 3), ("warm", 2), ("cold", 1))
"""How many people of each quality are shown in full."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class Findings:
    """What the read models say: all people, some of them in full, one journey, tours, conversions.

    `counted` is what the stand-in for Meta counted, by event name; None where there is no stand-in.
    """

    people: list[Row]
    shown: list[Row]
    journey: Row | None
    tours: Row
    conversions: Row
    counted: dict[str, Row] | None
    one_conversion: str | None


def find(reader: httpx.Client, graph_url: str, items: Sequence[Item], tally: Tally) -> Findings:
    """Return what came of the week. Raises httpx.HTTPError where the API does not answer."""
    people = _people(reader)
    newest = _get(reader, "/api/conversions", status="accepted", limit="1")["items"]
    return Findings(
        people=people,
        shown=[_get(reader, f"/api/people/{row['id']}") for row in _some(people)],
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


def _some(people: Sequence[Row]) -> list[Row]:
    """Return a few of each quality, from the best to the last of them; those who left a name come first."""
    some: list[Row] = []
    for quality, count in SHOWN:
        of_it = [row for row in people if row["quality"] == quality]
        named = [row for row in of_it if row["forms"]]
        among = named if len(named) >= count else of_it
        some += among[:: max(1, (len(among) - 1) // max(1, count - 1))][:count]
    return some


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
