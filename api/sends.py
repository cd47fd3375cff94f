"""What the paths that send have in common: the request's name, its template, its sender, and what the rules refuse."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request, Response

from adapters.postgres.connections import as_brokerage
from adapters.postgres.queries import templates as templates_of
from adapters.postgres.sending_desk import OtherBody, Requested, SendingDesk
from api.auth.keys import Principal
from api.bodies import wrong_field
from api.drafts import MessageBody, draft_of
from api.errors import Refusal
from api.reading import answer, caller, services
from application.outgoing import BadDraft, Draft, SendRefused
from application.outgoing_templates import misfits
from application.ports.desks import DeskWork, NoSuchThread
from application.take_over import HeldByAnother, hold

LARGEST = 256 * 1024
"""Bytes of a body: a text, a list or a template's parameters."""
LONGEST_KEY = 200
MOST_NAMED = 50
"""Templates that a refusal names."""
SENT_BY_HAND = "an agent sends"

TAKEN: dict[str, Any] = {
    "status_code": 202,
    "responses": {
        202: {
            "description": "Taken: it is sent by a worker, and its outcome is told in the conversation. `waiting` "
            "says so where no token opens the account: it goes by itself once there is one."
        },
        409: {"description": "It may not be sent now: which window closed when, until when what is allowed instead."},
    },
}
"""How the OpenAPI document describes the answers of a path that sends."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whoever sends by one request: an operator's key, for an agent or for itself."""

    request: Request
    principal: Principal

    @property
    def brokerage_id(self) -> UUID:
        """Return whose customers are written to."""
        return self.principal.brokerage_id

    @property
    def desk(self) -> SendingDesk:
        """Return where messages are asked for."""
        return services(self.request).sending

    def named(self, agent: str | None) -> str:
        """Return who sends: the agent that the body names, else whoever has the key."""
        return agent or self.principal.producer[:80] or "an operator"

    async def message(self, thread_id: UUID, body: MessageBody, read: Any) -> Response:
        """Send a message into a thread; `read` is the body as it came, to which an Idempotency-Key is bound.

        Raises Refusal 404, 409 and 422.
        """
        name = await self._claimed(str(thread_id), read)
        draft = await self._with_template(thread_id, draft_of(body, self.named(None), name))
        now = services(self.request).now()
        before = self.holding(body.agent, now, force=body.force)
        told = await self.refusing(thread_id, lambda: self.desk.send(self.brokerage_id, thread_id, draft, now, before))
        return taken(thread_id, told)

    def holding(self, agent: str | None, now: datetime, *, force: bool) -> Callable[[DeskWork], None]:
        """Return what makes the sender the holder: the assistant is silent from then on."""

        def take(work: DeskWork) -> None:
            hold(work, self.named(agent), now, reason=SENT_BY_HAND, force=force)

        return take

    async def refusing(self, thread_id: UUID, work: Callable[[], Requested]) -> Requested:
        """Do work in a thread and turn what the rules refuse into problem documents."""
        try:
            return await asyncio.to_thread(work)
        except NoSuchThread:
            raise no_such_conversation() from None
        except BadDraft as wrong:
            raise Refusal(422, "Invalid request", errors=wrong.problems) from None
        except SendRefused as no:
            raise await self.refusal(no, thread_id) from None
        except HeldByAnother as held:
            raise Refusal(
                409, "Held by another", f"{held.agent} holds this conversation; `force` takes it over",
                more={"rule": "held", "agent": held.agent, "until": held.until},
            ) from None  # fmt: skip

    async def refusal(self, no: SendRefused, thread_id: UUID | None = None) -> Refusal:
        """Return a rule's no as a problem document; where a template may be sent instead, with those approved."""
        more: dict[str, Any] = {"rule": no.rule, **no.more}
        if "template" in (more.get("window") or {}).get("instead", ()):
            more["templates"] = await self.approved(thread_id)
        plain = orjson.loads(orjson.dumps(more, default=str))
        return Refusal(409, no.rule.replace("_", " ").capitalize(), no.why, more=plain)

    async def approved(self, thread_id: UUID | None = None) -> list[dict[str, Any]]:
        """Return the approved templates that a thread may be sent, without one those of all accounts."""
        async with as_brokerage(services(self.request).pool, self.brokerage_id) as connection:
            if thread_id is None:
                return _approved(await templates_of.list_templates(connection))
            return _approved(await templates_of.templates_for(connection, thread_id))

    async def _claimed(self, thread: str, read: Any) -> str | None:
        """Return the name of a request with an Idempotency-Key. Raises Refusal 422 where it had another body before."""
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= LONGEST_KEY:
            raise wrong_field("Idempotency-Key", f"must have 1 to {LONGEST_KEY} characters")
        body = orjson.dumps(read, option=orjson.OPT_SORT_KEYS, default=str)
        try:
            return await asyncio.to_thread(self.desk.claim, self.brokerage_id, key, thread, body)
        except OtherBody:
            raise Refusal(422, "Known with other content", "this Idempotency-Key was used with another body") from None

    async def _with_template(self, thread_id: UUID, draft: Draft) -> Draft:
        """Return a draft whose template may be sent: approved where templates are known, marketing where it is that.

        Raises Refusal 409 with those that are approved, and 422 where the parameters are not those that it takes.
        """
        if draft.message_type != "template" or not draft.template:
            return draft
        async with as_brokerage(services(self.request).pool, self.brokerage_id) as connection:
            listed = await templates_of.templates_for(connection, thread_id)
        return _checked(draft, listed) if listed else draft  # never synced: the platform will say


def _checked(draft: Draft, listed: list[dict[str, Any]]) -> Draft:
    chosen = [one for one in listed if (one["name"], one["language"]) == (draft.template, draft.language)]
    good = [one for one in chosen if _is_approved(one)]
    if not good:
        known = chosen[0]["status"].lower() if chosen else "not there"
        raise Refusal(
            409, "Template not approved", f"the template {draft.template} ({draft.language}) is {known}",
            more={"rule": "template_not_approved", "templates": _approved(listed)},
        )  # fmt: skip
    given = ((draft.content.template if draft.content else None) or {}).get("components", ())
    if wrong := misfits(good[0]["components"] or (), given):
        raise Refusal(422, "Invalid request", errors=wrong)
    marketing = any(one["category"] == "MARKETING" for one in good)
    return replace(draft, purpose="marketing") if marketing else draft


def _is_approved(template: dict[str, Any]) -> bool:
    return template["status"] == "APPROVED" and not template["gone"]


def _approved(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    good = [one for one in listed if _is_approved(one)][:MOST_NAMED]
    return [{name: one[name] for name in ("name", "language", "category")} for one in good]


async def sender_of(request: Request) -> Sender:
    """Return who sends. Raises Refusal 401, 403 and 429."""
    return Sender(request, await caller(request, "operate"))


def taken(thread_id: UUID, told: Requested) -> Response:
    """Return the answer of a request that was taken."""
    return answer(
        {
            "status": "requested", "conversation_id": thread_id, "send_id": told.send_ids[0],
            "message_id": told.send_ids[0], "send_ids": list(told.send_ids),
            "waiting": told.waits and told.waits.shown(),
        },
        202,
    )  # fmt: skip


def no_such_conversation() -> Refusal:
    """Return the refusal of what is about a conversation that this brokerage does not have."""
    return Refusal(404, "Not found", "there is no such conversation")
