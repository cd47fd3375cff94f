"""What the demo stands on: the brokerage Nile Homes, its datasets, and keys of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx

from adapters.lifetime_value.later import LoadedLater
from adapters.postgres.rental_history import LogOfRentals
from adapters.postgres.secrets import TOKEN
from adapters.postgres.work import Line, Work
from api.auth.issuing import create_key
from api.cli.context import need_database, set_up
from api.cli.setting_up import give_dataset, register_brokerage
from api.settings import Settings
from application.fit_value_model import FitValueModel
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.scoring.brief import BRIEF

SLUG, NAME = "nile-homes", "Nile Homes"
DATASET, MESSAGING, CRM = "2026112000000007", "2026112000000008", "2026112000000009"
DATASETS = {DATASET: "the website", MESSAGING: "WhatsApp", CRM: "the CRM"}
"""Dataset → what it hears of."""
WHATSAPP_ACCOUNT = "2026112000000108"
TOKEN_OF_THE_DEMO = "demo-token-for-the-simulator"  # noqa: S105 - opens nothing but the stand-in
PRODUCER = "demo"
SINCE = timedelta(days=7.5)
"""How long before its activation the policy holds: longer than Meta takes events, so that an item can be too old
for Meta and not for the policy."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The brokerage and the keys of this run."""

    brokerage_id: UUID
    producer_key: str
    reader_key: str
    operator_key: str


def prepare(settings: Settings, *, deliver: bool) -> Ground:
    """Register the brokerage where it is not there yet, connect its datasets, and make new keys.

    Without `deliver` the datasets get no token, so that conversions wait. Raises AlreadyRegistered where a
    brokerage of this name has other settings.
    """
    now = datetime.now(UTC)
    policy = BRIEF.model_copy(update={"effective_from_s": int((now - SINCE).timestamp())})
    with set_up(settings) as own:
        brokerage_id = register_brokerage(own, SLUG, BrokerageRegistered(name=NAME, occurred_at=now), policy)
        for dataset in _datasets(now):
            give_dataset(own, settings, brokerage_id, dataset, {TOKEN: TOKEN_OF_THE_DEMO if deliver else None})
        return Ground(
            brokerage_id,
            create_key(own.owner, brokerage_id, "producer", PRODUCER),
            create_key(own.owner, brokerage_id, "reader", PRODUCER),
            create_key(own.owner, brokerage_id, "operator", PRODUCER),
        )


def _datasets(now: datetime) -> tuple[DatasetConnected, ...]:
    return (
        DatasetConnected(dataset_id=DATASET, occurred_at=now),
        DatasetConnected(
            dataset_id=MESSAGING, role="messaging", whatsapp_business_account_id=WHATSAPP_ACCOUNT, occurred_at=now
        ),
        DatasetConnected(dataset_id=CRM, role="crm", crm_name="Nile CRM", occurred_at=now),
    )


def fit_values(settings: Settings, ground: Ground, reader: httpx.Client) -> None:
    """Let the bookings of the year before teach what guests may still bring, once: else it is done the next night."""
    known = reader.get("/api/events", params={"kind": "rentals.value_model_fitted.v1", "limit": "1"})
    if known.raise_for_status().json()["items"]:
        return
    line = Line(need_database(settings), "masar_projector", name="demo")
    try:
        FitValueModel(LogOfRentals(line), LoadedLater(), Work(line, settings.master())).now(ground.brokerage_id)
    finally:
        line.close()
