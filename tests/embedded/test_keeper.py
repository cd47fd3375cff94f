"""A kept program ends when it should, in every way its parent, its keeper or itself can end."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from adapters.embedded.keeper import LOCK_BUSY, hold
from adapters.embedded.service import Kept, Service
from tests.embedded.processes import alive, kill_9, program, said
from tests.patience import PATIENCE_S, eventually

STUBBORN = "trap '' TERM; echo up >\"$1\"; while :; do sleep 0.05; done"
PARENT = """
import json, sys
from adapters.embedded.service import Kept, Service
kept = Kept(Service("it", ["sleep", "1000"]))
while kept.pid is None: pass
print(json.dumps([kept.pid, kept.keeper.pid]))
sys.stdin.close()
kept.keeper.wait()
"""


def test_the_exit_code_is_passed_on() -> None:
    assert Kept(Service("it", ["sh", "-c", "exit 7"])).keeper.wait(PATIENCE_S) == 7


def test_death_by_a_signal_is_passed_on_as_a_shell_would() -> None:
    assert Kept(Service("it", ["sh", "-c", "kill -9 $$"])).keeper.wait(PATIENCE_S) == 128 + signal.SIGKILL


def test_a_command_that_does_not_exist_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert Kept(Service("it", ["/no/such/program"])).keeper.wait(PATIENCE_S) == 127
    assert "cannot run /no/such/program" in capfd.readouterr().err


def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    up = tmp_path / "up"
    kept = Kept(Service("it", ["sh", "-c", STUBBORN, "sh", str(up)], grace_s=0.1))
    eventually(up.exists)
    kept.stop()
    assert kept.poll() == 128 + signal.SIGKILL


def test_letting_go_stops_the_program() -> None:
    kept = Kept(Service("it", ["sleep", "1000"]))
    pid = eventually(lambda: kept.pid)
    kept.let_go()
    assert kept.keeper.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert not alive(pid)


@pytest.mark.parametrize("own_session", [False, True])
def test_what_a_killed_program_leaves_behind_ends_too(tmp_path: Path, own_session: bool) -> None:
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '1000'], start_new_session={own_session})\n"
        f"open({str(note)!r}, 'w').write(f'{{child.pid}}\\n')\n"
        "time.sleep(1000)\n"
    )
    kept = Kept(Service("it", [sys.executable, "-c", code]))
    grandchild = int(eventually(lambda: note.read_text() if note.exists() else ""))
    os.kill(eventually(lambda: kept.pid), signal.SIGKILL)
    kept.keeper.wait(PATIENCE_S)
    assert not alive(grandchild)


def test_a_program_dies_with_its_killed_grandparent() -> None:
    with program("-c", PARENT) as parent:
        pid, keeper = json.loads(said(parent, "["))
        kill_9(parent.pid)
        eventually(lambda: not alive(pid) and not alive(keeper))


@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's parent-death signal")
def test_a_program_dies_with_its_killed_keeper() -> None:
    kept = Kept(Service("it", ["sleep", "1000"]))
    pid = eventually(lambda: kept.pid)
    kept.keeper.kill()
    kept.keeper.wait()
    eventually(lambda: not alive(pid))


def test_two_never_run_on_one_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    first = Kept(Service("it", ["sleep", "1000"], lock=lock))
    eventually(lambda: first.pid)
    second = Kept(Service("it", ["true"], lock=lock))
    with pytest.raises(TimeoutError):
        hold(lock, 0)
    assert second.poll() is None
    first.stop()
    assert second.keeper.wait(PATIENCE_S) == 0


def test_a_keeper_that_waits_for_a_lock_can_be_stopped(tmp_path: Path) -> None:
    held = hold(tmp_path / "lock", 0)
    kept = Kept(Service("it", ["true"], lock=tmp_path / "lock"))
    kept.stop()
    assert kept.poll() == LOCK_BUSY
    os.close(held)
