"""Every rule a message on Messenger or Instagram must pass, in one table; the first one broken refuses it.

Messenger counts characters, Instagram bytes of UTF-8. Sources: Messenger Platform, *Send API*, *Message tags*, *Quick
replies*, *Templates*; Instagram Platform, *Send messages*, checked in November 2026.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer
from adapters.simulator.messages.errors import among, part, social
from adapters.simulator.refusals import Refusal

Body: TypeAlias = dict[str, Any]

DAY_S: Final = 86_400
WINDOW_S: Final = DAY_S
HUMAN_WINDOW_S: Final = 7 * DAY_S

# fmt: off
MAX_TEXT: Final = 2_000            # characters, Messenger
MAX_TEXT_BYTES: Final = 1_000      # Instagram
MAX_QUICK_REPLIES: Final = 13
MAX_TITLE: Final = 20              # of a quick reply or button
MAX_PAYLOAD: Final = 1_000
MAX_METADATA: Final = 1_000
MAX_BUTTONS: Final = 3
MAX_BUTTON_TEXT: Final = 640
MAX_ELEMENTS: Final = 10
MAX_ELEMENT_TITLE: Final = 80
# fmt: on

TYPES: Final = frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG"})
DEAD_TAGS: Final = frozenset({"CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE"})  # since 2026-04-27
ACTIONS: Final = frozenset({"typing_on", "typing_off", "mark_seen", "react", "unreact"})
FIELDS: Final = frozenset({"recipient", "messaging_type", "tag", "message", "sender_action", "payload", "reply_to"})
ATTACHMENTS: Final = {
    "messenger": frozenset({"image", "audio", "video", "file", "template"}),
    "instagram": frozenset({"image", "audio", "video", "file", "template", "like_heart", "MEDIA_SHARE"}),
}
_GRAPH_FIELDS: Final = frozenset({"access_token", "appsecret_proof", "appsecret_time", "locale", "debug", "format"})


@dataclass(frozen=True, slots=True)
class Sight:
    """What a rule may know beside the message: the account, who is written to, the messages there are, the moment."""

    account: Account
    account_id: str
    customer: Customer | None
    message_exists: Callable[[str], bool]
    now: float
    strict: bool = True


Rule: TypeAlias = Callable[[Body, Sight], Refusal | None]


def _bad(details: str) -> Refusal:
    return social(100, None, details)


def only_known_fields(body: Body, sight: Sight) -> Refusal | None:
    """No field that the platform does not know."""
    unknown = sorted(body.keys() - FIELDS - _GRAPH_FIELDS)
    return _bad(f"unknown field: {', '.join(unknown)}") if unknown and sight.strict else None


def account_may_send(body: Body, sight: Sight) -> Refusal | None:
    """The page is not restricted; Instagram's access to direct messages is on."""
    if sight.account.restricted:
        return social(10, 1893063, "the page is restricted from sending")
    if not sight.account.direct_messages and sight.account.channel == "instagram":
        return social(200, 2534041, "the account does not allow access to its messages")
    return None


def names_a_recipient(body: Body, sight: Sight) -> Refusal | None:
    """`recipient.id` is a text."""
    named = part(body.get("recipient")).get("id")
    return None if isinstance(named, str) and named else _bad("The parameter recipient is required, with an id")


def holds_one_thing(body: Body, sight: Sight) -> Refusal | None:
    """Either `message` or `sender_action`."""
    message, action = body.get("message"), body.get("sender_action")
    if (message is None) == (action is None):
        return _bad("one of message and sender_action is required")
    if action is not None:
        return None if among(action, ACTIONS) else _bad(f"sender_action must be one of {', '.join(sorted(ACTIONS))}")
    return None if isinstance(message, dict) and message else _bad("message must be an object")


