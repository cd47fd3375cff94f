"""Subscriptions: other systems told of what happened, signed as Standard Webhooks has it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from adapters.outside.client import GuardedClient
from adapters.outside.errors import NotReached
from adapters.outside.postman import GuardedPostman
from adapters.postgres.connections import as_brokerage, connect
from adapters.postgres.endpoints import Endpoints, TooManySubscriptions, Wanted
from adapters.postgres.queries import subscriptions as queries
from adapters.postgres.subscriptions import EndpointSecrets
from api.auth.keys import Principal
from api.bodies import body_of, read_body
from api.errors import Refusal
from api.reading import Limit, answer, caller, decode_cursor, encode_cursor, services
from application.ports.subscriptions import Reply
from application.ports.touchpoints import Problem
from application.subscriptions import MOST_PATTERNS, TEST, headers_of, new_secret, wrong_patterns
from application.subscriptions import body_of as message_body
from domain.catalogue import BY_KIND

router = APIRouter(tags=["subscriptions"])
T = TypeVar("T")
Url = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00]+$")]
Kinds = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=100)]], Field(min_length=1, max_length=MOST_PATTERNS)
]
Words = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
OVERLAP_S, LONGEST_OVERLAP_S = 24 * 3600, 7 * 24 * 3600
State = Literal["waiting", "delivered", "failed", "dropped"]


class SubscriptionBody(BaseModel):
    """Who is told and of what: kinds of facts, groups such as `messaging.*`, or `*`.

    Personal values are told only with `personal`: whoever knows the address and its secret reads them then.
    """

    model_config = ConfigDict(extra="forbid")

    url: Url
    kinds: Kinds
    description: Words = ""
    enabled: StrictBool = True
    personal: StrictBool = False


class ChangeBody(BaseModel):
    """What is to be otherwise; what is not given stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    kinds: Kinds | None = None
    description: Words | None = None
    enabled: StrictBool | None = None
    personal: StrictBool | None = None


class RotateBody(BaseModel):
    """For how many seconds the old secret signs beside the new one."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(default=OVERLAP_S, ge=0, le=LONGEST_OVERLAP_S, strict=True)


class EnableBody(BaseModel):
    """Whether what failed or was dropped meanwhile is sent again."""

    model_config = ConfigDict(extra="forbid")

    replay: StrictBool = False


@router.get("/api/webhook-subscriptions")
async def list_subscriptions(request: Request) -> Response:
    """List subscriptions, oldest first, with how they do and why one was disabled."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await queries.subscriptions(connection, principal.brokerage_id)
    return answer({"items": rows, "next_cursor": None})


@router.post(
    "/api/webhook-subscriptions", openapi_extra=body_of(SubscriptionBody), status_code=201,
    responses={201: {"description": "Added; `secret` is shown this once."}},
)  # fmt: skip
async def create_subscription(request: Request) -> Response:
    """Subscribe an address to what happens from now on; the answer shows its `secret` this once.

    The address must be of the public internet. Every message has the headers `webhook-id` (the same for all attempts),
    `webhook-timestamp` and `webhook-signature`, and the body `type`, `timestamp`, `data`. Anything but a 2xx within 15
    seconds is tried again, about twelve times in 24 hours; order is not promised.
    """
    principal = await caller(request, "operate")
    body = await read_body(request, SubscriptionBody)
    await _may_be(request, body.url, body.kinds)
    secret, wanted = new_secret(), Wanted(**body.model_dump())
    try:
        created = await _change(request, principal, lambda endpoints: endpoints.create(wanted, secret))
    except TooManySubscriptions as refusal:
        raise Refusal(409, "Too many", str(refusal)) from None
    return answer({**await _shown(request, principal, created), "secret": secret}, 201)


@router.get("/api/webhook-subscriptions/{subscription_id}")
async def get_subscription(request: Request, subscription_id: UUID) -> Response:
    """Show one subscription, with its deliveries counted by what became of them."""
    return answer(await _shown(request, await caller(request, "read"), subscription_id))


