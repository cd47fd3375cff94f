"""Workflow automation in: touchpoints and named actions, one or many, each with its own verdict."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from adapters.postgres.door_secrets import N8N_SECRET, DoorSecrets
from api.direct import Direct
from api.errors import Refusal
from api.flat import Flat, flatten
from api.reading import answer, json_body, services, too_large
from api.routers.ingest import MOST_TOUCHPOINTS, sender_of, verdicts_of
from api.spelling import DETAILS, with_listing
from application.brokerages import brokerage_id_of
from application.parse_touchpoint import TAKEN, Sender
from application.ports.touchpoints import Problem, Verdict
from application.record_touchpoints import record_touchpoints
from application.subscriptions import is_signed
from domain.catalogue import TOUCHPOINTS

router = APIRouter(tags=["ingest"], route_class=Direct)
PRODUCER = "n8n"
"""Who sends, where a signature and no key says whose it is."""
SLUG = re.compile(r"[a-z][a-z0-9-]{1,39}")
LARGEST = 1024 * 1024
Spelling = Callable[[dict[str, Any]], dict[str, Any] | Problem]


def _saved(body: dict[str, Any]) -> dict[str, Any] | Problem:
    return with_listing(body, DETAILS | {"currency"})


# fmt: off
ACTIONS: dict[str, tuple[str, Spelling]] = {  # action → the touchpoint it is, and how its older spellings are read
    "lead":               ("leads.form_submitted.v1",    dict),
    "save":               ("properties.saved.v1",        _saved),
    "tour_milestone":     ("tours.milestone_reached.v1", dict),
    "tour_complete":      ("tours.completed.v1",         dict),
    "consent":            ("people.consent_given.v1",    dict),
    "consent_withdrawn":  ("people.consent_withdrawn.v1", dict),
}
NATURAL: dict[str, tuple[str, ...]] = {  # action → the fields that name it where it has no id
    "tour_milestone": ("session_id", "milestone"),
    "tour_complete":  ("session_id",),
}
# fmt: on
TOUCHPOINT = "touchpoint"
WORDS = ", ".join(sorted({TOUCHPOINT, *ACTIONS}))

ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"type": "string", "enum": sorted({TOUCHPOINT, *ACTIONS}), "default": TOUCHPOINT},
        "id": {"type": "string", "maxLength": 200, "description": "Yours; a repeat under it changes nothing."},
        "kind": {"type": "string", "enum": sorted(TOUCHPOINTS), "description": "Of a touchpoint."},
        "occurred_at": {"type": "string", "format": "date-time", "description": "The time of arrival unless given."},
        "person": {"type": "object"},
    },
    "additionalProperties": True,
}
LISTS = ("items", "touchpoints")
"""Names of a list, where a body holds nothing else."""
MANY: dict[str, Any] = {"type": "array", "minItems": 1, "maxItems": MOST_TOUCHPOINTS, "items": ITEM}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {**ITEM, "not": {"anyOf": [{"required": [name], "maxProperties": 1} for name in LISTS]}},
                        MANY,
                        *(
                            {"type": "object", "required": [name], "properties": {name: MANY}, "maxProperties": 1}
                            for name in LISTS
                        ),
                    ]
                }
            }
        },
    }
}


@router.post("/api/webhooks/n8n", openapi_extra=BODY)
async def post_from_workflow(request: Request) -> Response:
    """Record what a workflow sends: one item, a list, or `{"items": […]}`; 200 with a verdict for each.

    An item is a touchpoint as `/api/touchpoints` takes it, or one with its fields side by side and its `kind`, or an
    `action` (lead, save, tour_milestone, tour_complete, consent, consent_withdrawn) with the fields of its own path.
    n8n's own wrapping, `{"json": {…}}`, is taken off. Every item needs an `id`, a single one may have it as
    Idempotency-Key; a repeat is a `duplicate`.

    A producer's key, or instead of it a signature as Standard Webhooks has it (webhook-id, webhook-timestamp,
    webhook-signature) with the secret of `./masar n8n secret`, and the brokerage's short name in `x-masar-brokerage`.
    """
    sender, body = await _whose(request)
    items, single = _items(body)
    key = request.headers.get("idempotency-key") or request.headers.get("webhook-id") if single else None
    read = [_item(one, key) for one in items]
    good = [one for one in read if not isinstance(one, Problem)]
    own = services(request)
    taken = iter(await record_touchpoints(good, sender, own.batcher, own.now()) if good else [])
    judged = [Verdict("rejected", errors=(one,)) if isinstance(one, Problem) else next(taken) for one in read]
    verdicts = [_in_their_words(verdict, raw) for verdict, raw in zip(judged, items, strict=True)]
    named = [one if isinstance(one, dict) else _unwrapped(raw) for one, raw in zip(read, items, strict=True)]
    return answer(verdicts_of(named, verdicts))


async def _whose(request: Request) -> tuple[Sender, Any]:
    """Return whose items a request brings, by its key or its signature, and its body. Raises Refusal 401."""
    if "authorization" in request.headers or "webhook-signature" not in request.headers:
        sender = await sender_of(request, assume_now=True)
        return sender, await json_body(request, LARGEST)
    slug, body = request.headers.get("x-masar-brokerage", ""), await _raw(request)
    brokerage_id = brokerage_id_of(slug) if SLUG.fullmatch(slug) else None
    known = await asyncio.to_thread(_secrets(request).of, brokerage_id) if brokerage_id else None
    if brokerage_id is None or known is None or not is_signed([known], request.headers, body, services(request).now()):
        raise Refusal(401, "Not authenticated", "the signature is not good, too old, or of nobody we know")
    request.scope["seen"] = {"brokerage_id": str(brokerage_id)}
    if not services(request).rates.allow(f"n8n/{brokerage_id}"):
        raise Refusal(429, "Too many requests", "this brokerage's rate is used up", headers={"Retry-After": "1"})
    region = await services(request).region_of(brokerage_id)
    sender = Sender(brokerage_id, PRODUCER, request.scope["request_id"], region, assume_now=True)
    try:
        return sender, orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Invalid JSON", str(error)[:200]) from None


async def _raw(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise too_large(LARGEST)
    return bytes(body)


def _secrets(request: Request) -> DoorSecrets:
    own, state = services(request).settings, request.app.state
    if not hasattr(state, "n8n"):
        state.n8n = DoorSecrets(own.database(), own.master(), N8N_SECRET)
    found: DoorSecrets = state.n8n
    return found


def _items(body: Any) -> tuple[list[Any], bool]:
    """Return the items of a body, and whether it is a single one."""
    if isinstance(body, Mapping):
        listed = next((body[name] for name in LISTS if set(body) == {name}), None)
        if listed is None:
            return [body], True
        body = listed
    if not isinstance(body, list) or not 1 <= len(body) <= MOST_TOUCHPOINTS:
        rule = f"must be an item, or a list of 1 to {MOST_TOUCHPOINTS}"
        raise Refusal(422, "Invalid request", errors=[Problem("items", rule)])
    return body, False


def _in_their_words(verdict: Verdict, item: Any) -> Verdict:
    """Name the fields of an item that had no payload as it had them: at the top."""
    item = _unwrapped(item)
    if not verdict.errors or not isinstance(item, dict) or "payload" in item:
        return verdict
    return verdict._replace(
        errors=tuple(Problem(one.field.removeprefix("payload."), one.message) for one in verdict.errors)
    )


def _unwrapped(item: Any) -> Any:
    """Take n8n's own wrapping off an item."""
    wrapped = isinstance(item, dict) and isinstance(item.get("json"), dict) and set(item) <= {"json", "pairedItem"}
    return item["json"] if wrapped else item


