"""Where a human is wanted, what agents were told of it, and how each of them is reached."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Request, Response

from adapters.postgres.notices import PostgresAgents
from api.agent_page import AgentBody, shown
from api.bodies import body_of, read_body
from api.errors import Refusal
from api.reading import Limit, answer, caller, services
from application.ports.notices import AgentContact

router = APIRouter(tags=["conversations"])
Found = TypeVar("Found")

Agent = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/api/notifications")
async def list_notifications(request: Request, limit: Limit = 50) -> Response:
    """List the threads in which a human is asked for and no agent holds them, the longest waiting first.

    Taking one over is the acknowledgement. `notices` are what agents were told, the newest first, each with its
    outcome: `waiting`, `sent`, `failed`, `unknown` (WhatsApp's answer was lost) or `not_needed` (somebody came first).
    """
    principal = await caller(request, "read")
    holding = services(request).holding
    rows = await asyncio.to_thread(holding.wanted, principal.brokerage_id, limit)
    notices = await asyncio.to_thread(holding.notices, principal.brokerage_id, limit)
    return answer({"items": rows, "notices": notices})


@router.get("/api/notifications/agents")
async def list_agents(request: Request) -> Response:
    """List the brokerage's agents and how each is reached."""
    principal = await caller(request, "operate")
    agents = await _done(request, lambda agents: agents.agents(principal.brokerage_id))
    return answer({"items": [shown(one) for one in agents]})


@router.get("/api/notifications/agents/{agent}")
async def get_agent(request: Request, agent: Agent) -> Response:
    """Show how an agent is reached."""
    principal = await caller(request, "operate")
    found = await _done(request, lambda agents: agents.agent(principal.brokerage_id, agent))
    if found is None:
        raise Refusal(404, "Not found", "there is no such agent")
    return answer(shown(found))


@router.put("/api/notifications/agents/{agent}", openapi_extra=body_of(AgentBody))
async def put_agent(request: Request, agent: Agent) -> Response:
    """Set how an agent is reached, in place of what was set before. Of a thread, the agent named with its account is
    told, else all who are set.
    """  # fmt: skip
    principal = await caller(request, "operate")
    body = await read_body(request, AgentBody)
    contact = AgentContact(agent, **body.model_dump())
    await _done(request, lambda agents: agents.put(principal.brokerage_id, contact))
    return answer(shown(contact))


@router.delete("/api/notifications/agents/{agent}", status_code=204)
async def delete_agent(request: Request, agent: Agent) -> Response:
    """Forget how an agent is reached; they are told nothing any more."""
    principal = await caller(request, "operate")
    if not await _done(request, lambda agents: agents.remove(principal.brokerage_id, agent)):
        raise Refusal(404, "Not found", "there is no such agent")
    return Response(status_code=204)


async def _done(request: Request, do: Callable[[PostgresAgents], Found]) -> Found:
    def run() -> Found:
        with services(request).holding.agents() as agents:
            return do(agents)

    return await asyncio.to_thread(run)
