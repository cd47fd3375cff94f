"""Alive, ready, measured, documented: what a fleet and a newcomer ask."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.docs import SIGNED
from domain.catalogue import TOUCHPOINTS
from projections.catalogue import BY_NAME
from tests.api.stage import Brokerage, Stage, touchpoint
from tests.patience import eventually

PATHS = set(
    """
    /api/admin/analytics/meta
    /api/admin/analytics/meta/requests
    /api/alerts
    /api/analytics/journey/{person_id}
    /api/appraisals
    /api/appraisals/{appraisal_id}/milestone
    /api/audiences
    /api/audiences/{audience_id}
    /api/audiences/{audience_id}/sync
    /api/channels
    /api/channels/{channel}/{account_id}
    /api/conversations
    /api/conversations/track-event
    /api/conversations/{conversation_id}/messages/{ref}/media/retry
    /api/conversations/{conversation_id}/messages/{ref}/media
    /api/conversations/{conversation_id}/media
    /api/conversations/{conversation_id}/export
    /api/conversations/stream
    /api/conversations/{conversation_id}
    /api/conversations/{conversation_id}/messages
    /api/conversations/{conversation_id}/close
    /api/conversations/{conversation_id}/messages/{send_id}/resend
    /api/conversations/{conversation_id}/read
    /api/conversations/{conversation_id}/release
    /api/conversations/{conversation_id}/takeover
    /api/conversations/{conversation_id}/typing
    /api/notifications
    /api/notifications/agents
    /api/notifications/agents/{agent}
    /api/templates
    /api/templates/sync
    /api/v1/integrations/messenger/send
    /api/v1/integrations/whatsapp/send
    /api/conversations/{session_id}/complete
    /api/conversions
    /api/conversions/attribution-analysis
    /api/conversions/auto-track-interaction
    /api/conversions/batch-events
    /api/conversions/create-audience
    /api/conversions/dead-letters
    /api/conversions/metrics
    /api/conversions/optimize
    /api/conversions/optimize-batch
    /api/conversions/test-setup
    /api/conversions/track-ecommerce
    /api/conversions/track-event
    /api/conversions/track-lead
    /api/conversions/track-page-view
    /api/conversions/track-purchase
    /api/conversions/{conversion_id}
    /api/conversions/{conversion_id}/attempts/{request_id}/body
    /api/conversions/{conversion_id}/retry
    /api/events
    /api/events/{event_id}
    /api/experiments
    /api/funnels
    /api/funnels/{funnel_id}
    /api/funnels/{funnel_id}/people
    /api/funnels/{funnel_id}/steps
    /api/funnels/{funnel_id}/steps/{n}/complete
    /api/investors/{person_id}/milestones
    /api/investors/{person_id}/signals
    /api/leads
    /api/optimization-rules
    /api/people
    /api/people/{person_id}
    /api/people/{person_id}/journey
    /api/people/{person_id}/merge
    /api/people/{person_id}/unmerge
    /api/policies
    /api/policies/activate
    /api/policies/rollback
    /api/policies/simulate
    /api/policies/simulations
    /api/policies/simulations/{simulation_id}
    /api/policies/{name}
    /api/policies/{name}/copy
    /api/properties/{property_id}/book-viewing
    /api/properties/{property_id}/save
    /api/rentals
    /api/rentals/bookings
    /api/rentals/bookings/{booking_id}
    /api/rentals/bookings/{booking_id}/cancel
    /api/rentals/bookings/{booking_id}/complete
    /api/rentals/bookings/{booking_id}/confirm
    /api/rentals/bookings/{booking_id}/review
    /api/rentals/customers
    /api/rentals/customers/{person_id}
    /api/rentals/hosts
    /api/rentals/referrals
    /api/rentals/searches
    /api/rentals/value-model
    /api/test-meta
    /api/touchpoints
    /api/tours/analytics
    /api/tours/{session_id}/complete
    /api/tours/{session_id}/milestone
    /api/v1/integrations/meta/conversions
    /api/viewings
    /api/viewings/{viewing_id}
    /api/viewings/{viewing_id}/cancel
    /api/viewings/{viewing_id}/complete
    /api/viewings/{viewing_id}/confirm
    /api/viewings/{viewing_id}/follow-up
    /api/viewings/{viewing_id}/no-show
    /api/viewings/{viewing_id}/qr.png
    /api/webhook-subscriptions
    /api/webhook-subscriptions/{subscription_id}
    /api/webhook-subscriptions/{subscription_id}/deliveries
    /api/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}
    /api/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}/replay
    /api/webhook-subscriptions/{subscription_id}/enable
    /api/webhook-subscriptions/{subscription_id}/rotate
    /api/webhook-subscriptions/{subscription_id}/test
    /api/webhook-deliveries
    /api/webhook-deliveries/{delivery_id}
    /api/webhook-deliveries/{delivery_id}/replay
    /api/webhooks/360dialog/{account}
    /api/webhooks/meta
    /api/webhooks/meta/{app}
    /api/webhooks/n8n
    /api/webhooks/paymob
    /api/webhooks/paymob/{brokerage}
    /api/webhooks/whatsapp
    /webhooks/whatsapp
    /healthz
    /masar.js
    /metrics
    /readyz
    """.split()  # noqa: SIM905 - a hundred quotes would hide them
)
"""The whole contract: a path that is added or lost is noticed here."""


def document(stage: Stage) -> dict[str, Any]:
    whole: dict[str, Any] = stage.client().get("/openapi.json").json()
    return whole


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within a document."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from parts(part)


def test_it_lives_and_is_ready_once_the_read_models_have_caught_up(stage: Stage) -> None:
    assert stage.client().get("/healthz").json() == {"status": "alive"}
    stage.settled()
    ready = eventually(lambda: answer if (answer := stage.client().get("/readyz")).status_code == 200 else None)
    checks = ready.json()["checks"]
    assert checks["migrations"]["at"] == checks["migrations"]["wanted"]
    assert set(checks["projections"]["lag"]) == set(BY_NAME)


def test_the_figures_can_be_read_by_prometheus(stage: Stage, nile: Brokerage) -> None:
    nile.post(touchpoint("leads.form_submitted.v1", person={"email": "a@example.com"}))
    stage.settled()
    response = stage.client().get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = {family.name: family.samples for family in text_string_to_metric_families(response.text)}
    answered = {
        one.labels["route"]: one.value for one in families["masar_http_requests"] if one.labels["status"] == "200"
    }
    assert answered["/api/touchpoints"] >= 1
    assert {one.labels["projection"] for one in families["masar_projection_lag"]} >= {"people", "conversions"}
    assert any(one.labels == {"kind": "conversion", "state": "waiting"} for one in families["masar_outbox_messages"])
    assert families["masar_ingest_waiting"][0].value == 0


def test_no_path_of_a_stranger_becomes_a_label(stage: Stage) -> None:
    stage.client().get("/canary-label")
    assert "canary-label" not in stage.client().get("/metrics").text


def test_every_answer_forbids_sniffing_storing_and_referring(stage: Stage, busy: Brokerage) -> None:
    for response in (stage.client().get("/healthz"), busy.reader.get("/api/people"), stage.client().get("/nowhere")):
        headers = response.headers
        assert (headers["x-content-type-options"], headers["cache-control"], headers["referrer-policy"]) == (
            "nosniff", "no-store", "no-referrer")  # fmt: skip
        assert "server" not in headers


def test_no_other_site_may_read_an_answer(stage: Stage, busy: Brokerage) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "GET"}
    for response in (
        busy.reader.get("/api/people", headers=asked),
        stage.client().options("/api/people", headers=asked),
    ):
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_the_document_lists_every_path(stage: Stage) -> None:
    whole = document(stage)
    assert whole["openapi"].startswith("3.1")
    assert set(whole["paths"]) == PATHS


def test_every_operation_is_told_apart_and_described(stage: Stage) -> None:
    operations = [
        (path, operation) for path, methods in document(stage)["paths"].items() for operation in methods.values()
    ]
    ids = [operation["operationId"] for _, operation in operations]
    assert len(ids) == len(set(ids))
    for path, operation in operations:
        assert operation["description"], path
        named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        if path.startswith("/api/"):
            assert operation.get("security") == (None if path.startswith(SIGNED) else [{"key": []}]), path
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]


def test_every_reference_leads_somewhere(stage: Stage) -> None:
    whole = document(stage)
    references = [part["$ref"] for part in parts(whole) if "$ref" in part]
    assert references
    for reference in references:
        place: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert whole["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}


def test_every_kind_of_touchpoint_is_described_and_no_other(stage: Stage) -> None:
    body = document(stage)["paths"]["/api/touchpoints"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    items = body["properties"]["touchpoints"]["items"]["oneOf"]
    assert [one["properties"]["kind"]["const"] for one in items] == sorted(TOUCHPOINTS)
    assert json.dumps(items).count('"description"') > len(items)


def schema_of(stage: Stage, path: str) -> dict[str, Any]:
    body = document(stage)["paths"][path]["post"]["requestBody"]
    schema: dict[str, Any] = body["content"]["application/json"]["schema"]
    return schema


def test_touchpoints_are_described_as_an_object_with_a_list_or_as_the_list_itself(stage: Stage) -> None:
    schema = schema_of(stage, "/api/touchpoints")
    assert schema["type"] == ["object", "array"]
    assert (schema["minItems"], schema["maxItems"], schema["required"]) == (1, 1_000, ["touchpoints"])


@pytest.mark.parametrize(
    ("body", "described"),
    [({}, 0), ({"action": "lead"}, 0), ({"items": [], "id": "x"}, 0), ([{}], 1), ({"items": [{}]}, 2),
     ({"touchpoints": [{}]}, 3)],
)  # fmt: skip
def test_every_body_of_a_workflow_is_described_by_one_form_alone(stage: Stage, body: Any, described: int) -> None:
    forms = schema_of(stage, "/api/webhooks/n8n")["oneOf"]
    assert [nth for nth, form in enumerate(forms) if fits(body, form)] == [described]


def fits(body: Any, form: dict[str, Any]) -> bool:
    """Tell whether a body has the shape of a schema, as far as its type, its fields' names and their number go."""
    if form.get("type", "object") != ("array" if isinstance(body, list) else "object"):
        return False
    if isinstance(body, list):
        return len(body) >= int(form.get("minItems", 0))
    named = set(form.get("required", ())) <= set(body) and len(body) <= int(form.get("maxProperties", 100))
    return named and not any(fits(body, one) for one in form.get("not", {}).get("anyOf", ()))


def test_a_flat_body_does_not_repeat_what_the_path_says(stage: Stage) -> None:
    paths = document(stage)["paths"]
    schema = paths["/api/tours/{session_id}/milestone"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "session_id" not in schema["properties"]
    assert schema["required"] == ["milestone"]
    assert set(paths["/api/leads"]["post"]["responses"]) == {"201", "200", "default"}
