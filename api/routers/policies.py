"""Policies: list, read, write, copy, activate, take back; and simulate over the brokerage's history."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adapters.postgres.connections import as_brokerage
from adapters.postgres.setups import Setups
from adapters.postgres.simulations import TooMany, ask, list_simulations, one_simulation
from adapters.postgres.streams import VersionTaken
from api.bodies import body_of, read_body
from api.errors import Refusal
from api.reading import Limit, answer, caller, json_body, services
from application.brokerages import NotRegistered, Setup
from application.policies import (
    InvalidPolicy,
    Listed,
    NameTaken,
    NoSuchPolicy,
    NothingToTakeBack,
    NotYet,
    decide_activation,
    decide_copy,
    decide_draft,
    decide_rollback,
    find,
    list_policies,
    read_policy,
)
from application.ports.simulations import Window
from application.ports.touchpoints import Problem
from domain.brokerage.events import BrokerageFact
from domain.scoring.lint import lint
from domain.scoring.policy import Policy

router = APIRouter(tags=["policies"])
Name = Annotated[str, Path(max_length=200)]
Version = Annotated[int | None, Query(ge=1, lt=2**31)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Copied(_Body):
    """Under which name a copy is written."""

    to: str


class Named(_Body):
    """A policy by its name, the newest version unless told."""

    name: str
    version: int | None = Field(default=None, ge=1, lt=2**31)


class Activated(Named):
    """What is activated, and since when it is in force: what happened before earns no conversion. Now unless told."""

    effective_from: AwareDatetime | None = None


class Simulated(_Body):
    """What is simulated: a policy by its name or a whole document; over what was recorded since and until."""

    name: str | None = None
    version: int | None = Field(default=None, ge=1, lt=2**31)
    policy: dict[str, Any] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


@router.get("/api/policies")
async def all_policies(request: Request) -> Response:
    """List every version of every policy: which is in force, since when, who wrote and who activated it."""
    setup = await _setup(request, "read")
    items = [_listed(one, setup) for one in list_policies(setup)]
    return answer({"active": next((one for one in items if one["active"]), None), "items": items})


@router.get("/api/policies/simulations")
async def all_simulations(request: Request, limit: Limit = 50) -> Response:
    """List simulations, the newest first: how far each is, or when it was over."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await list_simulations(connection, principal.brokerage_id, limit)
    return answer({"items": [_simulation(row) for row in rows]})


