"""Looking at processes from outside: who lives, and waiting for a change."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.patience import eventually

ROOT = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended but was not yet waited for does not."""
    return any(pid == found for found, _ in running())


def naming(folder: Path) -> list[str]:
    """Return the command lines of running processes that name the folder."""
    return [command for _, command in running() if str(folder) in command]


def running() -> Iterator[tuple[int, str]]:
    """Yield the process id and command line of every process that has not ended."""
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(
            ["ps", "-axww", "-o", "pid=,stat=,command="], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            pid, state, command = line.split(None, 2)
            if not state.startswith("Z"):
                yield int(pid), command
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            if state not in "ZX":
                yield (
                    int(folder.name),
                    (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " "),
                )


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python with these arguments, our packages at hand; killed at the end at the latest."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], word: str) -> str:
    """Return the first line with the word; fail if the output ends without it."""
    assert process.stdout is not None
    heard = []
    for line in process.stdout:
        heard.append(line)
        if word in line:
            return line
    raise AssertionError(f"{word!r} was never said, but: {''.join(heard)}")


def kill_9(pid: int) -> None:
    """Kill a process as the kernel would when memory runs out, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid))
