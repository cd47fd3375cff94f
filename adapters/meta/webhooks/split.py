"""A webhook's body into its items: every one with the account that it is routed by, none costing the others."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.meta.webhooks.parts import mapping, objects, word
from adapters.meta.webhooks.pieces import Piece, Problem
from domain.shared.fact import Channel

ACCOUNT = re.compile(r"[A-Za-z0-9._:\-]{1,64}")

OBJECTS: Mapping[str, Channel] = {
    "whatsapp_business_account": "whatsapp",
    "page": "messenger",
    "instagram": "instagram",
}

# fmt: off
WHATSAPP_LISTS = {
    # list within a value     kind
    "messages":               "message",
    "message_echoes":         "echo",
    "statuses":               "status",
    "calls":                  "call",
    "user_preferences":       "preference",
    "user_id_update":         "user_id",
    "state_sync":             "contact",
    "errors":                 "error",
    "groups":                 "notice",
}
"""What the lists of a WhatsApp value hold. Any other field of a value is kept with the value itself."""

PAGE_KINDS = (
    "message", "postback", "reaction", "read", "delivery", "message_edit", "referral", "optin", "account_linking",
    "pass_thread_control", "take_thread_control", "request_thread_control",
)
"""What an item of Messenger or Instagram is about, the first that it has."""
# fmt: on
ALWAYS_LISTS = frozenset({"messages", "message_echoes", "statuses"})
ABOUT_THE_VALUE = frozenset({"messaging_product", "metadata", "contacts"})
PAGE_PARTS = frozenset({"messaging", "standby", "changes", "field"})

Found = Sequence[Piece | Problem]


def split(body: Mapping[str, Any]) -> Found:
    """Return every item of a body in its order, or what is wrong with it; never raises."""
    channel = _channel(body)
    if channel is None:
        return [Problem("object", "is none of whatsapp_business_account, page and instagram")]
    if "entry" not in body:
        return _whatsapp_value("", None, "messages", body, None) if channel == "whatsapp" else []
    return _listed(body["entry"], "entry", lambda at, one: _entry(at, channel, one))


def _channel(body: Mapping[str, Any]) -> Channel | None:
    """Return the channel of a body. One that does not say is WhatsApp's if it looks so: 360dialog once left it out."""
    named = body.get("object")
    if isinstance(named, str):
        return OBJECTS.get(named)
    bare = "messages" in body or "statuses" in body
    first = next(iter(objects(body.get("entry"))), {})
    return "whatsapp" if named is None and (bare or "changes" in first) else None


def _listed(value: Any, path: str, read: Callable[[str, dict[str, Any]], Found]) -> list[Piece | Problem]:
    """Read each object of a list; what is no list, or no object, is a problem of its own."""
    if not isinstance(value, list):
        return [Problem(path, "is no list")]
    found: list[Piece | Problem] = []
    for place, one in enumerate(value):
        at = f"{path}[{place}]"
        found += read(at, one) if isinstance(one, dict) else [Problem(at, "is no object")]
    return found


def _entry(at: str, channel: Channel, entry: dict[str, Any]) -> Found:
    return _whatsapp_entry(at, entry) if channel == "whatsapp" else _page_entry(at, channel, entry)


def _account(*candidates: Any) -> str | None:
    """Return the first that can be the id of an account."""
    for one in candidates:
        if (found := word(one)) and ACCOUNT.fullmatch(found):
            return found
    return None


# WhatsApp


def _whatsapp_entry(at: str, entry: dict[str, Any]) -> Found:
    business_id, time = _account(entry.get("id")), entry.get("time")

    def change(path: str, one: dict[str, Any]) -> Found:
        value = one.get("value")
        if not isinstance(value, dict):
            return [Problem(f"{path}.value", "is no object")]
        return _whatsapp_value(f"{path}.value", business_id, word(one.get("field")) or "messages", value, time)

    if "changes" not in entry:
        return [Problem(f"{at}.changes", "is missing")]
    return _listed(entry["changes"], f"{at}.changes", change)


