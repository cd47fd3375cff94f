"""Playing a customer: what they say becomes a webhook as the platform would send it, and opens their window."""

import random
from base64 import b64decode
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.simulator.messages import payloads
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Customer, Said
from adapters.simulator.messages.errors import Channel
from adapters.simulator.messages.ground import Ground
from adapters.simulator.messages.media import File

Body = dict[str, Any]

MIME_TYPES = {
    "image": "image/jpeg", "video": "video/mp4", "audio": "audio/ogg; codecs=opus", "voice": "audio/ogg; codecs=opus",
    "document": "application/pdf", "file": "application/pdf", "sticker": "image/webp",
}  # fmt: skip


class Brought(BaseModel):
    """A file that a customer sends."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["image", "video", "audio", "voice", "document", "file", "sticker"] = "image"
    content: str = "a small file"  # as text; `base64` where it is not
    base64: bytes | None = None
    mime_type: str | None = None
    filename: str | None = None
    caption: str | None = None
    broken: bool = False  # its download fails

    def raw(self) -> bytes:
        """Return the bytes of the file."""
        return b64decode(self.base64) if self.base64 is not None else self.content.encode()


class Saying(BaseModel):
    """One thing a customer does on a channel. Exactly one of what can be said; `raw` is anything else, as it is."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    account: str
    user: str = Field(min_length=1, max_length=160)  # phone, business-scoped id, page- or Instagram-scoped id
    customer: Said | None = None  # what else is to be known of them
    text: str | None = None
    media: Brought | None = None
    more_media: list[Brought] = []  # in the same message, on Messenger and Instagram
    location: dict[str, Any] | None = None  # latitude, longitude, name, address
    contacts: list[dict[str, Any]] | None = None
    button: dict[str, str] | None = None  # id and title of the button or row pressed; payload of a quick reply
    row: dict[str, str] | None = None  # id, title, description of a list's row
    postback: dict[str, str] | None = None  # title and payload
    reaction: dict[str, str] | None = None  # message_id, emoji
    edit: dict[str, str] | None = None  # message_id, text
    revoke: str | None = None  # the message taken back
    reads: str | None = None  # a message of ours that they read, by its id
    raw: dict[str, Any] | None = None  # the message itself, without id and sender
    reply_to: str | None = None
    referral: dict[str, Any] | None = None  # from an advertisement
    message_id: str | None = None
    at: float | None = None  # unix seconds; now unless told


class Played(BaseModel):
    """Several sayings with the disorder of a network: in batches, shuffled, some twice."""

    model_config = ConfigDict(extra="forbid")

    say: list[Saying] = Field(min_length=1, max_length=10_000)
    batch: int = Field(default=1, ge=1, le=1_000)
    shuffle: bool = False
    twice_share: float = Field(default=0, ge=0, le=1)
    parallel: bool = False  # all requests at once
    seed: int | None = None


class Unplayable(ValueError):
    """What was asked for cannot happen on this account."""


def message_of(ground: Ground, saying: Saying, base: str) -> tuple[str, Account, Customer, Body]:
    """Return the id of what a customer did, the account, the customer, and the item for a webhook.

    Raises Unplayable.
    """
    account = ground.accounts.get(saying.account)
    if account is None or account.channel != saying.channel:
        raise Unplayable(f"{saying.account} is no {saying.channel} account; register it first")
    customer = ground.customers.know(saying.channel, saying.user, saying.customer)
    at = ground.clock() if saying.at is None else saying.at
    message_id = saying.message_id or ground.new_id(saying.channel)
    if saying.channel == "whatsapp":
        item = payloads.whatsapp_message(customer, message_id, at, _whatsapp(ground, saying, account, base))
    else:
        content = _social(ground, saying, message_id, at, base)
        item = payloads.social_event(saying.account, account, customer, at, content)
    if saying.reads is None:
        ground.customer_wrote(saying.account, customer, message_id, at)
    return message_id, account, customer, item


def body_of(account_id: str, account: Account, items: list[tuple[Customer, Body]], at: float) -> Body:
    """Return the body of one webhook that carries these items of one account."""
    if account.channel != "whatsapp":
        return payloads.social_body(account_id, account, [item for _, item in items], at)
    people = {one.id: one for one, _ in items}.values()
    return payloads.whatsapp_body(account_id, account, "messages", {"messages": [item for _, item in items]}, *people)


def bodies_of(ground: Ground, played: Played, base: str) -> tuple[list[str], list[tuple[str, Body]]]:
    """Return the ids of what was said, and the webhooks that carry it with their accounts, in the order to be sent."""
    chance = random.Random(played.seed)  # noqa: S311 - repeatable chance, no secret
    ids: list[str] = []
    waiting: dict[str, list[tuple[Customer, Body]]] = {}
    for saying in played.say:
        message_id, _, customer, item = message_of(ground, saying, base)
        ids.append(message_id)
        waiting.setdefault(saying.account, []).extend([(customer, item)] * (1 + (chance.random() < played.twice_share)))
    bodies: list[tuple[str, Body]] = []
    for account_id, items in waiting.items():
        account = ground.accounts.get(account_id)
        assert account is not None
        if played.shuffle:
            chance.shuffle(items)
        for start in range(0, len(items), played.batch):
            part = items[start : start + played.batch]
            bodies.append((account_id, body_of(account_id, account, part, ground.clock())))
    if played.shuffle:
        chance.shuffle(bodies)
    return ids, bodies


