"""Funnels: their definitions, figures computed from the log when asked for, and how far each person got."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import funnels as queries
from adapters.postgres.queries import people as people_of
from api.auth.keys import Principal
from api.bodies import body_of, read_body
from api.direct import Direct
from api.docs import MADE, flat_body
from api.errors import Refusal
from api.flat import Flat
from api.reading import Limit, answer, caller, decode_cursor, encode_cursor, services
from api.routers.ingest import ONE, item_of, sender_of, told
from api.spans import span
from application.define_funnel import problems_of
from application.ports.touchpoints import Problem
from application.record_touchpoints import record_touchpoints
from domain.funnels.events import FunnelDefined
from domain.funnels.funnel import Funnel
from domain.funnels.progress import Progress, progress
from domain.funnels.statistics import figures, histogram, seconds_between
from domain.shared.clock import moment

router = APIRouter(tags=["funnels"])
completing = APIRouter(tags=["funnels"], route_class=Direct)
FUNNELS = UUID("3f0f2d9c-41f7-5a0a-8b43-6a6b2f8d7c15")
"""Namespace of funnels' ids and of their definitions."""
USUAL = timedelta(days=90)
StepNumber = Annotated[int, Query(ge=1, le=20)]
Bins = Annotated[int, Query(ge=1, le=90)]


class FunnelBody(Funnel):
    """A funnel's steps and its name, which tells it from others."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/api/funnels")
async def list_funnels(request: Request) -> Response:
    """List the funnels by name."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        found = await queries.definitions(connection, principal.brokerage_id)
    newest = sorted((versions[-1] for versions in found.values()), key=lambda one: one.name)
    return answer({"items": [_definition(one) for one in newest], "next_cursor": None})


