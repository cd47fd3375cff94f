"""Reads one posted item into a touchpoint, or says which field breaks which rule."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from application.from_browsers import Browser, as_seen, forbidden, own_session
from application.ports.touchpoints import Observed, Problem
from domain.catalogue import TOUCHPOINTS
from domain.conversations.posted import as_kept
from domain.shared.currencies import CURRENCIES
from domain.shared.fact import ENVELOPE, Touchpoint

LONGEST_ID = 200
LARGEST_ITEM = 64 * 1024
"""Bytes of one item; a touchpoint is a few hundred."""

FUTURE_TOLERANCE = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

TIMES = {
    kind: tuple(name for name in model.model_fields if name.endswith("_at")) for kind, model in TOUCHPOINTS.items()
}
"""Kind → its fields that tell a time."""
AHEAD = frozenset({"starts_at", "ends_at"})
"""Those of them that tell of a plan, such as a viewing's slot: they may lie ahead."""
FAR = datetime(2100, 1, 1, tzinfo=UTC)

DEEPEST_PATH = 10
"""Names in the path of a part that is not plain JSON; a deeper one is told by its outer names."""

PLACES = {"person": "hints"}
"""Names in the posted item → names in the fact."""
TAKEN = frozenset(
    {
        "id", "kind", "payload", "person", "occurred_at", "page_url", "utm", "origin", "channel", "listing",
        "browser_event", "test",
    }
)  # fmt: skip
OUTSIDE = TAKEN - {"id", "payload"} | {""}
ALTERNATIVES = frozenset({"PersonHints", "Utm", "str", "BrowserEvent", "Listing", "Transcript", "AnalysisNotes"})
NOT_FOR_PEOPLE = ("is_instance", "needs_python")
"""Types of errors about alternatives that only the log uses."""
TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
RESERVED = ENVELOPE | {"person"}


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose item it is: the brokerage and producer of the key, the request it came in.

    `assume_now` takes the time of arrival for an item that tells none. `browser` is set where the key is public.
    """

    brokerage_id: UUID
    producer: str
    correlation_id: UUID
    region: str = "EG"
    assume_now: bool = False
    browser: Browser | None = None


def parse(item: Any, sender: Sender, now: datetime) -> Observed | tuple[Problem, ...]:
    """Return the touchpoint of one posted item, or what is wrong with it."""
    if not isinstance(item, dict):
        return (Problem("", "must be an object"),)
    problems = _shape(item, sender)
    if problems:
        return problems
    try:
        body = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        return (Problem(unencodable(item), "must be plain JSON, without lone surrogates or numbers beyond 64 bits"),)
    if len(body) > LARGEST_ITEM:
        return (Problem("", f"must not exceed {LARGEST_ITEM} bytes"),)
    fact = _fact(item, now if sender.assume_now else None, sender.browser)
    if isinstance(fact, tuple):
        return fact
    return (*_timely(fact, now), *_payable(fact), *_staying(fact)) or Observed(
        sender.brokerage_id, sender.producer, item["id"], fact, body, sender.correlation_id, sender.region, len(body)
    )


def _shape(item: Mapping[str, Any], sender: Sender) -> tuple[Problem, ...]:
    problems = [Problem(name, "is not a field of a touchpoint") for name in item.keys() - TAKEN]
    name = item.get("id")
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_ID or "\x00" in name:
        problems.append(Problem("id", f"must be text of 1 to {LONGEST_ID} characters, without NUL"))
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in TOUCHPOINTS:
        problems.append(Problem("kind", f"must be one of {', '.join(sorted(TOUCHPOINTS))}"))
    payload = item.get("payload", {})
    if not isinstance(payload, dict):
        problems.append(Problem("payload", "must be an object"))
    else:
        problems += [
            Problem(f"payload.{name}", "belongs beside the payload, not in it") for name in payload.keys() & RESERVED
        ]
        problems += _times("", item) + _times("payload.", payload)
    if sender.browser is not None:
        problems += forbidden({name: value for name, value in item.items() if name in TAKEN})
    return tuple(sorted(problems, key=lambda one: one.field))


def _times(prefix: str, fields: Mapping[str, Any]) -> list[Problem]:
    """Refuse what pydantic would take for a time, such as seconds or milliseconds in digits."""
    rule = "must be an RFC 3339 time with an offset, such as 2026-11-20T10:15:00Z"
    return [
        Problem(f"{prefix}{name}", rule)
        for name, value in fields.items()
        if name.endswith("_at") and value is not None and not (isinstance(value, str) and TIME.match(value))
    ]


def unencodable(value: Any, path: str = "", deepest: int = DEEPEST_PATH) -> str:
    """Return the path of the first part of a value that is not plain JSON, "" where it is the value itself."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts if deepest else ():
        if not _encodes(name):
            return path
        if not _encodes(part):
            return unencodable(part, f"{path}.{name}".lstrip("."), deepest - 1)
    return path


