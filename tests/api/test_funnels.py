"""Funnels over HTTP: defined, counted from the log, person by person; steps that a producer saw taken."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint

TOUR, ROOM, SAVED, LEAD = "tours.started.v1", "tours.room_visited.v1", "properties.saved.v1", "leads.form_submitted.v1"
FUNNEL = {
    "name": "From tour to lead",
    "steps": [
        {"name": "tour", "kinds": [TOUR]},
        {"name": "kitchen", "kinds": [ROOM], "when": [{"fact": "room", "equals": "kitchen"}]},
        {"name": "lead", "kinds": [LEAD]},
    ],
    "window_s": 3600,
}  # fmt: skip


def did(
    who: str, kind: str, seconds_ago: float, payload: dict[str, Any] | None = None, **beside: Any
) -> dict[str, Any]:
    person = {"email": f"{who}@mail.example"}
    return touchpoint(kind, payload, person=person, occurred_at=ago(seconds_ago), **beside)


def room(who: str, name: str, seconds_ago: float) -> dict[str, Any]:
    return did(who, ROOM, seconds_ago, {"session_id": who, "property_id": "villa-7", "room": name, "dwell_s": 5})


def tour(who: str, seconds_ago: float, **beside: Any) -> dict[str, Any]:
    return did(who, TOUR, seconds_ago, {"session_id": who, "property_id": "villa-7"}, **beside)


@pytest.fixture(scope="module")
def house(stage: Stage) -> Brokerage:
    """Anna went all the way, Basem too slowly, Carim saw another room, Dina's was a test."""
    house = stage.brokerage()
    house.post(
        tour("anna", 3000), room("anna", "kitchen", 2900), did("anna", LEAD, 2700),
        tour("basem", 9000), room("basem", "kitchen", 8990), did("basem", LEAD, 5000),
        tour("carim", 2000), room("carim", "hall", 1900), did("carim", LEAD, 1800),
        tour("dina", 2000, test=True),
    )  # fmt: skip
    stage.settled()
    return house


@pytest.fixture(scope="module")
def funnel(house: Brokerage) -> str:
    """The funnel's address."""
    made = house.operator.post("/api/funnels", json=FUNNEL)
    assert made.status_code == 201, made.text
    return f"/api/funnels/{made.json()['id']}"


def person_of(house: Brokerage, who: str, funnel: str) -> str:
    order = {"anna": 3, "basem": 2, "carim": 1}
    (found,) = [
        one["person_id"] for one in house.read(f"{funnel}/people")["items"] if one["reached"] == order[who]
    ]  # fmt: skip
    return str(found)


def test_figures_are_computed_from_what_people_did(house: Brokerage, funnel: str) -> None:
    found = house.read(funnel)
    assert (found["entered"], found["completed"], found["conversion_rate"]) == (3, 1, 0.3333)
    assert [(one["name"], one["people"], one["dropped"]) for one in found["figures"]] == [
        ("tour", 3, 0), ("kitchen", 2, 1), ("lead", 1, 1),
    ]  # fmt: skip
    assert found["figures"][1]["median_s"] == pytest.approx(55, abs=1)
    (begin, end) = found["time_to_convert"]["bins"]
    assert (begin["from_s"], begin["people"], end["people"]) == (pytest.approx(300, abs=1), 1, 0)


def test_a_span_and_two_steps_can_be_asked_for(house: Brokerage, funnel: str) -> None:
    assert house.read(funnel, since=ago(4000))["entered"] == 2
    asked = house.read(funnel, from_step=1, to_step=2, bins=1)["time_to_convert"]
    assert sum(one["people"] for one in asked["bins"]) == 2  # at which side of an edge depends on a millisecond
    wrong = house.reader.get(funnel, params={"from_step": 3, "to_step": 2})
    assert (wrong.status_code, fields_of(wrong)) == (422, ["to_step"])


def test_the_people_behind_a_bar_are_listed(house: Brokerage, funnel: str) -> None:
    assert house.read(f"{funnel}/people")["people"] == 3
    assert house.read(f"{funnel}/people", step=2)["people"] == 2
    (dropped,) = house.read(f"{funnel}/people", step=3, dropped=True)["items"]
    assert (dropped["reached"], dropped["next_step"]) == (2, "lead")
    first = house.read(f"{funnel}/people", limit=2)
    rest = house.read(f"{funnel}/people", limit=2, cursor=first["next_cursor"])
    listed = [one["person_id"] for one in [*first["items"], *rest["items"]]]
    assert (len(set(listed)), rest["next_cursor"]) == (3, None)
    assert house.reader.get(f"{funnel}/people", params={"step": 4}).status_code == 422
    assert house.reader.get(f"{funnel}/people", params={"dropped": True}).status_code == 422


