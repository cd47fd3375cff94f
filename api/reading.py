"""Helpers of the endpoints: who calls, what they sent, where their list goes on."""

import base64
import json
import math
from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, cast, get_args, get_origin
from uuid import UUID

import orjson
from fastapi import Query, Request, Response
from pydantic import AwareDatetime

from api.auth.issuing import Scope
from api.auth.keys import Principal
from api.errors import Refusal
from api.wiring import Services
from application.ports.touchpoints import Problem

MOST_LISTED = 200
LARGEST_TOUCHPOINTS = 1024 * 1024
"""Bytes of a body of touchpoints."""
UNHEARD_OF = Decimal("NaN")
LONGEST_INTEGER = 400
"""Digits; Python itself refuses some thousands."""

Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
"""Text in a question: Postgres takes no NUL."""
Position = Annotated[int, Query(ge=0, lt=2**63)]
"""A place in the log."""
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
"""Things on a page of a list."""


def services(request: Request) -> Services:
    """Return the process's services."""
    return cast(Services, request.app.state.services)


async def caller(request: Request, scope: Scope) -> Principal:
    """Return whose request it is. Raises Refusal 401, 403, and 429 above the key's rate."""
    own = services(request)
    principal = await own.doorkeeper.principal(request.headers.get("authorization"), scope)
    request.scope["seen"] = {"brokerage_id": str(principal.brokerage_id), "key_id": principal.key_id}
    if not own.rates.allow(principal.key_id):
        wait = math.ceil(60 / own.settings.requests_per_minute)
        raise Refusal(429, "Too many requests", "this key's rate is used up", headers={"Retry-After": str(wait)})
    if scope == "read":
        _understood(request)
    return principal


def _understood(request: Request) -> None:
    """Refuse a question with words that nobody reads, or a word twice: a misspelt filter must not answer with all."""
    known = {field.alias: field.field_info.annotation for field in request.scope["route"].dependant.query_params}
    asked = Counter(name for name, _ in request.query_params.multi_items())
    wrong = [Problem(name, "is not a parameter of this path") for name in asked if name not in known]
    wrong += [
        Problem(name, "is given more than once")
        for name, times in asked.items()
        if times > 1 and name in known and not _may_repeat(known[name])
    ]
    wrong += [
        Problem(name, "must be a time as RFC 3339 writes it")
        for name, told in request.query_params.items()
        if name in known and _is_time(known[name]) and _is_number(told)
    ]
    if wrong:
        raise Refusal(422, "Invalid request", errors=wrong)


def _is_time(annotation: Any) -> bool:
    return any(one in (datetime, AwareDatetime) for one in (annotation, *get_args(annotation)))


def _is_number(text: str) -> bool:
    """Tell whether a text is a number, which pydantic would take for a time."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _may_repeat(annotation: Any) -> bool:
    return list in (get_origin(annotation), *map(get_origin, get_args(annotation)))


async def json_body(request: Request, largest: int = LARGEST_TOUCHPOINTS) -> Any:
    """Return the body as JSON. Raises Refusal 415 for a packed one, 413 for a large one, 400 for what is no JSON."""
    body = await body_bytes(request, largest)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _tolerant(body)


async def body_bytes(request: Request, largest: int) -> bytes:
    """Return the body as it came.

    Raises Refusal 415 for a packed one, 413 for a large one, 400 for half of one. That it comes in time is the server's
    business (`api/server.py`).
    """
    told = dict(request.scope["headers"])
    if told.get(b"content-encoding", b"identity") != b"identity":
        raise Refusal(415, "Unsupported encoding", "send the body as it is, without Content-Encoding")
    if int(told.get(b"content-length") or 0) > largest:
        raise too_large(largest)
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "Cut off", "the client left before the body was whole")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        chunks.append(chunk)
        size += len(chunk)
        if size > largest:
            raise too_large(largest)
    return b"".join(chunks)


def _tolerant(body: bytes) -> Any:
    """Read what strict JSON refuses as a whole, so that one item's lone surrogate is that item's problem.

    A number that is none, or that nothing could hold, becomes UNHEARD_OF, which no field takes.
    """
    try:
        return json.loads(body, parse_constant=lambda _: UNHEARD_OF, parse_float=_float, parse_int=_int)
    except RecursionError:
        raise Refusal(400, "Invalid JSON", "nested too deeply") from None
    except ValueError as error:
        raise Refusal(400, "Invalid JSON", str(error)[:200]) from None


def _float(text: str) -> float | Decimal:
    number = float(text)
    return number if math.isfinite(number) else UNHEARD_OF


def _int(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else UNHEARD_OF


def too_large(largest: int) -> Refusal:
    """Return the refusal of a body above the limit."""
    return Refusal(413, "Too large", f"the body must not exceed {largest} bytes")


def answer(document: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(document, default=_plain), status, media_type="application/json")


def _plain(value: Any) -> Any:
    return str(value)


def encode_cursor(*place: Any) -> str:
    """Return an opaque cursor for the place after which a list goes on."""
    return base64.urlsafe_b64encode(orjson.dumps(place, default=_plain)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type[int | UUID | str]) -> list[Any] | None:
    """Return the place of a cursor, whose parts are of these kinds. Raises Refusal 422 for one that we did not make."""
    if cursor is None:
        return None
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        place = None
    if not isinstance(place, list) or len(place) != len(kinds) or not all(map(_is, place, kinds)):
        raise Refusal(422, "Invalid request", errors=[Problem("cursor", "is not a cursor of this list")])
    return place


def _is(part: Any, kind: type[int | UUID | str]) -> bool:
    if kind is str:
        return isinstance(part, str) and "\x00" not in part
    if kind is int:
        return type(part) is int and abs(part) < 2**63
    try:
        return isinstance(part, str) and bool(UUID(part))
    except ValueError:
        return False
