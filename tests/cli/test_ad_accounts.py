"""Ad accounts from the command line: what opens one is stored sealed, and found when an audience is kept in it."""

import pytest

from adapters.postgres.audience_syncs import opening
from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from application.brokerages import brokerage_id_of
from application.ports.conversions import Credentials
from tests.cli.conftest import MASTER, Run


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
