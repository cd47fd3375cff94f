"""Datasets from the command line: everything that Meta wants of one can be told, and nothing told is lost."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.postgres.setups import Setups
from adapters.sealing import MasterKey
from api.cli.main import app
from application.brokerages import brokerage_id_of
from domain.brokerage.events import DataProcessing, DatasetConnected

Run = Callable[..., Result]
CHATS = "9876543210987654"


@pytest.fixture
def masar(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a database with one brokerage."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MasterKey.generate())
    runner = CliRunner()

    def run(*words: str) -> Result:
        return runner.invoke(app, list(words))

    assert run("brokerage", "create", "nile").exit_code == 0
    return run


def dataset(url: str, dataset_id: str) -> DatasetConnected:
    return Setups(url).setup(brokerage_id_of("nile")).house.datasets[dataset_id]


def test_everything_that_meta_wants_of_a_dataset_can_be_told(masar: Run, own_url: str) -> None:
    told = masar(
        "dataset", "connect", CHATS, "-b", "nile", "--role", "messaging", "--whatsapp-account", "104996122399160",
        "--page-id", "104996122399161", "--instagram-account", "104996122399162", "--fb-login-id", "77",
        "--partner-agent", "masar", "--limited-data-use", "1,1000", "--test-event-code", "TEST1",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    one = dataset(own_url, CHATS)
    assert (one.role, one.whatsapp_business_account_id) == ("messaging", "104996122399160")
    assert (one.page_id, one.instagram_business_account_id) == ("104996122399161", "104996122399162")
    assert (one.fb_login_id, one.partner_agent) == ("77", "masar")
    assert one.data_processing == DataProcessing(country=1, state=1000)


def test_a_new_token_changes_nothing_else(masar: Run, own_url: str) -> None:
    masar("dataset", "connect", CHATS, "-b", "nile", "--role", "messaging", "--page-id", "104996122399161")
    before = dataset(own_url, CHATS)
    assert masar("dataset", "connect", CHATS, "-b", "nile", "--token", "new").exit_code == 0
    assert dataset(own_url, CHATS) == before
    assert masar("dataset", "connect", CHATS, "-b", "nile", "--limited-data-use", "0,0").exit_code == 0
    assert dataset(own_url, CHATS).data_processing == DataProcessing()
    assert masar("dataset", "connect", CHATS, "-b", "nile", "--limited-data-use", "no").exit_code == 0
    assert dataset(own_url, CHATS).data_processing is None


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "messaging"),
        ("--role", "fax"),
        ("--limited-data-use", "1"),
        ("--limited-data-use", "7,7"),
        ("--fb-login-id", "me"),
    ],
)
def test_what_meta_would_not_take_is_refused(masar: Run, own_url: str, words: tuple[str, ...]) -> None:
    refused = masar("dataset", "connect", CHATS, "-b", "nile", *words)
    assert refused.exit_code in (1, 2)
    assert "Traceback" not in refused.output
    assert not isinstance(refused.exception, ValueError | KeyError | TypeError)
    assert CHATS not in Setups(own_url).setup(brokerage_id_of("nile")).house.datasets


def test_a_policy_cannot_hold_since_before_there_was_anything(masar: Run) -> None:
    for days in ("-1", "99999", "999999999999"):
        assert masar("brokerage", "create", "delta", "--effective-days-ago", days).exit_code == 2
    assert masar("policy", "list", "-b", "nile").exit_code == 0
