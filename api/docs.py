"""What the OpenAPI document says of bodies that are read item by item."""

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from domain.catalogue import TOUCHPOINTS
from domain.people.hints import PersonHints, Utm
from domain.shared.fact import ENVELOPE, BrowserEvent, Origin

TIME = {"type": "string", "format": "date-time", "description": "When it happened, RFC 3339 with an offset."}


@cache
def _payload(kind: str) -> dict[str, Any]:
    """Return the schema of what a kind has beside the envelope."""
    model = TOUCHPOINTS[kind]
    own = {name: info for name, info in model.model_fields.items() if name not in ENVELOPE}
    return {
        "type": "object",
        "description": (model.__doc__ or "").strip(),
        "properties": {name: TypeAdapter(info.rebuild_annotation()).json_schema() for name, info in own.items()},
        "required": [name for name, info in own.items() if info.is_required()],
        "additionalProperties": False,
    }


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


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def flat_body(kind: str) -> dict[str, Any]:
    """Return the body of a path that takes one touchpoint with its fields side by side."""
    own = _payload(kind)
    properties = {"id": {"type": "string", "maxLength": 200}, "occurred_at": TIME, **_beside(), **own["properties"]}
    return _body({"type": "object", "title": kind, "properties": properties})


TOUCHPOINTS_BODY = _body(
    {
        "type": "object",
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