@router.patch("/api/webhook-subscriptions/{subscription_id}", openapi_extra=body_of(ChangeBody))
async def change_subscription(request: Request, subscription_id: UUID) -> Response:
    """Change a subscription; one that is enabled again is told what happens from then on."""
    principal = await caller(request, "operate")
    body = await read_body(request, ChangeBody)
    await _may_be(request, body.url, body.kinds)
    wanted = Wanted(**body.model_dump())
    if not await _change(request, principal, lambda endpoints: endpoints.change(subscription_id, wanted)):
        raise _no_such()
    return answer(await _shown(request, principal, subscription_id))


@router.delete("/api/webhook-subscriptions/{subscription_id}")
async def delete_subscription(request: Request, subscription_id: UUID) -> Response:
    """Delete a subscription with its deliveries; what was not sent yet is never sent."""
    principal = await caller(request, "operate")
    if not await _change(request, principal, lambda endpoints: endpoints.delete(subscription_id)):
        raise _no_such()
    return answer({"id": subscription_id, "deleted": True})


@router.post("/api/webhook-subscriptions/{subscription_id}/enable", openapi_extra=body_of(EnableBody, required=False))
async def enable_subscription(request: Request, subscription_id: UUID) -> Response:
    """Enable a subscription again; with `replay` what failed or was dropped in the last 30 days is sent again."""
    principal = await caller(request, "operate")
    body = await read_body(request, EnableBody, optional=True)

    def enable(endpoints: Endpoints) -> int | None:
        if not endpoints.change(subscription_id, Wanted(enabled=True)):
            return None
        return endpoints.replay(subscription_id) if body.replay else 0

    replayed = await _change(request, principal, enable)
    if replayed is None:
        raise _no_such()
    return answer({**await _shown(request, principal, subscription_id), "replayed": replayed})


@router.post("/api/webhook-subscriptions/{subscription_id}/rotate", openapi_extra=body_of(RotateBody, required=False))
async def rotate_secret(request: Request, subscription_id: UUID) -> Response:
    """Give a subscription a new secret, shown this once; until `old_secret_until` both sign."""
    principal = await caller(request, "operate")
    overlap = timedelta(seconds=(await read_body(request, RotateBody, optional=True)).overlap_s)
    secret = new_secret()
    until = await _change(request, principal, lambda endpoints: endpoints.rotate(subscription_id, secret, overlap))
    if until is None:
        raise _no_such()
    return answer({"id": subscription_id, "secret": secret, "old_secret_until": until})


@router.post("/api/webhook-subscriptions/{subscription_id}/test")
async def test_subscription(request: Request, subscription_id: UUID) -> Response:
    """Send a message of type `subscription.test` now and show what came of it; it is logged and not repeated."""
    principal = await caller(request, "operate")
    known = await _change(request, principal, lambda endpoints: endpoints.known(subscription_id))
    if known is None:
        raise _no_such()
    delivery_id, at = uuid4(), services(request).now()
    reply = await asyncio.to_thread(_sent, _client(request), *known, delivery_id, at)
    await _change(
        request, principal, lambda endpoints: endpoints.tested(subscription_id, delivery_id, at, reply)
    )  # fmt: skip
    return answer({
        "delivery_id": delivery_id, "delivered": reply.status is not None and 200 <= reply.status < 300,
        "status": reply.status, "duration_ms": reply.duration_ms, "why": reply.why, "excerpt": reply.excerpt,
    })  # fmt: skip