def type_and_tag_agree(body: Body, sight: Sight) -> Refusal | None:
    """Messenger needs `messaging_type`; a tag goes with MESSAGE_TAG, and HUMAN_AGENT is the only one left."""
    kind, tag = body.get("messaging_type"), body.get("tag")
    if kind is None and sight.account.channel == "messenger" and sight.strict and body.get("message") is not None:
        return _bad("The parameter messaging_type is required")
    if kind is not None and not among(kind, TYPES):
        return _bad(f"messaging_type must be one of {', '.join(sorted(TYPES))}")
    if (kind == "MESSAGE_TAG") != (tag is not None) and not (tag is not None and kind is None):
        return _bad("a tag goes with the messaging_type MESSAGE_TAG, and the other way round")
    if among(tag, DEAD_TAGS):
        return _bad(f"the tag {tag} is no longer supported")
    if tag not in (None, "HUMAN_AGENT"):
        return _bad("tag must be HUMAN_AGENT")
    if tag is not None and not sight.account.human_agent:
        return _bad("the human agent tag needs a permission that this app does not have")
    return None


def somebody_is_there(body: Body, sight: Sight) -> Refusal | None:
    """The recipient wrote to this account once, and can be reached."""
    messenger = sight.account.channel == "messenger"
    one = sight.customer
    if one is None or sight.account_id not in one.wrote_at:
        return social(100, 2018001 if messenger else 2534014, "no matching user found")
    if one.reach == "blocked":
        return social(100, 2018108 if messenger else 2534029, "this person cannot be reached")
    if one.reach != "reachable":
        return social(551, 1545041, "this person isn't available right now")
    return None


def window_is_open(body: Body, sight: Sight) -> Refusal | None:
    """24 hours since the customer last wrote; seven days under the human-agent tag."""
    wrote_at = sight.customer.wrote_at[sight.account_id] if sight.customer else 0
    allowed_s = HUMAN_WINDOW_S if body.get("tag") == "HUMAN_AGENT" else WINDOW_S
    if sight.now - wrote_at <= allowed_s:
        return None
    subcode = 2018278 if sight.account.channel == "messenger" else 2534022
    return social(10, subcode, "this message is sent outside of allowed window")


def message_is_text_or_attachment(body: Body, sight: Sight) -> Refusal | None:
    """A message holds a text or an attachment, not both."""
    message = body.get("message")
    if message is None:
        return None
    if ("text" in message) == ("attachment" in message):
        return _bad("message needs one of text and attachment")
    return None


def text_is_short(body: Body, sight: Sight) -> Refusal | None:
    """A text has up to 2,000 characters on Messenger, up to 1,000 bytes on Instagram."""
    text = part(body.get("message")).get("text", "x")
    if not isinstance(text, str) or not text.strip():
        return _bad("message.text must be a text that is not empty")
    if sight.account.channel == "instagram":
        return _bad("message.text must be at most 1000 bytes") if len(text.encode()) > MAX_TEXT_BYTES else None
    return _bad("message.text must be at most 2000 characters") if len(text) > MAX_TEXT else None


def quick_replies_are_few(body: Body, sight: Sight) -> Refusal | None:
    """Up to 13 quick replies, each with a title of 20 characters and a payload; Instagram's go with a text."""
    replies = part(body.get("message")).get("quick_replies")
    if replies is None:
        return None
    if not isinstance(replies, list) or not 1 <= len(replies) <= MAX_QUICK_REPLIES:
        return _bad(f"message.quick_replies must be 1 to {MAX_QUICK_REPLIES}")
    for one in map(part, replies):
        if one.get("content_type") in ("user_phone_number", "user_email"):
            continue
        if one.get("content_type") != "text":
            return _bad("quick_replies: content_type must be text, user_phone_number or user_email")
        if refusal := _short(one.get("title"), MAX_TITLE, "quick_replies: title") or _short(
            one.get("payload"), MAX_PAYLOAD, "quick_replies: payload"
        ):
            return refusal
    return None


def _short(value: Any, most: int, name: str) -> Refusal | None:
    if not isinstance(value, str) or not value:
        return _bad(f"{name} must be a text that is not empty")
    return _bad(f"{name} must be at most {most} characters") if len(value) > most else None


