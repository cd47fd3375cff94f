"""Every rule a WhatsApp message must pass before it is accepted, in one table; the first one broken refuses it.

Limits are in characters, as Meta gives them. Sources: WhatsApp Cloud API, *Messages*, *Interactive reply buttons*,
*Interactive list messages*, *Reaction messages*, *Business-scoped user ids*, checked in November 2026. What Meta only
learns later (window, reach, opt-out) fails by a status webhook and stands in `outcomes.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import is_bsuid
from adapters.simulator.messages.errors import among, listed, part, whatsapp
from adapters.simulator.messages.media import Media
from adapters.simulator.messages.templates import Template, Templates, check_template
from adapters.simulator.refusals import Refusal

Body: TypeAlias = dict[str, Any]

# fmt: off
LIMITS: Final[dict[str, int]] = {
    "text.body": 4096,
    "caption": 1024,
    "document.filename": 240,
    "biz_opaque_callback_data": 512,
    "interactive.body of buttons": 1024,
    "interactive.body of a list": 4096,
    "interactive.footer": 60,
    "interactive.header": 60,
    "button.title": 20,
    "button.id": 256,
    "list.button": 20,
    "section.title": 24,
    "row.title": 24,
    "row.description": 72,
    "row.id": 200,
}
MAX_BUTTONS: Final = 3
MAX_SECTIONS: Final = 10
MAX_ROWS: Final = 10  # in all sections together
# fmt: on

MEDIA: Final = frozenset({"image", "video", "audio", "document", "sticker"})
TYPES: Final = MEDIA | {"text", "location", "contacts", "interactive", "template", "reaction"}
INTERACTIVE: Final = frozenset(
    {"button", "list", "cta_url", "location_request_message", "flow", "product", "product_list"}
)
FIELDS: Final = TYPES | {
    "messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data",
}  # fmt: skip
_GRAPH_FIELDS: Final = frozenset({"access_token", "appsecret_proof", "appsecret_time", "locale", "debug", "format"})

_is_phone = re.compile(r"\+?[0-9]{7,15}").fullmatch


@dataclass(frozen=True, slots=True)
class Sight:
    """What a rule may know beside the message: the account, its templates, the files and messages there are."""

    account: Account
    account_id: str
    templates: Templates
    media: Media
    message_exists: Callable[[str], bool]
    strict: bool = True
    bsuid_in_to: str = "refuse"


Rule: TypeAlias = Callable[[Body, Sight], Refusal | None]


def too_long(value: Any, limit: str, name: str | None = None) -> Refusal | None:
    """Refuse a text that is none, or longer than its limit."""
    most, name = LIMITS[limit], name or limit
    if not isinstance(value, str) or not value:
        return whatsapp(131008, f"{name} must be a text that is not empty")
    return whatsapp(100, f"{name} must be at most {most} characters long") if len(value) > most else None


def _first(*refusals: Refusal | None) -> Refusal | None:
    return next((one for one in refusals if one is not None), None)


def names_the_product(body: Body, sight: Sight) -> Refusal | None:
    """`messaging_product` is whatsapp."""
    if body.get("messaging_product") == "whatsapp":
        return None
    return whatsapp(100, "The parameter messaging_product is required and must be whatsapp")


def only_known_fields(body: Body, sight: Sight) -> Refusal | None:
    """No field that Meta does not know."""
    unknown = sorted(body.keys() - FIELDS - _GRAPH_FIELDS)
    return whatsapp(100, f"unknown field: {', '.join(unknown)}") if unknown and sight.strict else None


def recipient_type_is_one_person(body: Body, sight: Sight) -> Refusal | None:
    """`recipient_type`, where given, is individual."""
    if body.get("recipient_type", "individual") == "individual":
        return None
    return whatsapp(131009, "recipient_type must be individual")


def names_a_recipient(body: Body, sight: Sight) -> Refusal | None:
    """`to` is a phone number with its country code; `recipient` a business-scoped user id. One is enough."""
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        return whatsapp(100, "The parameter to is required")
    if to is not None:
        if isinstance(to, str) and is_bsuid(to):
            refused = whatsapp(131009, "to must be a phone number; a business-scoped user id goes into recipient")
            return refused if sight.bsuid_in_to == "refuse" else None
        return None if isinstance(to, str) and _is_phone(to) else whatsapp(131009, "to must be a phone number")
    if isinstance(recipient, str) and is_bsuid(recipient):
        return None
    return whatsapp(131009, "recipient must be a business-scoped user id")


def recipient_is_not_the_sender(body: Body, sight: Sight) -> Refusal | None:
    """A number does not write to itself."""
    own = sight.account.display_phone_number
    return whatsapp(131021, "sender and recipient are the same") if str(body.get("to")).lstrip("+") == own else None


def type_is_known(body: Body, sight: Sight) -> Refusal | None:
    """`type` is one of Meta's (text where none is given), and what it names is there."""
    kind = body.get("type", "text")
    if not among(kind, TYPES):
        return whatsapp(100, f"type must be one of {', '.join(sorted(TYPES))}")
    expected: type = list if kind == "contacts" else dict
    if isinstance(body.get(kind), expected) and body[kind]:
        return None
    return whatsapp(131008, f"{kind} is required for messages of this type")


