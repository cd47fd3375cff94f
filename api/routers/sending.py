"""Sending from the portal: messages into a thread, signs of life, and the two older paths by channel."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response

from adapters.meta.user_data import phone_e164_digits
from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import templates as templates_of
from adapters.postgres.sending_desk import NoSuchSend, NotToResend, OtherBody, Requested
from api.auth.keys import Principal
from api.direct import Direct
from api.drafts import MessageBody, OlderBody, ResendBody, TemplateBody, checked, draft_of, schema_of, wrong_field
from api.errors import Refusal
from api.reading import answer, caller, json_body, services
from application.outgoing import BadDraft, Draft, SendRefused
from application.outgoing_templates import misfits
from application.ports.channels import Addressee, NotSent
from application.ports.desks import DeskWork, NoSuchThread
from application.take_over import HeldByAnother, hold
from domain.shared.fact import Channel

router = APIRouter(tags=["messaging"], route_class=Direct)

LARGEST = 256 * 1024
"""Bytes of a body: a text, a list or a template's parameters."""
LONGEST_KEY = 200
SENT_BY_HAND = "an agent sends"


TAKEN: dict[str, Any] = {
    "status_code": 202,
    "responses": {
        202: {
            "description": "Taken: it is sent by a worker, and its outcome is told in the conversation. `waiting` "
            "says so where no token opens the account: it goes by itself once there is one."
        },
        409: {"description": "It may not be sent now: which window closed when, until when what is allowed instead."},
    },
}


@router.post("/api/conversations/{conversation_id}/messages", openapi_extra=schema_of(MessageBody), **TAKEN)
async def post_message(request: Request, conversation_id: str) -> Response:
    """Send a message into a conversation; a text too long for the channel becomes several.

    The same Idempotency-Key with the same body gets the same answer; with another body 422. 409 where it may not be
    sent, with the window that closed and what is allowed instead, or where another agent holds the conversation.
    """
    principal = await caller(request, "operate")
    read = await json_body(request, LARGEST)
    body, thread_id = checked(MessageBody, read), _thread(conversation_id)
    name = await _name(request, principal, str(thread_id), read)
    draft = draft_of(body, _name_of(principal), name)
    if body.reply_to:
        await _of_thread(request, principal, thread_id, body.reply_to)
    if body.media and body.media.file and not services(request).vault.has(principal.brokerage_id, body.media.file):
        raise wrong_field("media.file", "is no file that is kept here")
    draft = await _with_template(request, principal, thread_id, draft)
    return await _send(request, principal, thread_id, draft, body.agent, force=body.force)


@router.post(
    "/api/conversations/{conversation_id}/messages/{send_id}/resend",
    openapi_extra=schema_of(ResendBody, required=False),
    **TAKEN,
)
async def post_resend(request: Request, conversation_id: str, send_id: str) -> Response:
    """Send a message again knowingly whose outcome is unknown, or that was refused. 409 for any other."""
    principal = await caller(request, "operate")
    body = checked(ResendBody, await _body_or_nothing(request))
    thread_id, wanted, own = _thread(conversation_id), _thread(send_id), services(request).sending
    by = body.agent or _name_of(principal)
    before = _holding(by, force=body.force)
    try:
        told = await _refusing(
            request, principal, thread_id,
            lambda: own.again(principal.brokerage_id, thread_id, wanted, by, datetime.now(UTC), before),
        )  # fmt: skip
    except NoSuchSend:
        raise Refusal(404, "Not found", "there is no such message of ours in this conversation") from None
    except NotToResend as no:
        detail = f"this message is {no.outcome}: only one of unknown outcome, or a refused one, is sent again"
        raise Refusal(409, "Not to be sent again", detail, more={"outcome": no.outcome}) from None
    return _taken(thread_id, told)


@router.post("/api/conversations/{conversation_id}/typing")
async def post_typing(request: Request, conversation_id: str) -> Response:
    """Show the customer that somebody writes, for up to 25 seconds; on WhatsApp it marks their message as read too."""
    return await _sign(request, conversation_id, typing=True)


@router.post("/api/conversations/{conversation_id}/read")
async def post_read(request: Request, conversation_id: str) -> Response:
    """Mark the customer's newest message as read."""
    return await _sign(request, conversation_id, typing=False)


@router.post("/api/v1/integrations/messenger/send", openapi_extra=schema_of(OlderBody), **TAKEN)
async def post_messenger(request: Request) -> Response:
    """Send to somebody who wrote to a page or an Instagram account: `platform`, `recipient_id`, `text`."""
    principal = await caller(request, "operate")
    read = await json_body(request, LARGEST)
    body = checked(OlderBody, read)
    channel: Channel = body.platform or "messenger"
    if channel == "whatsapp":
        raise wrong_field("platform", "WhatsApp has a path of its own: /api/v1/integrations/whatsapp/send")
    to = Addressee("psid" if channel == "messenger" else "igsid", _whom(body))
    try:
        thread_id = await asyncio.to_thread(
            services(request).sending.thread_with, principal.brokerage_id, channel, to
        )  # fmt: skip
    except NoSuchThread:
        raise Refusal(404, "Not found", f"nobody with this id wrote to {channel}: they must write first") from None
    return await _older(request, principal, thread_id, body, read)


