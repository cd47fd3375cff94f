"""What the demo stands on: the brokerage Nile Homes, its dataset, and keys of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.postgres.secrets import TOKEN
from api.auth.issuing import create_key
from api.cli.context import set_up
from api.cli.setting_up import give_dataset, register_brokerage
from api.settings import Settings
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.scoring.brief import BRIEF

SLUG, NAME = "nile-homes", "Nile Homes"
DATASET = "2026112000000007"
TOKEN_OF_THE_DEMO = "demo-token-for-the-simulator"  # noqa: S105 - opens nothing but the stand-in
PRODUCER = "demo"
SINCE = timedelta(days=7.5)
"""How long before its activation the policy holds: longer than Meta takes events, so that an item can be too old
for Meta and not for the policy."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The brokerage and the two keys of this run."""

    brokerage_id: UUID
    producer_key: str
    reader_key: str


def prepare(settings: Settings, *, deliver: bool) -> Ground:
    """Register the brokerage where it is not there yet, connect its dataset, and make new keys.

    Without `deliver` the dataset gets no token, so that its conversions wait. Raises AlreadyRegistered where a
    brokerage of this name has other settings.
    """
    now = datetime.now(UTC)
    policy = BRIEF.model_copy(update={"effective_from_s": int((now - SINCE).timestamp())})
    with set_up(settings) as own:
        brokerage_id = register_brokerage(own, SLUG, BrokerageRegistered(name=NAME, occurred_at=now), policy)
        dataset = DatasetConnected(dataset_id=DATASET, occurred_at=now)
        give_dataset(own, settings, brokerage_id, dataset, {TOKEN: TOKEN_OF_THE_DEMO if deliver else None})
        return Ground(
            brokerage_id,
            create_key(own.owner, brokerage_id, "producer", PRODUCER),
            create_key(own.owner, brokerage_id, "reader", PRODUCER),
        )
