"""The messaging side of `/_simulator`: register accounts, customers and templates, play a customer, read the record.

A conversation by hand, with the stand-in at $S and the product listening at $P:

    curl -X PUT $S/_simulator/accounts/1001 -d '{"channel": "whatsapp", "token": "EAA"}'
    curl -X PUT $S/_simulator/webhooks -d '{"url": "$P/api/webhooks/meta", "app_secret": "…"}'
    curl $S/_simulator/customers/say -d '{"channel": "whatsapp", "account": "1001", "user": "201001234567",
                                          "text": "Is the flat in Maadi still there?"}'
    curl $S/_simulator/messages

(each with `-H 'content-type: application/json'`).
"""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from adapters.simulator.answers import json_answer
from adapters.simulator.messages import payloads
from adapters.simulator.messages.accounts import Account
from adapters.simulator.messages.customers import Said
from adapters.simulator.messages.errors import Channel
from adapters.simulator.messages.ground import MessageSettings
from adapters.simulator.messages.hooks import Hook
from adapters.simulator.messages.platform import Messaging
from adapters.simulator.messages.play import Brought, Played, Saying, Unplayable, bodies_of, body_of, message_of
from adapters.simulator.messages.record import Wanted
from adapters.simulator.messages.routes import base_of
from adapters.simulator.messages.templates import Template
from adapters.simulator.webhooks import Line, app_echo, notice, text

PAGE_INBOX = 263902037430900
"""The application under which the page's own inbox sends."""

Id = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,64}$")]


class Wrote(BaseModel):
    """A customer wrote to an account, which we only hear of: their window is open from `at` (unix seconds, now)."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    account: str
    user: str
    at: float | None = None
    message_id: str | None = None


class Heard(BaseModel):
    """Several of them at once."""

    model_config = ConfigDict(extra="forbid")

    wrote: list[Wrote] = Field(max_length=100_000)


class Echo(BaseModel):
    """Somebody of the brokerage wrote in the phone's own app, or in the page's inbox."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel = "whatsapp"
    account: str
    user: str
    text: str = Field(min_length=1)
    message_id: str | None = None
    at: float | None = None


class NewNumber(BaseModel):
    """A WhatsApp customer took another number."""

    model_config = ConfigDict(extra="forbid")

    account: str
    user: str
    phone: str = Field(pattern="^[0-9]{7,15}$")


class StatusAsked(BaseModel):
    """A status of a message of ours on demand: late, out of order, or of a failure."""

    model_config = ConfigDict(extra="forbid")

    message_id: str
    status: Literal["sent", "delivered", "read", "played", "failed"]
    code: int | None = None
    at: float | None = None


class Verification(BaseModel):
    """The token that the address must know to be taken as a subscriber."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = None
    token: str


class Anything(BaseModel):
    """A body to be signed and sent as it is, as if of an account."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = None
    body: dict[str, Any]
    headers: dict[str, str] = Field(default_factory=dict)


def message_control_router(messaging: Messaging) -> APIRouter:
    """Return the routes; none of them is touched by planned faults."""
    router = APIRouter(prefix="/_simulator")
    _add_registration(router, messaging)
    _add_record(router, messaging)
    _add_webhooks(router, messaging)
    _add_customers(router, messaging)
    return router


def _refused(why: object, status: int = 422) -> Response:
    return json_answer({"error": str(why)}, status)


