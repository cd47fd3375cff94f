"""Conversations in: what happens in them as it happens, and their end with an analysis or the words themselves."""

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from api.direct import Direct
from api.docs import flat_body
from api.errors import Refusal
from api.flat import Flat, flatten
from api.reading import json_body, services
from api.routers.ingest import ONE, post_one, sender_of, told
from api.spelling import renamed
from application.ports.touchpoints import Problem
from application.record_touchpoints import record_touchpoints
from domain.conversations.events import ConversationMilestone

router = APIRouter(tags=["conversations"], route_class=Direct)
STARTED, TRACKED = "conversations.started.v1", "conversations.event_tracked.v1"
REACHED, COMPLETED = "conversations.milestone_reached.v1", "conversations.completed.v1"

# fmt: off
OLDER = {
    "event_name": "event", "event_type": "event", "conversation_id": "session_id",
    "type": "conversation_kind", "conversation_type": "conversation_kind", "session_type": "conversation_kind",
    "duration_seconds": "duration_s", "duration": "duration_s", "conversation_analysis": "analysis",
}
KINDS = {
    "voice_session": "voice", "voice_chat": "voice", "call": "phone", "phone_call": "phone", "chat": "web_chat",
    "text_chat": "web_chat", "text": "text_thread", "thread": "text_thread",
}
EVENTS = {
    "asked_price": "price_asked", "price_inquiry": "price_asked", "asked_financing": "financing_asked",
    "asked_viewing": "viewing_asked", "question": "question_asked", "topic": "topic_raised",
    "objection": "objection_raised", "turn": "customer_turn", "user_message": "customer_turn",
    "assistant_message": "our_turn",
}
# fmt: on
"""Older words → ours, of fields, kinds of conversation and events."""
STARTS = frozenset({"started", "session_started", "conversation_started"})
MILESTONES: frozenset[str] = frozenset(get_args(ConversationMilestone))


@router.post("/api/conversations/track-event", openapi_extra=flat_body(TRACKED), **ONE)
async def post_conversation_event(request: Request) -> Response:
    """Record what happened in a conversation: an `event`, a `milestone`, or that it `started`.

    A milestone is the same one again; so is an event of one moment. Without id and time every request is an event.
    """
    sender = await sender_of(request, assume_now=True)
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Refusal(422, "Invalid request", errors=[Problem("", "must be an object")])
    flat, read = _event(_spelt(body), str(request.scope["request_id"]))
    item = flatten(read, flat, request.headers.get("idempotency-key"))
    if isinstance(item, Problem):
        raise Refusal(422, "Invalid request", errors=[item])
    verdict = (await record_touchpoints([item], sender, services(request).batcher, services(request).now()))[0]
    return told(request, verdict)


@router.post(
    "/api/conversations/{session_id}/complete", openapi_extra=flat_body(COMPLETED, "session_id"), **ONE
)  # fmt: skip
async def post_conversation_complete(request: Request, session_id: str) -> Response:
    """Record that a conversation is over; without an id of its own, a session is completed once.

    With an `analysis` its outcome is decided at once; a `transcript` is analysed first.
    """
    return await post_one(request, Flat(COMPLETED, {"session_id": session_id}, ("session_id",)), _spelt)


def _spelt(body: Mapping[str, Any]) -> dict[str, Any]:
    read = renamed(dict(body), OLDER)
    kind, event = read.get("conversation_kind"), read.get("event")
    if isinstance(kind, str):
        read["conversation_kind"] = KINDS.get(kind, kind)
    if isinstance(event, str):
        read["event"] = EVENTS.get(event, event)
    return read


def _event(body: dict[str, Any], request_id: str) -> tuple[Flat, dict[str, Any]]:
    """Return which touchpoint a body tells of, and its fields."""
    event = body.get("event")
    if isinstance(event, str) and event in STARTS:
        return Flat(STARTED, {}, ("session_id",)), _without(body, "event")
    if isinstance(event, str) and event in MILESTONES:
        body = _without(body, "event") | {"milestone": event}
    if body.get("milestone") is not None:
        body = _without(body, "event") if body.get("event") in ("milestone", "milestone_reached", None) else body
        return Flat(REACHED, {}, ("session_id", "milestone")), body
    body = _without(body, "milestone")
    if body.get("id") is None:
        moment = body.get("occurred_at")
        body["id"] = f"{body.get('session_id')}|{event}|{moment}"[:200] if moment else f"{TRACKED}|{request_id}"
    return Flat(TRACKED), body


def _without(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}
