"""Audiences: segments of people, kept in step with lists at Meta."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from adapters.meta.audiences import MetaAudiences, row_of
from adapters.postgres.audiences import PostgresAudiences, SyncUnderWay, alone
from adapters.postgres.connections import as_brokerage, connect
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import audiences as queries
from adapters.postgres.secrets import SecretStore
from api.auth.keys import Principal
from api.bodies import body_of, read_body
from api.errors import Refusal
from api.reading import answer, caller, services
from api.settings import Settings
from application.ports.conversions import Credentials
from application.ports.outbox import Lane
from application.ports.touchpoints import Problem
from application.sync_audience import SyncAudience
from domain.audiences.difference import LEAST_PEOPLE, Row
from domain.audiences.events import AudienceDefined, AudienceSynced
from domain.audiences.segment import Segment
from domain.brokerage.rulebook import House
from domain.people.contact import Held

router = APIRouter(tags=["audiences"])
AUDIENCES = UUID("5b7e6a54-8d0c-5c66-bb55-0c6f2d1e9a34")
"""Namespace of audiences' ids and of their definitions."""
ACCOUNT_TOKEN, ACCOUNT_SECRET = "ad_account/{}/token", "ad_account/{}/app_secret"
MOST_SYNCED = 200_000
"""People of one audience; every ten thousand are a request to Meta, and the caller waits for them."""
SYNCS_SHOWN = 20


class AudienceBody(BaseModel):
    """Whom an audience is of, and in which ad account its list is. The name tells it from others."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    segment: Segment
    ad_account_id: Annotated[str, StringConstraints(pattern=r"^(act_)?\d{1,20}$")]


class CreateBody(AudienceBody):
    """The same; `sync` false only defines it."""

    sync: bool = True


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


@router.post("/api/audiences", openapi_extra=body_of(AudienceBody))
async def define_audience(request: Request) -> Response:
    """Define an audience, or define one anew under its name: 201; 200 where it is defined just so.

    Nobody is told of anybody before it is synchronised. 409 where its list is in another ad account.
    """
    principal = await caller(request, "operate")
    body = await read_body(request, AudienceBody)
    defined, fresh = await _defined(request, principal, body)
    return answer(_definition(defined), 201 if fresh else 200)


@router.post("/api/conversions/create-audience", openapi_extra=body_of(CreateBody))
async def create_audience(request: Request) -> Response:
    """Define an audience and bring Meta's list of it in line at once; `sync` in the answer says what was done."""
    principal = await caller(request, "operate")
    body = await read_body(request, CreateBody)
    defined, fresh = await _defined(request, principal, body)
    synced = await _synced(request, principal, defined) if body.sync else None
    return answer({**_definition(defined), "sync": _outcome(synced) if synced else None}, 201 if fresh else 200)


@router.get("/api/audiences/{audience_id}")
async def get_audience(request: Request, audience_id: UUID) -> Response:
    """Show one audience: its definition and the ones before, its size now, and what became of its syncs."""
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
        "syncs": [_outcome(one) for one in reversed(done[-SYNCS_SHOWN:])],
    })  # fmt: skip


