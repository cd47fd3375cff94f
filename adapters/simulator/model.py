"""A strict stand-in for an OpenAI-compatible server: chat completions with a strict JSON schema, and faults."""

import asyncio
import re
from collections import deque
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from adapters.simulator.answers import CutConnection, json_answer

ModelOutcome = Literal[
    "ok",
    "slow",  # the answer waits `delay_s`
    "server_error",  # 500
    "throttle",  # 429
    "garbage",  # 200 with a text that is no JSON
    "other_shape",  # 200 with JSON of another shape
    "out_of_range",  # 200 with the right shape and a number that cannot be
    "refusal",  # 200, and the model will not
    "cut_short",  # 200 with half an answer, finish_reason "length"
    "no_choices",  # 200 without any answer
    "html",  # 200 with a web page
    "lost",  # connection cut
]
KNOWN_MODELS = re.compile(r"^(gpt-6|simulated)[\w.\-]*$")
TAKES = frozenset({
    "model", "messages", "response_format", "max_completion_tokens", "reasoning_effort", "temperature", "seed", "user",
})  # fmt: skip
# What strict schemas do not bear: a server refuses the request for any of them.
REFUSED_WORDS = frozenset(
    {"default", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"}
)


class ModelPlan(BaseModel):
    """What the next requests meet, one each; then all goes well. `answer` fills fields of the answers given."""

    model_config = ConfigDict(extra="forbid")

    fail_next: tuple[ModelOutcome, ...] = ()
    always: ModelOutcome = "ok"
    delay_s: float = Field(default=30, ge=0, le=120)
    answer: dict[str, Any] = {}
    key: str = Field(default="", max_length=200)  # where given, the only one that may ask


class _Model:
    """The stand-in's memory: its plan, and what it was asked."""

    def __init__(self) -> None:
        self.replace(ModelPlan())

    def replace(self, plan: ModelPlan) -> None:
        self.plan, self.queue = plan, deque(plan.fail_next)
        self.asked: list[dict[str, Any]] = []

    def fate(self) -> ModelOutcome:
        return self.queue.popleft() if self.queue else self.plan.always


def model_router() -> APIRouter:
    """Return the routes: `POST /v1/chat/completions`, `PUT /_simulator/model`, `GET /_simulator/model/asked`."""
    router, own = APIRouter(), _Model()

    @router.put("/_simulator/model")
    async def plan_model(plan: ModelPlan) -> Response:
        own.replace(plan)
        return json_answer({"status": "ok"})

    @router.get("/_simulator/model/asked")
    async def asked() -> Response:
        return json_answer({"data": own.asked})

    @router.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key or (own.plan.key and key != own.plan.key):
            return _error(401, "invalid_api_key", "Incorrect API key provided.")
        try:
            sent = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return _error(400, "invalid_json", "We could not parse the JSON body of your request.")
        if problem := _problem(sent):
            return _error(400, "invalid_request_error", problem)
        own.asked.append(sent)
        return await _answer(own, sent)

    return router


async def _answer(own: _Model, sent: dict[str, Any]) -> Response:
    fate = own.fate()
    right = orjson.dumps(_filled(sent["response_format"]["json_schema"]["schema"]) | own.plan.answer).decode()
    match fate:
        case "slow":
            await asyncio.sleep(own.plan.delay_s)
            return _completion(sent, right)
        case "server_error":
            return _error(500, "server_error", "The server had an error while processing your request.")
        case "throttle":
            return _error(429, "rate_limit_exceeded", "Rate limit reached.")
        case "garbage":
            return _completion(sent, "Sure! Here is the analysis you asked for: the customer is nice.")
        case "other_shape":
            return _completion(sent, '{"verdict": "nice customer"}')
        case "out_of_range":
            spoilt = orjson.loads(right) | {"sentiment": 7.5, "qualification": 99}
            return _completion(sent, orjson.dumps(spoilt).decode())
        case "refusal":
            return _completion(sent, None, refusal="I cannot help with that.")
        case "cut_short":
            return _completion(sent, right[: len(right) // 2], finish="length")
        case "no_choices":
            return json_answer({"id": "chatcmpl-0", "object": "chat.completion", "choices": [], "model": sent["model"]})
        case "html":
            return Response(b"<html><body>Bad gateway</body></html>", media_type="text/html")
        case "lost":
            return CutConnection()
        case _:
            return _completion(sent, right)


def _problem(sent: Any) -> str | None:
    """Return why a request is refused: as strict as the real one where that is known to be strict."""
    if not isinstance(sent, dict):
        return "The body must be an object."
    if unknown := sent.keys() - TAKES:
        return f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}"
    if not isinstance(sent.get("model"), str) or not KNOWN_MODELS.match(sent["model"]):
        return f"The model `{sent.get('model')}` does not exist."
    messages = sent.get("messages")
    if not isinstance(messages, list) or not messages or not all(_is_message(one) for one in messages):
        return "messages must be a list of objects with role and content."
    if "temperature" in sent and sent.get("reasoning_effort") != "none":
        return "temperature is only supported with reasoning_effort none."
    wanted = sent.get("response_format")
    schema = wanted.get("json_schema") if isinstance(wanted, dict) and wanted.get("type") == "json_schema" else None
    if not isinstance(schema, dict) or schema.get("strict") is not True or not schema.get("name"):
        return "response_format must be a named, strict json_schema."
    return _schema_problem(schema.get("schema"))


def _is_message(one: Any) -> bool:
    return isinstance(one, dict) and one.get("role") in ("system", "user") and isinstance(one.get("content"), str)


def _schema_problem(schema: Any) -> str | None:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        return "schema must be of type object."
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
        return "In strict mode 'additionalProperties' must be false and every property required."
    for name, one in properties.items():
        if bad := REFUSED_WORDS & one.keys():
            return f"In context=('properties', '{name}'), {', '.join(sorted(bad))!r} is not permitted."
    return None


def _filled(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the dullest answer of a schema's shape."""
    return {name: _dull(one) for name, one in schema["properties"].items()}


def _dull(one: dict[str, Any]) -> Any:
    if any(choice.get("type") == "null" for choice in one.get("anyOf", ())):
        return None
    if "enum" in one:
        return one["enum"][-1]
    return {"string": "", "integer": 1, "number": 0, "boolean": False, "array": []}.get(one.get("type", ""))


def _completion(
    sent: dict[str, Any], content: str | None, *, finish: str = "stop", refusal: str | None = None
) -> Response:
    read = sum(len(one["content"]) for one in sent["messages"]) // 4
    written = len(content or "") // 4
    return json_answer({
        "id": "chatcmpl-simulated", "object": "chat.completion", "created": 0, "model": sent["model"],
        "choices": [{
            "index": 0, "finish_reason": finish, "logprobs": None,
            "message": {"role": "assistant", "content": content, "refusal": refusal},
        }],
        "usage": {
            "prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    })  # fmt: skip


def _error(status: int, code: str, message: str) -> Response:
    return json_answer({"error": {"message": message, "type": code, "param": None, "code": code}}, status)
