"""Touchpoints in: one verdict per item, in order, each item once however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from domain.catalogue import BY_KIND, TOUCHPOINTS
from tests.api.stage import Brokerage, Stage, fields_of, needed, touchpoint

DECIDED = sorted(BY_KIND.keys() - TOUCHPOINTS.keys())


def statuses(answer: dict[str, Any]) -> list[str]:
    return [one["status"] for one in answer["items"]]


def test_every_item_gets_its_verdict_in_order(nile: Brokerage) -> None:
    good, bad, other = touchpoint(), {**touchpoint(), "kind": "tours.sold.v1"}, touchpoint("leads.form_submitted.v1")
    answer = nile.post(good, bad, good, other)
    assert [one["id"] for one in answer["items"]] == [good["id"], bad["id"], good["id"], other["id"]]
    assert statuses(answer) == ["accepted", "rejected", "duplicate", "accepted"]
    counts = {name: answer[name] for name in ("accepted", "duplicate", "conflict", "rejected")}
    assert counts == {"accepted": 2, "duplicate": 1, "conflict": 0, "rejected": 1}


def test_positions_follow_the_order_of_the_items(nile: Brokerage) -> None:
    answer = nile.post(*(touchpoint() for _ in range(20)))
    positions = [one["position"] for one in answer["items"]]
    assert positions == sorted(set(positions))


def test_a_bare_list_is_taken_too(nile: Brokerage) -> None:
    answer = nile.producer.post("/api/touchpoints", json=[touchpoint(), touchpoint()]).json()
    assert statuses(answer) == ["accepted", "accepted"]


def test_a_thousand_are_taken_and_all_are_stored(nile: Brokerage) -> None:
    answer = nile.post(*(touchpoint() for _ in range(1000)))
    assert answer["accepted"] == 1000
    assert len({one["event_id"] for one in answer["items"]}) == 1000


@pytest.mark.parametrize("body", [[], {"touchpoints": []}, {"touchpoints": {}}, {}, {"touchpoints": None}, 7, "x"])
def test_anything_but_a_list_of_items_is_refused(busy: Brokerage, body: Any) -> None:
    response = busy.producer.post("/api/touchpoints", json=body)
    assert response.status_code == 422
    assert fields_of(response) == ["touchpoints"]


def test_a_thousand_and_one_are_refused_and_none_is_stored(nile: Brokerage) -> None:
    items = [touchpoint() for _ in range(1001)]
    response = nile.producer.post("/api/touchpoints", json=items)
    assert response.status_code == 422
    assert nile.verdict(items[0])["status"] == "accepted"


def test_a_repeat_gets_the_first_answer_and_changes_nothing(nile: Brokerage) -> None:
    item = touchpoint()
    first, again = nile.verdict(item), nile.verdict(item)
    assert (first["status"], again["status"]) == ("accepted", "duplicate")
    assert (again["event_id"], again["position"]) == (first["event_id"], first["position"])


def test_the_order_of_names_in_an_item_does_not_matter(nile: Brokerage) -> None:
    item = touchpoint()
    nile.post(item)
    assert nile.verdict(dict(reversed(item.items())))["status"] == "duplicate"


def test_other_content_under_a_known_id_is_a_conflict_and_the_first_holds(nile: Brokerage) -> None:
    item = touchpoint(payload={"room": "kitchen"})
    other = {**item, "payload": {**item["payload"], "room": "balcony"}}
    first = nile.verdict(item)
    verdict = nile.verdict(other)
    assert verdict["status"] == "conflict"
    assert verdict["errors"][0]["field"] == "id"
    assert nile.read(f"/api/events/{first['event_id']}")["fields"]["room"] == "kitchen"


def test_a_conflict_within_one_body_leaves_the_first(nile: Brokerage) -> None:
    item = touchpoint(payload={"room": "kitchen"})
    other = {**item, "payload": {**item["payload"], "room": "balcony"}}
    assert statuses(nile.post(item, other, item)) == ["accepted", "conflict", "duplicate"]


def test_of_twenty_at_once_one_is_accepted_and_all_get_the_same_fact(nile: Brokerage) -> None:
    item = touchpoint(person={"email": f"{uuid4()}@example.com"})
    with ThreadPoolExecutor(20) as threads:
        verdicts = list(threads.map(nile.verdict, [item] * 20))
    assert sorted(one["status"] for one in verdicts) == ["accepted"] + ["duplicate"] * 19
    assert len({(one["event_id"], one["position"]) for one in verdicts}) == 1


def test_another_key_of_the_same_producer_goes_on_with_its_ids(stage: Stage, nile: Brokerage) -> None:
    item = touchpoint()
    nile.post(item)
    rotated = stage.client(stage.key(nile.brokerage_id, "producer", "site"))
    other = stage.client(stage.key(nile.brokerage_id, "producer", "chat"))
    assert statuses(rotated.post("/api/touchpoints", json=[item]).json()) == ["duplicate"]
    assert statuses(other.post("/api/touchpoints", json=[item]).json()) == ["accepted"]


@pytest.mark.parametrize("kind", sorted(TOUCHPOINTS))
def test_every_kind_is_accepted_with_the_least_it_needs(busy: Brokerage, kind: str) -> None:
    assert busy.verdict(touchpoint(kind))["status"] == "accepted"


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in sorted(TOUCHPOINTS) for field in needed(kind)])
def test_every_kind_is_refused_without_a_field_it_needs(busy: Brokerage, kind: str, field: str) -> None:
    item = touchpoint(kind)
    del item["payload"][field]
    verdict = busy.verdict(item)
    assert verdict["status"] == "rejected"
    assert [one["field"] for one in verdict["errors"]] == [f"payload.{field}"]


@pytest.mark.parametrize("field", ["id", "kind", "occurred_at"])
def test_an_item_is_refused_without_id_kind_or_time(busy: Brokerage, field: str) -> None:
    item = touchpoint()
    del item[field]
    verdict = busy.verdict(item)
    assert verdict["status"] == "rejected"
    assert [one["field"] for one in verdict["errors"]] == [field]


@pytest.mark.parametrize("kind", DECIDED)
def test_what_our_rules_decide_cannot_be_posted(busy: Brokerage, kind: str) -> None:
    verdict = busy.verdict({**touchpoint(), "kind": kind})
    assert verdict["status"] == "rejected"
    assert [one["field"] for one in verdict["errors"]] == ["kind"]


def test_the_request_id_stays_with_the_fact(nile: Brokerage) -> None:
    asked = str(uuid4())
    response = nile.producer.post("/api/touchpoints", json=[touchpoint()], headers={"x-request-id": asked})
    assert response.headers["x-request-id"] == asked
    event = nile.read(f"/api/events/{response.json()['items'][0]['event_id']}")
    assert event["correlation_id"] == asked


@pytest.mark.parametrize("given", ["", "not-a-uuid", "é", "1" * 5000])
def test_a_request_id_that_is_none_gives_way_to_a_new_one(busy: Brokerage, given: str) -> None:
    headers = {b"x-request-id": given.encode("latin-1")}
    response = busy.producer.post("/api/touchpoints", json=[touchpoint()], headers=headers)
    assert response.status_code == 200
    assert response.headers["x-request-id"] != given
