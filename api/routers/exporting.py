"""The transcript of a conversation to take away: JSON, text, PDF."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from adapters.media.names import disposition
from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import threads as queries
from api import conversation_page as page
from api import transcript as transcripts
from api.docs import given_as
from api.errors import Refusal
from api.reading import answer, caller, services
from api.routers import conversations
from api.transcript import Transcript
from domain.viewings.hours import hours_of

router = APIRouter(tags=["conversations"])

PAGE = 500
MOST: dict[str, int] = {"json": 20_000, "text": 20_000, "pdf": 3_000}
"""Messages of one export by format: a page of PDF is set letter by letter."""
ENDINGS = {"json": "json", "text": "txt", "pdf": "pdf"}


@router.get(
    "/api/conversations/{conversation_id}/export",
    response_class=Response,
    responses=given_as("application/json", "text/plain", "application/pdf"),
)
async def export_conversation(
    request: Request,
    conversation_id: str,
    form: Annotated[Literal["json", "text", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """Give out the whole transcript in order, with times in the brokerage's zone, authors, receipts and files' names.

    422 for one too long for the format. Who took it is in the log line of the request.
    """
    principal = await caller(request, "read")
    own, row = services(request), await conversations.one(request, principal.brokerage_id, conversation_id)
    request.scope["seen"] |= {"conversation_id": row["id"], "exported": form}
    house, now = await own.houses.house(principal.brokerage_id), own.now()
    zone = ZoneInfo(hours_of(house.region).zone)
    if row["kind"] == "thread":
        items = await _messages(request, principal.brokerage_id, UUID(row["id"]), MOST[form])
    else:
        items = await conversations.said_in(request, principal.brokerage_id, row)
    shown = await asyncio.to_thread(page.thread, row, own.keyring, now, own.settings.windows())
    headers = {"content-disposition": disposition(f"conversation-{row['id'][:60]}.{ENDINGS[form]}")}
    if form == "json":
        document = answer({
            "conversation": shown, "exported_at": now, "time_zone": zone.key,
            "messages": [{**one, "local_time": one["at"].astimezone(zone).isoformat()} for one in items],
        })  # fmt: skip
        document.headers.update(headers)
        return document
    whole = await asyncio.to_thread(_transcript, house.name, shown, items, zone, now)
    if form == "text":
        return Response(transcripts.as_text(whole), headers=headers, media_type="text/plain; charset=utf-8")
    return Response(await asyncio.to_thread(transcripts.as_pdf, whole), headers=headers, media_type="application/pdf")


async def _messages(request: Request, brokerage_id: UUID, thread_id: UUID, most: int) -> list[dict[str, Any]]:
    """Return all messages of a thread, the oldest first. Raises Refusal 422 where there are too many."""
    own, rows = services(request), list[Any]()
    async with as_brokerage(own.pool, brokerage_id, snapshot=True) as connection:
        marks = await queries.marks_of(connection, thread_id)
        while True:
            after = (rows[-1]["at"], rows[-1]["arrived_at"], rows[-1]["id"]) if rows else None
            found = await queries.list_messages(connection, thread_id, newer=True, after=after, limit=PAGE)
            rows += found
            if len(rows) > most:
                raise Refusal(422, "Too long", f"more than {most} messages: take another format")
            if len(found) < PAGE:
                break
    return await asyncio.to_thread(page.messages, rows, marks or {}, own.keyring)


def _transcript(
    brokerage: str, shown: dict[str, Any], items: list[dict[str, Any]], zone: ZoneInfo, now: datetime
) -> Transcript:  # fmt: skip
    customer = {kind: value for kind, value in (shown["customer"] or {}).items() if isinstance(value, str)}
    name = customer.get("name") or customer.get("phone")
    entries = (
        transcripts.of_messages(items, name, zone) if shown["kind"] == "thread" else transcripts.of_turns(items, zone)
    )
    about = (
        f"{brokerage} · {shown['channel'] or shown['kind']}",
        " · ".join(filter(None, (customer.get("name"), customer.get("phone")))),
        f"conversation {shown['id']} · {len(entries)} entries",
        f"taken {now.astimezone(zone):%Y-%m-%d %H:%M} · times are of {zone.key}",
    )
    return Transcript(
        f"Conversation with {name}" if name else "Conversation", tuple(filter(None, about)), tuple(entries), zone, now
    )
