"""Conversions improved: what each of them lacks, and a brokerage's rules made into a draft of a policy."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Request, Response
from psycopg.rows import DictRow
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import optimising as queries
from adapters.postgres.queries.conversions import filters
from adapters.postgres.setup_stream import change_setup
from api.bodies import body_of, read_body
from api.docs import MADE
from api.errors import Refusal
from api.reading import answer, caller, services
from api.spans import span
from application.brokerages import NotRegistered, Setup, fold
from application.policies import NameTaken
from application.ports.touchpoints import Problem
from application.propose_policy import NothingToPropose, decide_proposal, newest_label
from domain.ads.improvements import Improvement, improvements
from domain.ads.optimisation import (
    Change,
    OptimisationRule,
    OptimisationRuleWritten,
    Proposal,
    RuleName,
    matched,
    propose,
)
from domain.brokerage.events import BrokerageFact
from domain.scoring.lint import lint

router = APIRouter(tags=["conversions"])
RULES = UUID("8d0f2f3e-6b6a-5a0d-9a3c-3f0c8f3a7b21")
"""Namespace of the streams of rules' versions."""
MOST_LOOKED_AT = 10_000
Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class OptimizeBody(_Body):
    """Which conversions to look at: one, a list, or those of a span (the last 28 days unless told)."""

    conversion_id: UUID | None = None
    conversion_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)] | None = None
    since: datetime | None = None
    until: datetime | None = None
    event_name: Name | None = None
    dataset_id: Name | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 200

    @model_validator(mode="after")
    def _one_way(self) -> "OptimizeBody":
        of_span = (self.since, self.until, self.event_name, self.dataset_id)
        ways = [self.conversion_id, self.conversion_ids, next((one for one in of_span if one is not None), None)]
        if sum(one is not None for one in ways) > 1:
            raise ValueError("give one of conversion_id, conversion_ids, and a span with its filters")
        return self


class BatchBody(_Body):
    """Which conversions to look at, and which rules to try; with `propose` a draft of the policy is written."""

    since: datetime | None = None
    until: datetime | None = None
    event_name: Name | None = None
    dataset_id: Name | None = None
    rules: Annotated[list[RuleName], Field(min_length=1, max_length=100)] | None = None
    propose: StrictBool = False
    policy_name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_\-]{0,39}$")] | None = None


class RuleBody(OptimisationRule):
    """A rule; written again under the same name it is a new version. `active` false takes it out of use."""

    active: StrictBool = True


@router.post("/api/conversions/optimize", openapi_extra=body_of(OptimizeBody, required=False))
async def optimize(request: Request) -> Response:
    """Say what would improve conversions: what they lack, what held them back, each with numbers and a reason.

    Nothing is changed. `again` marks what can still be mended for that very conversion.
    """
    principal = await caller(request, "operate")
    body = await read_body(request, OptimizeBody, optional=True)
    ids = [body.conversion_id] if body.conversion_id else body.conversion_ids
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        if ids is not None:
            rows = await queries.by_ids(connection, ids)
            if body.conversion_id and not rows:
                raise Refusal(404, "Not found", "there is no such conversion")
        else:
            begin, end = span(body.since, body.until)
            wanted = filters(event_name=body.event_name, dataset_id=body.dataset_id, since=begin, until=end)
            rows = await queries.in_span(connection, wanted, body.limit)
    judged = [(row, improvements(queries.decided(row))) for row in rows]
    missing = sorted({str(one) for one in ids or ()} - {str(row["id"]) for row in rows})
    return answer({
        "looked_at": len(rows), "not_found": missing, "summary": _summary(judged),
        "items": [_item(row, found) for row, found in judged],
    })  # fmt: skip


@router.post("/api/conversions/optimize-batch", openapi_extra=body_of(BatchBody, required=False), responses=MADE)
async def optimize_batch(request: Request) -> Response:
    """Sum up what would improve the conversions of a span, and try the brokerage's rules on the active policy.

    With `propose` the policy that the rules would make is written as a draft: a human looks at it and activates it,
    nothing does so by itself. 409 where the rules would change nothing, or the draft's name is a shipped policy's.
    """
    principal = await caller(request, "operate")
    body, own = await read_body(request, BatchBody, optional=True), services(request)
    begin, end = span(body.since, body.until)
    wanted = filters(event_name=body.event_name, dataset_id=body.dataset_id, since=begin, until=end)
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        rows = await queries.in_span(connection, wanted, MOST_LOOKED_AT + 1)
        known = await queries.rules(connection, principal.brokerage_id)
    chosen = _chosen({name: versions[-1][0] for name, versions in known.items()}, body.rules)
    truncated, rows = len(rows) > MOST_LOOKED_AT, rows[:MOST_LOOKED_AT]
    house = await own.houses.house(principal.brokerage_id)
    proposal, draft = propose(house.policy, chosen), None
    if body.propose:
        proposal, draft = await asyncio.to_thread(
            _draft,
            own.settings.database(),
            principal.brokerage_id,
            chosen,
            principal.key_id,
            body.policy_name,
            own.now(),
        )
    judged = [(row, improvements(queries.decided(row))) for row in rows]
    document = {
        "since": begin, "until": end, "looked_at": len(rows), "truncated": truncated, "summary": _summary(judged),
        "rules": [_effect(rule, rows) for rule in chosen],
        "policy": house.policy.label,
        "proposal": {
            "changes": [_change(one) for one in proposal.changes],
            "idle_rules": proposal.idle,
            "warnings": [asdict(one) for one in lint(proposal.policy) if one not in lint(house.policy)],
            "draft": draft,
        },
    }  # fmt: skip
    return answer(document, 201 if draft and draft["fresh"] else 200)


