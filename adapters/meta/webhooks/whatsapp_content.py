"""What a WhatsApp message holds, type by type. Source: Meta, "WhatsApp Cloud API: Webhooks, messages"."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import JsonValue

from adapters.meta.webhooks.body import BadBody, read_json
from adapters.meta.webhooks.parts import (
    choice_of,
    content_of,
    cut,
    kept,
    label,
    location_of,
    mapping,
    media_of,
    number,
    objects,
    others,
    text_of,
    whole,
    word,
)
from domain.messaging.content import AdReferral, Content, MessageType

More = dict[str, JsonValue]


class Told(NamedTuple):
    """What a part of a message says: its type, its words, and the parts of its content."""

    message_type: MessageType
    text: str | None = None
    parts: Mapping[str, Any] = {}


class Message(NamedTuple):
    """A message as our facts have it."""

    message_type: MessageType
    text: str | None
    content: Content | None
    problem: int | None
    referral: AdReferral | None
    forwarded: bool
    quoted: str | None  # the platform's id of the message it answers


ENVELOPE = frozenset(
    {
        "id", "from", "to", "timestamp", "type", "from_user_id", "from_parent_user_id", "to_user_id",
        "to_parent_user_id", "context", "referral", "errors",
    }
)  # fmt: skip
"""Fields of every message, read for themselves."""


def message_of(message: Mapping[str, Any], more: More) -> Message:
    """Return what a message holds, of whatever type; fields that are not known go to `more`, nothing is dropped."""
    name = message.get("type")
    read = READERS.get(name) if isinstance(name, str) else None
    told = read(mapping(message.get(name)), more) if read and isinstance(name, str) else _unknown(message, more)
    context = mapping(message.get("context"))
    referral = mapping(message.get("referral"))
    problem = _problem(message, more)
    if told.message_type == "unknown" and problem is not None:
        told = told._replace(message_type="unsupported")
    if read is not None and isinstance(name, str):
        more.update(others(message, ENVELOPES[name]))
    product = _product(context, more) if context else None
    if referral:
        more["referral"] = kept(referral)
    parts = {**told.parts}
    parts["product"] = product or parts.get("product")
    parts["url"] = parts.get("url") or whole(referral.get("source_url"))
    forwarded = _forwarded(context, more)
    return Message(
        told.message_type,
        told.text,
        content_of(more, **parts),
        problem,
        referral_of(referral) if referral else None,
        forwarded,
        word(context.get("id")),
    )


def referral_of(referral: Mapping[str, Any]) -> AdReferral:
    """Return the advertisement or post of a click; its texts and its click id are kept elsewhere."""
    source, source_id = referral.get("source_type"), word(referral.get("source_id"))
    return AdReferral(
        source="ad" if source == "ad" else "post" if source == "post" else "other",
        source_id=source_id if source_id and len(source_id) <= 128 else None,
        ref=label(referral.get("ref"), 500),
        click_id=word(referral.get("ctwa_clid")) is not None,
    )


def _problem(message: Mapping[str, Any], more: More) -> int | None:
    """Return the platform's code for why a message is not whole; its words are kept."""
    errors = objects(message.get("errors"))
    if message.get("errors"):
        more["errors"] = kept(message["errors"])
    return next((code for one in errors if (code := number(one.get("code"))) is not None), None)


def _product(context: Mapping[str, Any], more: More) -> str | None:
    found = mapping(context.get("referred_product"))
    if found:
        more["referred_product"] = kept(found)
    return cut(found.get("product_retailer_id"))


def _forwarded(context: Mapping[str, Any], more: More) -> bool:
    often = context.get("frequently_forwarded") is True
    if often:
        more["frequently_forwarded"] = True
    return often or context.get("forwarded") is True


# Types


def _text(part: Mapping[str, Any], more: More) -> Told:
    more.update(others(part, ("body",)))
    return Told("text", text_of(part.get("body"), more))


def _media(message_type: MessageType) -> Callable[[Mapping[str, Any], More], Told]:
    def read(part: Mapping[str, Any], more: More) -> Told:
        kind: MessageType = "voice" if message_type == "audio" and part.get("voice") is True else message_type
        more.update(others(part, MEDIA_FIELDS))
        return Told(kind, text_of(part.get("caption"), more), {"media": media_of(part)})

    return read


