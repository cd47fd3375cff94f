"""Conversations as read: threads on all channels and sessions of other kinds, one of them, and its messages."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import events as events_of
from adapters.postgres.queries import people as people_of
from adapters.postgres.queries import threads as queries
from adapters.postgres.queries.search import thread_ids
from adapters.postgres.search import search_key
from api import conversation_page as page
from api import show
from api.errors import Refusal
from api.reading import Limit, Word, answer, caller, decode_cursor, encode_cursor, services
from application.ports.touchpoints import Problem
from domain.conversations.events import ConversationCompleted, ConversationEventTracked
from domain.messaging.events import Holder, ThreadState
from domain.shared.clock import millis, moment
from domain.shared.fact import Channel

router = APIRouter(tags=["conversations"])
SAID = tuple(str(kind.model_fields["kind"].default) for kind in (ConversationEventTracked, ConversationCompleted))
"""Kinds that hold what was said in a session that is no thread."""
MOST_SAID, MOST_NOTICES = 2_000, 50
SearchFor = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Words of the messages.")]


@router.get("/api/conversations")
async def list_conversations(
    request: Request,
    status: ThreadState | None = None,
    channel: Channel | None = None,
    quality: Literal["hot", "warm", "cold"] | None = None,
    kind: Word | None = None,
    holder: Holder | None = None,
    agent: Word | None = None,
    unread: bool | None = None,
    waiting: bool | None = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Last active then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Last active before.")] = None,
    q: SearchFor = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """List conversations, the latest first: threads, and sessions by voice, avatar, phone or web chat.

    `waiting`: the customer wrote and nobody reacted yet. `unread`: nobody of the humans did. `q`: every word occurs.
    """
    principal = await caller(request, "read")
    own, after = services(request), decode_cursor(cursor, int, str)
    filters = {
        "status": status, "channel": channel, "quality": quality, "kind": kind, "holder": holder, "agent": agent,
        "unread": unread, "waiting": waiting, "since": since, "until": until,
    }  # fmt: skip
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        ids = None
        if q is not None and q.strip():
            key = search_key(own.settings.master(), principal.brokerage_id)
            ids = await thread_ids(connection, principal.brokerage_id, q, key)
        rows = await queries.list_conversations(
            connection, filters, ids=ids, after=(_moment(after[0]), after[1]) if after else None, limit=limit
        )
    items = await asyncio.to_thread(page.listed, rows, own.keyring)
    following = encode_cursor(millis(rows[-1]["last_at"]), rows[-1]["id"]) if len(rows) == limit else None
    return answer({"items": items, "next_cursor": following})


@router.get("/api/conversations/{conversation_id}")
async def get_conversation(request: Request, conversation_id: str) -> Response:
    """Show one conversation: the customer, its state with reasons, who holds it, the lead score with its factors.

    Of a thread `window` says for each author what may be sent now, until when, and what is allowed instead, `notices`
    which agents were told that a human is wanted, and what became of that.
    """
    principal = await caller(request, "read")
    own = services(request)
    row = await one(request, principal.brokerage_id, conversation_id)
    shown = await asyncio.to_thread(page.thread, row, own.keyring, services(request).now(), own.settings.windows())
    if row["kind"] == "thread":
        shown["notices"] = await asyncio.to_thread(
            own.holding.notices, principal.brokerage_id, MOST_NOTICES, UUID(row["id"])
        )
    return answer(shown)


@router.get("/api/conversations/{conversation_id}/messages")
async def get_messages(
    request: Request,
    conversation_id: str,
    order: Literal["newest_first", "oldest_first"] = "newest_first",
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Show messages in the order of the platform's time, with receipts, replies, reactions and edits.

    `next_cursor` goes on in the same order; with the other order it goes back from there. What was unsent is not shown.
    """
    principal = await caller(request, "read")
    own, after = services(request), decode_cursor(cursor, int, int, str)
    row = await one(request, principal.brokerage_id, conversation_id)
    if row["kind"] != "thread":
        return answer({"items": await said_in(request, principal.brokerage_id, row), "next_cursor": None})
    place = (_moment(after[0]), _moment(after[1]), after[2]) if after else None
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        rows = await queries.list_messages(
            connection, UUID(row["id"]), newer=order == "oldest_first", after=place, limit=limit
        )
        marks = await queries.marks_of(connection, UUID(row["id"]))
    items = await asyncio.to_thread(page.messages, rows, marks or {}, own.keyring)
    last = rows[-1] if len(rows) == limit else None
    following = last and encode_cursor(millis(last["at"]), millis(last["arrived_at"]), last["id"])
    return answer({"items": items, "next_cursor": following})


async def one(request: Request, brokerage_id: UUID, conversation_id: str) -> dict[str, Any]:
    """Return the row of a conversation. Raises Refusal 404 where this brokerage has no such."""
    row = None
    if "\x00" not in conversation_id:
        async with as_brokerage(services(request).pool, brokerage_id) as connection:
            row = await queries.one_conversation(connection, conversation_id)
    if row is None:
        raise Refusal(404, "Not found", "there is no such conversation")
    return row


async def said_in(request: Request, brokerage_id: UUID, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was said in a session that is no thread, as its producer told it, the oldest first."""
    own = services(request)
    async with as_brokerage(own.pool, brokerage_id, snapshot=True) as connection:
        subjects = await people_of.subjects_of(connection, row["subject_id"]) if row["subject_id"] else []
        entries = await events_of.list_events(
            connection, brokerage_id, after=0, limit=MOST_SAID, subjects=subjects, kinds=list(SAID)
        )
    shown = await asyncio.to_thread(show.open_events, entries, own.keyring)
    mine = [one for one in shown if one["fields"].get("session_id") == row["id"]]
    return [_turn(one) for one in sorted(mine, key=lambda one: (one["occurred_at"], one["position"]))]


def _turn(entry: dict[str, Any]) -> dict[str, Any]:
    fields = entry["fields"]
    event = fields.get("event")
    return {
        "id": entry["id"], "direction": {"customer_turn": "in", "our_turn": "out"}.get(str(event)),
        "type": event or "completed", "at": entry["occurred_at"], "arrived_at": entry["recorded_at"],
        "text": fields.get("text"), "transcript": fields.get("transcript"),
    }  # fmt: skip


def _moment(at_ms: int) -> datetime:
    try:
        return moment(at_ms)
    except (ValueError, OverflowError, OSError):
        raise Refusal(422, "Invalid request", errors=[Problem("cursor", "is not a cursor of this list")]) from None
