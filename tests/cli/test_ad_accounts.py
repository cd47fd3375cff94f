"""Ad accounts from the command line: what opens one is stored sealed, and found when an audience is kept in it."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.postgres.audiences import opening
from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from api.cli.main import app
from application.brokerages import brokerage_id_of
from application.ports.conversions import Credentials

Run = Callable[..., Result]
MASTER = MasterKey.generate()


@pytest.fixture
def masar(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a database with one brokerage."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MASTER)
    runner = CliRunner()

    def run(*words: str) -> Result:
        return runner.invoke(app, list(words))

    assert run("brokerage", "create", "nile").exit_code == 0
    return run


def opened(url: str, account: str) -> Credentials | None:
    with connect(url, "masar_registry") as registry:
        return opening(SecretStore(lambda: registry, MasterKey.parse(MASTER)), brokerage_id_of("nile"), account)


def test_an_accounts_own_token_goes_before_a_datasets(masar: Run, own_url: str) -> None:
    assert opened(own_url, "42") is None
    assert masar("dataset", "connect", "1234567890", "-b", "nile", "--token", "of-dataset").exit_code == 0
    assert opened(own_url, "42") == Credentials("of-dataset")
    stored = masar("ad-account", "connect", "act_42", "-b", "nile", "--token", "own", "--app-secret", "s")
    assert stored.exit_code == 0, stored.output
    assert opened(own_url, "42") == Credentials("own", "s")
    assert opened(own_url, "43") == Credentials("of-dataset")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("act_x", "-b", "nile", "--token", "t"), 2),
        (("42", "-b", "nile", "--token", " "), 2),
        (("42", "-b", "nobody", "--token", "t"), 1),
    ],
)
def test_what_names_nothing_is_refused(masar: Run, words: tuple[str, ...], code: int) -> None:
    assert masar("ad-account", "connect", *words).exit_code == code
