"""No brokerage sees anything of another's by any route, whatever ids it knows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from api.docs import SIGNED
from tests.api.stage import Brokerage, Stage, ago, problem_of, touchpoint

CANARIES = (
    "Canary Person",
    "canary@example.com",
    "+201011112222",
    "canary-room",
    "canary-place",
    "canary-page",
    "canary",
)
SESSION, HOME = "canary-session", "canary-home"


@dataclass
class Known:
    """What another brokerage somehow learned of ours."""

    ids: set[str] = field(default_factory=set)
    cursors: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def ours(stage: Stage) -> Brokerage:
    """A brokerage with a bit of everything in it."""
    ours = stage.brokerage()
    person = {"name": "Canary Person", "email": "canary@example.com", "phone": "+201011112222", "fbp": "fb.1.1.canary"}
    tour = {"session_id": SESSION, "property_id": HOME}
    ours.post(
        touchpoint("tours.started.v1", tour, person={"fbp": "fb.1.1.canary"}, page_url="https://x.example/canary-page"),
        touchpoint(payload={**tour, "room": "canary-room", "dwell_s": 700}, person=person),
        touchpoint("tours.completed.v1", tour, occurred_at=ago(10)),
        touchpoint("leads.form_submitted.v1", {"location": "canary-place"}, person=person),
        touchpoint("properties.saved.v1", {"property_id": HOME}, person=person),
        touchpoint("people.consent_given.v1", person=person),
    )
    stage.settled()
    return ours


@pytest.fixture(scope="module")
def known(ours: Brokerage) -> Known:
    """Every id and cursor that our own reads show."""
    known = Known()
    for path in ("/api/people", "/api/events", "/api/conversions"):
        known.cursors[path] = ours.read(path, limit=1)["next_cursor"]
        known.ids |= set(_ids(ours.read(path)))
    known.ids |= {ours.read("/api/events")["items"][0]["id"].partition(".")[0] + ".2", str(ours.brokerage_id)}
    assert len(known.ids) > 10
    return known


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _ids(part)
    elif isinstance(value, list):
        for part in value:
            yield from _ids(part)
    elif isinstance(value, str) and len(value.partition(".")[0]) == 36 and value.count("-") == 4:
        yield value


OPERATORS = frozenset({
    "/api/notifications/agents", "/api/notifications/agents/{agent}",
    "/api/conversions/dead-letters", "/api/test-meta", "/api/conversions/{conversion_id}/attempts/{request_id}/body",
})  # fmt: skip
"""What operators alone may read."""
FOR_BOTH = frozenset({"/api/viewings/{viewing_id}/qr.png"})
"""Paths that readers and producers may ask alike."""


ENDLESS = "/api/conversations/stream"
"""An answer that goes on: what others hear of it is a matter of its own tests."""


def routes(stage: Stage) -> list[tuple[str, str]]:
    document = stage.client().get("/openapi.json").json()
    return [
        (method, path)
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/api/")
    ]  # fmt: skip


def filled(path: str, name: str) -> str:
    """Return a path with a name in each of its places; a number where it wants one."""
    return re.sub(r"\{\w+\}", name, path.replace("{n}", "1"))


def nothing_of_ours(response: httpx.Response, *asked: str) -> None:
    text = response.text
    for word in asked:
        text = text.replace(word, "")
    leaked = [canary for canary in CANARIES if canary in text]
    assert not leaked, (response.request.url, leaked, response.text)


def test_the_canaries_are_there_for_their_own_brokerage(ours: Brokerage) -> None:
    person = ours.subject_of(ours.read("/api/events", kind="leads.form_submitted.v1")["items"][0]["id"])
    told = ours.reader.get(f"/api/people/{person}").text + ours.reader.get(f"/api/people/{person}/journey").text
    assert [canary for canary in CANARIES if canary not in told] == []


@pytest.mark.parametrize("kind", ["producer", "reader", "operator"])
def test_every_route_walked_with_their_ids_shows_nothing(
    stage: Stage, known: Known, ours: Brokerage, kind: str
) -> None:
    theirs: httpx.Client = getattr(stage.brokerage(), kind)
    walked = 0
    for method, path in routes(stage):
        if path == ENDLESS or (path.startswith(SIGNED) and method == "get"):
            continue  # no key of ours opens the latter
        names = known.ids | {SESSION, HOME} if "{" in path else {""}
        for name in names:
            url = filled(path, name)
            response = theirs.request(method, url, json={"id": name or "t"} if method == "post" else None)
            assert response.status_code < 500, response.text
            nothing_of_ours(response, name)
            if kind != "producer" and method == "get":
                walked += 1
                refused = (403, 422) if path in OPERATORS and kind == "reader" else ()
                assert response.status_code in (refused or ((404, 422) if name else (200,))), (url, response.text)
    assert kind == "producer" or walked > 50


@pytest.mark.parametrize("kind", ["reader", "operator"])
def test_their_lists_and_sums_are_empty_by_every_filter(stage: Stage, known: Known, ours: Brokerage, kind: str) -> None:
    theirs: httpx.Client = getattr(stage.brokerage(), kind)
    conversion = ours.read("/api/conversions")["items"][0]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/api/people", {}), ("/api/people", {"known": True}), ("/api/people", {"quality": "cold"}),
        ("/api/conversions", {}), ("/api/conversions", {"dataset_id": conversion["dataset_id"]}),
        ("/api/events", {"kind": "leads.form_submitted.v1"}),
        *(("/api/events", {"person": one}) for one in sorted(known.ids) if "." not in one),
        *(("/api/events", {"aggregate": one}) for one in sorted(known.ids) if "." not in one),
        *(("/api/conversions", {"person_id": one}) for one in sorted(known.ids) if "." not in one),
        *((path, {"cursor": cursor}) for path, cursor in known.cursors.items() if path != "/api/events"),
    ]  # fmt: skip
    for path, query in asked:
        response = theirs.get(path, params=query)
        assert response.status_code == 200, response.text
        kinds = {one.get("kind", "") for one in response.json()["items"]}
        assert all(one.startswith("brokerage.") for one in kinds), (path, query, response.text)
        nothing_of_ours(response)
    summary = theirs.get("/api/conversions", params={"summary": True}).json()
    assert (summary["rows"], summary["total_conversions"], summary["by_status"]) == ([], 0, {})
    for query in ({}, {"property_id": HOME}):
        sums = theirs.get("/api/tours/analytics", params=query).json()
        assert (sums["sessions"], sums["by_property"], sums["by_kind"]) == (0, [], [])


def test_their_log_holds_only_their_own_setting_up(stage: Stage, known: Known) -> None:
    delta = stage.brokerage()
    for query in ({}, {"cursor": known.cursors["/api/events"]}, {"position": 0}):
        items = delta.read("/api/events", **query)["items"]
        assert all(one["kind"].startswith("brokerage.") for one in items)
        assert not {one["id"] for one in items} & known.ids


def test_the_same_ids_and_people_are_independent_in_each_brokerage(
    stage: Stage, nile: Brokerage, delta: Brokerage
) -> None:
    item = touchpoint("leads.form_submitted.v1", person={"email": "both@example.com", "phone": "+201000000001"})
    first, other = nile.verdict(item), delta.verdict(item)
    assert (first["status"], other["status"]) == ("accepted", "accepted")
    assert first["event_id"] != other["event_id"]
    assert nile.subject_of(first["event_id"]) != delta.subject_of(other["event_id"])
    stage.settled()
    assert [len(house.read("/api/people")["items"]) for house in (nile, delta)] == [1, 1]


def test_idempotency_keys_are_independent_in_each_brokerage(nile: Brokerage, delta: Brokerage) -> None:
    headers = {"idempotency-key": "same"}
    answers = [
        house.producer.post("/api/leads", json={"location": place}, headers=headers).status_code
        for house, place in ((nile, "Giza"), (delta, "Maadi"))
    ]
    assert answers == [201, 201]


def test_their_posts_about_our_tour_change_nothing_of_ours(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    tour = {"session_id": "shared-name", "property_id": "villa-7"}
    nile.post(touchpoint("tours.started.v1", tour, person={"visitor_id": "v-1"}))
    stage.settled()
    before = nile.read("/api/tours/analytics"), nile.read("/api/people")
    delta.producer.post("/api/tours/shared-name/complete", json={"person": {"visitor_id": "v-1"}})
    delta.post(touchpoint(payload={**tour, "dwell_s": 5000}, person={"visitor_id": "v-1", "email": "x@example.com"}))
    stage.settled()
    assert (nile.read("/api/tours/analytics"), nile.read("/api/people")) == before


@pytest.mark.parametrize("shown", [None, "wrong kind"])
def test_no_route_opens_without_the_right_key(stage: Stage, nile: Brokerage, shown: str | None) -> None:
    walked = routes(stage)
    assert len(walked) >= 13
    for method, path in walked:
        client = stage.client() if shown is None else nile.producer if method == "get" else nile.reader
        if path.startswith(SIGNED):
            continue  # their body is signed instead
        url = filled(path, "0a11ce00-0000-4000-8000-000000000001")
        response = client.request(method, url, json={} if method == "post" else None)
        assert response.status_code == (401 if shown is None else 404 if path in FOR_BOTH else 403), path
        problem_of(response)
