"""`masar up` that cannot start says why in one line, and disturbs nobody who runs."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.embedded.keeper import hold
from api.cli.context import ENVIRONMENT
from api.cli.main import app


def up(data: Path) -> tuple[int, str]:
    """Return the exit code of `up` on a data folder, and what it said."""
    result = CliRunner().invoke(app, ["up", "--data", str(data)])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `up` sets for its processes ends with the test."""
    for name in ("MASAR_DATA_DIR", "MASAR_LOG_FORMAT", "MASAR_LOG_LEVEL"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MASAR_DATABASE_URL", "postgresql://masar_owner@127.0.0.1:1/masar")
    monkeypatch.setenv("MASAR_MASTER_KEY", "")


@contextmanager
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield int(door.getsockname()[1])


def test_a_second_start_leaves_what_other_commands_need(tmp_path: Path) -> None:
    left = tmp_path / ENVIRONMENT
    left.parent.mkdir()
    left.write_text("{}")
    lock = hold(left.parent / "supervisor.lock", 0)
    try:
        code, said = up(tmp_path)
    finally:
        os.close(lock)
    assert (code, left.exists()) == (3, True)
    assert "already running" in said


def test_a_port_that_somebody_listens_on_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as port:
        monkeypatch.setenv("MASAR_PORT", str(port))
        code, said = up(tmp_path)
    assert code == 3
    assert f"something else listens on 127.0.0.1:{port}: set MASAR_PORT to another port" in said


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    code, said = up(place)
    assert code == 1
    assert "cannot be used: File exists" in said
