"""The command line as an operator types it."""

from collections.abc import Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.sealing import MasterKey
from api.cli.main import app

Run = Callable[..., Result]
"""Runs a command, given word by word."""
MASTER = MasterKey.generate()


@pytest.fixture
def masar(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a database with one brokerage, `nile`."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MASTER)
    runner = CliRunner()

    def run(*words: str) -> Result:
        return runner.invoke(app, list(words))

    assert run("brokerage", "create", "nile").exit_code == 0
    return run
