"""Bodies read as a model, every mistake with its field."""

from collections.abc import Collection
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.errors import MOST_PROBLEMS, Refusal
from api.reading import json_body
from application.ports.touchpoints import Problem

M = TypeVar("M", bound=BaseModel)


async def read_body(request: Request, model: type[M], *, optional: bool = False) -> M:
    """Return the body as a model; with `optional` none at all stands for an empty one.

    Raises Refusal 422 that names each field and the rule it breaks, and what `json_body` raises.
    """
    absent = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    return parsed({} if optional and absent else await json_body(request), model)


def parsed(body: object, model: type[M]) -> M:
    """Return a JSON document as a model. Raises Refusal 422 that names each field and the rule it breaks."""
    if not isinstance(body, dict):
        raise wrong_field("", "must be an object")
    try:
        return model.model_validate(body)
    except ValidationError as refusal:
        raise Refusal(422, "Invalid request", errors=problems_of(refusal)) from None


def problems_of(refusal: ValidationError) -> list[Problem]:
    """Return what is wrong with a body, by field."""
    errors = refusal.errors(include_input=False, include_url=False)[:MOST_PROBLEMS]
    return [Problem(".".join(map(str, one["loc"])), one["msg"]) for one in errors]


def wrong_field(field: str, message: str) -> Refusal:
    """Return the refusal of a body for one field."""
    return Refusal(422, "Invalid request", errors=[Problem(field, message)])


def body_of(model: type[BaseModel], *, required: bool = True, ours: Collection[str] = ()) -> dict[str, object]:
    """Return how the OpenAPI document describes such a body; `ours` are fields that we fill in ourselves."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    if ours:
        schema["required"] = [name for name in schema.get("required", []) if name not in ours]
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": _inlined(schema)}}}}


def _inlined(schema: dict[str, object]) -> dict[str, object]:
    """Return a schema without references: the document has no other schemas of its own."""
    known = schema.pop("$defs", {})

    def within(part: object) -> object:
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            return within(known[name]) if name and isinstance(known, dict) else {k: within(v) for k, v in part.items()}
        return [within(one) for one in part] if isinstance(part, list) else part

    found = within(schema)
    return found if isinstance(found, dict) else {}
