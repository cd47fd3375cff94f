"""People as read: who they are, what they scored and why, everything they did."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.looking_back import last_parting, links_between
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import events as events_of
from adapters.postgres.queries import people as queries
from api import person_page, show
from api.docs import MADE, MERGE_BODY, UNMERGE_BODY
from api.errors import Refusal
from api.person_seen import AsOf, see
from api.reading import Limit, answer, caller, decode_cursor, encode_cursor, json_body, services
from application import merge_people, unmerge_people
from application.ports.touchpoints import Problem
from domain.people.links import link_stream, parting_stream, people_of
from domain.people.standing import every_score

router = APIRouter(tags=["people"])
LONGEST_JOURNEY = 2_000


@router.get("/api/people")
async def list_people(
    request: Request,
    quality: Annotated[Literal["hot", "warm", "cold"] | None, Query()] = None,
    known: bool | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List people by score, the best first, with name, phone and e-mail where they are known."""
    principal = await caller(request, "read")
    after = decode_cursor(cursor, int, UUID)
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        rows = await queries.list_people(connection, quality=quality, known=known, after=after, limit=limit)
    following = encode_cursor(rows[-1]["score"], rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": await asyncio.to_thread(person_page.listed, rows, own.keyring), "next_cursor": following})


@router.get("/api/people/{person_id}")
async def get_person(request: Request, person_id: UUID, as_of: AsOf = None) -> Response:
    """Show one person: contact, score with reasons, tours, consents, and the subjects that are this person.

    With `as_of` as the log had them at that time, by the rules of then; nothing but zeros before they were met.
    """
    principal = await caller(request, "read")
    own = services(request)
    seen = await see(own, principal.brokerage_id, person_id, as_of)
    if seen.row is None:
        raise Refusal(404, "Not found", "there is no such person")
    contact = await asyncio.to_thread(show.contact, seen.person.contact.newest, own.keyring)
    return answer({
        **seen.row,
        "subjects": seen.subjects,
        "contact": contact,
        **person_page.page(seen.person, seen.house, seen.at_ms),
        "highest_value_sent": person_page.highest_sent(seen.conversions),
        "conversions": seen.conversions,
        **seen.moment,
    })  # fmt: skip


@router.get("/api/analytics/journey/{person_id}")
@router.get("/api/people/{person_id}/journey")
async def get_journey(request: Request, person_id: UUID, as_of: AsOf = None) -> Response:
    """Show everything a person did, in order: what each touchpoint scored and caused, with reasons; what to do next.

    With `as_of` only what the log had at that time, scored by the rules of then.
    """
    principal = await caller(request, "read")
    own = services(request)
    seen = await see(own, principal.brokerage_id, person_id, as_of)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        rows = await events_of.list_events(
            connection, principal.brokerage_id, after=0, limit=LONGEST_JOURNEY, subjects=list(seen.subjects)
        )
    if not rows and seen.row is None:
        raise Refusal(404, "Not found", "there is no such person")
    full = len(rows) == LONGEST_JOURNEY
    if seen.until is not None:
        rows = [row for row in rows if row["notification_id"] <= seen.until]
    shown = await asyncio.to_thread(show.open_events, rows, own.keyring)
    entries = sorted(shown, key=lambda one: (one["occurred_at"], one["position"]))
    scored = person_page.scored_events(every_score(seen.person, seen.house))
    return answer({
        "person_id": seen.subjects[0],
        "items": [
            {**entry, "scored": scored.get(entry["id"], []),
             "caused": [one for one in seen.conversions if str(one["cause_id"]) == entry["id"]]}
            for entry in entries
        ],
        "next_action": person_page.advice(seen.person, seen.house, seen.at_ms),
        "truncated": full and len(rows) == LONGEST_JOURNEY,
        **seen.moment,
    })  # fmt: skip


@router.post("/api/people/{person_id}/merge", openapi_extra=MERGE_BODY, responses=MADE)
async def merge_person(request: Request, person_id: UUID) -> Response:
    """Make another person one with this one: both pasts become one; nothing that was sent is sent again."""
    principal = await caller(request, "operate")
    other_id = _id_in(await json_body(request), "other_id")
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        person, other = [await _known(connection, one) for one in (person_id, other_id)]
        subjects = [one for of in (person, other) for one in await queries.subjects_of(connection, of)]
        parting = await last_parting(connection, principal.brokerage_id, subjects)
    fact = merge_people.decide(person, other, principal.key_id, own.now())
    if fact is None:
        return answer({"status": "already_one", "person_id": person})
    stream = link_stream(other, person, parting)
    envelope = Envelope(stream, 1, fact, principal.brokerage_id, other, correlation_id=request.scope["request_id"])
    await asyncio.to_thread(own.decided.append, [envelope])
    return answer({"status": "merged", "person_id": person, "event_id": envelope.originator_id}, 201)


@router.post("/api/people/{person_id}/unmerge", openapi_extra=UNMERGE_BODY, responses=MADE)
async def unmerge_person(request: Request, person_id: UUID) -> Response:
    """Say that a subject is not this person after all; both become as if they had never been one.

    Who hangs on the subject leaves with it. 409 where the two are not one; nothing that was sent is sent again.
    """
    principal = await caller(request, "operate")
    subject_id = _id_in(await json_body(request), "subject_id")
    own = services(request)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        people = [await _known(connection, one) for one in (person_id, subject_id)]
        subjects = {one for of in people for one in await queries.subjects_of(connection, of)}
        links = await links_between(connection, principal.brokerage_id, subjects)
    try:
        parted = unmerge_people.decide(person_id, subject_id, links, principal.key_id, own.now())
    except unmerge_people.NotOnePerson as refusal:
        raise Refusal(409, "Not one person", str(refusal)) from refusal
    envelopes = [
        Envelope(parting_stream(link.said_by), 1, fact, principal.brokerage_id, subject_id,
                 correlation_id=request.scope["request_id"])
        for link, fact in parted
    ]  # fmt: skip
    await asyncio.to_thread(own.decided.append, envelopes)
    now = people_of([link for link in links if link not in [one for one, _ in parted]], subjects)
    return answer({
        "status": "parted", "person_id": now[person_id], "parted_id": now[subject_id],
        "event_ids": [one.originator_id for one in envelopes],
    }, 201)  # fmt: skip


async def _known(connection: queries.Connection, subject_id: UUID) -> UUID:
    """Return the person of a subject. Raises Refusal 404 where there is no such person."""
    person = await queries.person_of(connection, subject_id)
    if await queries.one_person(connection, person) is None:
        raise Refusal(404, "Not found", "there is no such person")
    return person


def _id_in(body: Any, name: str) -> UUID:
    if isinstance(body, dict) and body.keys() == {name}:
        with suppress(ValueError, TypeError, AttributeError):
            return UUID(body[name])
    raise Refusal(422, "Invalid request", errors=[Problem(name, "must be the id of a person, and nothing beside it")])
