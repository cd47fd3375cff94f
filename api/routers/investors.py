"""Investors in: what they let show, and the steps they take."""

import asyncio
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from adapters.postgres.onto_person import OntoPerson
from api.direct import Direct
from api.docs import flat_body
from api.errors import Refusal
from api.flat import Flat
from api.reading import services
from api.routers.ingest import ONE, Spelling, item_of, sender_of, told
from api.spelling import renamed, with_money
from application.parse_touchpoint import Sender, parse
from application.ports.touchpoints import Observed, Problem, Verdict
from application.record_touchpoints import record_touchpoints

router = APIRouter(tags=["investors"], route_class=Direct)
OBSERVED, REACHED = "investors.signal_observed.v1", "investors.milestone_reached.v1"
OLDER = {"signal_type": "signal", "portfolio_signal": "signal"}
REFERRAL = "referral_to_other_investors"


@router.post("/api/investors/{person_id}/signals", openapi_extra=flat_body(OBSERVED), **ONE)
async def post_investor_signal(request: Request, person_id: str) -> Response:
    """Record a signal of an investor, whose id is ours or the producer's own; `budget` is in currency units."""
    return await _post(request, person_id, OBSERVED, _signal)


@router.post("/api/investors/{person_id}/milestones", openapi_extra=flat_body(REACHED), **ONE)
async def post_investor_milestone(request: Request, person_id: str) -> Response:
    """Record a step of an investor, whose id is ours or the producer's own.

    Without an id, a milestone of a person is the same one again, and a referral is named by its `referral_id`.
    """
    return await _post(request, person_id, REACHED, lambda body: _milestone(body, person_id))


async def _post(request: Request, person_id: str, kind: str, spelt: Spelling) -> Response:
    """Record one touchpoint of a person; 404 where the id has the form of ours and nobody has it."""
    sender = await sender_of(request, assume_now=True)
    item = await item_of(request, Flat(kind), spelt)
    own, ours = services(request), _ours(person_id)
    if ours is not None:
        known = await asyncio.to_thread(own.onto_person.whose, sender.brokerage_id, ours, person_id)
        if known is None:
            raise Refusal(404, "Not found", "there is no such person")
        if known == "ours":
            return told(request, await _onto(item, ours, sender, own.onto_person, own.now()))
    now = own.now()
    return told(request, _by_path((await record_touchpoints([_of(item, person_id)], sender, own.batcher, now))[0]))


async def _onto(item: dict[str, Any], ours: UUID, sender: Sender, people: OntoPerson, now: datetime) -> Verdict:
    """Record what names its person by our id; hints would only say again, or otherwise, who it is."""
    if "person" in item:
        raise Refusal(422, "Invalid request", errors=[Problem("person", "is named by the path already")])
    read = parse(item, sender, now)
    if isinstance(read, Observed):
        return await asyncio.to_thread(people.append, read, ours)
    return Verdict("rejected", errors=read)


def _ours(person_id: str) -> UUID | None:
    """Return an id that has the form of ours; None for one that only a producer can have given."""
    try:
        own = UUID(person_id)
    except ValueError:
        return None
    return own if str(own) == person_id.lower() else None


def _of(item: dict[str, Any], person_id: str) -> dict[str, Any]:
    person = item.get("person") or {}
    if "person_id" in person:
        raise Refusal(422, "Invalid request", errors=[Problem("person_id", "is named by the path already")])
    return item | {"person": {**person, "person_id": person_id}}


def _by_path(verdict: Verdict) -> Verdict:
    """Return a verdict in which the person's id is called as in the path."""
    errors = [Problem(one.field.removeprefix("person.") if one.field == "person.person_id" else one.field, one.message)
              for one in verdict.errors]  # fmt: skip
    return Verdict(verdict.status, verdict.event_id, verdict.position, tuple(errors))


def _signal(body: dict[str, Any]) -> dict[str, Any] | Problem:
    return with_money(renamed(body, OLDER), {"budget": "budget_minor"})


def _milestone(body: dict[str, Any], person_id: str) -> dict[str, Any]:
    milestone, referral = body.get("milestone"), body.get("referral_id")
    if body.get("id") is not None or (milestone == REFERRAL and referral is None):
        return body
    parts = "|".join((person_id.lower(), str(milestone), str(referral)))
    return body | {"id": f"{REACHED}|{sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()}"}
