"""Agents in threads: taking over from the assistant, giving back, closing."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from api.bodies import body_of, read_body
from api.docs import MADE
from api.errors import Refusal
from api.reading import answer, caller, services
from application.ports.desks import NoSuchThread
from application.take_over import MOST_MINUTES, TAKEN, HeldByAnother, Holding, Taken

router = APIRouter(tags=["conversations"])
Decided = TypeVar("Decided")

Agent = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TakeOver(_Asked):
    """Who takes over, why, for how many minutes, and whether from another agent."""

    agent: Agent
    reason: Reason = TAKEN
    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)] | None = None
    force: StrictBool = False


class Release(_Asked):
    """Who gives the thread back; another than its holder needs `force`."""

    agent: Agent | None = None
    reason: Reason = "the agent gave it back"
    force: StrictBool = False


class Close(_Asked):
    """Who closes the thread and why; `survey` asks the customer for one to five stars, in that language."""

    agent: Agent | None = None
    reason: Reason = "an agent closed it"
    survey: Literal["ar", "en"] | None = None
    force: StrictBool = False


@router.post("/api/conversations/{conversation_id}/takeover", openapi_extra=body_of(TakeOver), responses=MADE)
async def take_over(request: Request, conversation_id: UUID) -> Response:
    """Take a thread over from the assistant: what it had on its way out is cancelled, and it keeps still.

    The holder again extends the lease. 409 names another agent who holds it; `force` takes it from them.
    """
    principal = await caller(request, "operate")
    asked = await read_body(request, TakeOver)
    taken = await _decided(request, lambda holding: holding.take_over(
        principal.brokerage_id, conversation_id, asked.agent, reason=asked.reason, minutes=asked.minutes,
        force=asked.force,
    ))  # fmt: skip
    return answer(_shown(conversation_id, taken), 201 if taken.verdict == "taken" else 200)


@router.post("/api/conversations/{conversation_id}/release", openapi_extra=body_of(Release, required=False))
async def release(request: Request, conversation_id: UUID) -> Response:
    """Give a thread back to the assistant. 409 where another agent holds it, unless `force`."""
    principal = await caller(request, "operate")
    asked = await read_body(request, Release, optional=True)
    taken = await _decided(request, lambda holding: holding.release(
        principal.brokerage_id, conversation_id, asked.agent, reason=asked.reason, force=asked.force
    ))  # fmt: skip
    return answer(_shown(conversation_id, taken))


@router.post("/api/conversations/{conversation_id}/close", openapi_extra=body_of(Close, required=False))
async def close(request: Request, conversation_id: UUID) -> Response:
    """Close a thread; a new message opens it again. `survey` is the message that asks, null where none could go."""
    principal = await caller(request, "operate")
    asked = await read_body(request, Close, optional=True)
    taken, survey = await _decided(request, lambda holding: holding.close(
        principal.brokerage_id, conversation_id, asked.agent, reason=asked.reason, survey=asked.survey,
        force=asked.force,
    ))  # fmt: skip
    return answer({**_shown(conversation_id, taken), "survey": survey})


async def _decided(request: Request, decide: Callable[[Holding], Decided]) -> Decided:
    """Return what a decision at the desk comes to. Raises Refusal 404 and 409."""

    def run() -> Decided:
        with services(request).holding.open() as holding:
            return decide(holding)

    try:
        return await asyncio.to_thread(run)
    except NoSuchThread as refusal:
        raise Refusal(404, "Not found", "there is no such thread") from refusal
    except HeldByAnother as refusal:
        held = {"holder": refusal.agent, "until": refusal.until and refusal.until.isoformat()}
        raise Refusal(409, "Held by another", f"{refusal}; `force` takes it from them", more=held) from refusal


def _shown(thread_id: UUID, taken: Taken) -> dict[str, Any]:
    return {
        "thread_id": thread_id, "status": taken.verdict, "state": taken.state,
        "holder": "agent" if taken.agent else "assistant", "agent": taken.agent, "fence": taken.fence,
        "held_until": taken.until and taken.until.isoformat(), "cancelled": taken.cancelled, "going": taken.going,
    }  # fmt: skip
