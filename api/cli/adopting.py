"""Takes over, on the first start, the names that people already have in their environment for one brokerage."""

from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.postgres.secrets import APP_SECRET, TEST_CODE, TOKEN
from api.cli.context import set_up
from api.cli.setting_up import give_dataset, register_brokerage
from api.settings import Settings
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.scoring.brief import BRIEF

SLUG = "main"

# fmt: off
NAMES: dict[str, tuple[str, ...]] = {
    "dataset":  ("META_PIXEL_ID", "NEXT_PUBLIC_META_PIXEL_ID"),
    TOKEN:      ("META_CONVERSIONS_API_TOKEN", "META_CONVERSIONS_API_ACCESS_TOKEN", "FACEBOOK_ACCESS_TOKEN"),
    APP_SECRET: ("META_APP_SECRET", "FACEBOOK_APP_SECRET"),
    TEST_CODE:  ("META_TEST_EVENT_CODE",),
}
# fmt: on
"""What is taken over → where it may stand, the newest spelling first."""


def told(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what an environment tells, by what it is for."""
    found = {
        what: next((environment[name] for name in names if environment.get(name)), "") for what, names in NAMES.items()
    }
    return {what: value for what, value in found.items() if value}


def adopt(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Register one brokerage with the environment's dataset; return the dataset's number.

    None where a brokerage is there already or the environment names no dataset. Raises pydantic's
    ValidationError for a number that is none.
    """
    found = told(environment)
    if "dataset" not in found:
        return None
    now = datetime.now(UTC)
    dataset = DatasetConnected(dataset_id=found["dataset"], occurred_at=now)
    with set_up(settings) as own:
        if own.owner.execute("SELECT FROM auth.brokerages LIMIT 1").fetchone() is not None:
            return None
        policy = BRIEF.model_copy(update={"effective_from_s": int(now.timestamp())})
        brokerage_id = register_brokerage(own, SLUG, BrokerageRegistered(name=SLUG, occurred_at=now), policy)
        secrets = {name: found.get(name) for name in (TOKEN, APP_SECRET, TEST_CODE)}
        give_dataset(own, settings, brokerage_id, dataset, secrets)
    return dataset.dataset_id