@router.post("/api/v1/integrations/whatsapp/send", openapi_extra=schema_of(OlderBody), **TAKEN)
async def post_whatsapp(request: Request) -> Response:
    """Send to a WhatsApp number: `to` and `text`, or a `template`, which alone may be the first message."""
    principal = await caller(request, "operate")
    own, read = services(request), await json_body(request, LARGEST)
    body = checked(OlderBody, read)
    if body.platform not in (None, "whatsapp"):
        raise wrong_field("platform", f"{body.platform} has a path of its own: /api/v1/integrations/messenger/send")
    number = phone_e164_digits(_whom(body), await own.region_of(principal.brokerage_id))
    if number is None:
        raise wrong_field("to", "is no phone number")
    to = Addressee("phone", number)
    try:
        thread_id = await asyncio.to_thread(own.sending.thread_with, principal.brokerage_id, "whatsapp", to)
    except NoSuchThread:
        thread_id = await _first(request, principal, body, to)
    return await _older(request, principal, thread_id, body, read)


async def _first(request: Request, principal: Principal, body: OlderBody, to: Addressee) -> UUID:
    """Begin a thread with a number that never wrote: with a template, from the account named or the only one."""
    own = services(request).sending
    if body.template is None and body.template_name is None:
        listed = await _approved(request, principal)
        raise Refusal(
            409, "Window closed", "this customer never wrote: only an approved template may be sent",
            more={"rule": "window_closed", "window": _never(), "templates": listed},
        )  # fmt: skip
    accounts = await asyncio.to_thread(own.accounts, principal.brokerage_id, "whatsapp")
    if body.account_id is not None and body.account_id not in accounts:
        raise wrong_field("account_id", "is no WhatsApp account of yours")
    chosen = body.account_id or (accounts[0] if len(accounts) == 1 else None)
    if chosen is None:
        raise wrong_field("account_id", "is needed: there is not exactly one WhatsApp account")
    try:
        return await asyncio.to_thread(own.first, principal.brokerage_id, "whatsapp", chosen, to)
    except SendRefused as no:
        raise await _refusal(request, principal, no) from None


def _never() -> dict[str, Any]:
    return {"allowed": False, "why": "never_wrote", "until": None, "closed_at": None, "instead": ["template"]}


async def _older(request: Request, principal: Principal, thread_id: UUID, body: OlderBody, read: Any) -> Response:
    template = body.template
    if template is None and body.template_name:
        template = TemplateBody(name=body.template_name, language=body.language or "en")
    message = MessageBody(
        text=None if template else body.text or body.message, template=template, purpose=body.purpose,
        agent=body.agent, force=body.force,
    )  # fmt: skip
    name = await _name(request, principal, str(thread_id), read)
    draft = await _with_template(request, principal, thread_id, draft_of(message, _name_of(principal), name))
    return await _send(request, principal, thread_id, draft, body.agent, force=body.force)


def _whom(body: OlderBody) -> str:
    whom = body.recipient_id or body.to or body.phone
    if whom is None:
        raise wrong_field("recipient_id", "is missing")
    return whom


async def _send(
    request: Request, principal: Principal, thread_id: UUID, draft: Draft, agent: str | None, *, force: bool
) -> Response:
    own, before = services(request).sending, _holding(agent or _name_of(principal), force=force)
    told = await _refusing(
        request, principal, thread_id,
        lambda: own.send(principal.brokerage_id, thread_id, draft, datetime.now(UTC), before),
    )  # fmt: skip
    return _taken(thread_id, told)


def _taken(thread_id: UUID, told: Requested) -> Response:
    return answer(
        {
            "status": "requested", "conversation_id": thread_id, "send_id": told.send_ids[0],
            "message_id": told.send_ids[0], "send_ids": list(told.send_ids),
            "waiting": told.waits and told.waits.shown(),
        },
        202,
    )  # fmt: skip


def _holding(agent: str, *, force: bool) -> Callable[[DeskWork], None]:
    """Return what makes the sender the holder: the assistant is silent from then on."""

    def take(work: DeskWork) -> None:
        hold(work, agent, datetime.now(UTC), reason=SENT_BY_HAND, force=force)

    return take


