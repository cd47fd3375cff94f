"""The body of a webhook: bytes to a JSON object, whatever the bytes are."""

import re
from typing import Any

import orjson

ESCAPE = re.compile(
    rb"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?P<broken>u[dD][89a-fA-F][0-9a-fA-F]{2}|u0000)|.)",
    re.DOTALL,
)
"""Every escape within JSON text; `broken` are those of what cannot be stored: half a character, or NUL."""
REPLACEMENT = rb"\ufffd"


class BadBody(ValueError):
    """The body is no JSON object; says why."""


def read_body(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises BadBody, and nothing else.

    Lone surrogates, NUL and bytes that are no UTF-8 become the replacement character; nothing else is changed. More
    than 1,024 levels of nesting, NaN, and numbers that no double can hold are refused.
    """
    body = read_json(raw)
    if not isinstance(body, dict):
        raise BadBody("the body is no JSON object")
    return body


def read_json(raw: bytes) -> Any:
    """Return any JSON value of bytes, mended as a body is. Raises BadBody."""
    try:
        return orjson.loads(_storable(raw) if b"\\u0000" in raw else raw)
    except orjson.JSONDecodeError:
        return _read_mended(raw)


def _read_mended(raw: bytes) -> Any:
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\x00", "\ufffd").encode()
    try:
        return orjson.loads(_storable(text))
    except orjson.JSONDecodeError as error:
        raise BadBody(f"it is no JSON: {error.msg}"[:200]) from None


def _storable(raw: bytes) -> bytes:
    """Return JSON text in which no escape stands for NUL or half a character."""
    return ESCAPE.sub(lambda found: REPLACEMENT if found["broken"] else found[0], raw)