def _add_registration(router: APIRouter, messaging: Messaging) -> None:
    @router.put("/accounts/{account_id}")
    async def register(account_id: Id, account: Account) -> Response:
        messaging.accounts.register(account_id, account)
        return json_answer({"id": account_id, **_shown(messaging.accounts.get(account_id))})

    @router.get("/accounts")
    async def accounts() -> Response:
        return json_answer({"data": [{"id": name, **_shown(one)} for name, one in messaging.accounts.all().items()]})

    @router.put("/customers/{channel}/{user}")
    async def customer(channel: Channel, user: str, said: Said) -> Response:
        return json_answer(messaging.customers.know(channel, user, said).shown())

    @router.get("/customers")
    async def customers() -> Response:
        return json_answer({"data": [one.shown() for one in messaging.customers.all()]})

    @router.put("/templates/{waba_id}")
    async def template(waba_id: Id, template: Template, notify: bool = False) -> Response:
        kept = messaging.templates.register(waba_id, template)
        if notify:
            _tell_of_template(messaging, waba_id, kept)
        return json_answer(kept.shown())

    @router.post("/inbound")
    async def inbound(heard: Heard) -> Response:
        for one in heard.wrote:
            at = messaging.clock() if one.at is None else one.at
            known = messaging.customers.know(one.channel, one.user)
            messaging.customer_wrote(one.account, known, one.message_id or messaging.new_id(one.channel), at)
        return json_answer({"heard": len(heard.wrote)})

    @router.post("/media/{account_id}")
    async def media(account_id: Id, brought: Brought, request: Request) -> Response:
        """Keep a file as if it had come from a customer, without a message."""
        mime_type = brought.mime_type or "application/octet-stream"
        file = messaging.media.keep(
            brought.raw(), mime_type, account_id, filename=brought.filename, came_in=True, broken=brought.broken
        )
        return json_answer(file.shown(messaging.media.address(file.id, base_of(request))))

    @router.get("/messaging")
    async def settings() -> MessageSettings:
        return messaging.settings

    @router.put("/messaging")
    async def change_settings(changed: MessageSettings) -> MessageSettings:
        messaging.settings = changed
        return messaging.settings


def _shown(account: Account | None) -> dict[str, Any]:
    return account.model_dump(exclude={"token", "api_key", "app_secret"}) if account else {}


def _tell_of_template(messaging: Messaging, waba_id: str, template: Template) -> None:
    value = {
        "event": template.status, "message_template_id": template.id, "message_template_name": template.name,
        "message_template_language": template.language, "reason": template.rejected_reason,
    }  # fmt: skip
    body = notice(Line("", waba_id), "message_template_status_update", messaging.clock(), value)
    messaging.sender.later(messaging.hook_of(messaging.accounts.of_waba(waba_id)), [body])


