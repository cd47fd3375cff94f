"""What was given up is shown with its error, and tried again when an operator says so."""

import json
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from adapters.postgres.connections import connect
from adapters.sealing import MasterKey
from api.cli.main import app
from tests.cast import NILE_HOMES

MESSAGE = """
INSERT INTO outbox.messages (id, brokerage_id, kind, due_at, cause_id, position, payload, state, last_error, crashes,
                             attempts, settled_at)
VALUES (%(id)s, %(brokerage)s, %(kind)s, now() + interval '1 hour', %(id)s, 1, '{}', %(state)s, %(error)s, 5, 7,
        CASE WHEN %(state)s = 'dead' THEN now() END)
"""
STANDING = "SELECT kind, state, crashes, attempts, due_at <= now(), settled_at FROM outbox.messages ORDER BY kind"


@pytest.fixture
def troubled(own_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with a message that was given up, a conversion that was, and one on which the work breaks."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MasterKey.generate())
    told = (
        ("answer_thread", "dead", "the worker went away"),
        ("conversion", "dead", "100: refused"),
        ("fetch_media", "waiting", "the work broke: KeyError"),
        ("quiet_thread", "waiting", None),
    )
    with connect(own_url, "masar_projector") as connection:
        for kind, state, error in told:
            one = {"id": uuid4(), "brokerage": NILE_HOMES, "kind": kind, "state": state, "error": error}
            connection.execute(MESSAGE, one)
    return own_url


def backlog(*words: str) -> list[tuple[str, str, str]]:
    told: dict[str, Any] = json.loads(CliRunner().invoke(app, ["backlog", *words, "--json"]).stdout)
    return sorted((one["kind"], one["state"], one["error"]) for one in told["troubled"])


def test_what_is_in_trouble_is_shown_and_tried_again(troubled: str) -> None:
    broken = ("fetch_media", "waiting", "the work broke: KeyError")
    refused = ("conversion", "dead", "100: refused")
    assert backlog() == [("answer_thread", "dead", "the worker went away"), refused, broken]
    assert backlog("--retry") == [refused, broken]
    with connect(troubled, "masar_projector") as connection:
        rows = connection.execute(STANDING).fetchall()
    assert rows[0] == ("answer_thread", "waiting", 0, 0, True, None), "with all its chances again"
    assert rows[1][:2] == ("conversion", "dead"), "it is corrected first"
    assert rows[3][:4] == ("quiet_thread", "waiting", 5, 7)


def test_people_are_shown_the_same(troubled: str) -> None:
    said = CliRunner().invoke(app, ["backlog"]).stdout
    assert "KeyError" in said
    assert "./masar backlog --retry" in said
