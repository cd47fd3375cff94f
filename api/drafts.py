"""What people post to have a message sent, and the draft that it becomes."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, StringConstraints

from api.bodies import wrong_field
from application.outgoing import Draft
from domain.messaging.content import Choice, Content, Location, Media, MessageText, OutgoingType, Piece, Section
from domain.shared.fact import Channel, Label


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TemplateBody(_Body):
    """An approved template: its name, its language, and its components with their parameters as WhatsApp has them."""

    name: Label
    language: Label = "en"
    components: tuple[dict[str, JsonValue], ...] = ()


class MessageBody(_Body):
    """A message. `type` may be left out: what is there tells it. Choices need an id each and a title.

    `agent` is who sends; they hold the thread from then on. `force` takes it from another agent. `reply_to` is the id
    of a message of this conversation.
    """

    type: OutgoingType | None = None
    text: MessageText | None = None
    media: Media | None = None
    location: Location | None = None
    buttons: tuple[Choice, ...] = ()
    quick_replies: tuple[Choice, ...] = ()
    sections: tuple[Section, ...] = ()
    list_button: Piece | None = None
    header: Piece | None = None
    footer: Piece | None = None
    url: Piece | None = None
    template: Annotated[TemplateBody | dict[str, JsonValue] | None, Field(union_mode="left_to_right")] = None
    emoji: Piece | None = None
    reply_to: UUID | None = None
    purpose: Literal["answer", "marketing", "notice"] = "answer"
    agent: Label | None = None
    force: StrictBool = False


class ResendBody(_Body):
    """Who sends it again, knowing that it may arrive twice."""

    agent: Label | None = None
    force: StrictBool = False


class OlderBody(_Body):
    """The older shape: whom, and what. WhatsApp takes a number in `to`, `phone` or `recipient_id`."""

    platform: Channel | None = None
    recipient_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    to: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    phone: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    text: MessageText | None = None
    message: MessageText | None = None
    template: TemplateBody | None = None
    template_name: Label | None = None
    language: Label | None = None
    account_id: Label | None = None
    purpose: Literal["answer", "marketing", "notice"] = "answer"
    agent: Label | None = None
    force: StrictBool = False


def draft_of(body: MessageBody, by: str, name: str | None) -> Draft:
    """Return the draft of a message that `by` sends where the body names no agent. Raises Refusal 422."""
    kind, template = body.type or _type_of(body), body.template
    named = template if isinstance(template, TemplateBody) else None
    raw = template if isinstance(template, dict) else None
    if named is not None:
        raw = {"components": list(named.components)} if named.components else None
    content = Content(
        media=body.media, location=body.location, buttons=body.buttons or body.quick_replies, sections=body.sections,
        list_button=body.list_button, header=body.header, footer=body.footer, url=body.url, emoji=body.emoji,
        template=raw,
    )  # fmt: skip
    return Draft(
        author="agent", by=body.agent or by, text=body.text, message_type=kind, content=content,
        purpose=body.purpose, template=named.name if named else None, language=named.language if named else None,
        reply_to=body.reply_to, name=name,
    )  # fmt: skip


def _type_of(body: MessageBody) -> OutgoingType:
    """Return what a message is by what is there."""
    if body.media is not None:
        raise wrong_field("type", "is needed with media: image, video, audio, document or sticker")
    # fmt: off
    there: tuple[tuple[OutgoingType, bool], ...] = (
        ("template",      body.template is not None), ("location", body.location is not None),
        ("list",          bool(body.sections)),       ("buttons",  bool(body.buttons)),
        ("quick_replies", bool(body.quick_replies)),  ("reaction", body.emoji is not None),
    )
    # fmt: on
    return next((kind for kind, given in there if given), "text")