def _add_record(router: APIRouter, messaging: Messaging) -> None:
    @router.get("/messages")
    async def messages(
        channel: str | None = None,
        account: str | None = None,
        user: str | None = None,
        callback: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        cursor: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        found, following = messaging.record.page(Wanted(channel, account, user, callback, cursor, limit))
        return json_answer({"data": found, "next_cursor": following})

    @router.get("/messages/summary")
    async def summary() -> Response:
        return json_answer(messaging.record.summary())

    @router.get("/messages/callbacks/{callback:path}")
    async def callback(callback: str) -> Response:
        return json_answer({"callback": callback, "processed": messaging.record.times(callback)})


def _add_webhooks(router: APIRouter, messaging: Messaging) -> None:
    @router.put("/webhooks")
    async def set_hook(hook: Hook, account: str | None = None) -> Response:
        messaging.set_hook(hook, account)
        return json_answer(hook.model_dump(exclude={"app_secret", "headers"}))

    @router.get("/webhooks")
    async def hook(account: str | None = None) -> Response:
        return json_answer(messaging.hook_of(account).model_dump(exclude={"app_secret", "headers"}))

    @router.get("/webhooks/deliveries")
    async def deliveries(limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
        newest = list(messaging.sender.deliveries)[-limit:]
        return json_answer(
            {"data": newest, "attempts": messaging.sender.attempts, "waiting": messaging.sender.waiting()}
        )

    @router.post("/webhooks/drain")
    async def drain(within_s: Annotated[float, Query(gt=0, le=600)] = 30) -> Response:
        """Wait until every webhook that is under way has arrived or was given up, or for so long."""
        await messaging.sender.drained(within_s)
        return json_answer({"attempts": messaging.sender.attempts, "waiting": messaging.sender.waiting()})

    @router.post("/webhooks/verify")
    async def verify(asked: Verification) -> Response:
        hook = messaging.hook_of(asked.account)
        return json_answer({"verified": hook.url is not None and await messaging.sender.verify(hook, asked.token)})

    @router.post("/webhooks/send")
    async def send(asked: Anything) -> Response:
        told = await messaging.sender.now(messaging.hook_of(asked.account), asked.body, asked.headers)
        return json_answer(_result(told))

    @router.post("/webhooks/status")
    async def status(asked: StatusAsked) -> Response:
        message = messaging.record.get(asked.message_id)
        account = messaging.accounts.get(message.account_id) if message else None
        if message is None or account is None or message.channel != "whatsapp":
            return _refused("no WhatsApp message has this id", 404)
        one = payloads.whatsapp_status(
            messaging.customers.find("whatsapp", message.customer), message.customer, message.id, asked.status,
            messaging.clock() if asked.at is None else asked.at, callback=message.callback, category="service",
            code=asked.code, details="asked for",
        )  # fmt: skip
        body = payloads.whatsapp_body(message.account_id, account, "messages", {"statuses": [one]})
        return json_answer(_result(await messaging.sender.now(messaging.hook_of(message.account_id), body)))


def _result(told: dict[str, Any] | None) -> dict[str, Any]:
    """Return what became of a webhook: its answer's status, None where none came or none is configured."""
    return {"status": told["status"] if told else None, "error": told["error"] if told else "no webhook configured"}


def _add_customers(router: APIRouter, messaging: Messaging) -> None:
    @router.post("/customers/say")
    async def say(saying: Saying, request: Request) -> Response:
        try:
            message_id, account, customer, item = message_of(messaging, saying, base_of(request))
        except Unplayable as why:
            return _refused(why)
        body = body_of(saying.account, account, [(customer, item)], messaging.clock())
        told = await messaging.sender.now(messaging.hook_of(saying.account), body)
        return json_answer({"message_id": message_id, "webhook": _result(told)})

    @router.post("/customers/play")
    async def play(played: Played, request: Request) -> Response:
        try:
            ids, bodies = bodies_of(messaging, played, base_of(request))
        except Unplayable as why:
            return _refused(why)
        posts = [messaging.sender.now(messaging.hook_of(account_id), body) for account_id, body in bodies]
        told = list(await asyncio.gather(*posts)) if played.parallel else [await post for post in posts]
        return json_answer({"message_ids": ids, "webhooks": [_result(one) for one in told]})

    @router.post("/customers/number")
    async def number(asked: NewNumber) -> Response:
        account = messaging.accounts.get(asked.account)
        customer = messaging.customers.find("whatsapp", asked.user)
        if account is None or customer is None:
            return _refused("no such account or customer", 404)
        body = _number_changed(messaging, asked, account)
        told = await messaging.sender.now(messaging.hook_of(asked.account), body)
        return json_answer({"customer": customer.shown(), "webhook": _result(told)})

    @router.post("/echo")
    async def echo(asked: Echo) -> Response:
        account = messaging.accounts.get(asked.account)
        if account is None or account.channel != asked.channel:
            return _refused("no such account on this channel", 404)
        message_id, body = _typed_elsewhere(messaging, asked, account)
        told = await messaging.sender.now(messaging.hook_of(asked.account), body)
        return json_answer({"message_id": message_id, "webhook": _result(told)})


def _number_changed(messaging: Messaging, asked: NewNumber, account: Account) -> dict[str, Any]:
    customer = messaging.customers.know("whatsapp", asked.user)
    former_phone, former = customer.phone, messaging.customers.change_number(customer, asked.phone)
    system = {
        "type": "user_changed_number", "wa_id": asked.phone, "user_id": customer.bsuid, "previous_user_id": former,
        "body": f"User {customer.name or ''} changed from {former_phone} to {asked.phone}",
    }  # fmt: skip
    content = {"type": "system", "system": system}
    item = payloads.whatsapp_message(customer, messaging.new_id("whatsapp"), messaging.clock(), content)
    if former_phone:
        item["from"] = former_phone
    return body_of(asked.account, account, [(customer, item)], messaging.clock())


def _typed_elsewhere(messaging: Messaging, asked: Echo, account: Account) -> tuple[str, dict[str, Any]]:
    """Return the id and the webhook of a message that was typed in another app: on WhatsApp a coexistence echo."""
    customer = messaging.customers.know(asked.channel, asked.user)
    message_id = asked.message_id or messaging.new_id(asked.channel)
    at = messaging.clock() if asked.at is None else asked.at
    if asked.channel != "whatsapp":
        inbox = {"app_id": PAGE_INBOX} if asked.channel == "messenger" else {}
        event = payloads.social_echo(asked.account, account, customer.id, at, message_id, asked.text, **inbox)
        return message_id, payloads.social_body(asked.account, account, [event], at)
    line = payloads.line_of(asked.account, account)
    echoed = app_echo(line, payloads.guest_of(customer), message_id, at, text(asked.text))
    value = {"message_echoes": [echoed]}
    return message_id, payloads.whatsapp_body(asked.account, account, "smb_message_echoes", value, customer)
