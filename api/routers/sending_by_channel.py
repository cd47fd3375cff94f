"""The two older paths that send: by channel and address, as workflow tools know them."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from adapters.meta.user_data import phone_e164_digits
from api.bodies import body_of, parsed, wrong_field
from api.direct import Direct
from api.drafts import MessageBody, OlderBody, TemplateBody
from api.errors import Refusal
from api.reading import json_body, services
from api.sends import LARGEST, TAKEN, Sender, sender_of
from application.outgoing import SendRefused
from application.ports.channels import Addressee
from application.ports.desks import NoSuchThread
from domain.shared.fact import Channel

router = APIRouter(tags=["messaging"], route_class=Direct)

NEVER_WROTE: dict[str, Any] = {
    "allowed": False, "why": "never_wrote", "until": None, "closed_at": None, "instead": ["template"]
}  # fmt: skip
"""The window of a customer who never wrote, as a refusal shows it."""


@router.post("/api/v1/integrations/messenger/send", openapi_extra=body_of(OlderBody), **TAKEN)
async def post_messenger(request: Request) -> Response:
    """Send to somebody who wrote to a page or an Instagram account: `platform`, `recipient_id`, `text`."""
    sender, read = await sender_of(request), await json_body(request, LARGEST)
    body = parsed(read, OlderBody)
    channel: Channel = body.platform or "messenger"
    if channel == "whatsapp":
        raise wrong_field("platform", "WhatsApp has a path of its own: /api/v1/integrations/whatsapp/send")
    to = Addressee("psid" if channel == "messenger" else "igsid", _whom(body))
    try:
        thread_id = await asyncio.to_thread(sender.desk.thread_with, sender.brokerage_id, channel, to)
    except NoSuchThread:
        raise Refusal(404, "Not found", f"nobody with this id wrote to {channel}: they must write first") from None
    return await sender.message(thread_id, _message(body), read)


@router.post("/api/v1/integrations/whatsapp/send", openapi_extra=body_of(OlderBody), **TAKEN)
async def post_whatsapp(request: Request) -> Response:
    """Send to a WhatsApp number: `to` and `text`, or a `template`, which alone may be the first message."""
    sender, read = await sender_of(request), await json_body(request, LARGEST)
    body = parsed(read, OlderBody)
    if body.platform not in (None, "whatsapp"):
        raise wrong_field("platform", f"{body.platform} has a path of its own: /api/v1/integrations/messenger/send")
    number = phone_e164_digits(_whom(body), await services(request).region_of(sender.brokerage_id))
    if number is None:
        raise wrong_field("to", "is no phone number")
    to = Addressee("phone", number)
    try:
        thread_id = await asyncio.to_thread(sender.desk.thread_with, sender.brokerage_id, "whatsapp", to)
    except NoSuchThread:
        thread_id = await _first(sender, body, to)
    return await sender.message(thread_id, _message(body), read)


async def _first(sender: Sender, body: OlderBody, to: Addressee) -> UUID:
    """Begin a thread with a number that never wrote: with a template, from the account named or the only one."""
    if body.template is None and body.template_name is None:
        raise Refusal(
            409, "Window closed", "this customer never wrote: only an approved template may be sent",
            more={"rule": "window_closed", "window": NEVER_WROTE, "templates": await sender.approved()},
        )  # fmt: skip
    accounts = await asyncio.to_thread(sender.desk.accounts, sender.brokerage_id, "whatsapp")
    if body.account_id is not None and body.account_id not in accounts:
        raise wrong_field("account_id", "is no WhatsApp account of yours")
    chosen = body.account_id or (accounts[0] if len(accounts) == 1 else None)
    if chosen is None:
        raise wrong_field("account_id", "is needed: there is not exactly one WhatsApp account")
    try:
        return await asyncio.to_thread(sender.desk.first, sender.brokerage_id, "whatsapp", chosen, to)
    except SendRefused as no:
        raise await sender.refusal(no) from None


def _message(body: OlderBody) -> MessageBody:
    """Return an older body as one that is sent into a conversation."""
    template = body.template
    if template is None and body.template_name:
        template = TemplateBody(name=body.template_name, language=body.language or "en")
    return MessageBody(
        text=None if template else body.text or body.message, template=template, purpose=body.purpose,
        agent=body.agent, force=body.force,
    )  # fmt: skip


def _whom(body: OlderBody) -> str:
    whom = body.recipient_id or body.to or body.phone
    if whom is None:
        raise wrong_field("recipient_id", "is missing")
    return whom