def _whatsapp_value(
    path: str, business_id: str | None, field: str, value: Mapping[str, Any], time: Any
) -> list[Piece | Problem]:
    meta = mapping(value.get("metadata"))
    account = _account(meta.get("phone_number_id"))
    context = {
        "contacts": _by_id(objects(value.get("contacts"))),
        "our_number": word(meta.get("display_phone_number")),
        "time": time,
    }
    prefix = f"{path}." if path else ""
    found: list[Piece | Problem] = []
    rest = {name: one for name, one in value.items() if name not in ABOUT_THE_VALUE}
    listed = [name for name, one in rest.items() if name in ALWAYS_LISTS or _is_listed(name, one)]
    for name in listed:
        kind = "past" if field == "history" and name == "messages" else WHATSAPP_LISTS[name]

        def read(at: str, one: dict[str, Any], kind: str = kind) -> Found:
            return [Piece(at, "whatsapp", account, business_id, field, kind, one, context)]

        found += _listed(rest.pop(name), f"{prefix}{name}", read)
    past = field == "history" and "history" in rest
    if past:
        found += _history(f"{prefix}history", rest.pop("history"), account, business_id, context)
    if rest or not (listed or past):
        found.append(Piece(path, "whatsapp", account, business_id, field, "notice", rest, context))
    return found


def _is_listed(name: str, value: Any) -> bool:
    return isinstance(value, list) and name in WHATSAPP_LISTS


def _history(path: str, value: Any, account: str | None, business_id: str | None, context: dict[str, Any]) -> Found:
    """Read what a number that joined brings along: its threads with their messages, in both directions."""

    def chunk(at: str, one: dict[str, Any]) -> Found:
        found = _listed(one["threads"], f"{at}.threads", thread) if "threads" in one else []
        rest = {name: told for name, told in one.items() if name != "threads"}
        if one.keys() - {"threads", "metadata"} or "threads" not in one:
            found.append(Piece(at, "whatsapp", account, business_id, "history", "notice", rest, context))
        return found

    def thread(at: str, one: dict[str, Any]) -> Found:
        whose = {**context, "thread": one}

        def message(path: str, told: dict[str, Any]) -> Found:
            return [Piece(path, "whatsapp", account, business_id, "history", "past", told, whose)]

        return _listed(one.get("messages"), f"{at}.messages", message)

    return _listed(value, path, chunk)


def _by_id(contacts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return contacts by their phone number and by their user id; a single one also by nothing."""
    found = {name: one for one in contacts for key in ("wa_id", "user_id") if (name := word(one.get(key)))}
    if len(contacts) == 1:
        found[""] = contacts[0]
    return found


# Messenger and Instagram


def _page_entry(at: str, channel: Channel, entry: dict[str, Any]) -> Found:
    """Read an entry: lists of messaging and standby items and of changes, or a single change in the entry itself."""
    found: list[Piece | Problem] = []
    for name, standby in (("messaging", False), ("standby", True)):
        if name in entry:

            def item(path: str, one: dict[str, Any], name: str = name, standby: bool = standby) -> Found:
                return _page_item(path, channel, entry, name, one, standby)

            found += _listed(entry[name], f"{at}.{name}", item)
    if "changes" in entry:
        found += _listed(
            entry["changes"], f"{at}.changes", lambda path, one: _page_change(path, channel, entry, one)
        )  # fmt: skip
    if "field" in entry:
        found += _page_change(at, channel, entry, entry)
    if not entry.keys() & PAGE_PARTS:
        found.append(Problem(at, "has neither messaging nor standby nor changes"))
    return found


def _page_change(at: str, channel: Channel, entry: dict[str, Any], change: dict[str, Any]) -> Found:
    value, field = change.get("value"), word(change.get("field")) or "unknown"
    if not isinstance(value, dict):
        return [Problem(f"{at}.value", "is no object")]
    if "sender" in value or "recipient" in value:
        return _page_item(f"{at}.value", channel, entry, field, value, field == "standby")
    account = _account(entry.get("id"))
    return [Piece(f"{at}.value", channel, account, None, field, "change", value, {"time": entry.get("time")})]


def _page_item(
    at: str, channel: Channel, entry: dict[str, Any], field: str, item: dict[str, Any], standby: bool
) -> Found:
    if not item:
        return [Problem(at, "is empty")]
    echo = mapping(item.get("message")).get("is_echo") is True
    own, other = ("sender", "recipient") if echo else ("recipient", "sender")
    account = _account(entry.get("id"), *(mapping(item.get(side)).get("id") for side in (own, other)))
    kind = next((one for one in PAGE_KINDS if one in item), "other")
    context = {"time": entry.get("time"), "standby": standby}
    mids = mapping(item.get("delivery")).get("mids") if kind == "delivery" else None
    if not isinstance(mids, list) or not mids:
        return [Piece(at, channel, account, None, field, kind, item, context)]
    return [
        Piece(f"{at}.delivery.mids[{place}]", channel, account, None, field, kind, item, {**context, "mid": mid})
        for place, mid in enumerate(mids)
    ]
