"""What a message of Messenger or Instagram holds. Source: Meta, "Messenger Platform: Webhooks, messages"."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import JsonValue

from adapters.meta.webhooks.parts import (
    choice_of,
    content_of,
    cut,
    kept,
    label,
    location_of,
    mapping,
    objects,
    others,
    text_of,
    whole,
    word,
)
from domain.messaging.content import MEDIA_TYPES, AdReferral, Content, FurtherFile, Media, MessageType

More = dict[str, JsonValue]

# fmt: off
ATTACHMENTS: Mapping[str, MessageType] = {
    "image":          "image",
    "video":          "video",
    "audio":          "audio",
    "file":           "document",
    "location":       "location",
    "share":          "share",
    "fallback":       "share",
    "post":           "share",
    "ig_post":        "share",
    "reel":           "share",
    "ig_reel":        "share",
    "ig_story":       "share",
    "ephemeral":      "image",
    "story_mention":  "story_mention",
    "like_heart":     "sticker",
    "template":       "template",
}
"""The types of attachments and what we call them; any other is kept as `unknown`."""
# fmt: on
KNOWN = frozenset(
    {
        "mid",
        "text",
        "attachments",
        "quick_reply",
        "reply_to",
        "is_echo",
        "is_self",
        "is_deleted",
        "is_unsupported",
        "app_id",
        "metadata",
        "seq",
        "referral",
    }
)  # fmt: skip


class Message(NamedTuple):
    """A message as our facts have it; `quoted` is the platform's id of the message that it answers."""

    message_type: MessageType
    text: str | None
    content: Content | None
    referral: AdReferral | None
    quoted: str | None


def message_of(message: Mapping[str, Any]) -> Message:
    """Return what a message holds; fields that are not known are kept, and so are attachments that are no files."""
    more: More = others(message, KNOWN)
    text = text_of(message.get("text"), more)
    message_type, parts = _attached(message, more)
    chosen = mapping(message.get("quick_reply"))
    if chosen:
        message_type = "quick_reply"
        parts["choice"] = choice_of(chosen.get("payload"), message.get("text"))
        more.update(others(chosen, ("payload",)))
    elif message_type is None:
        message_type = "text" if text else "unknown"
    if message.get("is_unsupported") is True:
        message_type = "unsupported"
    answers = mapping(message.get("reply_to"))
    story = mapping(answers.get("story"))
    if story:
        message_type = "story_reply"
        parts.update(_story(story))
        more["reply_to"] = kept(answers)
    referral = mapping(message.get("referral"))
    if referral:
        more["referral"] = kept(referral)
        parts["product"] = cut(mapping(referral.get("product")).get("id"))
    click = referral_of(referral) if referral else None
    return Message(message_type, text, content_of(more, **parts), click, word(answers.get("mid")))


def referral_of(referral: Mapping[str, Any]) -> AdReferral:
    """Return where a customer came from: an advertisement, a short link, another place."""
    source, ad_id = word(referral.get("source")), word(referral.get("ad_id"))
    return AdReferral(
        source="ad" if source == "ADS" or ad_id else "short_link" if source == "SHORTLINK" else "other",
        source_id=ad_id if ad_id and len(ad_id) <= 128 else None,
        ref=label(referral.get("ref"), 500),
    )


def _attached(message: Mapping[str, Any], more: More) -> tuple[MessageType | None, dict[str, Any]]:
    """Return the type and the content that the attachments give: the first alone says what the message is.

    Several are kept as they came too, since not all need be files.
    """
    attachments = objects(message.get("attachments"))
    if not attachments:
        if message.get("attachments"):
            more["attachments"] = kept(message.get("attachments"))
        return None, {}
    first, payload = attachments[0], mapping(attachments[0].get("payload"))
    kind = word(first.get("type")) or ""
    message_type = ATTACHMENTS.get(kind, "unknown")
    if message_type == "image" and "sticker_id" in payload:
        message_type = "sticker"
    plain = len(attachments) == 1 and not others(first, ("type", "payload")) and not others(payload, ("url",))
    if not plain or message_type == "unknown" or kind == "ephemeral":
        more["attachments"] = kept(attachments)
    files = tuple(filter(None, map(_further, attachments[1:])))
    return message_type, _parts(message_type, first, payload) | {"files": files}


def _further(attachment: Mapping[str, Any]) -> FurtherFile | None:
    """Return the file of an attachment after the first, None where it has none."""
    payload, kind = mapping(attachment.get("payload")), ATTACHMENTS.get(word(attachment.get("type")) or "", "unknown")
    url = whole(payload.get("url")) or whole(attachment.get("url"))
    return FurtherFile(type=kind, url=url) if url and kind in MEDIA_TYPES else None


def _parts(message_type: MessageType, first: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    url = whole(payload.get("url")) or whole(first.get("url"))
    match message_type:
        case "location":
            return {"location": location_of(mapping(payload.get("coordinates")), "lat", "long"), "url": url}
        case "template":
            return {"template": kept(payload) or None}
        case "sticker" if not url:
            return {"emoji": "❤"} if first.get("type") == "like_heart" else {}
        case "share":
            return {"media": Media(url=url) if url else None, "url": url, "header": cut(payload.get("title"))}
        case _:
            return {"media": Media(url=url) if url else None}


def _story(story: Mapping[str, Any]) -> dict[str, Any]:
    url, own = whole(story.get("url")), whole(story.get("id"))
    return {"media": Media(id=own, url=url) if url else None, "url": url}