def _whatsapp(ground: Ground, saying: Saying, account: Account, base: str) -> Body:
    content = _whatsapp_content(ground, saying, base)
    if saying.referral is not None:
        content["referral"] = saying.referral
    if saying.reply_to is not None:
        content["context"] = {"from": account.display_phone_number, "id": saying.reply_to}
    return content


def _whatsapp_content(ground: Ground, saying: Saying, base: str) -> Body:
    if saying.text is not None:
        return {"type": "text", "text": {"body": saying.text}}
    if saying.media is not None:
        return _whatsapp_media(ground, saying.account, saying.media, base)
    if saying.location is not None:
        return {"type": "location", "location": saying.location}
    if saying.contacts is not None:
        return {"type": "contacts", "contacts": saying.contacts}
    if saying.button is not None:
        return {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": saying.button}}
    if saying.row is not None:
        return {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": saying.row}}
    if saying.postback is not None:  # the quick reply of a template
        told = {"text": saying.postback.get("title", ""), "payload": saying.postback.get("payload", "")}
        return {"type": "button", "button": told}
    if saying.reaction is not None:
        return {"type": "reaction", "reaction": saying.reaction}
    if saying.edit is not None:
        edited = {"type": "text", "text": {"body": saying.edit.get("text", "")}}
        return {"type": "edit", "edit": {"original_message_id": saying.edit.get("message_id"), "message": edited}}
    if saying.revoke is not None:
        return {"type": "revoke", "revoke": {"original_message_id": saying.revoke}}
    if saying.raw is not None:
        return dict(saying.raw)
    raise Unplayable(
        "say something: text, media, location, contacts, button, row, postback, reaction, edit, revoke, raw"
    )


def _whatsapp_media(ground: Ground, account_id: str, brought: Brought, base: str) -> Body:
    kind = {"voice": "audio", "file": "document"}.get(brought.kind, brought.kind)
    file = _kept(ground, account_id, brought)
    told: Body = {
        "id": file.id, "mime_type": file.mime_type, "sha256": file.sha256(),
        "url": ground.media.address(file.id, base),
    }  # fmt: skip
    if kind == "audio":
        told["voice"] = brought.kind == "voice"
    if kind == "sticker":
        told["animated"] = False
    if brought.caption is not None:
        told["caption"] = brought.caption
    if brought.filename is not None:
        told["filename"] = brought.filename
    return {"type": kind, kind: told}


def _kept(ground: Ground, account_id: str | None, brought: Brought) -> File:
    mime_type = brought.mime_type or MIME_TYPES[brought.kind]
    return ground.media.keep(
        brought.raw(), mime_type, account_id, filename=brought.filename, came_in=True, broken=brought.broken
    )


def _social(ground: Ground, saying: Saying, message_id: str, at: float, base: str) -> Body:
    if saying.postback is not None:
        referral = {"referral": saying.referral} if saying.referral is not None else {}
        return {"postback": {"mid": message_id, **saying.postback, **referral}}
    if saying.reads is not None:
        marked = {"mid": saying.reads} if saying.channel == "instagram" else {"watermark": int(at * 1_000)}
        return {"read": marked}
    if saying.reaction is not None:
        emoji = saying.reaction.get("emoji", "")
        told: Body = {"mid": saying.reaction.get("message_id"), "action": "react" if emoji else "unreact"}
        return {"reaction": {**told, **({"reaction": "other", "emoji": emoji} if emoji else {})}}
    if saying.edit is not None:
        return {"message_edit": {"mid": saying.edit.get("message_id"), "text": saying.edit.get("text"), "num_edit": 1}}
    if saying.revoke is not None:
        return {"message": {"mid": saying.revoke, "is_deleted": True}}
    return {"message": _social_message(ground, saying, message_id, base)}


def _attachment(ground: Ground, brought: Brought, base: str) -> Body:
    kind = {"voice": "audio", "document": "file", "sticker": "image"}.get(brought.kind, brought.kind)
    return {"type": kind, "payload": {"url": f"{base}/_cdn/{_kept(ground, None, brought).id}"}}


def _social_message(ground: Ground, saying: Saying, message_id: str, base: str) -> Body:
    told: Body = {"mid": message_id}
    if saying.raw is not None:
        return {**told, **saying.raw}
    if saying.text is not None:
        told["text"] = saying.text
    elif saying.button is not None:
        told |= {"text": saying.button.get("title", ""), "quick_reply": {"payload": saying.button.get("id", "")}}
    elif saying.media is not None:
        told["attachments"] = [_attachment(ground, one, base) for one in (saying.media, *saying.more_media)]
    elif saying.location is not None:
        place = {"lat": saying.location.get("latitude"), "long": saying.location.get("longitude")}
        told["attachments"] = [{"type": "location", "payload": {"coordinates": place}}]
    else:
        raise Unplayable("say something: text, media, location, button, postback, reaction, edit, revoke, reads, raw")
    if saying.reply_to is not None:
        told["reply_to"] = {"mid": saying.reply_to}
    if saying.referral is not None:
        told["referral"] = saying.referral
    return told
