"""Audiences: segments of people, kept in step with lists at Meta."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints

from adapters.postgres.audience_syncs import ask, opening, under_way
from adapters.postgres.connections import as_brokerage, connect
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import audiences as queries
from adapters.postgres.secrets import SecretStore
from api.auth.keys import Principal
from api.bodies import body_of, read_body
from api.docs import MADE
from api.errors import Refusal
from api.reading import answer, caller, services
from api.settings import Settings
from application.ports.audiences import MOST_SYNCED, SyncUnderWay
from application.ports.touchpoints import Problem
from application.sync_audience import NO_TOKEN, TOO_LARGE
from domain.audiences.difference import LEAST_PEOPLE
from domain.audiences.events import AudienceDefined, AudienceSynced
from domain.audiences.segment import Segment
from domain.brokerage.rulebook import House

router = APIRouter(tags=["audiences"])
AUDIENCES = UUID("5b7e6a54-8d0c-5c66-bb55-0c6f2d1e9a34")
"""Namespace of audiences' ids and of their definitions."""
SYNCS_SHOWN = 20


class AudienceBody(BaseModel):
    """Whom an audience is of, and in which ad account its list is. The name tells it from others."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    segment: Segment
    ad_account_id: Annotated[str, StringConstraints(pattern=r"^(act_)?\d{1,20}$")]


class CreateBody(AudienceBody):
    """The same; `sync` false only defines it."""

    sync: StrictBool = True


@router.get("/api/audiences")
async def list_audiences(request: Request) -> Response:
    """List audiences by name: whom they are of, how many people that is now, how those convert, the last sync."""
    principal = await caller(request, "read")
    own = services(request)
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        found = await queries.definitions(connection, principal.brokerage_id)
        items = await _shown(connection, principal.brokerage_id, [one[-1] for one in found.values()], house)
    return answer({"items": sorted(items, key=lambda one: str(one["name"])), "next_cursor": None})


@router.post("/api/audiences", openapi_extra=body_of(AudienceBody), responses=MADE)
async def define_audience(request: Request) -> Response:
    """Define an audience, or define one anew under its name: 201; 200 where it is defined just so.

    Nobody is told of anybody before it is synchronised. 409 where its list is in another ad account.
    """
    principal = await caller(request, "operate")
    body = await read_body(request, AudienceBody)
    defined, fresh = await _defined(request, principal, body)
    return answer(_definition(defined), 201 if fresh else 200)


@router.post("/api/conversions/create-audience", openapi_extra=body_of(CreateBody), responses=MADE)
async def create_audience(request: Request) -> Response:
    """Define an audience and ask for Meta's list of it to be brought in line; `sync` is that synchronisation.

    A worker does it: `GET /api/audiences/{id}` shows how far it is, and what became of it under the same id.
    """
    principal = await caller(request, "operate")
    body = await read_body(request, CreateBody)
    defined, fresh = await _defined(request, principal, body)
    asked = await _asked(request, principal, defined) if body.sync else None
    return answer({**_definition(defined), "sync": _waiting(defined, asked) if asked else None}, 201 if fresh else 200)


@router.get("/api/audiences/{audience_id}")
async def get_audience(request: Request, audience_id: UUID) -> Response:
    """Show one audience: its definition and the ones before, its size now, the sync under way, what came of others."""
    principal = await caller(request, "read")
    own = services(request)
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        versions = (await queries.definitions(connection, principal.brokerage_id)).get(audience_id)
        if not versions:
            raise _no_such()
        (item,) = await _shown(connection, principal.brokerage_id, [versions[-1]], house)
        done = (await queries.syncs(connection, principal.brokerage_id)).get(audience_id, [])
    return answer({
        **item,
        "earlier": [_definition(one) for one in reversed(versions[:-1])],
        "syncs": [_outcome(*one) for one in reversed(done[-SYNCS_SHOWN:])],
    })  # fmt: skip


@router.post("/api/audiences/{audience_id}/sync", status_code=202)
async def sync_audience(request: Request, audience_id: UUID) -> Response:
    """Ask for Meta's list to be brought in line by difference: 202; a worker begins within seconds.

    Whoever left the segment, withdrew or was erased is taken off first. Below 100 people with a usable contact nobody
    is added (`too_small`). Where Meta says no the outcome is `failed` with its words, and the next one goes on from
    there. `GET /api/audiences/{id}` shows how far it is under `under_way`, and its outcome under `syncs` by the id
    answered here. 409 while another one is under way.
    """
    principal = await caller(request, "operate")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        versions = (await queries.definitions(connection, principal.brokerage_id)).get(audience_id)
    if not versions:
        raise _no_such()
    return answer(_waiting(versions[-1], await _asked(request, principal, versions[-1])), 202)


async def _defined(request: Request, principal: Principal, body: AudienceBody) -> tuple[AudienceDefined, bool]:
    """Return the definition that holds now, and whether it is new. Raises Refusal 409."""
    own, account = services(request), body.ad_account_id.removeprefix("act_")
    audience_id = uuid5(AUDIENCES, f"{principal.brokerage_id}|{body.name}")
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        versions = (await queries.definitions(connection, principal.brokerage_id)).get(audience_id, [])
        listed = await queries.lists(connection, [audience_id])
    if versions and (versions[-1].segment, versions[-1].ad_account_id) == (body.segment, account):
        return versions[-1], False
    if listed and versions[-1].ad_account_id != account:
        raise Refusal(409, "Elsewhere already", f"its list is in ad account {versions[-1].ad_account_id}")
    fact = AudienceDefined(
        audience_id=audience_id, name=body.name, version=len(versions) + 1, segment=body.segment,
        ad_account_id=account, by=principal.key_id, occurred_at=own.now(),
    )  # fmt: skip
    stream = uuid5(AUDIENCES, f"{audience_id}|{fact.version}")
    envelope = Envelope(stream, 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    if not (await asyncio.to_thread(own.decided.append, [envelope]))[0]:
        raise Refusal(409, "Written meanwhile", "somebody else defined this audience: look at it first")
    return fact, True


async def _asked(request: Request, principal: Principal, defined: AudienceDefined) -> UUID:
    """Ask for a synchronisation and return its id. Raises Refusal 409."""
    own, brokerage_id = services(request), principal.brokerage_id
    house = await own.houses.house(brokerage_id)
    async with as_brokerage(own.pool, brokerage_id, snapshot=True) as connection:
        size = (await queries.size(connection, defined.segment, house))["size"]
    if size > MOST_SYNCED:
        raise Refusal(409, "Too large", errors=[Problem("segment", TOO_LARGE)])
    try:
        return await asyncio.to_thread(_ask, own.settings, principal, defined, request.scope["request_id"])
    except SyncUnderWay:
        raise Refusal(409, "Under way", "another synchronisation of this audience is under way") from None


def _ask(own: Settings, principal: Principal, defined: AudienceDefined, request_id: UUID) -> UUID:
    with connect(own.database(), "masar_registry", name="audiences") as registry:
        safe = SecretStore(lambda: registry, own.master())
        if opening(safe, principal.brokerage_id, defined.ad_account_id) is None:
            raise Refusal(409, "No token", NO_TOKEN)
    return ask(own.database(), defined, principal.brokerage_id, principal.key_id, request_id)


async def _shown(
    connection: queries.Connection, brokerage_id: UUID, defined: Sequence[AudienceDefined], house: House
) -> list[dict[str, Any]]:
    lists = await queries.lists(connection, [one.audience_id for one in defined])
    done = await queries.syncs(connection, brokerage_id)
    going_on = await under_way(connection, brokerage_id, [one.audience_id for one in defined])
    items = []
    for one in defined:
        asked = going_on.get(one.audience_id)
        last = _outcome(*done[one.audience_id][-1]) if one.audience_id in done else None
        now, listed = await queries.size(connection, one.segment, house), lists.get(one.audience_id)
        items.append({
            **_definition(one), **now, "large_enough": now["size"] >= LEAST_PEOPLE,
            "meta_audience_id": listed["list_id"] if listed else None, "listed": listed["listed"] if listed else 0,
            "under_way": None if last and asked and last["at"] > asked["asked_at"] else asked,
            "last_sync": last,
        })  # fmt: skip
    return items


def _definition(fact: AudienceDefined) -> dict[str, Any]:
    return {
        "id": fact.audience_id, "name": fact.name, "version": fact.version, "ad_account_id": fact.ad_account_id,
        "segment": fact.segment.model_dump(mode="json", exclude_defaults=True), "by": fact.by,
        "defined_at": fact.occurred_at,
    }  # fmt: skip


def _outcome(sync_id: UUID, fact: AudienceSynced) -> dict[str, Any]:
    told = fact.model_dump(mode="json", exclude={"kind", "occurred_at", "audience_id"})
    return {"id": sync_id, **told, "at": fact.occurred_at}


def _waiting(defined: AudienceDefined, sync_id: UUID) -> dict[str, Any]:
    return {"id": sync_id, "audience_id": defined.audience_id, "version": defined.version, "state": "waiting"}


def _no_such() -> Refusal:
    return Refusal(404, "Not found", "there is no such audience")
