"""Reading a Graph call: its parameters from query, JSON or form, its token, and its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from adapters.simulator.refusals import Refusal
from adapters.simulator.vocabulary import MAX_EVENTS_PER_REQUEST, REQUEST_PARAMETERS


@dataclass(frozen=True, slots=True)
class Call:
    """The parameters of one call, whatever way each came, and the token found."""

    parameters: Mapping[str, Any]
    token: str | None
    refusal: Refusal | None = None  # the body could not be read

    def text(self, name: str) -> str | None:
        """Return a parameter if it is a text."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None


def _bad_request(title: str, message: str) -> Refusal:
    return Refusal(100, None, title, f"(#100) {message}")


def read_call(headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Call:
    """Return the call; the query wins over the body, either over the Authorization header's token."""
    sent, refusal = _read_body(headers, body)
    parameters = {**sent, **query}
    token = parameters.get("access_token") or _bearer(headers)
    return Call(parameters, token if isinstance(token, str) else None, refusal)


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _read_body(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], Refusal | None]:
    if headers.get("content-encoding", "identity") != "identity":
        return {}, _bad_request("Encoded body", "compressed request bodies are not supported")
    if not body:
        return {}, None
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)), None
    try:
        sent = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}, _bad_request("Unreadable body", "the body is neither JSON nor a form")
    if not isinstance(sent, dict):
        return {}, _bad_request("Unreadable body", "the body must be a JSON object")
    return sent, None


def read_events(call: Call, *, strict: bool) -> list[Any] | Refusal:
    """Return the list under `data` (an array, or its JSON text), or why there is none of 1 to 1,000 items."""
    unknown = call.parameters.keys() - REQUEST_PARAMETERS
    if strict and unknown:
        return _bad_request("Unknown parameter", f"unknown parameter: {', '.join(sorted(unknown))}")
    data = call.parameters.get("data")
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            return _bad_request("Invalid data", "data is not valid JSON")
    if not isinstance(data, list) or not data:
        return _bad_request("Missing data", "data must be a non-empty array of events")
    if len(data) > MAX_EVENTS_PER_REQUEST:
        return _bad_request("Too many events", f"data holds more than {MAX_EVENTS_PER_REQUEST} events")
    return data