@router.post("/api/funnels", openapi_extra=body_of(FunnelBody), responses=MADE)
async def define_funnel(request: Request) -> Response:
    """Define a funnel, or define one anew under its name: 201; 200 where it is defined just so.

    Two to twenty steps, each of some kinds of facts with conditions on their open fields. What people did before
    counts as well: figures are computed from the log.
    """
    principal = await caller(request, "operate")
    body, own = await read_body(request, FunnelBody), services(request)
    funnel = Funnel.model_validate(body.model_dump(exclude={"name"}))
    if wrong := problems_of(funnel):
        raise Refusal(422, "Invalid request", errors=wrong)
    funnel_id = uuid5(FUNNELS, f"{principal.brokerage_id}|{body.name}")
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        versions = (await queries.definitions(connection, principal.brokerage_id)).get(funnel_id, [])
    if versions and versions[-1].funnel == funnel:
        return answer(_definition(versions[-1]))
    fact = FunnelDefined(
        funnel_id=funnel_id, name=body.name, version=len(versions) + 1, funnel=funnel, by=principal.key_id,
        occurred_at=own.now(),
    )  # fmt: skip
    stream = uuid5(FUNNELS, f"{funnel_id}|{fact.version}")
    envelope = Envelope(stream, 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    if not (await asyncio.to_thread(own.decided.append, [envelope]))[0]:
        raise Refusal(409, "Written meanwhile", "somebody else defined this funnel: look at it first")
    return answer(_definition(fact), 201)


@router.get("/api/funnels/{funnel_id}")
async def get_funnel(
    request: Request, funnel_id: UUID, since: datetime | None = None, until: datetime | None = None,
    from_step: StepNumber = 1, to_step: StepNumber | None = None, bins: Bins | None = None,
) -> Response:  # fmt: skip
    """Show a funnel with its figures over what people did in a span, the last 90 days unless told.

    Per step: people, rates from the first and from the previous step (0 to 1), who dropped, mean and median seconds.
    `time_to_convert` counts people by the seconds from one step to another, the first and the last unless told.
    """
    principal = await caller(request, "read")
    begin, end = span(since, until, USUAL)
    defined, reached = await _people(request, principal, funnel_id, begin, end)
    funnel = defined.funnel
    last = to_step or len(funnel.steps)
    if not from_step < last <= len(funnel.steps):
        raise Refusal(422, "Invalid request", errors=[Problem("to_step", "must be a step after from_step")])
    found = figures(len(funnel.steps), reached.values())
    seconds = seconds_between(reached.values(), from_step, last)
    return answer({
        **_definition(defined), "since": begin, "until": end, "entered": found[0].people,
        "completed": found[-1].people, "conversion_rate": found[-1].from_first,
        "excluded": sum(one.excluded for one in reached.values()),
        "figures": [{**asdict(one), "name": step.name} for one, step in zip(found, funnel.steps, strict=True)],
        "time_to_convert": {
            "from_step": from_step, "to_step": last, "bins": [asdict(one) for one in histogram(seconds, bins)],
        },
    })  # fmt: skip


@router.get("/api/funnels/{funnel_id}/people")
async def list_funnel_people(
    request: Request, funnel_id: UUID, step: StepNumber | None = None, dropped: bool = False,
    since: datetime | None = None, until: datetime | None = None, limit: Limit = 50, cursor: str | None = None,
) -> Response:  # fmt: skip
    """List the people of a funnel and how far each got: those who took `step`; with `dropped` those who went no
    further than the step before it.
    """
    principal = await caller(request, "read")
    begin, end = span(since, until, USUAL)
    after = decode_cursor(cursor, UUID)
    defined, reached = await _people(request, principal, funnel_id, begin, end)
    least = step or 1
    if least > len(defined.funnel.steps) or (dropped and least == 1):
        raise Refusal(422, "Invalid request", errors=[Problem("step", "must be a step of the funnel, with one before")])
    asked = sorted(
        person for person, one in reached.items()
        if not one.excluded and (one.reached == least - 1 if dropped else one.reached >= least)
    )  # fmt: skip
    page = [person for person in asked if after is None or person > str(UUID(after[0]))][:limit]
    following = encode_cursor(page[-1]) if len(page) == limit else None
    items = [{"person_id": person, **_shown(defined.funnel, reached[person])} for person in page]
    return answer({"items": items, "next_cursor": following, "people": len(asked)})


@router.get("/api/funnels/{funnel_id}/steps")
async def get_steps(
    request: Request, funnel_id: UUID, person: UUID | None = None, since: datetime | None = None,
    until: datetime | None = None,
) -> Response:  # fmt: skip
    """Show a funnel's steps with their figures; with `person` how far one person got, and when."""
    principal = await caller(request, "read")
    begin, end = span(since, until, USUAL)
    defined, reached = await _people(request, principal, funnel_id, begin, end, person)
    if person is not None:
        one = next(iter(reached.values()), Progress())
        return answer({"funnel_id": funnel_id, "person_id": person, **_shown(defined.funnel, one)})
    found = figures(len(defined.funnel.steps), reached.values())
    items = [{**asdict(one), "name": step.name} for one, step in zip(found, defined.funnel.steps, strict=True)]
    return answer({"funnel_id": funnel_id, "items": items, "next_cursor": None})


@completing.post(
    "/api/funnels/{funnel_id}/steps/{n}/complete",
    openapi_extra=flat_body(queries.STEP_COMPLETED, "funnel_id", "step"), **ONE,
)  # fmt: skip
async def complete_step(request: Request, funnel_id: str, n: str) -> Response:
    """Record that a person took a step that nothing else tells of; it counts beside what the step is about."""
    sender, own = await sender_of(request, assume_now=True), services(request)
    async with as_brokerage(own.pool, sender.brokerage_id) as connection:
        found = await queries.definitions(connection, sender.brokerage_id)
    defined = {str(one): versions[-1] for one, versions in found.items()}.get(funnel_id.lower())
    if defined is None:
        raise _no_such()
    steps = len(defined.funnel.steps)
    if not (n.isascii() and n.isdigit() and len(n) <= 2 and 1 <= int(n) <= steps):
        raise Refusal(422, "Invalid request", errors=[Problem("n", f"must be a step of the funnel, 1 to {steps}")])
    path = {"funnel_id": str(defined.funnel_id), "step": n}
    item = await item_of(request, Flat(queries.STEP_COMPLETED, path))
    item["payload"]["step"] = int(n)
    verdict = (await record_touchpoints([item], sender, own.batcher, own.now()))[0]
    return told(request, verdict)


async def _people(
    request: Request,
    principal: Principal,
    funnel_id: UUID,
    since: datetime,
    until: datetime,
    person: UUID | None = None,
) -> tuple[FunnelDefined, Mapping[str, Progress]]:
    """Return a funnel and how far everybody got, or one person. Raises Refusal 404 for one that is not there."""
    brokerage_id = principal.brokerage_id
    async with as_brokerage(services(request).pool, brokerage_id, snapshot=True) as connection:
        versions = (await queries.definitions(connection, brokerage_id)).get(funnel_id)
        if not versions:
            raise _no_such()
        defined = versions[-1]
        subjects: Sequence[UUID] | None = None
        if person is not None:
            subjects = await people_of.subjects_of(connection, person)
            if await people_of.one_person(connection, subjects[0]) is None:
                raise Refusal(404, "Not found", "there is no such person")
        try:
            rows = await queries.done(
                connection, brokerage_id, defined.funnel, since=since, until=until, subjects=subjects
            )
        except queries.TooMuch as much:
            rule = f"{much}: ask for a shorter one"
            raise Refusal(422, "Invalid request", errors=[Problem("since", rule)]) from None
    return defined, await asyncio.to_thread(_reached, defined, rows)


def _reached(defined: FunnelDefined, rows: Sequence[Mapping[str, Any]]) -> dict[str, Progress]:
    events = queries.events_of(defined.funnel_id, defined.funnel, list(rows))  # type: ignore[arg-type]
    found = {person: progress(defined.funnel, of_person) for person, of_person in events.items()}
    return {person: one for person, one in found.items() if one.reached or one.excluded}


def _definition(fact: FunnelDefined) -> dict[str, Any]:
    return {
        "id": fact.funnel_id, "name": fact.name, "version": fact.version,
        **fact.funnel.model_dump(mode="json", exclude_none=True), "by": fact.by, "defined_at": fact.occurred_at,
    }  # fmt: skip


def _shown(funnel: Funnel, one: Progress) -> dict[str, Any]:
    in_order = funnel.order != "any"
    steps = [
        {"step": nth + 1, "name": step.name if in_order else None,
         "at": moment(one.times[nth]) if nth < one.reached else None}
        for nth, step in enumerate(funnel.steps)
    ]  # fmt: skip
    done = one.reached == len(funnel.steps)
    return {
        "reached": one.reached, "completed": done, "excluded": one.excluded,
        "next_step": None if done or not in_order else funnel.steps[one.reached].name, "steps": steps,
    }  # fmt: skip


def _no_such() -> Refusal:
    return Refusal(404, "Not found", "there is no such funnel")
