"""One roof over several services: up in order, back when one dies, none left when the roof falls."""

import os
import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from adapters.embedded.supervisor import is_running
from tests.embedded.processes import alive, kill_9, naming, program, said
from tests.patience import PATIENCE_S, eventually


def up(kind: str, data_dir: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    return program("-m", "tests.embedded.up", kind, str(data_dir))


def status(data_dir: Path) -> dict[str, Any]:
    found = is_running(data_dir)
    assert found is not None
    return found


def service(data_dir: Path, name: str) -> dict[str, Any]:
    """Return the status of a service once it is ready."""

    def ready() -> dict[str, Any] | None:
        found: dict[str, Any] = status(data_dir)["services"].get(name, {})
        return found if found.get("ready") and found.get("pid") else None

    return eventually(ready)


def test_services_start_in_order_and_stop_in_reverse(tmp_path: Path) -> None:
    with up("prepared", tmp_path) as roof:
        said(roof, "all ready")
        assert status(tmp_path)["ready"]
        roof.terminate()
        rest = roof.communicate()[0].splitlines()
        assert roof.returncode == 0
        assert [line for line in rest if "bye" in line] == ["second | bye", "first  | bye"]
    assert not naming(tmp_path)
    assert is_running(tmp_path) is None


def test_output_stands_under_the_service_s_name(tmp_path: Path) -> None:
    with up("prepared", tmp_path) as roof:
        assert said(roof, "prepared") == "task   | prepared\n"
        assert said(roof, "hello") == "first  | hello first\n"
        assert said(roof, "in order") == "second | in order\n"


def test_a_killed_service_comes_back(tmp_path: Path) -> None:
    with up("scripts", tmp_path) as roof:
        said(roof, "all ready")
        before = service(tmp_path, "first")["pid"]
        os.kill(before, signal.SIGKILL)
        assert said(roof, "starting again") == "first  | ended by signal 9; starting again in 0.2 s\n"
        eventually(lambda: service(tmp_path, "first")["pid"] != before)
        assert service(tmp_path, "first")["restarts"] == 1
        assert service(tmp_path, "second")["restarts"] == 0


def test_a_failed_task_ends_everything_with_an_error(tmp_path: Path) -> None:
    with up("hopeless", tmp_path) as roof:
        heard = roof.communicate()[0]
        assert roof.returncode == 1
    assert "task   | ended with exit code 3; giving up" in heard
    assert "hello" not in heard


def test_a_second_roof_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with up("scripts", tmp_path) as roof:
        said(roof, "all ready")
        with up("scripts", tmp_path) as second:
            heard = second.communicate()[0]
            assert second.returncode == 1
        assert f"already running on {tmp_path} (process {roof.pid})" in heard
        assert service(tmp_path, "first")["restarts"] == 0


def test_nothing_outlives_a_killed_roof_and_the_next_starts_at_once(tmp_path: Path) -> None:
    with up("scripts", tmp_path) as roof:
        said(roof, "all ready")
        pids = [service(tmp_path, name)["pid"] for name in ("first", "second")]
        kill_9(roof.pid)
        assert is_running(tmp_path) is None
        with up("scripts", tmp_path) as next_roof:
            said(next_roof, "all ready")
            assert not any(map(alive, pids))
            kill_9(next_roof.pid)
        eventually(lambda: not naming(tmp_path))


@pytest.mark.parametrize("victim", ["postgres", "redis", "roof"])
def test_what_was_acknowledged_survives_any_death(tmp_path: Path, victim: str) -> None:
    with up("servers", tmp_path) as roof:
        said(roof, "all ready")
        url, address = (service(tmp_path, name)["url"] for name in ("postgres", "redis"))
        with psycopg.connect(url) as session:
            session.execute("CREATE TABLE kept AS SELECT 1 AS number")
        with redis.Redis.from_url(address) as client:
            client.set("key", "kept")
        if victim == "roof":
            kill_9(roof.pid)
        else:
            kill_9(service(tmp_path, victim)["pid"])
            eventually(lambda: service(tmp_path, victim)["restarts"] == 1)
            check(url, address)
    with up("servers", tmp_path) as roof:
        said(roof, "all ready")
        assert service(tmp_path, "postgres")["url"] == url
        assert service(tmp_path, "redis")["url"] == address
        check(url, address)
        roof.send_signal(signal.SIGINT)
        assert roof.wait(PATIENCE_S) == 0
    assert not naming(tmp_path)


def check(url: str, address: str) -> None:
    with psycopg.connect(url) as session:
        assert session.execute("SELECT number FROM kept").fetchall() == [(1,)]
    with redis.Redis.from_url(address) as client:
        assert client.get("key") == b"kept"
