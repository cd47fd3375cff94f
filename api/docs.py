"""What the OpenAPI document says of bodies that are read item by item."""

import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from domain.catalogue import TOUCHPOINTS
from domain.people.hints import PersonHints, Utm
from domain.shared.fact import ENVELOPE, BrowserEvent, Origin

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "request_id": {"type": "string", "format": "uuid"},
    },
}
REFUSED = {
    "description": "Refused: 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, or 503 with Retry-After.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
TIME = {"type": "string", "format": "date-time", "description": "When it happened, RFC 3339 with an offset."}


@cache
def _payload(kind: str) -> dict[str, Any]:
    """Return the schema of what a kind has beside the envelope."""
    model = TOUCHPOINTS[kind]
    own = {name: info for name, info in model.model_fields.items() if name not in ENVELOPE}
    return {
        "type": "object",
        "description": (model.__doc__ or "").strip(),
        "properties": {
            name: _whole(TypeAdapter(info.rebuild_annotation()).json_schema()) for name, info in own.items()
        },
        "required": [name for name, info in own.items() if info.is_required()],
        "additionalProperties": False,
    }


def _whole(schema: Any, known: dict[str, Any] | None = None) -> Any:
    """Return a schema with the models within it written out: its references would lead nowhere in the document."""
    known = known if known is not None else schema.pop("$defs", {})
    if isinstance(schema, list):
        return [_whole(part, known) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _whole(known[schema["$ref"].rpartition("/")[2]], known)
    return {name: _whole(part, known) for name, part in schema.items()}


def _beside() -> dict[str, Any]:
    return {
        "person": TypeAdapter(PersonHints).json_schema(),
        "utm": TypeAdapter(Utm).json_schema(),
        "page_url": {"type": "string", "maxLength": 2000},
        "origin": TypeAdapter(Origin).json_schema(),
        "browser_event": TypeAdapter(BrowserEvent).json_schema(),
        "test": {"type": "boolean", "default": False},
    }


def _item(kind: str) -> dict[str, Any]:
    properties = {"id": {"type": "string", "maxLength": 200}, "kind": {"const": kind}, "occurred_at": TIME}
    return {
        "type": "object",
        "title": kind,
        "properties": {**properties, **_beside(), "payload": _payload(kind)},
        "required": ["id", "kind", "occurred_at"],
    }


def body_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what tells of a path's body of this schema, which has no references."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def flat_body(kind: str, *in_path: str) -> dict[str, Any]:
    """Return the body of a path that takes one touchpoint with its fields side by side, but those `in_path`."""
    own = _payload(kind)
    fields = {name: schema for name, schema in own["properties"].items() if name not in in_path}
    properties = {"id": {"type": "string", "maxLength": 200}, "occurred_at": TIME, **_beside(), **fields}
    required = [name for name in own["required"] if name not in in_path]
    return body_of({"type": "object", "title": kind, "properties": properties, "required": required})


JSON: dict[str, Any] = {"application/json": {"schema": {}}}
ANSWERED = ("200", "201", "202", "503")
"""Statuses of answers in JSON: the one 503 that a path tells of itself is what is not ready."""
NOTHING_TO_READ = ("204", "304")
SIGNED = ("/api/webhooks/paymob", "/api/webhooks/meta", "/api/webhooks/whatsapp", "/api/webhooks/360dialog")
"""Beginnings of paths that are called without a key of ours: their body is signed, or they bring another secret."""


# fmt: off
KEYS = (
    ("GET",  r"/api/viewings/[^/]+/qr\.png",                          ("producer", "reader", "operator")),
    ("GET",  r"/api/notifications/agents.*|/api/test-meta",           ("operator",)),
    ("GET",  r"/api/conversions/(dead-letters|.*/body)",              ("operator",)),
    ("GET",  r".*",                                                   ("reader", "operator")),
    ("POST", r"/api/touchpoints",                                     ("producer", "browser")),
    ("POST", r"/api/viewings/.*",                                     ("producer", "operator")),
    ("POST", r"/api/(tours|properties|investors|rentals)/.*",         ("producer",)),
    ("POST", r"/api/(leads|appraisals.*|webhooks/n8n)",               ("producer",)),
    ("POST", r"/api/conversations/(track-event|[^/]+/complete)",      ("producer",)),
    ("POST", r"/api/conversions(/track-.*|/auto-.*|/batch-events)?",  ("producer",)),
    ("POST", r"/api/v1/integrations/meta/conversions",                ("producer",)),
    ("POST", r"/api/funnels/.*/complete",                             ("producer",)),
    (".*",   r".*",                                                   ("operator",)),
)
"""Which keys a path takes: the first row whose method and path it is."""
# fmt: on


def keys_of(method: str, path: str) -> list[str]:
    """Return the kinds of keys with which a path of ours may be called."""
    rows = (kinds for verb, paths, kinds in KEYS if re.fullmatch(verb, method.upper()) and re.fullmatch(paths, path))
    return list(next(rows))


MADE: dict[int | str, dict[str, Any]] = {
    201: {"description": "Made."},
    200: {"description": "Made before; nothing changed."},
}
"""What a path answers that makes something once."""


def given_as(*types: str) -> dict[int | str, dict[str, Any]]:
    """Return what tells of which types a path's answer may be, where it is none of JSON alone."""
    return {200: {"content": {one: {} for one in types}}}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Say in an OpenAPI document which key a path needs, and that every refusal is a problem document."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            told = operation["responses"]
            told.pop("422", None)
            for status, response in told.items():
                if status not in NOTHING_TO_READ:
                    response.setdefault("content", JSON if status in ANSWERED else REFUSED["content"])
            told["default"] = REFUSED
            if path.startswith("/api/") and not path.startswith(SIGNED):
                operation["security"] = [{"key": []}]
                operation["x-keys"] = keys_of(method, path)
    document["components"] = {
        "schemas": {"Problem": PROBLEM},
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    return document


TOUCHPOINTS_BODY = body_of(
    {
        "description": "An object with a list of touchpoints, or the bare list.",
        "type": ["object", "array"],
        "minItems": 1,
        "maxItems": 1000,
        "items": {"type": "object", "description": "A touchpoint, as in `touchpoints`."},
        "required": ["touchpoints"],
        "properties": {
            "touchpoints": {
                "type": "array",
                "minItems": 1,
                "maxItems": 1000,
                "items": {"oneOf": [_item(kind) for kind in sorted(TOUCHPOINTS)]},
            }
        },
    }
)

MERGE_BODY = body_of(
    {
        "type": "object",
        "required": ["other_id"],
        "properties": {"other_id": {"type": "string", "format": "uuid", "description": "Who the person is as well."}},
        "additionalProperties": False,
    }
)

UNMERGE_BODY = body_of(
    {
        "type": "object",
        "required": ["subject_id"],
        "properties": {"subject_id": {"type": "string", "format": "uuid", "description": "Who the person is not."}},
        "additionalProperties": False,
    }
)
