"""Small readings that all channels share: texts that fit, JSON that can be kept, names for what has no id."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from pydantic import JsonValue, ValidationError

from domain.messaging.content import Choice, Content, Location, Media
from domain.people.hints import UNPRINTABLE, PersonHints

LONGEST_TEXT = 65_536
LONGEST_PIECE = 4_000
DEEPEST = 24
"""Levels of nesting kept as they are; what lies deeper is kept as text."""

OURS = re.compile(r"masar:([0-9a-fA-F\-]{32,36}):([0-9a-fA-F\-]{32,36})")
"""What travels with a message of ours: the ids of its thread and of the send."""
BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""WhatsApp's business-scoped user id."""
PHONE = re.compile(r"\+?[0-9]{5,20}")


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object as it is, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list; anything else has none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def word(value: Any) -> str | None:
    """Return a non-empty text, also of a number; None for anything else."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def cut(value: Any) -> str | None:
    """Return a text of the length that a part of a message may have, cut where it is longer."""
    found = word(value)
    return found[:LONGEST_PIECE] if found else None


def whole(value: Any) -> str | None:
    """Return a text only where it fits whole: an address or an id that is cut is of no use."""
    found = word(value)
    return found if found and len(found) <= LONGEST_PIECE else None


def label(value: Any, longest: int = 80) -> str | None:
    """Return a short text for an open field, cut."""
    found = word(value)
    return found[:longest] if found else None


def number(value: Any) -> int | None:
    """Return an integer, also of its digits in a text; None for anything else, or beyond 31 bits."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdecimal():
        value = int(value)
    good = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return int(value) if good else None


def kept(value: Any, depth: int = 0) -> JsonValue:
    """Return JSON as it can be kept: what is nested too deeply becomes text."""
    if depth >= DEEPEST and isinstance(value, dict | list):
        return _as_text(value)
    if isinstance(value, dict):
        return {str(name): kept(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [kept(one, depth + 1) for one in value]
    return value if isinstance(value, str | int | float) else None


def _as_text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "(nested too deeply)"


def others(value: Mapping[str, Any], known: Iterable[str]) -> dict[str, JsonValue]:
    """Return the fields of an object that are not among those known, to be kept."""
    rest = value.keys() - known
    return {name: kept(value[name]) for name in sorted(rest)} if rest else {}


def media_of(part: Mapping[str, Any]) -> Media | None:
    """Return the file that a part of a WhatsApp message names; None where it names none."""
    found = Media(
        id=whole(part.get("id")),
        url=whole(part.get("url")) or whole(part.get("link")),
        mime_type=cut(part.get("mime_type")),
        filename=cut(part.get("filename")),
        sha256=cut(part.get("sha256")),
        animated=part.get("animated") is True,
    )
    return found if found != Media() else None


def location_of(part: Mapping[str, Any], latitude: str = "latitude", longitude: str = "longitude") -> Location | None:
    """Return a place on the map; None where its degrees are impossible."""
    try:
        return Location.model_validate(
            {
                "latitude": part.get(latitude),
                "longitude": part.get(longitude),
                "name": cut(part.get("name")),
                "address": cut(part.get("address")),
            }
        )
    except ValidationError:
        return None


def choice_of(chosen: Any, title: Any, description: Any = None) -> Choice | None:
    """Return what was chosen; whichever of id and title is missing is as the other. None where both are."""
    found, name = cut(chosen), cut(title)
    if found is None and name is None:
        return None
    return Choice(id=found or name or "", title=name or found or "", description=cut(description))


def content_of(more: Mapping[str, JsonValue], **parts: Any) -> Content | None:
    """Return the content of these parts, None where there is nothing."""
    there = {name: value for name, value in parts.items() if value}
    if more:
        there["more"] = dict(more)
    return Content(**there) if there else None


def text_of(value: Any, more: dict[str, JsonValue]) -> str | None:
    """Return the words of a message; what is beyond the longest goes to `more`."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) > LONGEST_TEXT:
        more["text_rest"] = value[LONGEST_TEXT:]
    return value[:LONGEST_TEXT]


def hints_of(**known: Any) -> PersonHints | None:
    """Return the hints that can be used of those given; None where none can.

    Names are cleaned of control characters and cut; everything else is left out where it does not fit.
    """
    told = {kind: text for kind, value in known.items() if (text := word(value)) is not None}
    if "name" in told:
        told["name"] = UNPRINTABLE.sub(" ", told["name"]).strip()[:200]
    try:
        return PersonHints(**told) if told else None
    except ValidationError as error:
        unfit = {one["loc"][0] for one in error.errors()}
        fit = {kind: text for kind, text in told.items() if kind not in unfit}
        return PersonHints(**fit) if fit else None


def phone_of(value: Any) -> str | None:
    """Return a phone number with its `+`; None for what is none. The platforms write the country's code without one."""
    text = word(value)
    return f"+{text.removeprefix('+')}" if text and PHONE.fullmatch(text) else None


def bsuid_of(value: Any) -> str | None:
    """Return a business-scoped user id; None for what is none."""
    return value if isinstance(value, str) and BSUID.fullmatch(value) else None


def ours(value: Any) -> tuple[UUID | None, UUID | None]:
    """Return the thread and the send that a text of ours names; nothing where it is not ours."""
    found = OURS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None, None
    try:
        return UUID(found[1]), UUID(found[2])
    except ValueError:
        return None, None


def hashed_name(kind: str, *parts: Any) -> str:
    """Return the producer's name of something without an id: the same for the same parts."""
    told = orjson.dumps(kept(list(parts)), option=orjson.OPT_SORT_KEYS)
    return f"{kind}|{sha256(told).hexdigest()[:40]}"