@router.get("/api/optimization-rules")
async def list_rules(request: Request) -> Response:
    """List the brokerage's optimisation rules by name: the newest version of each, and the versions before."""
    principal = await caller(request, "read")
    async with as_brokerage(services(request).pool, principal.brokerage_id) as connection:
        known = await queries.rules(connection, principal.brokerage_id)
    items = [
        {**_rule(*versions[-1]), "earlier": [_rule(*one) for one in reversed(versions[:-1])]}
        for _, versions in sorted(known.items())
    ]
    return answer({"items": items, "next_cursor": None})


@router.post("/api/optimization-rules", openapi_extra=body_of(RuleBody), responses=MADE)
async def write_rule(request: Request) -> Response:
    """Write a rule, or a new version of one: 201; 200 where the newest version says just the same.

    A rule changes nothing by itself: see `POST /api/conversions/optimize-batch`.
    """
    principal = await caller(request, "operate")
    body, own = await read_body(request, RuleBody), services(request)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        versions = (await queries.rules(connection, principal.brokerage_id)).get(body.name, [])
    rule = OptimisationRule.model_validate(body.model_dump(exclude={"active"}))
    if versions and (versions[-1][0].rule, versions[-1][0].active) == (rule, body.active):
        return answer(_rule(*versions[-1]))
    now = own.now()
    fact = OptimisationRuleWritten(
        rule=rule, version=len(versions) + 1, active=body.active, by=principal.key_id, occurred_at=now
    )
    stream = uuid5(RULES, f"{principal.brokerage_id}|{rule.name}|{fact.version}")
    envelope = Envelope(stream, 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    if not (await asyncio.to_thread(own.decided.append, [envelope]))[0]:
        raise Refusal(409, "Written meanwhile", "somebody else wrote this version of the rule: look at it first")
    return answer(_rule(fact, now), 201)


def _draft(
    url: str, brokerage_id: UUID, rules: Sequence[OptimisationRule], by: str, name: str | None, now: datetime
) -> tuple[Proposal, dict[str, Any]]:
    """Write the draft. Raises Refusal 409 where there is nothing to write, or not under this name."""
    made: list[tuple[Proposal, Setup]] = []

    def decide(facts: Sequence[BrokerageFact]) -> list[BrokerageFact]:
        setup = fold(facts)
        proposal, new = decide_proposal(setup, rules, by, now, name)
        made.append((proposal, setup))
        return new

    try:
        written = change_setup(url, brokerage_id, decide)
    except (NothingToPropose, NameTaken, NotRegistered) as refusal:
        raise Refusal(409, "Nothing to propose", str(refusal)) from None
    proposal, setup = made[-1]
    named, version = newest_label(setup, written, name)
    return proposal, {
        "name": named, "version": version, "fresh": bool(written), "copied_from": setup.house.policy.label,
        "activate": "POST /api/policies/activate",
    }  # fmt: skip


def _chosen(known: dict[str, OptimisationRuleWritten], names: Sequence[str] | None) -> list[OptimisationRule]:
    """Return the rules asked for by name, all active ones unless told. Raises Refusal 422 for one unknown."""
    unknown = [Problem("rules", f"there is no rule {name!r}") for name in names or () if name not in known]
    if unknown:
        raise Refusal(422, "Invalid request", errors=unknown)
    wanted = [name for name in sorted(known) if known[name].active] if names is None else list(dict.fromkeys(names))
    return [known[name].rule for name in wanted]


def _summary(judged: Sequence[tuple[DictRow, Sequence[Improvement]]]) -> list[dict[str, Any]]:
    counts = Counter((one.code, one.about, one.do, one.why) for _, found in judged for one in found)
    return [
        {"code": code, "about": about, "conversions": count, "do": do, "why": why}
        for (code, about, do, why), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]


def _item(row: DictRow, found: Sequence[Improvement]) -> dict[str, Any]:
    shown = ("event_name", "dataset_id", "occurred_at", "status", "reason", "match_quality")
    return {
        "conversion_id": row["id"], **{name: row[name] for name in shown},
        "improvements": [asdict(one) for one in found],
    }  # fmt: skip


def _effect(rule: OptimisationRule, rows: Sequence[DictRow]) -> dict[str, Any]:
    """Return how many of the conversions a rule would have met, and their values now and then by currency."""
    met = matched(rule, [queries.fields_of(row) for row in rows])
    now: dict[str, float] = {}
    for one in met:
        if isinstance(one["value"], float):
            now[str(one["currency"])] = round(now.get(str(one["currency"]), 0) + one["value"], 2)
    times = rule.scale_value_by or 1
    return {
        "name": rule.name, "why": rule.why, "conversions": len(met), "value": now,
        "value_then": {currency: round(value * times, 2) for currency, value in now.items()},
        "event_name_then": rule.use_event_name,
    }  # fmt: skip


def _change(one: Change) -> dict[str, Any]:
    before, after = one.before.model_dump(mode="json"), one.after.model_dump(mode="json")
    changed = {name: {"from": before[name], "to": after[name]} for name in after if after[name] != before[name]}
    return {"rule": one.rule, "slot": one.slot, "row": "added" if one.added else "changed", "fields": changed,
            "why": one.why}  # fmt: skip


def _rule(fact: OptimisationRuleWritten, at: Any) -> dict[str, Any]:
    rule = fact.rule.model_dump(mode="json", exclude_none=True)
    return {**rule, "version": fact.version, "active": fact.active, "by": fact.by, "written_at": at}
