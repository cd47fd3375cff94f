"""WhatsApp, through Meta's Cloud API or through 360dialog: one shape of messages, two doors.

Source: Meta, *Cloud API reference: messages* and *media*; 360dialog, *Messaging API*; checked in November 2026.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx

from adapters.channels.answers import post, upload
from adapters.channels.proofs import Proofs
from application.ports.channels import Account, Addressee, NotSent, Sent, ToSend
from application.ports.media import FileToGive
from domain.messaging.content import Choice, Media, OutgoingType

ADDRESS = re.compile(r"https?://\S")
"""A text with one of these is shown with a preview."""


class WhatsApp:
    """Sends to WhatsApp. `http` has the host and, for the Cloud API, the version in its base address."""

    def __init__(self, http: httpx.Client, proofs: Proofs | None = None) -> None:
        self._http, self._proofs = http, proofs or Proofs()

    def send(self, account: Account, message: ToSend) -> Sent:
        """Send a message, its file first where one is kept here; return WhatsApp's id of it. Raises NotSent."""
        if message.file is not None:
            message = _with(message, self._given(account, message.file))
        answer = self._post(account, body_of(message))
        messages = answer.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        platform_id = first.get("id") if isinstance(first, dict) else None
        if not isinstance(platform_id, str) or not platform_id:
            raise NotSent("unknown", "an acceptance without the message's id")
        return Sent(platform_id)

    def seen(self, account: Account, to: Addressee, platform_id: str | None, *, typing: bool) -> None:
        """Mark a message as read, and with `typing` show for up to 25 s that somebody writes. Raises NotSent."""
        if platform_id is None:
            raise NotSent("permanent", "the customer wrote nothing that could be marked as read")
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": platform_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        self._post(account, body)

    def _given(self, account: Account, file: FileToGive) -> str:
        """Give a file to the platform, which keeps it for thirty days; return its id there."""
        path = "/media" if account.provider == "360dialog" else f"/{account.account_id}/media"
        fields, headers = {"messaging_product": "whatsapp", "type": file.mime_type}, _headers(account)
        return self._proofs.tried(account, lambda proof: upload(self._http, path, file, fields, proof, headers))

    def _post(self, account: Account, body: dict[str, Any]) -> dict[str, Any]:
        path, headers = _path(account), _headers(account)
        return self._proofs.tried(account, lambda proof: post(self._http, path, {**body, **proof}, headers))


def body_of(message: ToSend) -> dict[str, Any]:
    """Return the request's body. A customer whose number is hidden is named by `recipient`."""
    body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    if message.to.kind == "bsuid":
        body["recipient"] = message.to.value
    else:
        body["to"] = "".join(one for one in message.to.value if one.isdecimal())
    kind = TYPES.get(message.message_type, message.message_type)
    body["type"] = kind
    body[kind] = PARTS[message.message_type](message)
    if message.reply_to and message.message_type != "reaction":
        body["context"] = {"message_id": message.reply_to}
    body["biz_opaque_callback_data"] = message.mark
    return body


def _with(message: ToSend, media_id: str) -> ToSend:
    media = (message.content.media or Media()).model_copy(update={"id": media_id, "url": None})
    return replace(message, content=message.content.model_copy(update={"media": media}))


def _path(account: Account) -> str:
    return "/messages" if account.provider == "360dialog" else f"/{account.account_id}/messages"


def _headers(account: Account) -> dict[str, str]:
    if account.provider == "360dialog":
        return {"D360-API-KEY": account.token}
    return {"authorization": f"Bearer {account.token}"}


def _text(message: ToSend) -> dict[str, Any]:
    text = message.text or ""
    return {"body": text, "preview_url": ADDRESS.search(text) is not None}


def _media(message: ToSend) -> dict[str, Any]:
    media = message.content.media or Media()
    part: dict[str, Any] = {"id": media.id} if media.id else {"link": media.url}
    if message.text:
        part["caption"] = message.text
    if message.message_type == "document" and media.filename:
        part["filename"] = media.filename
    return part


def _location(message: ToSend) -> dict[str, Any]:
    place = message.content.location
    return place.model_dump(mode="json", exclude_none=True) if place else {}


def _reaction(message: ToSend) -> dict[str, Any]:
    return {"message_id": message.reply_to, "emoji": message.content.emoji or ""}


def _template(message: ToSend) -> dict[str, Any]:
    part: dict[str, Any] = {"name": message.template, "language": {"code": message.language}}
    if components := (message.content.template or {}).get("components"):
        part["components"] = components
    return part


def _buttons(message: ToSend) -> dict[str, Any]:
    content = message.content
    if content.url:  # one button that opens an address
        title = content.buttons[0].title if content.buttons else content.url
        action: dict[str, Any] = {"name": "cta_url", "parameters": {"display_text": title, "url": content.url}}
        return _framed(message, "cta_url", action)
    replies = [{"type": "reply", "reply": {"id": one.id, "title": one.title}} for one in content.buttons]
    return _framed(message, "button", {"buttons": replies})


def _list(message: ToSend) -> dict[str, Any]:
    sections = [
        {**({"title": one.title} if one.title else {}), "rows": [_row(row) for row in one.rows]}
        for one in message.content.sections
    ]
    return _framed(message, "list", {"button": message.content.list_button, "sections": sections})


def _row(row: Choice) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, **({"description": row.description} if row.description else {})}


def _framed(message: ToSend, kind: str, action: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = {"type": kind, "body": {"text": message.text}, "action": action}
    if message.content.header:
        part["header"] = {"type": "text", "text": message.content.header}
    if message.content.footer:
        part["footer"] = {"text": message.content.footer}
    return part


# fmt: off
TYPES: dict[OutgoingType, str] = {"buttons": "interactive", "list": "interactive"}
"""Kinds of message that WhatsApp calls by another name."""
PARTS: dict[OutgoingType, Callable[[ToSend], dict[str, Any]]] = {
    "text": _text, "image": _media, "video": _media, "audio": _media, "document": _media, "sticker": _media,
    "location": _location, "reaction": _reaction, "template": _template, "buttons": _buttons, "list": _list,
}
"""What stands under the type's name."""
# fmt: on
