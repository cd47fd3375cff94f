"""Over HTTP: what would improve conversions, and rules that end as a draft of a policy for a human to activate."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint

LEAD = "leads.form_submitted.v1"
RULE = {
    "name": "leads-count-double", "when": [{"fact": "slot", "equals": "lead_form"}], "scale_value_by": 2,
    "why": "every third lead buys",
}  # fmt: skip
POSTS = ("/api/conversions/optimize", "/api/conversions/optimize-batch", "/api/optimization-rules")


def lead(stage: Stage, house: Brokerage, seconds_ago: float = 60, **person: str) -> str:
    """Post a lead form; return its conversion's id."""
    house.post(touchpoint(LEAD, person=person or {"email": "anna@mail.example"}, occurred_at=ago(seconds_ago)))
    stage.settled()
    return str(house.read("/api/conversions")["items"][0]["id"])


def codes(item: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["code"], one["about"]) for one in item["improvements"]}


def test_one_conversion_says_what_would_improve_it(stage: Stage, nile: Brokerage) -> None:
    one = lead(stage, nile, 7200)
    found = nile.operator.post("/api/conversions/optimize", json={"conversion_id": one}).json()
    (item,) = found["items"]
    assert item["conversion_id"] == one
    assert {("late", "recorded_at"), ("missing_page", "page_url"), ("no_browser_id", "browser_event")} <= codes(item)
    (field,) = [one for one in item["improvements"] if one["code"] == "missing_field"]
    assert field["now"] < field["then"]


def test_a_list_and_a_span_are_summed_up(stage: Stage, nile: Brokerage) -> None:
    ones = [lead(stage, nile), lead(stage, nile, name="nobody")]
    unknown = str(uuid4())
    by_list = nile.operator.post("/api/conversions/optimize", json={"conversion_ids": [*ones, unknown]}).json()
    assert (by_list["looked_at"], by_list["not_found"]) == (2, [unknown])
    by_span = nile.operator.post("/api/conversions/optimize").json()
    assert by_span["items"] == by_list["items"]
    counts = {(one["code"], one["about"]): one["conversions"] for one in by_span["summary"]}
    assert counts["withheld", "no_match_key"] == 1
    assert counts["missing_page", "page_url"] == 2
    assert nile.operator.post("/api/conversions/optimize", json={"event_name": "Purchase"}).json()["looked_at"] == 0


def test_rules_are_kept_as_versions(nile: Brokerage) -> None:
    first = nile.operator.post("/api/optimization-rules", json=RULE)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert nile.operator.post("/api/optimization-rules", json=RULE).status_code == 200
    second = nile.operator.post("/api/optimization-rules", json={**RULE, "scale_value_by": 3, "active": False})
    assert (second.status_code, second.json()["version"]) == (201, 2)
    (kept,) = nile.read("/api/optimization-rules")["items"]
    assert (kept["version"], kept["scale_value_by"], kept["active"]) == (2, 3.0, False)
    assert [one["version"] for one in kept["earlier"]] == [1]


def test_rules_end_as_a_draft_and_nothing_is_activated(stage: Stage, nile: Brokerage) -> None:
    lead(stage, nile)
    before = nile.read("/api/conversions")["items"][0]
    nile.operator.post("/api/optimization-rules", json=RULE)
    looked = nile.operator.post("/api/conversions/optimize-batch")
    assert looked.status_code == 200
    (effect,) = looked.json()["rules"]
    now = float(before["value"])
    assert (effect["conversions"], effect["value"]) == (1, {before["currency"]: now})
    assert effect["value_then"] == {before["currency"]: 2 * now}
    assert looked.json()["proposal"]["draft"] is None
    assert "brokerage.policy_drafted.v1" not in {one["kind"] for one in nile.read("/api/events")["items"]}

    proposed = nile.operator.post("/api/conversions/optimize-batch", json={"propose": True})
    assert proposed.status_code == 201, proposed.text
    draft = proposed.json()["proposal"]["draft"]
    assert (draft["name"], draft["version"], draft["fresh"]) == ("brief-optimised", 1, True)
    changes = proposed.json()["proposal"]["changes"]
    assert changes
    assert {one["slot"] for one in changes} == {"lead_form"}
    again = nile.operator.post("/api/conversions/optimize-batch", json={"propose": True})
    assert (again.status_code, again.json()["proposal"]["draft"]["version"]) == (200, 1)
    kinds = [one["kind"] for one in nile.read("/api/events")["items"]]
    assert kinds.count("brokerage.policy_drafted.v1") == 1
    assert kinds.count("brokerage.policy_activated.v1") == 1, "the one of the registration"
    stage.settled()
    assert nile.read("/api/conversions")["items"][0] == before


def test_without_a_rule_there_is_nothing_to_propose(nile: Brokerage) -> None:
    assert nile.operator.post("/api/conversions/optimize-batch", json={"propose": True}).status_code == 409
    unknown = nile.operator.post("/api/conversions/optimize-batch", json={"rules": ["nothing"]})
    assert fields_of(unknown) == ["rules"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (POSTS[0], {"conversion_id": "x"}, "conversion_id"),
        (POSTS[0], {"conversion_ids": []}, "conversion_ids"),
        (POSTS[0], {"limit": 0}, "limit"),
        (POSTS[0], {"since": "2026-02-02T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, "since"),
        (POSTS[0], {"pixel": 1}, "pixel"),
        (POSTS[1], {"policy_name": "No Spaces"}, "policy_name"),
        (POSTS[1], {"propose": 0}, "propose"),
        (POSTS[2], {**RULE, "active": "no"}, "active"),
        (POSTS[2], {**RULE, "when": [{"fact": "price", "equals": 0}]}, "when.0.equals.bool"),
        (POSTS[2], {**RULE, "when": []}, "when"),
        (POSTS[2], {**RULE, "when": [{"fact": "price"}]}, "when.0"),
        (POSTS[2], {**RULE, "scale_value_by": -1}, "scale_value_by"),
        (POSTS[2], {name: value for name, value in RULE.items() if name != "why"}, "why"),
    ],
)
def test_a_bad_body_names_its_field(busy: Brokerage, path: str, body: Any, field: str) -> None:
    response = busy.operator.post(path, json=body)
    assert response.status_code == 422
    assert fields_of(response)[0] == field


def test_another_brokerage_sees_and_optimises_nothing_of_ours(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    one = lead(stage, nile)
    nile.operator.post("/api/optimization-rules", json=RULE)
    assert delta.operator.post("/api/conversions/optimize", json={"conversion_id": one}).status_code == 404
    listed = delta.operator.post("/api/conversions/optimize", json={"conversion_ids": [one]}).json()
    assert (listed["items"], listed["not_found"]) == ([], [one])
    assert delta.read("/api/optimization-rules")["items"] == []


@pytest.mark.parametrize("path", POSTS)
def test_only_operators_optimise(busy: Brokerage, path: str) -> None:
    assert busy.reader.post(path, json={}).status_code == 403
    assert busy.producer.post(path, json={}).status_code == 403
