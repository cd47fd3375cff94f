"""The stand-in's own interface under `/_simulator`: look at the ledger, register datasets, plan faults."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from adapters.simulator.answers import json_answer
from adapters.simulator.datasets import Dataset
from adapters.simulator.faults import FaultPlan
from adapters.simulator.ledger import LedgerQuery
from adapters.simulator.nodes import Asset
from adapters.simulator.peer import Peer, Settings

Route = Literal["messages", "media", "templates"]


class AudienceTerms(BaseModel):
    """Whether somebody accepted Meta's terms of custom audiences."""

    model_config = ConfigDict(extra="forbid")

    accepted: bool


def control_router(peer: Peer) -> APIRouter:
    """Return the routes; none of them is touched by planned faults."""
    router = APIRouter(prefix="/_simulator")

    @router.get("/health")
    async def health() -> Response:
        return json_answer({"status": "ok"})

    @router.get("/ledger")
    async def ledger(
        dataset: str | None = None,
        event_name: str | None = None,
        event_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        cursor: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        entries, following = peer.ledger.page(LedgerQuery(dataset, event_name, event_id, cursor, limit))
        return json_answer({"data": [orjson.Fragment(entry) for entry in entries], "next_cursor": following})

    @router.get("/summary")
    async def summary() -> Response:
        return json_answer(peer.ledger.summary())

    @router.get("/repeated")
    async def repeated() -> Response:
        return json_answer({"data": peer.ledger.repeated()})

    @router.post("/reset")
    async def reset() -> Response:
        peer.reset()
        return json_answer({"status": "ok"})

    @router.put("/datasets/{dataset_id}")
    async def register(dataset_id: Annotated[str, Path(pattern="^[0-9]+$")], dataset: Dataset) -> Response:
        peer.datasets.register(dataset_id, dataset)
        return json_answer({"id": dataset_id, "kind": dataset.kind, "dead_token": dataset.dead_token})

    @router.put("/assets/{asset_id}")
    async def register_asset(asset_id: Annotated[str, Path(pattern="^[0-9]+$")], asset: Asset) -> Response:
        peer.assets.register(asset_id, asset)
        return json_answer({"id": asset_id, "kind": asset.kind, "dataset_id": asset.dataset_id})

    @router.get("/audiences")
    async def audiences() -> Response:
        return json_answer({"data": peer.audiences.sizes()})

    @router.put("/audiences/terms")
    async def audience_terms(terms: AudienceTerms) -> AudienceTerms:
        peer.audiences.terms_accepted = terms.accepted
        return terms

    @router.get("/faults")
    async def faults(dataset: str | None = None, account: str | None = None, route: str | None = None) -> FaultPlan:
        return peer.faults.of(dataset or account or route).current()

    @router.put("/faults")
    async def plan_faults(
        plan: FaultPlan, dataset: str | None = None, account: str | None = None, route: Route | None = None
    ) -> FaultPlan:
        name = dataset or account or route
        peer.faults.replace(plan, name)
        return peer.faults.of(name).current()

    @router.get("/settings")
    async def settings() -> Settings:
        return peer.settings

    @router.put("/settings")
    async def change_settings(changed: Settings) -> Settings:
        peer.settings = changed
        return peer.settings

    return router