@router.get("/api/webhook-subscriptions/{subscription_id}/deliveries")
async def list_deliveries(
    request: Request, subscription_id: UUID, state: State | None = None, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """List deliveries to a subscription, newest first, each with all its attempts; kept for 30 days."""
    principal = await caller(request, "read")
    place = decode_cursor(cursor, int, UUID)
    before = (_moment(place[0]), UUID(place[1])) if place else None
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        if await queries.subscription(connection, principal.brokerage_id, subscription_id) is None:
            raise _no_such()
        items = await queries.deliveries(
            connection, principal.brokerage_id, subscription_id, limit=limit, state=state, before=before
        )
    last = items[-1] if len(items) == limit else None
    following = encode_cursor(_micros(last["created_at"]), last["id"]) if last else None
    return answer({"items": items, "next_cursor": following})


@router.get("/api/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}")
async def get_delivery(request: Request, subscription_id: UUID, delivery_id: UUID) -> Response:
    """Show one delivery with all its attempts."""
    return answer(await _delivery(request, await caller(request, "read"), subscription_id, delivery_id))


@router.post(
    "/api/webhook-subscriptions/{subscription_id}/deliveries/{delivery_id}/replay", status_code=202,
    responses={202: {"description": "It will be sent again, under the same `webhook-id`."}},
)  # fmt: skip
async def replay_delivery(request: Request, subscription_id: UUID, delivery_id: UUID) -> Response:
    """Send a delivery again that was delivered, failed or dropped. 409 while it waits, and for a test."""
    principal = await caller(request, "operate")
    found = await _delivery(request, principal, subscription_id, delivery_id)
    if found["event_id"] is None:
        raise Refusal(409, "Not repeatable", "a test is not sent again: make another one")
    if not await _change(request, principal, lambda endpoints: endpoints.replay(subscription_id, delivery_id)):
        raise Refusal(409, "Still waiting", "it has not been given up: it will be tried again by itself")
    return answer(await _delivery(request, principal, subscription_id, delivery_id), 202)


async def _may_be(request: Request, url: str | None, kinds: list[str] | None) -> None:
    """Raise Refusal 422 for an address that we do not call, or for kinds that there are none of."""
    problems = wrong_patterns(kinds or (), BY_KIND)
    if url is not None:
        try:
            await asyncio.to_thread(_client(request).check, url)
        except NotReached as refused:
            problems.append(Problem("url", str(refused)))
    if problems:
        raise Refusal(422, "Invalid request", errors=problems)


def _client(request: Request) -> GuardedClient:
    return GuardedClient(services(request).settings.outside())


def _sent(client: GuardedClient, url: str, secrets: tuple[str, ...], delivery_id: UUID, at: datetime) -> Reply:
    body = message_body(TEST, at, {"says": "this address is subscribed"})
    return GuardedPostman(client).post(url, headers_of(secrets, str(delivery_id), at, body), body)


async def _change(request: Request, principal: Principal, work: Callable[[Endpoints], T]) -> T:
    """Run a change on a connection of its own: operators change things rarely."""
    own = services(request).settings

    def run() -> T:
        with connect(own.database(), "masar_projector", name="subscriptions") as connection:
            secrets = EndpointSecrets(own.master())
            return work(Endpoints(connection, secrets, principal.brokerage_id, principal.key_id))

    return await asyncio.to_thread(run)


async def _shown(request: Request, principal: Principal, subscription_id: UUID) -> dict[str, Any]:
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        row = await queries.subscription(connection, principal.brokerage_id, subscription_id)
    if row is None:
        raise _no_such()
    return dict(row)


async def _delivery(request: Request, principal: Principal, subscription_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        found = await queries.deliveries(
            connection, principal.brokerage_id, subscription_id, limit=1, delivery_id=delivery_id
        )
    if not found:
        raise Refusal(404, "Not found", "there is no such delivery")
    return found[0]


def _micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def _moment(micros: int) -> datetime:
    try:
        return datetime.fromtimestamp(micros // 1_000_000, UTC) + timedelta(microseconds=micros % 1_000_000)
    except (ValueError, OverflowError, OSError):
        raise Refusal(422, "Invalid request", errors=[Problem("cursor", "is not a cursor of this list")]) from None


def _no_such() -> Refusal:
    return Refusal(404, "Not found", "there is no such subscription")
