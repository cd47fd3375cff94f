"""The value model is fitted on demand, and Paymob's secret kept, from the command line."""

import json
import os
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.postgres.connections import connect
from adapters.postgres.door_secrets import PAYMOB_SECRET, DoorSecrets
from adapters.sealing import MasterKey
from api.cli.main import app
from application.brokerages import brokerage_id_of

Run = Callable[[Sequence[str]], Result]


@pytest.fixture
def masar(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a database with one brokerage."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MasterKey.generate())
    monkeypatch.delenv("PAYMOB_HMAC_SECRET", raising=False)
    runner = CliRunner()

    def run(words: Sequence[str]) -> Result:
        return runner.invoke(app, list(words))

    assert run(["brokerage", "create", "nile"]).exit_code == 0
    return run


def test_a_fit_is_recorded_even_where_there_is_nothing_to_learn_from(masar: Run, own_url: str) -> None:
    told = masar(["value", "fit", "-b", "nile", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert (found["customers"], found["enough_data"], found["frequency"]) == (0, False, None)
    with connect(own_url, "masar_owner") as owner:
        kinds = owner.execute("SELECT brokerage_id, topic FROM log.masar_events ORDER BY notification_id").fetchall()
    assert kinds[-1] == (brokerage_id_of("nile"), "rentals.value_model_fitted.v1")


def test_the_secret_of_paymob_is_kept_sealed_and_replaced(masar: Run, own_url: str) -> None:
    for secret in ("first", "second"):
        told = masar(["paymob", "secret", "-b", "nile", "--secret", secret])
        assert told.exit_code == 0
        assert "/api/webhooks/paymob/nile" in told.output
        assert secret not in told.output
    brokerage_id: UUID = brokerage_id_of("nile")
    with connect(own_url, "masar_registry") as registry:
        ((name, sealed),) = registry.execute("SELECT name, sealed FROM registry.secrets").fetchall()
    assert name == PAYMOB_SECRET
    assert b"second" not in bytes(sealed)
    assert (
        DoorSecrets(own_url, MasterKey.parse(os.environ["MASAR_MASTER_KEY"]), PAYMOB_SECRET).of(brokerage_id)
        == "second"
    )


@pytest.mark.parametrize(
    "words",
    [["value", "fit", "-b", "nobody"], ["paymob", "secret", "-b", "nobody", "--secret", "x"],
     ["paymob", "secret", "-b", "nile"]],
)  # fmt: skip
def test_what_cannot_be_done_is_said(masar: Run, words: list[str]) -> None:
    assert masar(words).exit_code in (1, 2)
