"""Touchpoints in: many at once of any kind, or one at its own path."""

from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from api.direct import Direct
from api.docs import TOUCHPOINTS_BODY, flat_body
from api.errors import Refusal, shown
from api.flat import Flat, flatten
from api.reading import answer, caller, json_body, services
from application.parse_touchpoint import Sender
from application.ports.touchpoints import Problem, Verdict
from application.record_touchpoints import record_touchpoints

router = APIRouter(tags=["ingest"], route_class=Direct)
MOST_TOUCHPOINTS = 1_000
ONE: dict[str, Any] = {
    "status_code": 201,
    "responses": {201: {"description": "Recorded."}, 200: {"description": "Recorded before; nothing changed."}},
}
"""What a path answers that takes one touchpoint."""


@router.post("/api/touchpoints", openapi_extra=TOUCHPOINTS_BODY)
async def post_touchpoints(request: Request) -> Response:
    """Record 1 to 1,000 touchpoints; every item gets its own verdict, and a bad one costs its neighbours nothing."""
    sender = await _sender(request)
    body = await json_body(request)
    items = body.get("touchpoints") if isinstance(body, dict) else body
    if not isinstance(items, list) or not 1 <= len(items) <= MOST_TOUCHPOINTS:
        rule = f"must be a list of 1 to {MOST_TOUCHPOINTS} touchpoints"
        raise Refusal(422, "Invalid request", errors=[Problem("touchpoints", rule)])
    verdicts = await record_touchpoints(items, sender, services(request).batcher, datetime.now(UTC))
    return answer(_verdicts(items, verdicts))


@router.post(
    "/api/tours/{session_id}/milestone", openapi_extra=flat_body("tours.milestone_reached.v1", "session_id"), **ONE
)
async def post_tour_milestone(request: Request, session_id: str) -> Response:
    """Record that a tour reached a milestone; the same milestone of a session again is the same one."""
    return await _one(
        request, Flat("tours.milestone_reached.v1", {"session_id": session_id}, ("session_id", "milestone"))
    )


@router.post("/api/tours/{session_id}/complete", openapi_extra=flat_body("tours.completed.v1", "session_id"), **ONE)
async def post_tour_complete(request: Request, session_id: str) -> Response:
    """Record that a tour was closed; without an id of its own, a session is completed once."""
    return await _one(request, Flat("tours.completed.v1", {"session_id": session_id}, ("session_id",)))


@router.post("/api/leads", openapi_extra=flat_body("leads.form_submitted.v1"), **ONE)
async def post_lead(request: Request) -> Response:
    """Record a lead form."""
    return await _one(request, Flat("leads.form_submitted.v1"))


@router.post("/api/properties/{property_id}/save", openapi_extra=flat_body("properties.saved.v1", "property_id"), **ONE)
async def post_property_save(request: Request, property_id: str) -> Response:
    """Record that a person saved a property."""
    return await _one(request, Flat("properties.saved.v1", {"property_id": property_id}))


async def _sender(request: Request, *, assume_now: bool = False) -> Sender:
    principal = await caller(request, "ingest")
    region = await services(request).region_of(principal.brokerage_id)
    return Sender(principal.brokerage_id, principal.producer, request.scope["request_id"], region, assume_now)


async def _one(request: Request, flat: Flat) -> Response:
    sender = await _sender(request, assume_now=True)
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Refusal(422, "Invalid request", errors=[Problem("", "must be an object")])
    now = datetime.now(UTC)
    item = flatten(body, flat, request.headers.get("idempotency-key"))
    if isinstance(item, Problem):
        raise Refusal(422, "Invalid request", errors=[item])
    verdict = (await record_touchpoints([item], sender, services(request).batcher, now))[0]
    return _single(request, verdict)


def _single(request: Request, verdict: Verdict) -> Response:
    match verdict.status:
        case "accepted":
            return answer({"status": "accepted", "event_id": verdict.event_id}, 201)
        case "duplicate":
            return answer({"status": "duplicate", "event_id": verdict.event_id}, 200)
        case "conflict":
            keyed = "idempotency-key" in request.headers
            raise Refusal(422 if keyed else 409, "Known with other content", "the first holds", verdict.errors)
        case "rejected":
            errors = [Problem(one.field.removeprefix("payload."), one.message) for one in verdict.errors]
            raise Refusal(422, "Invalid request", errors=errors)


def _verdicts(items: list[Any], verdicts: list[Verdict]) -> dict[str, Any]:
    counts = dict.fromkeys(("accepted", "duplicate", "conflict", "rejected"), 0)
    answers = []
    for item, verdict in zip(items, verdicts, strict=True):
        counts[verdict.status] += 1
        entry: dict[str, Any] = {"id": _id(item), "status": verdict.status}
        if verdict.event_id is not None:
            entry |= {"event_id": verdict.event_id, "position": verdict.position}
        if verdict.errors:
            entry["errors"] = shown(verdict.errors)
        answers.append(entry)
    return {"items": answers, **counts}


def _id(item: Any) -> str | None:
    """Return an item's id as it was sent, where it is one that can be said back."""
    name = item.get("id") if isinstance(item, dict) else None
    if not isinstance(name, str):
        return None
    try:
        orjson.dumps(name)
    except TypeError:
        return None
    return name[:200]