def _encodes(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _fact(
    item: Mapping[str, Any], assumed: datetime | None, browser: Browser | None
) -> Touchpoint | tuple[Problem, ...]:
    fields = {PLACES.get(name, name): item[name] for name in TAKEN - {"id", "payload"} if item.get(name) is not None}
    if assumed is not None:
        fields.setdefault("occurred_at", assumed)
    if browser is not None:
        fields = as_seen(fields, browser)
    model = TOUCHPOINTS[item["kind"]]
    try:
        payload = as_kept(item["kind"], item.get("payload", {}))
        if browser is not None:
            payload = own_session(payload)
        return model.model_validate_json(orjson.dumps({**fields, **payload}), strict=True)
    except ValidationError as refusal:
        errors = refusal.errors(include_url=False, include_input=False)
        told = (one for one in errors if not one["type"].startswith(NOT_FOR_PEOPLE))
        return tuple(_problem(one["loc"] or _at_fault(one["msg"], model), one["msg"]) for one in told)


def _at_fault(message: str, model: type[Touchpoint]) -> tuple[str, ...]:
    """Return the field that a rule about several of them speaks of first, where it speaks of one."""
    first = message.removeprefix("Value error, ").partition(" ")[0]
    return (first,) if first in model.model_fields else ()


def _problem(place: tuple[int | str, ...], message: str) -> Problem:
    """Name the field as the producer wrote it; the alternatives of a union say nothing to anyone."""
    names = [name for part in place if (name := str(part)) not in ALTERNATIVES and not name.startswith("function-")]
    first = {"hints": "person"}.get(names[0], names[0]) if names else "payload"
    if not names:
        return Problem(first, message.removeprefix("Value error, "))
    path = [first, *names[1:]] if first in OUTSIDE else ["payload", first, *names[1:]]
    return Problem(".".join(part for part in path if part), message.removeprefix("Value error, "))


def _payable(fact: Touchpoint) -> tuple[Problem, ...]:
    """Refuse a currency that nobody pays in; the log's own facts are not judged by today's list."""
    told = {
        "payload.currency": getattr(fact, "currency", None),
        "payload.analysis.currency": getattr(getattr(fact, "analysis", None), "currency", None),
        "listing.currency": getattr(fact.listing, "currency", None),
    }
    return tuple(
        Problem(name, "must be a currency of ISO 4217, such as EGP")
        for name, code in told.items()
        if isinstance(code, str) and code not in CURRENCIES
    )


def _staying(fact: Touchpoint) -> tuple[Problem, ...]:
    """Refuse a stay that ends before it begins; the log's own facts are not judged again."""
    check_in, check_out = getattr(fact, "check_in", None), getattr(fact, "check_out", None)
    if check_in is None or check_out is None or check_in < check_out:
        return ()
    return (Problem("payload.check_out", "check_out must lie after check_in"),)


def _timely(fact: Touchpoint, now: datetime) -> tuple[Problem, ...]:
    latest, problems = now + FUTURE_TOLERANCE, []
    for name in TIMES[fact.kind]:
        at = getattr(fact, name)
        if at is not None and not EARLIEST <= at <= (FAR if name in AHEAD else latest):
            rule = "must not be in the future" if at > latest else "must not be before the year 2000"
            problems.append(Problem(name if name in OUTSIDE else f"payload.{name}", rule))
    return tuple(problems)