MEDIA_FIELDS = frozenset(
    {"id", "url", "link", "mime_type", "filename", "sha256", "animated", "caption", "voice"}
)  # fmt: skip


def _location(part: Mapping[str, Any], more: More) -> Told:
    found = location_of(part)
    more.update(others(part, ("latitude", "longitude", "name", "address", "url") if found else ()))
    return Told("location", None, {"location": found, "url": whole(part.get("url"))})


def _button(part: Mapping[str, Any], more: More) -> Told:
    more.update(others(part, ("payload", "text")))
    chosen = choice_of(part.get("payload"), part.get("text"))
    return Told("template_reply", text_of(part.get("text"), more), {"choice": chosen})


REPLIES = frozenset({"button_reply", "list_reply", "nfm_reply", "call_permission_reply"})


def _interactive(part: Mapping[str, Any], more: More) -> Told:
    name = word(part.get("type")) or ""
    reply = mapping(part.get(name))
    if name in REPLIES:
        more.update(others(part, ("type", name)))
    match name:
        case "button_reply" | "list_reply":
            more.update(others(reply, ("id", "title", "description")))
            chosen = choice_of(reply.get("id"), reply.get("title"), reply.get("description"))
            return Told(name, text_of(reply.get("title"), more), {"choice": chosen})
        case "nfm_reply":
            more.update(others(reply, ("body", "response_json")))
            more["response"] = _flow_response(reply.get("response_json"))
            return Told("flow_reply", text_of(reply.get("body"), more))
        case "call_permission_reply":
            more[name] = kept(reply)
            return Told("call_permission")
        case "button" | "list" | "cta_url" | "product" | "product_list" | "catalog_message" | "flow":
            more["interactive"] = kept(part)  # not an answer but what was offered
            return Told("text", text_of(mapping(part.get("body")).get("text"), more), _offered(part))
        case _:
            more["interactive"] = kept(part)
            return Told("unknown")


def _flow_response(given: Any) -> JsonValue:
    """Return the answers of a flow; a response that is no JSON stays the text that it was."""
    try:
        return kept(read_json(given.encode("utf-8", "replace"))) if isinstance(given, str) else kept(given)
    except BadBody:
        return str(given)


def _offered(part: Mapping[str, Any]) -> dict[str, Any]:
    action = mapping(part.get("action"))
    replies = [mapping(one.get("reply")) for one in objects(action.get("buttons"))]
    found = [choice_of(one.get("id"), one.get("title")) for one in replies]
    product = cut(action.get("product_retailer_id"))
    return {"buttons": tuple(one for one in found if one is not None), "product": product}


def _order(part: Mapping[str, Any], more: More) -> Told:
    more["order"] = kept(part)
    items = objects(part.get("product_items"))
    product = cut(items[0].get("product_retailer_id")) if items else None
    return Told("order", text_of(part.get("text"), more), {"product": product})


def _unsupported(part: Mapping[str, Any], more: More) -> Told:
    if part:
        more["unsupported"] = kept(part)
    return Told("unsupported")


def _template(part: Mapping[str, Any], more: More) -> Told:
    return Told("template", None, {"template": kept(part)})


def _unknown(message: Mapping[str, Any], more: More) -> Told:
    """Keep a type that this release does not know, whole. Contacts are known, but come as a list."""
    more.update(others(message, ENVELOPE))
    if message.get("type") == "contacts":
        return Told("contacts")
    more["type"] = kept(message.get("type"))
    return Told("unknown")


# fmt: off
READERS: Mapping[str, Callable[[Mapping[str, Any], More], Told]] = {
    "text":         _text,
    "image":        _media("image"),
    "video":        _media("video"),
    "audio":        _media("audio"),
    "voice":        _media("voice"),
    "document":     _media("document"),
    "sticker":      _media("sticker"),
    "location":     _location,
    "button":       _button,
    "interactive":  _interactive,
    "order":        _order,
    "unsupported":  _unsupported,
    "template":     _template,
}
"""How each type is read from the part of its own name. Contacts come as a list, unknown types as anything."""
ENVELOPES: Mapping[str, frozenset[str]] = {name: ENVELOPE | {name} for name in READERS}
"""What is read for itself of a message of each type."""
# fmt: on