@router.get("/api/policies/simulations/{simulation_id}")
async def simulation(request: Request, simulation_id: UUID) -> Response:
    """Read one simulation: its state, its progress, and its result once it is over."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        row = await one_simulation(connection, principal.brokerage_id, simulation_id)
    if row is None:
        raise Refusal(404, "Not found", "there is no such simulation")
    return answer({**_simulation(row), "result": row["result"]})


@router.get("/api/policies/{name}")
async def one_policy(request: Request, name: Name, version: Version = None) -> Response:
    """Read a policy as one document, the newest version unless told, with what is odd about it."""
    setup = await _setup(request, "read")
    with refusing():
        policy = find(setup, name, version)
    return answer(_shown(policy, setup))


@router.put("/api/policies", openapi_extra=body_of(Policy, ours=("version",)))
async def write_policy(request: Request) -> Response:
    """Write a new version of the policy that the document names. It changes nothing until it is activated."""
    return await _write(request, None)


@router.put("/api/policies/{name}", openapi_extra=body_of(Policy, ours=("version",)))
async def write_named_policy(request: Request, name: Name) -> Response:
    """Write a new version of a policy, as one document. It changes nothing until it is activated."""
    return await _write(request, name)


@router.post("/api/policies/activate", openapi_extra=body_of(Activated))
async def activate(request: Request) -> Response:
    """Let a policy be in force from now on, or since `effective_from`; nothing that was sent is sent again."""
    by, brokerage_id = await _operator(request)
    asked = await read_body(request, Activated)
    since = int(asked.effective_from.timestamp()) if asked.effective_from else None

    def decide(setup: Setup) -> list[BrokerageFact]:
        return decide_activation(setup, asked.name, asked.version, by, services(request).now(), since)

    return answer(_in_force(await _changed(request, brokerage_id, decide)))


@router.post("/api/policies/rollback")
async def rollback(request: Request) -> Response:
    """Let the policy before the active one be in force again, from now on."""
    by, brokerage_id = await _operator(request)
    setup = await _changed(request, brokerage_id, lambda setup: decide_rollback(setup, by, services(request).now()))
    return answer(_in_force(setup))


@router.post("/api/policies/simulate", status_code=202, openapi_extra=body_of(Simulated))
async def simulate(request: Request) -> Response:
    """Ask what a policy would have sent, beside the live one: by event name and week, against what was."""
    by, brokerage_id = await _operator(request)
    asked = await read_body(request, Simulated)
    if (asked.name is None) == (asked.policy is None):
        raise Refusal(422, "Invalid request", errors=[Problem("name", "give either a name or a policy")])
    setup = await asyncio.to_thread(Setups(services(request).settings.database()).setup, brokerage_id)
    with refusing("policy"):
        policy = read_policy(asked.policy) if asked.name is None else find(setup, asked.name, asked.version)
    window, url = Window(asked.since, asked.until), services(request).settings.database()
    with refusing():
        simulation_id = await asyncio.to_thread(ask, url, brokerage_id, policy, window, by)
    location = f"/api/policies/simulations/{simulation_id}"
    response = answer({"id": simulation_id, "state": "waiting", "location": location}, 202)
    response.headers["Location"] = location
    return response


@router.post("/api/policies/{name}/copy", status_code=201, openapi_extra=body_of(Copied))
async def copy(request: Request, name: Name, version: Version = None) -> Response:
    """Copy a policy under another name, there to be edited."""
    by, brokerage_id = await _operator(request)
    asked = await read_body(request, Copied)
    setup = await _changed(
        request, brokerage_id, lambda setup: decide_copy(setup, name, version, asked.to, by, services(request).now())
    )
    return answer(_shown(find(setup, asked.to), setup), 201)


async def _write(request: Request, name: str | None) -> Response:
    by, brokerage_id = await _operator(request)
    document = await json_body(request)
    with refusing():
        wanted = read_policy(document, name)
    now = services(request).now()
    setup = await _changed(request, brokerage_id, lambda setup: decide_draft(setup, wanted, by, now))
    return answer(_shown(find(setup, wanted.name), setup))


async def _operator(request: Request) -> tuple[str, UUID]:
    principal = await caller(request, "operate")
    return principal.key_id, principal.brokerage_id


async def _setup(request: Request, scope: Any) -> Setup:
    principal = await caller(request, scope)
    return await asyncio.to_thread(Setups(services(request).settings.database()).setup, principal.brokerage_id)


async def _changed(request: Request, brokerage_id: UUID, decide: Callable[[Setup], list[BrokerageFact]]) -> Setup:
    setups = Setups(services(request).settings.database())
    with refusing():
        return await asyncio.to_thread(setups.change, brokerage_id, decide)


@contextmanager
def refusing(under: str = "") -> Iterator[None]:
    """Say a policy's refusals as HTTP does; fields of a document lie under `under`."""
    try:
        yield
    except InvalidPolicy as refusal:
        problems = [Problem(".".join(filter(None, (under, one.field))), one.message) for one in refusal.problems]
        raise Refusal(422, "Invalid policy", errors=problems) from None
    except NotYet as refusal:
        raise Refusal(422, "Invalid request", errors=[Problem("effective_from", str(refusal))]) from None
    except (NoSuchPolicy, NotRegistered) as refusal:
        raise Refusal(404, "Not found", str(refusal)) from None
    except (NameTaken, NothingToTakeBack, VersionTaken) as refusal:
        raise Refusal(409, "Conflict", str(refusal)) from None
    except TooMany as refusal:
        raise Refusal(429, "Too many requests", str(refusal), headers={"Retry-After": "10"}) from None


def _listed(one: Listed, setup: Setup) -> dict[str, Any]:
    return {
        "name": one.policy.name, "version": one.policy.version, "label": one.policy.label, "shipped": one.shipped,
        "active": one.active, "written_at": one.written_at, "by": one.by, "copied_from": one.copied_from,
        "activations": [
            {
                "revision": fact.revision, "at": fact.occurred_at, "by": fact.by,
                "effective_from": datetime.fromtimestamp(fact.policy.effective_from_s, UTC),
                "rolled_back_from": fact.rolled_back_from,
            }
            for fact in setup.activations if fact.revision in one.revisions
        ],
    }  # fmt: skip


def _shown(policy: Policy, setup: Setup) -> dict[str, Any]:
    (listed,) = [one for one in list_policies(setup) if one.policy.label == policy.label]
    findings = [asdict(finding) for finding in lint(policy)]
    return {**_listed(listed, setup), "policy": policy.model_dump(mode="json"), "findings": findings}


def _in_force(setup: Setup) -> dict[str, Any]:
    policy = setup.house.policy
    return {
        "label": policy.label, "name": policy.name, "version": policy.version, "revision": setup.house.revision,
        "effective_from": datetime.fromtimestamp(policy.effective_from_s, UTC),
        "findings": [asdict(finding) for finding in lint(policy)],
    }  # fmt: skip


def _simulation(row: Any) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in ("label", "result")}
    return {**shown, "policy": row["label"], "location": f"/api/policies/simulations/{row['id']}"}
