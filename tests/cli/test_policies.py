"""Policies from the command line: written, checked, put in force, simulated, with exit codes a script can trust."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from adapters.sealing import MasterKey
from api.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def masar(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line on a database with one brokerage."""
    monkeypatch.setenv("MASAR_DATABASE_URL", own_url)
    monkeypatch.setenv("MASAR_MASTER_KEY", MasterKey.generate())
    runner = CliRunner()

    def run(*words: str, stdin: str | None = None) -> Result:
        return runner.invoke(app, list(words), input=stdin)

    assert run("brokerage", "create", "nile", "--policy", "plain").exit_code == 0
    return run


def test_a_policy_is_copied_edited_put_in_force_and_taken_back(masar: Run, tmp_path: Path) -> None:
    assert masar("policy", "copy", "brief", "mine", "-b", "nile").exit_code == 0
    shown = masar("policy", "show", "mine@1", "-b", "nile")
    document = json.loads(shown.stdout)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(document | {"bands": {"hot": 90, "warm": 50}}))
    edited = masar("policy", "edit", "mine", "--file", str(file), "-b", "nile", "--json")
    assert json.loads(edited.stdout)["policy"] == "mine@2"
    same = masar("policy", "edit", "mine", "--file", "-", "-b", "nile", stdin=file.read_text())
    assert (same.exit_code, same.stdout.splitlines()[0]) == (0, "mine@2 says just this already")
    assert masar("policy", "activate", "mine", "-b", "nile").exit_code == 0
    listed = json.loads(masar("policy", "list", "-b", "nile", "--json").stdout)
    assert [one["policy"] for one in listed if one["active"]] == ["mine@2"]
    taken_back = json.loads(masar("policy", "rollback", "-b", "nile", "--json").stdout)
    assert (taken_back["policy"], taken_back["revision"]) == ("plain@2", 3)


def test_lint_ends_with_one_where_a_row_would_never_fire(masar: Run, tmp_path: Path) -> None:
    assert (masar("policy", "lint", "plain", "-b", "nile").exit_code, masar("policy", "lint").exit_code) == (0, 2)
    document = json.loads(masar("policy", "show", "plain", "-b", "nile").stdout) | {"name": "odd"}
    document["conversions"][0]["when"] = [{"fact": "moon_phase", "above": 1}]
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(document))
    found = masar("policy", "lint", "--file", str(file), "--json")
    assert found.exit_code == 1
    assert [one["never_fires"] for one in json.loads(found.stdout)] == [True]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("policy", "show", "nobody", "-b", "nile"), 1),
        (("policy", "show", "plain@x", "-b", "nile"), 2),
        (("policy", "activate", "plain@99", "-b", "nile"), 1),
        (("policy", "rollback", "-b", "nile"), 1),
        (("policy", "copy", "brief", "plain", "-b", "nile"), 1),
        (("policy", "copy", "brief", "No Name", "-b", "nile"), 2),
        (("policy", "list", "-b", "delta"), 1),
        (("policy", "edit", "mine", "--file", "/nowhere/at/all.json", "-b", "nile"), 2),
        (("simulate", "--policy", "nobody", "-b", "nile"), 1),
    ],
)
def test_what_cannot_be_done_ends_with_a_code(masar: Run, words: tuple[str, ...], code: int) -> None:
    refused = masar(*words)
    assert refused.exit_code == code, refused.output
    assert "masar:" in refused.stderr


def test_a_document_that_is_none_names_its_fields(masar: Run) -> None:
    refused = masar("policy", "lint", "--file", "-", stdin='{"name": "x", "scores": 5}')
    assert refused.exit_code == 2
    assert "scores: " in refused.stderr
    assert "conversions: Field required" in refused.stderr


def test_a_simulation_shows_its_result(masar: Run) -> None:
    shown = masar("simulate", "--policy", "brief", "-b", "nile", "--json")
    result = json.loads(shown.stdout)
    assert (result["policy"], result["in_force"], result["facts"]) == ("brief@2", "plain@2", 0)
    assert result["conversions"] == {"same": 0, "other_value": 0, "no_longer": 0, "newly": 0}
    for words in (["--until", "2026-01-01"], []):
        assert masar("simulate", "-b", "nile", *words).exit_code == 0
