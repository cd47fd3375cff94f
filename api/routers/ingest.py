"""Touchpoints in: many at once of any kind, or one at its own path."""

from collections.abc import Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from api import browsers
from api.direct import Direct
from api.docs import TOUCHPOINTS_BODY, flat_body
from api.errors import Refusal, shown
from api.flat import Flat, flatten
from api.reading import answer, caller, json_body, services
from api.spelling import DETAILS, with_listing
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
Spelling = Callable[[dict[str, Any]], dict[str, Any] | Problem]
"""Reads a body in the spellings of one path as a flat body, or says what is wrong with it."""
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, x-request-id",
    "Access-Control-Max-Age": "7200",
}


@router.post("/api/touchpoints", openapi_extra=TOUCHPOINTS_BODY)
async def post_touchpoints(request: Request) -> Response:
    """Record 1 to 1,000 touchpoints; every item gets its own verdict, and a bad one costs its neighbours nothing.

    From a page, with a browser's key: up to 50 in 64 kB, as text/plain too, the key in the header, in `?key=` or in
    the body's `key`; such verdicts are `accepted` or `rejected` and tell nothing of what was known before.
    """
    if browsers.from_browser(request):
        return await _from_browser(request)
    sender = await sender_of(request)
    items = _items(await json_body(request), MOST_TOUCHPOINTS)
    verdicts = await record_touchpoints(items, sender, services(request).batcher, services(request).now())
    return answer(verdicts_of(items, verdicts))


@router.post(
    "/api/tours/{session_id}/milestone", openapi_extra=flat_body("tours.milestone_reached.v1", "session_id"), **ONE
)
async def post_tour_milestone(request: Request, session_id: str) -> Response:
    """Record that a tour reached a milestone; the same milestone of a session again is the same one."""
    return await post_one(
        request, Flat("tours.milestone_reached.v1", {"session_id": session_id}, ("session_id", "milestone"))
    )


@router.post("/api/tours/{session_id}/complete", openapi_extra=flat_body("tours.completed.v1", "session_id"), **ONE)
async def post_tour_complete(request: Request, session_id: str) -> Response:
    """Record that a tour was closed; without an id of its own, a session is completed once."""
    return await post_one(request, Flat("tours.completed.v1", {"session_id": session_id}, ("session_id",)))


@router.post("/api/leads", openapi_extra=flat_body("leads.form_submitted.v1"), **ONE)
async def post_lead(request: Request) -> Response:
    """Record a lead form."""
    return await post_one(request, Flat("leads.form_submitted.v1"))


@router.post("/api/properties/{property_id}/save", openapi_extra=flat_body("properties.saved.v1", "property_id"), **ONE)
async def post_property_save(request: Request, property_id: str) -> Response:
    """Record that a person saved a property; its price in currency units and its details beside or in `listing`."""
    return await post_one(request, Flat("properties.saved.v1", {"property_id": property_id}), _saved)


def _saved(body: dict[str, Any]) -> dict[str, Any] | Problem:
    return with_listing(body, DETAILS | {"currency"})


@router.options("/api/touchpoints", include_in_schema=False)
async def may_page_post(request: Request) -> Response:
    """Tell a browser, before a request that is none of the simple ones, whether its page may post here."""
    origin = await browsers.preflight(request)
    if origin is None:
        return Response(status_code=204, headers={"Allow": "OPTIONS, POST"})
    request.scope["readable_by"] = origin
    return Response(status_code=204, headers=PREFLIGHT)


async def _from_browser(request: Request) -> Response:
    visit = await browsers.visit(request)
    whose = visit.principal
    region = await services(request).region_of(whose.brokerage_id)
    items = _items(visit.body, browsers.MOST_TOUCHPOINTS)
    sender = Sender(
        whose.brokerage_id, whose.producer, request.scope["request_id"], region, browser=visit.browser
    )  # fmt: skip
    verdicts = await record_touchpoints(items, sender, services(request).batcher, services(request).now())
    return answer(_bare_verdicts(items, verdicts))


def _items(body: Any, most: int) -> list[Any]:
    items = body.get("touchpoints") if isinstance(body, dict) else body
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        rule = f"must be a list of 1 to {most} touchpoints"
        raise Refusal(422, "Invalid request", errors=[Problem("touchpoints", rule)])
    return items


async def sender_of(request: Request, *, assume_now: bool = False) -> Sender:
    """Return whose item a request brings. Raises Refusal where the key may not post."""
    principal = await caller(request, "ingest")
    region = await services(request).region_of(principal.brokerage_id)
    return Sender(principal.brokerage_id, principal.producer, request.scope["request_id"], region, assume_now)


async def post_one(request: Request, flat: Flat, spelt: Spelling = dict) -> Response:
    """Record the one touchpoint of a request, its fields side by side; `spelt` reads a path's own older spellings."""
    sender = await sender_of(request, assume_now=True)
    item = await item_of(request, flat, spelt)
    verdict = (await record_touchpoints([item], sender, services(request).batcher, services(request).now()))[0]
    return told(request, verdict)


async def item_of(request: Request, flat: Flat, spelt: Spelling = dict) -> dict[str, Any]:
    """Return the general shape of a request's flat body. Raises Refusal where it has none."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Refusal(422, "Invalid request", errors=[Problem("", "must be an object")])
    read = spelt(body)
    item = flatten(read, flat, request.headers.get("idempotency-key")) if isinstance(read, dict) else read
    if isinstance(item, Problem):
        raise Refusal(422, "Invalid request", errors=[item])
    return item


def told(request: Request, verdict: Verdict) -> Response:
    """Return the answer that tells what became of one touchpoint. Raises Refusal where it was not taken."""
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


def verdicts_of(items: list[Any], verdicts: list[Verdict]) -> dict[str, Any]:
    """Return the answer about many items: a verdict for each, and how many there are of each kind."""
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


def _bare_verdicts(items: list[Any], verdicts: list[Verdict]) -> dict[str, Any]:
    """Return what a page may know: whether an item need not be sent again, and what is wrong with one in itself."""
    answers = [
        {"id": _id(item), "status": "rejected", "errors": shown(verdict.errors)}
        if verdict.status == "rejected"
        else {"id": _id(item), "status": "accepted"}
        for item, verdict in zip(items, verdicts, strict=True)
    ]
    rejected = sum(one["status"] == "rejected" for one in answers)
    return {"items": answers, "accepted": len(answers) - rejected, "rejected": rejected}


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
