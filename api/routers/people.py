"""People as read: who they are, what they scored and why, everything they did."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import events as events_of
from adapters.postgres.queries import people as queries
from api import show
from api.docs import MERGE_BODY
from api.errors import Refusal
from api.reading import Limit, answer, caller, decode_cursor, encode_cursor, json_body, services
from application.merge_people import decide
from application.ports.touchpoints import Problem
from domain.people.links import link_stream
from domain.people.profile import Profile, tour_signals
from domain.tours.session import milestones_of

router = APIRouter(tags=["people"])
PROFILE: TypeAdapter[Profile] = TypeAdapter(Profile)
LONGEST_JOURNEY = 2_000


@router.get("/api/people")
async def list_people(
    request: Request,
    quality: Annotated[Literal["hot", "warm", "cold"] | None, Query()] = None,
    known: bool | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List people by score, the best first."""
    principal = await caller(request, "read")
    after = decode_cursor(cursor, int, UUID)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        rows = await queries.list_people(connection, quality=quality, known=known, after=after, limit=limit)
    following = encode_cursor(rows[-1]["score"], rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": rows, "next_cursor": following})


@router.get("/api/people/{person_id}")
async def get_person(request: Request, person_id: UUID) -> Response:
    """Show one person: contact, score with reasons, tours, consents, and the subjects that are this person."""
    principal = await caller(request, "read")
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        subjects = await queries.subjects_of(connection, person_id)
        row = await queries.one_person(connection, subjects[0])
        if row is None:
            raise Refusal(404, "Not found", "there is no such person")
        conversions = await queries.conversions_of(connection, subjects)
    profile = PROFILE.validate_json(row.pop("state"))
    contact = await asyncio.to_thread(show.contact, profile.contact.newest, own.keyring)
    return answer({
        **row,
        "subjects": subjects,
        "contact": contact,
        "tours": [_tour(profile, session) for session in profile.tours],
        "lead_forms": [{"event_id": key, **score.model_dump()} for key, score in profile.form_scores.items()],
        "conversions": conversions,
    })  # fmt: skip


@router.get("/api/analytics/journey/{person_id}")
@router.get("/api/people/{person_id}/journey")
async def get_journey(request: Request, person_id: UUID) -> Response:
    """Show everything a person did, in order: what each touchpoint scored and caused, with reasons."""
    principal = await caller(request, "read")
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        subjects = await queries.subjects_of(connection, person_id)
        rows = await events_of.list_events(
            connection, principal.brokerage_id, after=0, limit=LONGEST_JOURNEY, subjects=subjects
        )
        if not rows:
            raise Refusal(404, "Not found", "there is no such person")
        row = await queries.one_person(connection, subjects[0])
        conversions = await queries.conversions_of(connection, subjects)
    profile = PROFILE.validate_json(row["state"]) if row else Profile()
    shown = await asyncio.to_thread(show.open_events, rows, own.keyring)
    entries = sorted(shown, key=lambda one: (one["occurred_at"], one["position"]))
    scored = _scored(profile)
    return answer({
        "person_id": subjects[0],
        "items": [
            {**entry, "scored": scored.get(entry["id"], []),
             "caused": [one for one in conversions if str(one["cause_id"]) == entry["id"]]}
            for entry in entries
        ],
        "truncated": len(rows) == LONGEST_JOURNEY,
    })  # fmt: skip


@router.post("/api/people/{person_id}/merge", openapi_extra=MERGE_BODY)
async def merge_person(request: Request, person_id: UUID) -> Response:
    """Make another person one with this one: both pasts become one; nothing that was sent is sent again."""
    principal = await caller(request, "operate")
    other_id = _other(await json_body(request))
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        people = [await queries.person_of(connection, one) for one in (person_id, other_id)]
        if None in [await queries.one_person(connection, one) for one in people]:
            raise Refusal(404, "Not found", "there is no such person")
    person, other = people
    fact = decide(person, other, principal.key_id, datetime.now(UTC))
    if fact is None:
        return answer({"status": "already_one", "person_id": person})
    envelope = Envelope(
        link_stream(other, person), 1, fact, principal.brokerage_id, other, correlation_id=request.scope["request_id"]
    )
    await asyncio.to_thread(own.decided.append, [envelope])
    return answer({"status": "merged", "person_id": person, "event_id": envelope.originator_id}, 201)


def _other(body: Any) -> UUID:
    if isinstance(body, dict) and body.keys() == {"other_id"}:
        with suppress(ValueError, TypeError, AttributeError):
            return UUID(body["other_id"])
    raise Refusal(
        422, "Invalid request", errors=[Problem("other_id", "must be the id of a person, and nothing beside it")]
    )


def _tour(profile: Profile, session_id: str) -> dict[str, Any]:
    session = profile.tours[session_id]
    score = profile.tour_scores[session_id]
    return {
        "session_id": session_id, "property_id": session.property_id, "tour_kind": session.tour_kind,
        "rooms": {room: {"visits": visits, "dwell_s": ms / 1000} for room, (visits, ms) in session.rooms.items()},
        "total_time_s": session.total_ms / 1000, "closed_by": session.closed_by, "late": session.late,
        "milestones": milestones_of(session), "signals": tour_signals(profile, session_id),
        **score.model_dump(),
    }  # fmt: skip


def _scored(profile: Profile) -> dict[str, list[dict[str, Any]]]:
    """Return, by log entry, the rules that counted it."""
    scored: dict[str, list[dict[str, Any]]] = {}
    for about, score in (*profile.tour_scores.items(), *profile.form_scores.items()):
        for reason in score.reasons:
            for event in reason.events:
                scored.setdefault(event, []).append(
                    {
                        "of": about,
                        "rule": reason.rule,
                        "points": reason.points,
                        "why": reason.why,
                        "policy": score.policy,
                    }
                )
    return scored
