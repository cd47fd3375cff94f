"""The log as read: facts with their causes and effects; what is personal stays sealed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import events as queries
from adapters.postgres.queries import people
from api import show
from api.errors import Refusal
from api.reading import Limit, Position, Word, answer, caller, decode_cursor, encode_cursor, services

router = APIRouter(tags=["log"])


@router.get("/api/events")
async def list_events(
    request: Request,
    person: UUID | None = None,
    person_id: UUID | None = None,
    kind: Annotated[list[Word] | None, Query()] = None,
    aggregate: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    position: Position = 0,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List facts in the order of the log, after a position; by person, kind, stream and time."""
    principal = await caller(request, "read")
    after = decode_cursor(cursor, int)
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        subjects = None
        if wanted := person or person_id:
            subjects = await people.subjects_of(connection, wanted)
        rows = await queries.list_events(
            connection, principal.brokerage_id, after=int(after[0]) if after else position, limit=limit,
            subjects=subjects, kinds=kind, stream_id=aggregate, since=since, until=until,
        )  # fmt: skip
    following = encode_cursor(rows[-1]["notification_id"]) if len(rows) == limit else None
    return answer({"items": [show.event(row) for row in rows], "next_cursor": following})


@router.get("/api/events/{event_id}")
async def get_event(request: Request, event_id: str) -> Response:
    """Show one fact with what caused it, the facts it caused, and the conversions it caused."""
    principal = await caller(request, "read")
    stream, _, version = event_id.partition(".")
    try:
        place = UUID(stream), int(version or 1)
    except ValueError:
        raise Refusal(404, "Not found", "there is no such fact") from None
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        row = await queries.one_event(connection, *place)
        if row is None:
            raise Refusal(404, "Not found", "there is no such fact")
        cause = await queries.one_event(connection, row["cause_id"], 1) if row["cause_id"] else None
        effects = await queries.effects_of(connection, place[0])
        conversions = await queries.conversions_caused(connection, place[0])
    return answer({
        **show.event(row),
        "causes": [show.event(cause)] if cause else [],
        "effects": [show.event(one) for one in effects],
        "conversions": conversions,
    })  # fmt: skip
