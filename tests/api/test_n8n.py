"""What workflows send: touchpoints in every shape, named actions, each with its verdict, by key or by signature."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from application.subscriptions import headers_of, new_secret
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage, fields_of, problem_of, touchpoint

PATH = "/api/webhooks/n8n"
MONA = {"email": "mona@example.com"}


def lead(**more: Any) -> dict[str, Any]:
    return {"action": "lead", "id": f"n-{uuid4()}", "email": "mona@example.com", **more}


def posted(house: Brokerage, body: Any, **headers: str) -> dict[str, Any]:
    response = house.producer.post(PATH, json=body, headers=headers)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def kind_of(house: Brokerage, verdict: dict[str, Any]) -> str:
    return str(house.read(f"/api/events/{verdict['event_id']}")["kind"])


def test_one_item_a_list_and_a_list_of_items_are_taken(busy: Brokerage) -> None:
    assert posted(busy, lead())["accepted"] == 1
    assert posted(busy, [lead(), lead()])["accepted"] == 2
    assert posted(busy, {"items": [lead(), lead()]})["accepted"] == 2
    assert posted(busy, {"touchpoints": [touchpoint()]})["accepted"] == 1
    assert posted(busy, [{"json": lead(), "pairedItem": {"item": 0}}])["accepted"] == 1


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"action": "lead", "phone": "+201001234567", "location": "Maadi"}, "leads.form_submitted.v1"),
        ({"action": "save", "property_id": "villa-7", "price": 1_000_000, "currency": "EGP"}, "properties.saved.v1"),
        ({"action": "tour_milestone", "session_id": "s", "milestone": "bedroom_focused"}, "tours.milestone_reached.v1"),
        ({"action": "tour_complete", "session_id": "s-1"}, "tours.completed.v1"),
        ({"action": "consent", "purpose": "meta_tracking", "person": MONA}, "people.consent_given.v1"),
        ({"action": "consent_withdrawn", "purpose": "meta_tracking", "person": MONA}, "people.consent_withdrawn.v1"),
        ({"kind": "tours.started.v1", "session_id": "s-2", "property_id": "villa-7"}, "tours.started.v1"),
        ({"action": "touchpoint", "kind": "tours.started.v1", "payload": {"session_id": "s", "property_id": "v"}},
         "tours.started.v1"),
    ],
)  # fmt: skip
def test_every_action_becomes_its_touchpoint(busy: Brokerage, item: dict[str, Any], kind: str) -> None:
    (verdict,) = posted(busy, {"id": f"n-{uuid4()}", **item})["items"]
    assert verdict["status"] == "accepted", verdict
    assert kind_of(busy, verdict) == kind


def test_a_repeat_is_a_duplicate_and_another_content_a_conflict(busy: Brokerage) -> None:
    item = lead(location="Giza", occurred_at="2026-03-01T10:00:00Z")
    statuses = [posted(busy, one)["items"][0]["status"] for one in (item, item, {**item, "location": "Maadi"})]
    assert statuses == ["accepted", "duplicate", "conflict"]


def test_a_single_item_may_be_named_by_its_header(busy: Brokerage) -> None:
    item = {name: value for name, value in lead(occurred_at="2026-03-01T10:00:00Z").items() if name != "id"}
    key = f"k-{uuid4()}"
    assert [posted(busy, item, **{"idempotency-key": key})["items"][0]["status"] for _ in range(2)] == [
        "accepted", "duplicate",
    ]  # fmt: skip


def test_a_bad_item_costs_its_neighbours_nothing(busy: Brokerage) -> None:
    told = posted(busy, [
        lead(), {"action": "fly", "id": "x"}, {"action": "lead"}, 7, lead(nonsense=1),
        {"kind": "cars.sold.v1", "id": "c"}, {"action": "consent", "id": "p", "person": MONA}, lead(),
    ])  # fmt: skip
    assert (told["accepted"], told["rejected"]) == (2, 6)
    fields = [one["errors"][0]["field"] for one in told["items"] if one["status"] == "rejected"]
    assert fields == ["action", "id", "", "nonsense", "kind", "purpose"]
    assert told["items"][1]["id"] == "x"


def test_a_producers_key_sends_no_message(busy: Brokerage) -> None:
    (told,) = posted(busy, {"action": "message", "id": "m", "text": "hello"})["items"]
    assert told["errors"] == [
        {"field": "action", "message": "a message is sent at /api/conversations/{id}/messages, with an operator's key"}
    ]


@pytest.mark.parametrize("body", [[], {"items": []}, {"items": 7}, "text", 7, None])
def test_what_holds_no_item_is_refused(busy: Brokerage, body: Any) -> None:
    response = busy.producer.post(PATH, content=json.dumps(body))
    assert response.status_code == 422
    assert fields_of(response) == ["items"]


def signing(stage: Stage, house: Brokerage) -> tuple[str, str]:
    """Keep a secret for n8n; return it with the brokerage's short name."""
    secret = new_secret()
    with connect(stage.url, "masar_registry") as registry:
        SecretStore(lambda: registry, MasterKey.parse(MASTER_KEY)).put(house.brokerage_id, "n8n/secret", secret)
    named = "SELECT slug FROM auth.brokerages WHERE brokerage_id = %s"
    return secret, stage.owner.execute(named, (house.brokerage_id,)).fetchall()[0][0]


def signed(
    stage: Stage, slug: str, secret: str, body: bytes, at: datetime | None = None, **more: str
) -> httpx.Response:
    headers = headers_of([secret], "m-1", at or datetime.now(UTC), body) | {"x-masar-brokerage": slug} | more
    return stage.client().post(PATH, content=body, headers=headers)


def test_a_signature_stands_for_a_key(stage: Stage, nile: Brokerage) -> None:
    secret, slug = signing(stage, nile)
    body = json.dumps([lead(), lead()]).encode()
    assert signed(stage, slug, secret, body).json()["accepted"] == 2
    assert signed(stage, slug, secret, body).json()["duplicate"] == 2
    assert len(nile.read("/api/events", kind="leads.form_submitted.v1")["items"]) == 2


def test_a_signature_that_is_not_good_opens_nothing(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    secret, slug = signing(stage, nile)
    other = signing(stage, delta)[1]
    body = json.dumps(lead()).encode()
    old = datetime.now(UTC) - timedelta(minutes=6)
    refused = [
        signed(stage, slug, new_secret(), body), signed(stage, other, secret, body),
        signed(stage, "nobody", secret, body),
        signed(stage, slug, secret, body, old), signed(stage, "", secret, body), signed(stage, "../x", secret, body),
        signed(stage, slug, secret, body, **{"webhook-id": "m-2"}),
    ]  # fmt: skip
    assert [one.status_code for one in refused] == [401] * 7
    assert {problem_of(one)["title"] for one in refused} == {"Not authenticated"}
    assert stage.client().post(PATH, json=lead()).status_code == 401


def test_only_producers_may_send(busy: Brokerage) -> None:
    assert busy.reader.post(PATH, json=lead()).status_code == 403
