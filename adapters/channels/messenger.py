"""Facebook Messenger and Instagram direct messages: one Send API, with small differences.

Source: Meta, *Messenger Platform: Send API* and *Instagram API with Instagram login: messaging*, checked in November
2026. `reply_to` is a parameter beside `message`: Meta, *Graph API reference: Page messages*. That it takes `mid`, and
on Instagram too, was not found written down.
"""

from typing import Any

import httpx

from adapters.channels.answers import post
from adapters.channels.proofs import Proofs
from application.ports.channels import Account, Addressee, NotSent, Sent, ToSend
from domain.messaging.content import Choice, Media

FILES = {"image": "image", "video": "video", "audio": "audio", "document": "file"}
"""Our word for a file → the platform's."""
HEART = ("❤", "❤️", "♥", "♥️")
"""What Instagram calls `love`."""


class Messenger:
    """Sends to Messenger and Instagram. `http` has the host and the version in its base address."""

    def __init__(self, http: httpx.Client, proofs: Proofs | None = None) -> None:
        self._http, self._proofs = http, proofs or Proofs()

    def send(self, account: Account, message: ToSend) -> Sent:
        """Send a message; return the platform's id of it, None for a reaction. Raises NotSent."""
        answer = self._post(account, body_of(account, message))
        if message.message_type == "reaction":
            return Sent()
        platform_id = answer.get("message_id")
        if not isinstance(platform_id, str) or not platform_id:
            raise NotSent("unknown", "an acceptance without the message's id")
        return Sent(platform_id)

    def seen(self, account: Account, to: Addressee, platform_id: str | None, *, typing: bool) -> None:
        """Mark the thread as read, or with `typing` show that somebody writes. Raises NotSent."""
        body = {"recipient": {"id": to.value}, "sender_action": "typing_on" if typing else "mark_seen"}
        self._post(account, body)

    def _post(self, account: Account, body: dict[str, Any]) -> dict[str, Any]:
        path, headers = _path(account), _headers(account)
        return self._proofs.tried(account, lambda proof: post(self._http, path, {**body, **proof}, headers))


def body_of(account: Account, message: ToSend) -> dict[str, Any]:
    """Return the request's body; a human's late answer goes under the one tag that is left."""
    to: dict[str, Any] = {"recipient": {"id": message.to.value}}
    if message.message_type == "reaction":
        return {**to, **_reaction(message)}
    kind = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"} if message.human_tag else _response()
    said = _message(message)
    if account.channel == "messenger":
        said["metadata"] = message.mark  # comes back with the echo; Instagram has no such field
    body = {**to, **kind, "message": said}
    if message.reply_to:
        body["reply_to"] = {"mid": message.reply_to}
    return body


def _response() -> dict[str, str]:
    return {"messaging_type": "RESPONSE"}


def _path(account: Account) -> str:
    return f"/{account.account_id}/messages"


def _headers(account: Account) -> dict[str, str]:
    return {"authorization": f"Bearer {account.token}"}


def _reaction(message: ToSend) -> dict[str, Any]:
    emoji = message.content.emoji
    if not emoji:
        return {"sender_action": "unreact", "payload": {"message_id": message.reply_to}}
    reaction = "love" if emoji in HEART else emoji
    return {"sender_action": "react", "payload": {"message_id": message.reply_to, "reaction": reaction}}


def _message(message: ToSend) -> dict[str, Any]:
    content = message.content
    match message.message_type:
        case "text":
            return {"text": message.text}
        case "quick_replies":
            replies = [{"content_type": "text", "title": one.title, "payload": one.id} for one in content.buttons]
            return {"text": message.text, "quick_replies": replies}
        case "buttons":
            buttons = [_button(one, content.url) for one in content.buttons]
            return _template({"template_type": "button", "text": message.text, "buttons": buttons})
        case "template":
            return _template(dict(content.template or {}))
        case kind:
            media = content.media or Media()
            payload: dict[str, Any] = {"attachment_id": media.id} if media.id else {"url": media.url}
            return {"attachment": {"type": FILES.get(kind, "file"), "payload": payload}}


def _button(choice: Choice, url: str | None) -> dict[str, str]:
    if url:
        return {"type": "web_url", "title": choice.title, "url": url}
    return {"type": "postback", "title": choice.title, "payload": choice.id}


def _template(payload: dict[str, Any]) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}