def callback_data_is_short(body: Body, sight: Sight) -> Refusal | None:
    """`biz_opaque_callback_data`, where given, is a text of at most 512 characters."""
    data = body.get("biz_opaque_callback_data")
    return None if data is None else too_long(data, "biz_opaque_callback_data")


def context_names_a_message(body: Body, sight: Sight) -> Refusal | None:
    """`context`, where given, names the message answered; a reaction has none."""
    if "context" not in body:
        return None
    if body.get("type") == "reaction":
        return whatsapp(100, "context is not allowed with a reaction")
    named = part(body["context"]).get("message_id")
    return None if isinstance(named, str) and named else whatsapp(131009, "context.message_id must name a message")


def text_is_short(body: Body, sight: Sight) -> Refusal | None:
    """A text has 1 to 4,096 characters."""
    return too_long(body["text"].get("body"), "text.body") if body.get("type", "text") == "text" else None


def media_is_there(body: Body, sight: Sight) -> Refusal | None:
    """A file is named by the id of something uploaded, of the right kind, or by a link; a caption is short."""
    kind = body.get("type", "text")
    if not among(kind, MEDIA):
        return None
    piece = body[kind]
    caption, filename = piece.get("caption"), piece.get("filename")
    if caption is not None and kind in ("audio", "sticker"):
        return whatsapp(100, f"{kind}.caption is not allowed")
    return _first(
        file_is_there(kind, piece, sight),
        None if caption is None else too_long(caption, "caption", f"{kind}.caption"),
        None if filename is None else too_long(filename, "document.filename"),
    )


def file_is_there(kind: str, piece: dict[str, Any], sight: Sight) -> Refusal | None:
    """Refuse a file that is named neither by a known id of the right kind nor by a link, or by both."""
    named, link = piece.get("id"), piece.get("link")
    if (named is None) == (link is None):
        return whatsapp(131008, f"{kind} needs one of id and link")
    if link is not None:
        good = isinstance(link, str) and link.startswith(("https://", "http://")) and len(link) <= 2_048
        return None if good else whatsapp(131009, f"{kind}.link must be an address")
    if not isinstance(named, str):
        return whatsapp(131009, f"{kind}.id must be a text")
    return sight.media.refuse_use(named, kind, sight.account_id)


def location_is_on_earth(body: Body, sight: Sight) -> Refusal | None:
    """A location has degrees that exist, as numbers or text."""
    if body.get("type") != "location":
        return None
    for name, most in (("latitude", 90), ("longitude", 180)):
        try:
            degrees = float(body["location"].get(name))
        except (TypeError, ValueError):
            return whatsapp(131008, f"location.{name} is required, in degrees")
        if not -most <= degrees <= most:
            return whatsapp(131009, f"location.{name} must be between -{most} and {most}")
    return None


def contacts_have_names(body: Body, sight: Sight) -> Refusal | None:
    """Each contact has a formatted name."""
    if body.get("type") != "contacts":
        return None
    named = all(part(part(one).get("name")).get("formatted_name") for one in body["contacts"])
    return None if named else whatsapp(131008, "contacts: name.formatted_name is required")


def interactive_is_complete(body: Body, sight: Sight) -> Refusal | None:
    """An interactive message has a known type, a body, an action; header and footer are short."""
    if body.get("type") != "interactive":
        return None
    piece = body["interactive"]
    kind = piece.get("type")
    if not among(kind, INTERACTIVE):
        return whatsapp(131009, f"interactive.type must be one of {', '.join(sorted(INTERACTIVE))}")
    if not isinstance(piece.get("action"), dict):
        return whatsapp(131008, "interactive.action is required")
    limit = "interactive.body of a list" if kind == "list" else "interactive.body of buttons"
    header, footer = piece.get("header"), piece.get("footer")
    return _first(
        None if kind == "product" else too_long(part(piece.get("body")).get("text"), limit, "interactive.body.text"),
        None if footer is None else too_long(part(footer).get("text"), "interactive.footer"),
        None if header is None else _header_is_good(kind, part(header), sight),
    )


def _header_is_good(kind: str, header: dict[str, Any], sight: Sight) -> Refusal | None:
    form = header.get("type")
    if form == "text":
        return too_long(header.get("text"), "interactive.header")
    if kind == "list" or form not in ("image", "video", "document"):
        return whatsapp(131009, "interactive.header has a type that is not allowed here")
    return file_is_there(form, part(header.get(form)), sight)


def buttons_are_few(body: Body, sight: Sight) -> Refusal | None:
    """One to three reply buttons, each with a short title and an id of its own."""
    piece = part(body.get("interactive"))
    if body.get("type") != "interactive" or piece.get("type") != "button":
        return None
    buttons = piece["action"].get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_BUTTONS:
        return whatsapp(131009, f"interactive.action.buttons must be 1 to {MAX_BUTTONS}")
    replies = [part(part(one).get("reply")) for one in buttons]
    if any(part(one).get("type") != "reply" for one in buttons):
        return whatsapp(131009, "a button's type must be reply")
    for reply in replies:
        if refusal := too_long(reply.get("title"), "button.title") or too_long(reply.get("id"), "button.id"):
            return refusal
    return _distinct("button", [reply["id"] for reply in replies], [reply["title"] for reply in replies])


