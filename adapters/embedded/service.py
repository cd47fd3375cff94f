"""One long-running program: how it is started, stopped and told to be ready, and its life under a keeper."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.embedded import keeper


class EmbeddedError(RuntimeError):
    """An embedded server cannot be prepared, started or reached; the message says what to do."""


@dataclass(frozen=True)
class Service:
    """A program to be kept running.

    `ready` answers quickly whether it serves; None means ready as soon as started. `once` marks a task that
    the next service waits for and that must succeed. `stop_signal` asks it to end, `kill_signal` follows
    after `grace_s` seconds. `lock` is held by the program and its children, so that two never run at once.
    `url` is where others reach it, for the status file.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)  # added to our own environment
    ready: Callable[[], bool] | None = None
    restart: bool = True
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 10.0
    once: bool = False
    user: int | None = None  # user and group id to run as
    lock: Path | None = None
    output: Path | None = None  # a file for what it prints; otherwise it goes where the caller's goes
    url: str | None = None


class Kept:
    """A service running under its keeper; it ends with this object's process at the latest."""

    def __init__(self, service: Service, output: int | None = None) -> None:
        """Start it; `output` is a descriptor for what it prints. Raises OSError if no process can be made."""
        self.service = service
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        self._heard = b""
        with theirs:
            self.keeper = subprocess.Popen(  # noqa: S603 - our own program
                _keeper_command(service),
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
                env={**os.environ, **service.env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """The program's process id, None until the keeper has started it."""
        with contextlib.suppress(OSError):
            self._heard += self._channel.recv(64)
        return int(self._heard) if self._heard.endswith(b"\n") else None

    def poll(self) -> int | None:
        """Return the exit code (128 + signal if a signal ended it), None while it runs."""
        code: int | None = self.keeper.poll()
        return 128 - code if code is not None and code < 0 else code

    def ask_to_stop(self) -> None:
        """Ask for an orderly stop; it is killed `grace_s` seconds later if need be."""
        with contextlib.suppress(OSError):
            self._channel.send(b"stop\n")

    def fileno(self) -> int:
        """Return the descriptor that turns readable when `pid` becomes known or the keeper ends."""
        return self._channel.fileno()

    def let_go(self) -> None:
        """Stop it as if we had died: within about two seconds."""
        self._channel.close()

    def stop(self) -> None:
        """Stop in good order and wait for the end."""
        self.ask_to_stop()
        try:
            self.keeper.wait(self.service.grace_s * 2 + 5)
        finally:
            self.let_go()


def _keeper_command(service: Service) -> list[str]:
    options: dict[str, object] = {
        "stop": service.stop_signal.name,
        "kill": service.kill_signal.name,
        "grace": service.grace_s,
        "user": service.user,
        "lock": service.lock,
        "output": service.output,
    }
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return [sys.executable, "-I", "-S", keeper.__file__, *given, "--", *service.argv]