@router.post("/api/audiences/{audience_id}/sync")
async def sync_audience(request: Request, audience_id: UUID) -> Response:
    """Bring Meta's list in line by difference: whoever left the segment, withdrew or was erased is taken off first.

    Below 100 people with a usable contact nobody is added (`too_small`). Where Meta says no the outcome is `failed`
    with its words, and the next sync goes on from there. 409 while another one is under way.
    """
    principal = await caller(request, "operate")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        versions = (await queries.definitions(connection, principal.brokerage_id)).get(audience_id)
    if not versions:
        raise _no_such()
    return answer(_outcome(await _synced(request, principal, versions[-1])))


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
        ad_account_id=account, by=principal.key_id, occurred_at=datetime.now(UTC),
    )  # fmt: skip
    stream = uuid5(AUDIENCES, f"{audience_id}|{fact.version}")
    envelope = Envelope(stream, 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    if not (await asyncio.to_thread(own.decided.append, [envelope]))[0]:
        raise Refusal(409, "Written meanwhile", "somebody else defined this audience: look at it first")
    return fact, True


async def _synced(request: Request, principal: Principal, defined: AudienceDefined) -> AudienceSynced:
    """Synchronise and record the outcome. Raises Refusal 409."""
    own = services(request)
    credentials = await asyncio.to_thread(_credentials, own.settings, principal.brokerage_id, defined.ad_account_id)
    if credentials is None:
        raise Refusal(409, "No token", "no token is stored for this ad account, nor for a dataset of the brokerage")
    house = await own.houses.house(principal.brokerage_id)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        people = await queries.people(connection, defined.segment, house, MOST_SYNCED)
    if len(people) > MOST_SYNCED:
        rule = f"is of more than {MOST_SYNCED} people: narrow it down"
        raise Refusal(409, "Too large", errors=[Problem("segment", rule)])
    try:
        fact = await asyncio.to_thread(_sync, own.settings, principal, defined, people, house, credentials)
    except SyncUnderWay:
        raise Refusal(409, "Under way", "another synchronisation of this audience is under way") from None
    envelope = Envelope(uuid4(), 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    await asyncio.to_thread(own.decided.append, [envelope])
    return fact


def _sync(
    own: Settings, principal: Principal, defined: AudienceDefined, people: Mapping[str, Mapping[str, Held]],
    house: House, credentials: Credentials,
) -> AudienceSynced:  # fmt: skip
    place = MetaAudiences(own.graph_url, credentials, own.graph_version)
    keyring = KeyRing(own.database(), own.master())  # its own: one that remembers keys would open what was erased
    try:
        wanted = _rows(people, keyring, house.region)
        with connect(own.database(), "masar_projector", name="audiences") as connection:
            memory = PostgresAudiences(connection, own.master(), principal.brokerage_id)
            with alone(connection, defined.audience_id):
                return SyncAudience(place, memory).sync(defined, wanted, principal.key_id, datetime.now(UTC))
    finally:
        keyring.close()
        place.close()


def _rows(people: Mapping[str, Mapping[str, Held]], keyring: KeyRing, region: str) -> dict[str, Row]:
    """Return what Meta is to be told, by person; people of whom no contact opens or is usable are left out."""
    sealed = [(person, kind, held) for person, contact in people.items() for kind, held in contact.items()]
    values = keyring.open_all([held.sealed for _, _, held in sealed])
    opened: dict[str, dict[str, Any]] = {}
    for (person, kind, _), value in zip(sealed, values, strict=True):
        opened.setdefault(person, {})[kind] = value.get(kind) if isinstance(value, dict) else None
    rows = {one: row_of(one, told.get("email"), told.get("phone"), region) for one, told in opened.items()}
    return {person: row for person, row in rows.items() if row is not None}


def _credentials(own: Settings, brokerage_id: UUID, ad_account_id: str) -> Credentials | None:
    """Return what opens an ad account: its own token, else that of a dataset, which a system user often shares."""
    with connect(own.database(), "masar_registry", name="audiences") as registry:
        safe = SecretStore(lambda: registry, own.master())
        token = safe.get(brokerage_id, ACCOUNT_TOKEN.format(ad_account_id))
        if token is not None:
            return Credentials(token, safe.get(brokerage_id, ACCOUNT_SECRET.format(ad_account_id)), None)
        datasets = [name.split("/")[1] for name in safe.names(brokerage_id) if name.startswith("dataset/")]
        known = (safe.credentials(Lane(brokerage_id, one)) for one in dict.fromkeys(datasets))
        return next((one for one in known if one is not None), None)


async def _shown(
    connection: queries.Connection, brokerage_id: UUID, defined: Sequence[AudienceDefined], house: House
) -> list[dict[str, Any]]:
    lists = await queries.lists(connection, [one.audience_id for one in defined])
    done = await queries.syncs(connection, brokerage_id)
    items = []
    for one in defined:
        now, listed = await queries.size(connection, one.segment, house), lists.get(one.audience_id)
        items.append({
            **_definition(one), **now, "large_enough": now["size"] >= LEAST_PEOPLE,
            "meta_audience_id": listed["list_id"] if listed else None, "listed": listed["listed"] if listed else 0,
            "last_sync": _outcome(done[one.audience_id][-1]) if one.audience_id in done else None,
        })  # fmt: skip
    return items


def _definition(fact: AudienceDefined) -> dict[str, Any]:
    return {
        "id": fact.audience_id, "name": fact.name, "version": fact.version, "ad_account_id": fact.ad_account_id,
        "segment": fact.segment.model_dump(mode="json", exclude_defaults=True), "by": fact.by,
        "defined_at": fact.occurred_at,
    }  # fmt: skip


def _outcome(fact: AudienceSynced) -> dict[str, Any]:
    return {**fact.model_dump(mode="json", exclude={"kind", "occurred_at", "audience_id"}), "at": fact.occurred_at}


def _no_such() -> Refusal:
    return Refusal(404, "Not found", "there is no such audience")
