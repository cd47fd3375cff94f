"""A/B tests: defined with the people they need, and judged only on enough of them."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Request, Response
from pydantic import StringConstraints

from adapters.postgres.connections import as_brokerage
from adapters.postgres.mapper import Envelope
from adapters.postgres.queries import experiments as queries
from adapters.postgres.queries.funnels import TooMuch
from api.bodies import body_of, read_body
from api.docs import MADE
from api.errors import Refusal
from api.reading import answer, caller, services
from application.define_funnel import problems_in
from domain.experiments.events import ExperimentDefined
from domain.experiments.experiment import Experiment
from domain.experiments.results import Results, results
from domain.experiments.statistics import people_needed

router = APIRouter(tags=["experiments"])
EXPERIMENTS = UUID("d2c1a5b7-7e52-5f0a-9c43-1b7e6f0d9a28")
"""Namespace of experiments' ids."""


class ExperimentBody(Experiment):
    """An experiment and its name, which tells it from others."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/api/experiments")
async def list_experiments(request: Request) -> Response:
    """List the experiments, the newest first, each with what it shows so far, computed from the log.

    Each variant's rate with its interval; beside the control the difference with one interval for the end and a wider
    one (`watched`) that may be looked at daily. No verdict before every variant has the people it needs, nor where
    people were not assigned as meant. Who saw several variants counts for none. `results` is null, with the reason,
    where there is too much to look through.
    """
    principal = await caller(request, "read")
    own = services(request)
    items = []
    async with as_brokerage(own.pool, principal.brokerage_id, snapshot=True) as connection:
        found = await queries.definitions(connection, principal.brokerage_id)
        for fact in reversed(list(found.values())):
            try:
                people = await queries.seen(connection, principal.brokerage_id, fact.experiment, own.now())
            except TooMuch as much:
                items.append({**_definition(fact), "results": None, "reason": str(much)})
                continue
            items.append({**_definition(fact), "results": _shown(
                fact.experiment, await asyncio.to_thread(results, fact.experiment, people)
            )})  # fmt: skip
    return answer({"items": items, "next_cursor": None})


@router.post("/api/experiments", openapi_extra=body_of(ExperimentBody), responses=MADE)
async def define_experiment(request: Request) -> Response:
    """Define an experiment: 201 with the people each variant needs; 200 where it is defined just so.

    409 where the name is another experiment's: one that is changed while it runs proves nothing.
    """
    principal = await caller(request, "operate")
    body, own = await read_body(request, ExperimentBody), services(request)
    experiment = Experiment.model_validate(body.model_dump(exclude={"name"}))
    places = {f"variants.{nth}": one for nth, one in enumerate(experiment.variants)} | {"goal": experiment.goal}
    if wrong := problems_in(places):
        raise Refusal(422, "Invalid request", errors=wrong)
    fact = ExperimentDefined(
        experiment_id=uuid5(EXPERIMENTS, f"{principal.brokerage_id}|{body.name}"), name=body.name,
        experiment=experiment, by=principal.key_id, occurred_at=own.now(),
    )  # fmt: skip
    envelope = Envelope(fact.experiment_id, 1, fact, principal.brokerage_id, correlation_id=request.scope["request_id"])
    if (await asyncio.to_thread(own.decided.append, [envelope]))[0]:
        return answer(_definition(fact), 201)
    async with as_brokerage(own.pool, principal.brokerage_id) as connection:
        known = (await queries.definitions(connection, principal.brokerage_id)).get(fact.experiment_id)
    if known is None or known.experiment != experiment:
        raise Refusal(409, "Defined otherwise", "an experiment of this name is defined: take another name")
    return answer(_definition(known))


def _definition(fact: ExperimentDefined) -> dict[str, Any]:
    one = fact.experiment
    alpha = one.alpha / (len(one.variants) - 1)
    return {
        "id": fact.experiment_id, "name": fact.name, **one.model_dump(mode="json", exclude_none=True),
        "people_needed": people_needed(one.baseline, one.least_lift, alpha, one.power), "by": fact.by,
        "defined_at": fact.occurred_at,
    }  # fmt: skip


def _shown(experiment: Experiment, found: Results) -> dict[str, Any]:
    names = [one.name for one in experiment.variants]
    return {
        "variants": [{"name": name, **asdict(arm)} for name, arm in zip(names, found.arms, strict=True)],
        "comparisons": [{**asdict(one), "variant": names[one.variant]} for one in found.comparisons],
        "mixed": found.mixed, "least_lift": found.least_lift, "sample_ratio_p": found.sample_ratio_p,
    }  # fmt: skip