def attachment_is_known(body: Body, sight: Sight) -> Refusal | None:
    """An attachment has a type of this platform, and an address or the id of something uploaded, or a template."""
    one = part(body.get("message")).get("attachment")
    if one is None:
        return None
    kind, payload = part(one).get("type"), part(part(one).get("payload"))
    if not among(kind, ATTACHMENTS[sight.account.channel]):
        return _bad(f"attachment.type must be one of {', '.join(sorted(ATTACHMENTS[sight.account.channel]))}")
    if kind == "template":
        return _template_is_good(payload)
    if kind == "like_heart" or isinstance(payload.get("attachment_id") or payload.get("id"), str):
        return None
    good = isinstance(payload.get("url"), str) and payload["url"].startswith(("https://", "http://"))
    return None if good else _bad("attachment.payload needs a url or an attachment_id")


def _template_is_good(payload: dict[str, Any]) -> Refusal | None:
    match payload.get("template_type"):
        case "button":
            return _short(payload.get("text"), MAX_BUTTON_TEXT, "template text") or _buttons(payload.get("buttons"), 1)
        case "generic":
            elements = payload.get("elements")
            if not isinstance(elements, list) or not 1 <= len(elements) <= MAX_ELEMENTS:
                return _bad(f"template: elements must be 1 to {MAX_ELEMENTS}")
            for one in map(part, elements):
                refusal = _short(one.get("title"), MAX_ELEMENT_TITLE, "element title")
                if refusal := refusal or _buttons(one.get("buttons", []), 0):
                    return refusal
            return None
        case _:
            return _bad("template_type must be button or generic")


def _buttons(buttons: Any, least: int) -> Refusal | None:
    if not isinstance(buttons, list) or not least <= len(buttons) <= MAX_BUTTONS:
        return _bad(f"buttons must be {least} to {MAX_BUTTONS}")
    for one in map(part, buttons):
        if refusal := _short(one.get("title"), MAX_TITLE, "button title"):
            return refusal
        if one.get("type") == "postback":
            if refusal := _short(one.get("payload"), MAX_PAYLOAD, "button payload"):
                return refusal
        elif one.get("type") != "web_url" or not str(one.get("url", "")).startswith(("https://", "http://")):
            return _bad("a button is a postback with a payload, or a web_url with a url")
    return None


def metadata_is_short(body: Body, sight: Sight) -> Refusal | None:
    """`message.metadata`, where given, is a text of at most 1,000 characters."""
    metadata = part(body.get("message")).get("metadata")
    return None if metadata is None else _short(metadata, MAX_METADATA, "message.metadata")


def answers_a_message(body: Body, sight: Sight) -> Refusal | None:
    """`reply_to.mid`, and the message that a reaction is for, exist."""
    if "reply_to" in body:
        named = part(body["reply_to"]).get("mid")
        if not isinstance(named, str) or not sight.message_exists(named):
            return _bad("reply_to.mid names no message")
    if body.get("sender_action") in ("react", "unreact"):
        named = part(body.get("payload")).get("message_id")
        if not isinstance(named, str) or not sight.message_exists(named):
            return _bad("payload.message_id names no message")
    return None


# The order matters: a rule may rely on the shapes that rules above it have checked.
RULES: Final[tuple[Rule, ...]] = (
    only_known_fields,
    account_may_send,
    names_a_recipient,
    holds_one_thing,
    type_and_tag_agree,
    message_is_text_or_attachment,
    text_is_short,
    quick_replies_are_few,
    attachment_is_known,
    metadata_is_short,
    somebody_is_there,
    window_is_open,
    answers_a_message,
)


def check_message(body: Body, sight: Sight) -> Refusal | None:
    """Return the first rule's refusal, None where the message goes."""
    return next((refusal for rule in RULES if (refusal := rule(body, sight)) is not None), None)
