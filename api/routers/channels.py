"""Accounts on messaging channels: connected, listed, taken away."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from adapters.postgres.channels import TOKEN, WEBHOOK_SECRET
from adapters.postgres.streams import VersionTaken
from api.bodies import body_of, read_body
from api.channel_page import shown
from api.errors import Refusal
from api.reading import answer, caller, services
from application.brokerages import NotRegistered
from application.channels import AccountTaken, NotConnected, connect_channel, disconnect_channel
from domain.brokerage.events import ChannelConnected, DatasetId
from domain.shared.fact import Channel, Label

router = APIRouter(tags=["channels"])

Secret = Annotated[str, StringConstraints(min_length=1, max_length=4_000, pattern=r"^[\x21-\x7e]+$")]


class ChannelBody(BaseModel):
    """An account to be connected. Secrets are kept sealed and never shown; those not given stay as they were."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    account_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\-]{1,64}$")]
    provider: Literal["meta", "360dialog"] = "meta"
    app: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")] | None = None
    business_id: DatasetId | None = None
    page_id: DatasetId | None = None
    name: Label | None = None
    agent: Label | None = None
    token: Secret | None = Field(default=None, repr=False)
    webhook_secret: Secret | None = Field(default=None, repr=False)


@router.get("/api/channels")
async def list_channels(request: Request) -> Response:
    """List the brokerage's accounts, and which of their secrets are set."""
    principal = await caller(request, "read")
    own = services(request)
    house = (await asyncio.to_thread(own.setups.setup, principal.brokerage_id)).house
    kept = await asyncio.to_thread(own.channels.are_set, principal.brokerage_id)
    return answer({"items": [shown(one, kept) for _, one in sorted(house.channels.items())]})


@router.post("/api/channels", openapi_extra=body_of(ChannelBody))
async def post_channel(request: Request) -> Response:
    """Connect an account, or change how it is connected; 409 where it is another brokerage's."""
    principal = await caller(request, "operate")
    own = services(request)
    body = await read_body(request, ChannelBody)
    told = body.model_dump(exclude={"token", "webhook_secret"})
    wanted = ChannelConnected(**told, occurred_at=own.now())
    if wanted.provider == "360dialog" and wanted.channel != "whatsapp":
        raise Refusal(422, "Invalid request", "360dialog hosts WhatsApp only")
    place = (body.channel, body.account_id)
    secrets = {TOKEN.format(*place): body.token, WEBHOOK_SECRET.format(*place): body.webhook_secret}
    try:
        connected = await asyncio.to_thread(
            connect_channel, own.setups, own.channels, principal.brokerage_id, wanted, secrets
        )
    except (AccountTaken, NotRegistered, VersionTaken) as refusal:
        raise Refusal(409, "Conflict", str(refusal)) from None
    own.routes.forget()
    kept = await asyncio.to_thread(own.channels.are_set, principal.brokerage_id)
    return answer(shown(connected, kept))


@router.delete("/api/channels/{channel}/{account_id}", status_code=204)
async def delete_channel(request: Request, channel: str, account_id: str) -> Response:
    """Take an account away: what comes for it is refused, its secrets are forgotten, its threads stay."""
    principal = await caller(request, "operate")
    own = services(request)
    try:
        await asyncio.to_thread(
            disconnect_channel, own.setups, own.channels, principal.brokerage_id, channel, account_id, own.now()
        )
    except NotConnected as refusal:
        raise Refusal(404, "Not found", str(refusal)) from None
    except VersionTaken as refusal:
        raise Refusal(409, "Conflict", str(refusal)) from None
    own.routes.forget()
    return Response(status_code=204)
