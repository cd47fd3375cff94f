"""Takes over, on the first start, the names that people already have in their environment for one brokerage."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from adapters.postgres.channels import APP_SECRETS, VERIFY_TOKEN, PostgresChannels
from adapters.postgres.channels import TOKEN as CHANNEL_TOKEN
from adapters.postgres.secrets import APP_SECRET, TEST_CODE, TOKEN
from adapters.postgres.setups import Setups
from api.cli.context import need_database, set_up
from api.cli.setting_up import give_dataset, register_brokerage
from api.settings import Settings
from application.channels import DEFAULT_APP, connect_channel
from domain.brokerage.events import BrokerageRegistered, ChannelConnected, DatasetConnected
from domain.scoring.brief import BRIEF
from domain.shared.fact import Channel

SLUG = "main"

# fmt: off
NAMES: dict[str, tuple[str, ...]] = {
    "dataset":  ("META_PIXEL_ID", "NEXT_PUBLIC_META_PIXEL_ID"),
    TOKEN:      ("META_CONVERSIONS_API_TOKEN", "META_CONVERSIONS_API_ACCESS_TOKEN", "FACEBOOK_ACCESS_TOKEN"),
    APP_SECRET: ("META_APP_SECRET", "FACEBOOK_APP_SECRET"),
    TEST_CODE:  ("META_TEST_EVENT_CODE",),
    "verify":   ("META_WEBHOOK_VERIFY_TOKEN",),
    "whatsapp":        ("WHATSAPP_PHONE_NUMBER_ID",),
    "whatsapp token":  ("WHATSAPP_ACCESS_TOKEN",),
    "360dialog token": ("D360_API_KEY",),
    "messenger":       ("MESSENGER_PAGE_ID",),
    "messenger token": ("MESSENGER_PAGE_TOKEN",),
    "instagram":       ("INSTAGRAM_PAGE_ID",),
    "instagram token": ("INSTAGRAM_PAGE_TOKEN",),
}
# fmt: on
"""What is taken over → where it may stand, the newest spelling first."""
CHANNELS: tuple[Channel, ...] = ("whatsapp", "messenger", "instagram")


def told(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what an environment tells, by what it is for."""
    found = {
        what: next((environment[name] for name in names if environment.get(name)), "") for what, names in NAMES.items()
    }
    return {what: value for what, value in found.items() if value}


def adopt(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """Register one brokerage with the environment's dataset and accounts; return the numbers of these.

    None where a brokerage is there already or the environment names neither. Raises pydantic's ValidationError for a
    number that is none, before anything is stored.
    """
    found = told(environment)
    now = datetime.now(UTC)
    dataset = DatasetConnected(dataset_id=found["dataset"], occurred_at=now) if "dataset" in found else None
    accounts = [_account(channel, found, now) for channel in CHANNELS if channel in found]
    if dataset is None and not accounts:
        return None
    with set_up(settings) as own:
        if own.owner.execute("SELECT FROM auth.brokerages LIMIT 1").fetchone() is not None:
            return None
        policy = BRIEF.model_copy(update={"effective_from_s": int(now.timestamp())})
        brokerage_id = register_brokerage(own, SLUG, BrokerageRegistered(name=SLUG, occurred_at=now), policy)
        if dataset is not None:
            secrets = {name: found.get(name) for name in (TOKEN, APP_SECRET, TEST_CODE)}
            give_dataset(own, settings, brokerage_id, dataset, secrets)
    _connect(settings, brokerage_id, accounts, found)
    return ", ".join([*([dataset.dataset_id] if dataset else []), *(one.account_id for one in accounts)])


def _account(channel: Channel, found: Mapping[str, str], now: datetime) -> ChannelConnected:
    hosted = channel == "whatsapp" and "360dialog token" in found and "whatsapp token" not in found
    if hosted:
        return ChannelConnected(channel=channel, account_id=found[channel], provider="360dialog", occurred_at=now)
    return ChannelConnected(channel=channel, account_id=found[channel], app=DEFAULT_APP, occurred_at=now)


def _connect(
    settings: Settings, brokerage_id: UUID, accounts: Sequence[ChannelConnected], found: Mapping[str, str]
) -> None:
    """Connect accounts with their tokens, and keep what signs and verifies their webhooks."""
    url = need_database(settings)
    channels, streams = PostgresChannels(url, settings.master()), Setups(url)
    for name, secret in ((APP_SECRETS, found.get(APP_SECRET)), (VERIFY_TOKEN, found.get("verify"))):
        if accounts and secret:
            channels.note_app(brokerage_id, DEFAULT_APP)
            channels.add_to(brokerage_id, name.format(DEFAULT_APP), secret)
    for one in accounts:
        token = found.get("360dialog token" if one.provider == "360dialog" else f"{one.channel} token")
        kept = {CHANNEL_TOKEN.format(one.channel, one.account_id): token}
        connect_channel(streams, channels, brokerage_id, one, kept)
