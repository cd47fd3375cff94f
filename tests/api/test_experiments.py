"""Experiments over HTTP: defined with the people they need, shown with what the log has, judged on enough."""

from typing import Any

import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint

PAGE, LEAD = "web.page_viewed.v1", "leads.form_submitted.v1"


def variant(name: str) -> dict[str, Any]:
    return {"name": name, "kinds": [PAGE], "when": [{"fact": "utm.content", "equals": name}]}


def defined(**more: Any) -> dict[str, Any]:
    return {
        "name": "Kitchen first", "variants": [variant("old"), variant("new")], "goal": {"kinds": [LEAD]},
        "starts_at": ago(7200), "baseline": 0.1, "least_lift": 1.0, **more,
    }  # fmt: skip


def saw(who: str, content: str, **beside: Any) -> dict[str, Any]:
    person = {"email": f"{who}@mail.example"}
    return touchpoint(PAGE, person=person, utm={"content": content}, occurred_at=ago(600), **beside)


def lead(who: str) -> dict[str, Any]:
    return touchpoint(LEAD, person={"email": f"{who}@mail.example"}, occurred_at=ago(60))


def test_results_are_computed_from_the_log(stage: Stage, nile: Brokerage) -> None:
    made = nile.operator.post("/api/experiments", json=defined())
    assert (made.status_code, made.json()["people_needed"]) == (201, 195)
    nile.post(
        saw("anna", "old"), saw("basem", "new"), lead("basem"), saw("carim", "new"),
        saw("dina", "new"), saw("dina", "old"), saw("essam", "old", test=True), lead("farid"),
    )  # fmt: skip
    stage.settled()
    (found,) = nile.read("/api/experiments")["items"]
    shown = found["results"]
    assert [(one["name"], one["people"], one["reached"]) for one in shown["variants"]] == [("old", 1, 0), ("new", 2, 1)]
    assert shown["mixed"] == 1
    (one,) = shown["comparisons"]
    assert (one["variant"], one["verdict"], one["difference"]) == ("new", "too_little_data", 0.5)


def test_an_experiment_stays_as_it_was_defined(nile: Brokerage) -> None:
    body = defined()
    first = nile.operator.post("/api/experiments", json=body)
    again = nile.operator.post("/api/experiments", json=body)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    assert nile.operator.post("/api/experiments", json={**body, "least_lift": 2.0}).status_code == 409
    assert len(nile.read("/api/experiments")["items"]) == 1


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"variants": [variant("old")]}, "variants"),
        ({"goal": {"kinds": ["leads.guessed.v1"]}}, "goal.kinds"),
        ({"goal": {"kinds": [LEAD], "when": [{"fact": "hints", "equals": "x"}]}}, "goal.when.0.fact"),
        ({"baseline": 1}, "baseline"),
        ({"starts_at": "yesterday"}, "starts_at"),
        ({"winner": "new"}, "winner"),
    ],
)
def test_a_bad_definition_names_its_field(busy: Brokerage, more: dict[str, Any], field: str) -> None:
    response = busy.operator.post("/api/experiments", json=defined(**more))
    assert response.status_code == 422
    assert fields_of(response)[0] == field


def test_each_path_has_its_key_and_another_brokerage_sees_nothing(nile: Brokerage, delta: Brokerage) -> None:
    nile.operator.post("/api/experiments", json=defined())
    assert delta.read("/api/experiments")["items"] == []
    assert delta.reader.post("/api/experiments", json=defined()).status_code == 403
    assert delta.producer.get("/api/experiments").status_code == 403
