"""Sending from the portal into a conversation: messages, the same again, and signs of life."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import templates as templates_of
from adapters.postgres.sending_desk import NoSuchSend, NotToResend
from api.bodies import body_of, parsed, read_body, wrong_field
from api.direct import Direct
from api.drafts import MessageBody, ResendBody
from api.errors import Refusal
from api.reading import answer, json_body, services
from api.sends import LARGEST, TAKEN, Sender, no_such_conversation, sender_of, taken
from application.ports.channels import NotSent
from application.ports.desks import NoSuchThread

router = APIRouter(tags=["messaging"], route_class=Direct)


@router.post("/api/conversations/{conversation_id}/messages", openapi_extra=body_of(MessageBody), **TAKEN)
async def post_message(request: Request, conversation_id: str) -> Response:
    """Send a message into a conversation; a text too long for the channel becomes several.

    The same Idempotency-Key with the same body gets the same answer; with another body 422. 409 where it may not be
    sent, with the window that closed and what is allowed instead, or where another agent holds the conversation.
    """
    sender, read = await sender_of(request), await json_body(request, LARGEST)
    body, thread_id = parsed(read, MessageBody), _id(conversation_id)
    if body.reply_to:
        await _of_thread(sender, thread_id, body.reply_to)
    if body.media and body.media.file and not services(request).vault.has(sender.brokerage_id, body.media.file):
        raise wrong_field("media.file", "is no file that is kept here")
    return await sender.message(thread_id, body, read)


@router.post(
    "/api/conversations/{conversation_id}/messages/{send_id}/resend",
    openapi_extra=body_of(ResendBody, required=False),
    **TAKEN,
)
async def post_resend(request: Request, conversation_id: str, send_id: str) -> Response:
    """Send a message again knowingly whose outcome is unknown, or that was refused. 409 for any other."""
    sender, body = await sender_of(request), await read_body(request, ResendBody, optional=True)
    thread_id, wanted, now = _id(conversation_id), _id(send_id), services(request).now()
    by, before = sender.named(body.agent), sender.holding(body.agent, now, force=body.force)
    try:
        told = await sender.refusing(
            thread_id, lambda: sender.desk.again(sender.brokerage_id, thread_id, wanted, by, now, before)
        )
    except NoSuchSend:
        raise Refusal(404, "Not found", "there is no such message of ours in this conversation") from None
    except NotToResend as no:
        detail = f"this message is {no.outcome}: only one of unknown outcome, or a refused one, is sent again"
        raise Refusal(409, "Not to be sent again", detail, more={"outcome": no.outcome}) from None
    return taken(thread_id, told)


@router.post("/api/conversations/{conversation_id}/typing")
async def post_typing(request: Request, conversation_id: str) -> Response:
    """Show the customer that somebody writes, for up to 25 seconds; on WhatsApp it marks their message as read too."""
    return await _sign(request, conversation_id, typing=True)


@router.post("/api/conversations/{conversation_id}/read")
async def post_read(request: Request, conversation_id: str) -> Response:
    """Mark the customer's newest message as read."""
    return await _sign(request, conversation_id, typing=False)


async def _sign(request: Request, conversation_id: str, *, typing: bool) -> Response:
    sender, platforms = await sender_of(request), services(request).platforms
    thread_id = _id(conversation_id)

    def tell() -> None:
        account, to, newest = sender.desk.customer(sender.brokerage_id, thread_id)
        platforms.client(account).seen(account, to, newest, typing=typing)

    try:
        await asyncio.to_thread(tell)
    except NoSuchThread:
        raise no_such_conversation() from None
    except LookupError as missing:
        raise Refusal(409, "Not possible", str(missing)) from None
    except NotSent as no:
        if no.no == "window":
            raise Refusal(409, "Window closed", no.reason, more={"rule": "window_closed", "code": no.code}) from None
        raise Refusal(502, "Not told", f"the platform did not take it: {no.reason}", more={"code": no.code}) from None
    return answer({"status": "told", "conversation_id": thread_id})


async def _of_thread(sender: Sender, thread_id: UUID, ref: UUID) -> None:
    async with as_brokerage(services(sender.request).pool, sender.brokerage_id) as connection:
        there = await templates_of.message_is_of(connection, thread_id, ref)
    if not there:
        raise wrong_field("reply_to", "is no message of this conversation")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise no_such_conversation() from None
