"""What Graph says of the things around events: a token, a dataset, its quality, the dataset of an account."""

import itertools
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from adapters.simulator.context import DatasetKind
from adapters.simulator.datasets import NO_SUCH_OBJECT, Dataset, Datasets, is_dead
from adapters.simulator.faults import TOKEN_EXPIRED
from adapters.simulator.ledger import Ledger
from adapters.simulator.refusals import Refusal
from adapters.simulator.vocabulary import DATASET_NODE_FIELDS

APP_ID = "900100200"


class Asset(BaseModel):
    """A Page, a WhatsApp Business Account or an Instagram account, and the dataset it has, where it has one."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["page", "waba", "instagram"]
    dataset_id: str | None = None


class Assets:
    """The accounts known, each with at most one dataset of its own kind."""

    def __init__(self) -> None:
        self._known: dict[str, Asset] = {}
        self._ids = itertools.count(770_000_001)

    def register(self, asset_id: str, asset: Asset) -> None:
        """Add an account or replace it."""
        self._known[asset_id] = asset

    def forget(self) -> None:
        """Drop every account."""
        self._known.clear()

    def dataset_of(self, asset_id: str) -> dict[str, Any] | Refusal:
        """Answer `GET /{account}/dataset`."""
        asset = self._known.get(asset_id)
        if asset is None:
            return NO_SUCH_OBJECT
        return {"data": [{"id": asset.dataset_id}] if asset.dataset_id else []}

    def create_dataset(self, asset_id: str, name: str | None, datasets: Datasets) -> dict[str, Any] | Refusal:
        """Answer `POST /{account}/dataset`: make the dataset, or name the one that is there."""
        asset = self._known.get(asset_id)
        if asset is None:
            return NO_SUCH_OBJECT
        if asset.dataset_id is None:
            asset.dataset_id = str(next(self._ids))
            kind: DatasetKind = asset.kind
            datasets.register(asset.dataset_id, Dataset(name=name, kind=kind))
        return {"id": asset.dataset_id}


def describe_dataset(dataset_id: str, dataset: Dataset, ledger: Ledger, fields: str | None) -> dict[str, Any] | Refusal:
    """Return the fields asked for of a dataset, `id` and `name` where none is; an unknown one is refused."""
    asked = [name.strip() for name in fields.split(",")] if fields else ["name"]
    if unknown := [name for name in asked if name not in DATASET_NODE_FIELDS]:
        return Refusal(100, None, "Unknown field", f"(#100) Tried accessing nonexisting field ({unknown[0]})")
    known: dict[str, Any] = {
        "id": dataset_id,
        "name": dataset.name or f"Dataset {dataset_id}",
        "is_unavailable": dataset.unavailable,
        "last_fired_time": ledger.last_received_at(dataset_id),
    }
    return {"id": dataset_id} | {name: known[name] for name in asked if known.get(name) is not None}


def describe_token(token: str, datasets: Datasets, now: float, *, declared_dead: bool, known: bool) -> dict[str, Any]:
    """Answer `GET /debug_token`: whether a token is good, until when, and what it may do.

    A token that nobody registered is good where the stand-in takes any (`known`).
    """
    dataset = datasets.of_token(token)
    if declared_dead or (dataset is not None and is_dead(dataset, now)):
        error = {"code": TOKEN_EXPIRED.code, "subcode": TOKEN_EXPIRED.subcode, "message": TOKEN_EXPIRED.message}
    elif dataset is None and not known:
        return {"data": {"is_valid": False, "error": {"code": 190, "message": "Invalid OAuth access token."}}}
    else:
        error = None
    described = dataset or Dataset()
    data: dict[str, Any] = {
        "app_id": APP_ID,
        "type": "SYSTEM_USER",
        "application": "Simulated app",
        "is_valid": error is None,
        "expires_at": described.expires_at,
        "data_access_expires_at": 0,
        "scopes": list(described.scopes) if error is None else [],
    }
    return {"data": data | ({"error": error} if error else {})}


# Points that one field adds to the simulated match quality where every event has it. Meta publishes none: these only
# make the number move the way the real one does.
_POINTS = {
    "em": 3.0, "fbc": 2.5, "ph": 2.0, "fbp": 1.0, "external_id": 0.5, "client_ip_address": 0.5,
    "client_user_agent": 0.5, "fn": 0.3, "ln": 0.3, "ct": 0.2, "db": 0.2, "country": 0.1, "st": 0.1, "zp": 0.1,
    "ge": 0.1,
}  # fmt: skip


def dataset_quality(dataset_id: str, ledger: Ledger) -> dict[str, Any]:
    """Answer `GET /dataset_quality`: by event name the match quality (0 to 10) and each field's coverage in percent.

    Meta measures website events alone.
    """
    web = []
    for name, (received, keys) in sorted(ledger.coverage(dataset_id).items()):
        share = {field: keys[field] / received for field in sorted(keys)}
        score = min(10.0, sum(points * share.get(field, 0) for field, points in _POINTS.items()))
        feedback = [
            {"identifier": field, "coverage": {"percentage": round(100 * part, 1)}} for field, part in share.items()
        ]
        quality = {"composite_score": round(score, 1), "match_key_feedback": feedback}
        web.append({"event_name": name, "event_match_quality": quality})
    return {"web": web}