async def _refusing(
    request: Request, principal: Principal, thread_id: UUID, work: Callable[[], Requested]
) -> Requested:  # fmt: skip
    """Do work in a thread and turn what the rules refuse into problem documents."""
    try:
        return await asyncio.to_thread(work)
    except NoSuchThread:
        raise Refusal(404, "Not found", "there is no such conversation") from None
    except BadDraft as wrong:
        raise Refusal(422, "Invalid request", errors=wrong.problems) from None
    except SendRefused as no:
        raise await _refusal(request, principal, no, thread_id) from None
    except HeldByAnother as held:
        raise Refusal(
            409, "Held by another", f"{held.agent} holds this conversation; `force` takes it over",
            more={"rule": "held", "agent": held.agent, "until": held.until},
        ) from None  # fmt: skip


async def _refusal(
    request: Request, principal: Principal, no: SendRefused, thread_id: UUID | None = None
) -> Refusal:  # fmt: skip
    more: dict[str, Any] = {"rule": no.rule, **no.more}
    if "template" in (more.get("window") or {}).get("instead", ()):
        more["templates"] = await _approved(request, principal, thread_id)
    return Refusal(409, no.rule.replace("_", " ").capitalize(), no.why, more=_plain(more))


def _plain(more: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = orjson.loads(orjson.dumps(more, default=str))
    return plain


async def _sign(request: Request, conversation_id: str, *, typing: bool) -> Response:
    principal, own = await caller(request, "operate"), services(request)
    thread_id = _thread(conversation_id)

    def tell() -> None:
        account, to, newest = own.sending.customer(principal.brokerage_id, thread_id)
        own.platforms.client(account).seen(account, to, newest, typing=typing)

    try:
        await asyncio.to_thread(tell)
    except NoSuchThread:
        raise Refusal(404, "Not found", "there is no such conversation") from None
    except LookupError as missing:
        raise Refusal(409, "Not possible", str(missing)) from None
    except NotSent as no:
        if no.no == "window":
            raise Refusal(409, "Window closed", no.reason, more={"rule": "window_closed", "code": no.code}) from None
        raise Refusal(502, "Not told", f"the platform did not take it: {no.reason}", more={"code": no.code}) from None
    return answer({"status": "told", "conversation_id": thread_id})


async def _of_thread(request: Request, principal: Principal, thread_id: UUID, ref: UUID) -> None:
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        there = await templates_of.message_is_of(connection, thread_id, ref)
    if not there:
        raise wrong_field("reply_to", "is no message of this conversation")


async def _with_template(request: Request, principal: Principal, thread_id: UUID, draft: Draft) -> Draft:
    """Return a draft whose template may be sent: approved where templates are known, marketing where it is that.

    Raises Refusal 409 with those that are approved, and 422 where the parameters are not those that it takes.
    """
    if draft.message_type != "template" or not draft.template:
        return draft
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        listed = await templates_of.templates_for(connection, thread_id)
    if not listed:
        return draft  # never synced: the platform will say
    chosen = [one for one in listed if (one["name"], one["language"]) == (draft.template, draft.language)]
    good = [one for one in chosen if one["status"] == "APPROVED" and not one["gone"]]
    if not good:
        known = chosen[0]["status"].lower() if chosen else "not there"
        raise Refusal(
            409, "Template not approved", f"the template {draft.template} ({draft.language}) is {known}",
            more={"rule": "template_not_approved", "templates": _names(listed)},
        )  # fmt: skip
    given = ((draft.content.template if draft.content else None) or {}).get("components", ())
    if wrong := misfits(good[0]["components"] or (), given):
        raise Refusal(422, "Invalid request", errors=wrong)
    marketing = any(one["category"] == "MARKETING" for one in good)
    return Draft(**{**_fields(draft), "purpose": "marketing"}) if marketing else draft


def _fields(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__dataclass_fields__}


async def _approved(request: Request, principal: Principal, thread_id: UUID | None = None) -> list[dict[str, Any]]:
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        if thread_id is None:
            return _names(await templates_of.list_templates(connection))
        return _names(await templates_of.templates_for(connection, thread_id))


def _names(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    good = [one for one in listed if one["status"] == "APPROVED" and not one["gone"]]
    return [{name: one[name] for name in ("name", "language", "category")} for one in good[:50]]


async def _name(request: Request, principal: Principal, thread: str, read: Any) -> str | None:
    """Return the name of a request with an Idempotency-Key. Raises Refusal 422 where it had another body before."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY:
        raise wrong_field("Idempotency-Key", f"must have 1 to {LONGEST_KEY} characters")
    body = orjson.dumps(read, option=orjson.OPT_SORT_KEYS, default=str)
    try:
        return await asyncio.to_thread(services(request).sending.claim, principal.brokerage_id, key, thread, body)
    except OtherBody:
        raise Refusal(422, "Known with other content", "this Idempotency-Key was used with another body") from None


def _name_of(principal: Principal) -> str:
    return principal.producer[:80] or "an operator"


def _thread(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal(404, "Not found", "there is no such conversation") from None


async def _body_or_nothing(request: Request) -> Any:
    says = request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
    return await json_body(request, LARGEST) if says else {}
