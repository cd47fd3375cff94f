"""Names that people have in their environment already are taken over once."""

import base64

import pytest
from pydantic import ValidationError

from adapters.postgres.connections import connect
from adapters.postgres.secrets import TOKEN
from api.cli.adopting import adopt, told
from api.settings import Settings


def settings(url: str) -> Settings:
    return Settings(database_url=url, master_key=base64.b64encode(b"a" * 32).decode())


def test_older_spellings_are_understood_and_newer_ones_win() -> None:
    assert told({"NEXT_PUBLIC_META_PIXEL_ID": "1234567"}) == {"dataset": "1234567"}
    assert told({"NEXT_PUBLIC_META_PIXEL_ID": "1", "META_PIXEL_ID": "2"}) == {"dataset": "2"}
    assert told({"FACEBOOK_ACCESS_TOKEN": "t", "META_PIXEL_ID": ""}) == {TOKEN: "t"}


def test_the_first_start_takes_the_dataset_over_and_later_ones_leave_it(own_url: str) -> None:
    environment = {"META_PIXEL_ID": "734000111", "META_CONVERSIONS_API_ACCESS_TOKEN": "of a test"}
    assert adopt(settings(own_url), environment) == "734000111"
    assert adopt(settings(own_url), {**environment, "META_PIXEL_ID": "999000111"}) is None
    with connect(own_url, "masar_owner") as owner:
        kinds = owner.execute("SELECT topic FROM log.masar_events ORDER BY notification_id").fetchall()
    assert [kind for (kind,) in kinds] == [
        "brokerage.registered.v1", "brokerage.policy_activated.v1", "brokerage.dataset_connected.v1",
    ]  # fmt: skip


def test_a_number_that_is_none_changes_nothing(own_url: str) -> None:
    with pytest.raises(ValidationError):
        adopt(settings(own_url), {"META_PIXEL_ID": "my pixel"})
    assert adopt(settings(own_url), {}) is None
    with connect(own_url, "masar_owner") as owner:
        assert owner.execute("SELECT FROM log.masar_events").fetchone() is None


def test_accounts_on_channels_are_taken_over_with_their_tokens(own_url: str) -> None:
    environment = {
        "WHATSAPP_PHONE_NUMBER_ID": "106540352242922", "D360_API_KEY": "of a test", "MESSENGER_PAGE_ID": "734",
        "MESSENGER_PAGE_TOKEN": "of a page", "META_APP_SECRET": "signs", "META_WEBHOOK_VERIFY_TOKEN": "verifies",
    }  # fmt: skip
    assert adopt(settings(own_url), environment) == "106540352242922, 734"
    with connect(own_url, "masar_owner") as owner:
        rows = owner.execute("SELECT channel, account_id, provider, app FROM channels.accounts ORDER BY 1").fetchall()
        names = owner.execute("SELECT name FROM registry.secrets ORDER BY 1").fetchall()
    assert rows == [("messenger", "734", "meta", "main"), ("whatsapp", "106540352242922", "360dialog", None)]
    assert [name for (name,) in names] == [
        "app/main/secrets", "app/main/verify_token", "channel/messenger/734/token",
        "channel/whatsapp/106540352242922/token",
    ]  # fmt: skip
