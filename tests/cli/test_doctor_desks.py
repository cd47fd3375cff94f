"""The doctor names desks of threads that are not what the log tells, and makes them anew when asked to."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.postgres.connections import connect
from adapters.sealing import MasterKey
from api.cli.main import app
from domain.messaging.threads import thread_of
from tests.cast import NILE_HOMES

DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id, fence)
VALUES (%(thread)s, %(brokerage)s, %(brokerage)s, 'whatsapp', '106', 3)
"""
THREAD = thread_of(NILE_HOMES, "whatsapp", "106", NILE_HOMES)


@pytest.fixture
def spoilt(own_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a desk whose fence no fact has raised."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MasterKey.generate())
    with connect(own_url, "masar_owner") as owner:
        owner.execute(DESK, {"thread": THREAD, "brokerage": NILE_HOMES})
    return own_url


def examined(*words: str) -> list[tuple[bool, str]]:
    told: list[dict[str, Any]] = json.loads(CliRunner().invoke(app, ["doctor", *words, "--json"]).stdout)
    return [(one["ok"], one["says"]) for one in told if one["check"] == "desks of threads"]


def test_a_desk_that_differs_is_named_and_mended(spoilt: str) -> None:
    assert examined("--consistency") == [(False, f"1 of 1 differ: {THREAD} (fence): ./masar doctor --mend-desks")]
    assert examined("--mend-desks") == [(True, "1 made anew from the log"), (True, "1 equal to the log")]
    assert examined("--consistency") == [(True, "1 equal to the log")]