def _item(item: Any, key: str | None) -> dict[str, Any] | Problem:
    """Return an item in the general shape, or what is wrong with it."""
    item = _unwrapped(item)
    if not isinstance(item, dict):
        return Problem("", "must be an object")
    fields = {name: value for name, value in item.items() if name != "action"}
    action = item.get("action", TOUCHPOINT)
    if action == TOUCHPOINT:
        return _touchpoint(fields, key)
    if action == "message":
        return Problem("action", "a message is sent at /api/conversations/{id}/messages, with an operator's key")
    if not isinstance(action, str) or action not in ACTIONS:
        return Problem("action", f"must be one of {WORDS}")
    kind, spelt = ACTIONS[action]
    read = spelt(fields)
    return read if isinstance(read, Problem) else flatten(read, Flat(kind, {}, NATURAL.get(action, ())), key)


def _touchpoint(fields: dict[str, Any], key: str | None) -> dict[str, Any] | Problem:
    """Read a touchpoint: the general shape where it has a payload or nothing beside the frame, else flat."""
    kind = fields.get("kind")
    if "payload" in fields or not isinstance(kind, str) or kind not in TOUCHPOINTS or set(fields) <= TAKEN:
        return fields if key is None or "id" in fields else {**fields, "id": key}
    return flatten({name: value for name, value in fields.items() if name != "kind"}, Flat(kind), key)