def test_one_persons_progress_is_shown_step_by_step(house: Brokerage, funnel: str) -> None:
    found = house.read(f"{funnel}/steps", person=person_of(house, "anna", funnel))
    assert (found["completed"], found["next_step"]) == (True, None)
    assert [one["name"] for one in found["steps"] if one["at"]] == ["tour", "kitchen", "lead"]
    assert [one["people"] for one in house.read(f"{funnel}/steps")["items"]] == [3, 2, 1]
    assert house.reader.get(f"{funnel}/steps", params={"person": str(uuid4())}).status_code == 404


def test_a_step_that_a_producer_saw_taken_counts(stage: Stage, nile: Brokerage) -> None:
    made = nile.operator.post("/api/funnels", json=FUNNEL).json()["id"]
    nile.post(tour("anna", 3000), room("anna", "kitchen", 2900))
    body = {"id": "at-the-counter", "person": {"email": "anna@mail.example"}, "occurred_at": ago(2800)}
    path = f"/api/funnels/{made}/steps/3/complete"
    assert nile.producer.post(path, json=body).status_code == 201
    assert nile.producer.post(path, json=body).status_code == 200, "a repeat changes nothing"
    stage.settled()
    assert nile.read(f"/api/funnels/{made}")["completed"] == 1
    (one,) = nile.read("/api/events", kind="funnels.step_completed.v1")["items"]
    assert (one["fields"]["funnel_id"], one["fields"]["step"]) == (made, 3)


@pytest.mark.parametrize("step", ["0", "4", "-1", "two", "1.5", "999999999999"])
def test_a_step_that_the_funnel_does_not_have_is_not_completed(nile: Brokerage, step: str) -> None:
    made = nile.operator.post("/api/funnels", json=FUNNEL).json()["id"]
    response = nile.producer.post(
        f"/api/funnels/{made}/steps/{step}/complete", json={"person": {"email": "a@b.example"}}
    )
    assert (response.status_code, fields_of(response)) == (422, ["n"])


def test_a_definition_has_versions(nile: Brokerage) -> None:
    first = nile.operator.post("/api/funnels", json=FUNNEL)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert nile.operator.post("/api/funnels", json=FUNNEL).status_code == 200
    second = nile.operator.post("/api/funnels", json={**FUNNEL, "order": "any"})
    assert (second.status_code, second.json()["version"], second.json()["id"]) == (201, 2, first.json()["id"])
    (listed,) = nile.read("/api/funnels")["items"]
    assert (listed["version"], listed["order"]) == (2, "any")


STEPS: Any = FUNNEL["steps"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**FUNNEL, "steps": STEPS[:1]}, "steps"),
        ({**FUNNEL, "steps": [*STEPS, {"name": "x", "kinds": ["tours.flown.v1"]}]}, "steps.3.kinds"),
        ({**FUNNEL, "steps": [*STEPS, {"name": "x", "kinds": [TOUR], "when": [{"fact": "hints", "equals": "x"}]}]},
         "steps.3.when.0.fact"),
        ({**FUNNEL, "window_s": 0}, "window_s"),
        ({**FUNNEL, "order": "loose"}, "order"),
        ({**FUNNEL, "colour": "red"}, "colour"),
        ({"steps": STEPS}, "name"),
    ],
)  # fmt: skip
def test_a_bad_definition_names_its_field(busy: Brokerage, body: Any, field: str) -> None:
    response = busy.operator.post("/api/funnels", json=body)
    assert response.status_code == 422
    assert fields_of(response)[0] == field


def test_another_brokerage_sees_and_completes_nothing(house: Brokerage, funnel: str, delta: Brokerage) -> None:
    assert delta.read("/api/funnels")["items"] == []
    for path in (funnel, f"{funnel}/people", f"{funnel}/steps"):
        assert delta.reader.get(path).status_code == 404
    theirs = {"person": {"email": "anna@mail.example"}}
    assert delta.producer.post(f"{funnel}/steps/1/complete", json=theirs).status_code == 404


def test_each_path_has_its_key(busy: Brokerage) -> None:
    one = f"/api/funnels/{uuid4()}"
    assert busy.reader.post("/api/funnels", json=FUNNEL).status_code == 403
    assert busy.producer.get(one).status_code == 403
    assert busy.reader.post(f"{one}/steps/1/complete", json={}).status_code == 403
    assert busy.operator.post("/api/funnels/{x}/steps/{n}/complete", json={}).status_code == 403