def _distinct(what: str, ids: list[str], titles: list[str]) -> Refusal | None:
    if len(set(ids)) < len(ids):
        return whatsapp(131009, f"two {what}s have the same id")
    return whatsapp(131009, f"two {what}s have the same title") if len(set(titles)) < len(titles) else None


def list_is_short(body: Body, sight: Sight) -> Refusal | None:
    """A list has a button, up to ten sections, and up to ten rows in all of them together."""
    piece = part(body.get("interactive"))
    if body.get("type") != "interactive" or piece.get("type") != "list":
        return None
    sections = piece["action"].get("sections")
    if not isinstance(sections, list) or not 1 <= len(sections) <= MAX_SECTIONS:
        return whatsapp(131009, f"interactive.action.sections must be 1 to {MAX_SECTIONS}")
    rows: list[dict[str, Any]] = []
    for section in sections:
        inside = part(section).get("rows")
        if not isinstance(inside, list) or not inside:
            return whatsapp(131009, "a section needs rows")
        if (len(sections) > 1 or section.get("title")) and (refusal := too_long(section.get("title"), "section.title")):
            return refusal
        rows += [part(row) for row in inside]
    if len(rows) > MAX_ROWS:
        return whatsapp(131009, f"a list has at most {MAX_ROWS} rows in all its sections")
    return _first(too_long(piece["action"].get("button"), "list.button"), *map(_row_is_good, rows)) or _distinct(
        "row", [row["id"] for row in rows], []
    )


def _row_is_good(row: dict[str, Any]) -> Refusal | None:
    description = row.get("description")
    return _first(
        too_long(row.get("title"), "row.title"),
        too_long(row.get("id"), "row.id"),
        None if description in (None, "") else too_long(description, "row.description"),
    )


def address_button_is_complete(body: Body, sight: Sight) -> Refusal | None:
    """A button that opens an address has a short title and the address."""
    piece = part(body.get("interactive"))
    if body.get("type") != "interactive" or piece.get("type") != "cta_url":
        return None
    parameters = part(piece["action"].get("parameters"))
    if not str(parameters.get("url", "")).startswith(("https://", "http://")):
        return whatsapp(131009, "interactive.action.parameters.url must be an address")
    return too_long(parameters.get("display_text"), "button.title", "interactive.action.parameters.display_text")


def reaction_names_a_message(body: Body, sight: Sight) -> Refusal | None:
    """A reaction is one emoji, or nothing to take it back, on a message there is."""
    if body.get("type") != "reaction":
        return None
    named, emoji = body["reaction"].get("message_id"), body["reaction"].get("emoji")
    if not isinstance(named, str) or not named:
        return whatsapp(131008, "reaction.message_id is required")
    if not isinstance(emoji, str) or len(emoji) > 16 or (emoji and emoji.isascii()):
        return whatsapp(131009, "reaction.emoji must be one emoji, or empty")
    return None if sight.message_exists(named) else whatsapp(131009, "reaction.message_id names no message")


def template_can_be_sent(body: Body, sight: Sight) -> Refusal | None:
    """A template exists, is approved, gets the parameters that it has, and is not for hidden numbers' codes."""
    if body.get("type") != "template":
        return None
    found = check_template(body["template"], sight.account.waba_id or "", sight.templates)
    if isinstance(found, Refusal):
        return found
    return _header_file(body["template"], sight) or _codes_need_a_number(body, found)


def _header_file(sent: dict[str, Any], sight: Sight) -> Refusal | None:
    for component in listed(sent.get("components")):
        for parameter in listed(component.get("parameters")):
            kind = part(parameter).get("type")
            if kind in ("image", "video", "document") and (
                refusal := file_is_there(kind, part(parameter[kind]), sight)
            ):
                return refusal
    return None


def _codes_need_a_number(body: Body, template: Template) -> Refusal | None:
    if template.category == "AUTHENTICATION" and body.get("to") is None:
        return whatsapp(131062, "authentication templates cannot be sent to a business-scoped user id")
    return None


# The order matters: a rule may rely on the shapes that rules above it have checked.
RULES: Final[tuple[Rule, ...]] = (
    names_the_product,
    only_known_fields,
    recipient_type_is_one_person,
    names_a_recipient,
    recipient_is_not_the_sender,
    type_is_known,
    callback_data_is_short,
    context_names_a_message,
    text_is_short,
    media_is_there,
    location_is_on_earth,
    contacts_have_names,
    interactive_is_complete,
    buttons_are_few,
    list_is_short,
    address_button_is_complete,
    reaction_names_a_message,
    template_can_be_sent,
)


def check_message(body: Body, sight: Sight) -> Refusal | None:
    """Return the first rule's refusal, None where the message is accepted."""
    return next((refusal for rule in RULES if (refusal := rule(body, sight)) is not None), None)
