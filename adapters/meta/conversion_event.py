"""A conversion as Meta's server event: what happened, to whom as far as Meta may match them, and what it is worth."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from adapters.meta.user_data import hash_user_data

# fmt: off
DIRECT: Final = {  # kind of hint → field of Meta's user data
    "email": "em",        "phone": "ph",      "first_name": "fn",  "last_name": "ln",
    "city": "ct",         "country": "country", "lead_id": "lead_id",
    "fbp": "fbp",         "fbc": "fbc",
    "ip": "client_ip_address",                "user_agent": "client_user_agent",
}
# fmt: on
PAGE_URL = "page_url"


def event_of(payload: Mapping[str, Any], opened: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that a message of the outbox tells; the same message gives the same event.

    `opened` maps kind of hint → the opened value that held it: the hints of one touchpoint, or the page's address;
    what was erased is simply missing.
    """
    known = known_hints(opened)
    raw = raw_user_data(known, payload)
    user_data, _dropped = hash_user_data(raw, region=str(payload.get("region") or "EG"))
    event = {
        "event_name": payload["event_name"],
        "event_id": payload["event_id"],
        "event_time": payload["event_time"],
        "action_source": payload["action_source"],
        "user_data": user_data,
        "custom_data": custom_data(payload),
    }
    if page := _http_address(known.get(PAGE_URL)):
        event["event_source_url"] = page
    event["action_source"] = action_source(event)
    return event


def action_source(event: Mapping[str, Any]) -> str:
    """Return where it happened, as far as we can prove it.

    Meta demands the page's address and the browser's user agent of a `website` event, and the device's description
    of an `app` event. What producers do not send must not be made up, and an event refused is worth less than one
    whose place is unknown: such an event is `other`.
    """
    source = str(event["action_source"])
    if source == "website" and not ("event_source_url" in event and "client_user_agent" in event["user_data"]):
        return "other"
    return "other" if source == "app" else source


def known_hints(opened: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain value of each kind: a text stands for itself, hints hold one field per kind."""
    found = {kind: value.get(kind) if isinstance(value, Mapping) else value for kind, value in opened.items()}
    return {kind: value for kind, value in found.items() if isinstance(value, str) and value}


def raw_user_data(known: Mapping[str, str], payload: Mapping[str, Any]) -> dict[str, object]:
    """Return Meta's user data before it is normalised and hashed."""
    raw: dict[str, object] = {field: known[kind] for kind, field in DIRECT.items() if kind in known}
    raw |= {field: names for field, names in _names(known).items() if field not in raw}
    if "fbc" not in raw and "fbclid" in known:
        raw["fbc"] = fbc(known["fbclid"], int(payload["contact"]["fbclid"]["at_ms"]))
    raw["external_id"] = payload["person_id"]
    return raw


def fbc(fbclid: str, clicked_ms: int) -> str:
    """Return the click id as Meta's cookie would hold it: index 1 is for those made by servers, case is kept."""
    return f"fb.1.{clicked_ms}.{fbclid}"


def _names(known: Mapping[str, str]) -> dict[str, list[str]]:
    """Split a full name: the first word, and the rest, whole and by its last word, since either may be the surname."""
    words = known.get("name", "").split()
    if not words:
        return {}
    first, rest = words[:1], words[1:]
    return {"fn": first} | ({"ln": list(dict.fromkeys([" ".join(rest), rest[-1]]))} if rest else {})


def custom_data(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what it was about and worth; `touchpoint_id` lets either side be reconciled with the other."""
    touchpoint_id = payload["touchpoint_id"]
    data: dict[str, Any] = {"order_id": touchpoint_id}
    data |= {name: value for name, value in payload.get("custom", {}).items() if _sendable(value)}
    if _sendable(payload.get("value")):
        data |= {"value": payload["value"], "currency": payload["currency"]}
    if payload.get("content_category"):
        data["content_category"] = payload["content_category"]
    return data | {"touchpoint_id": touchpoint_id}


def _sendable(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not isfinite(value))


def _http_address(text: str | None) -> str | None:
    return text if text and text.startswith(("https://", "http://")) else None
