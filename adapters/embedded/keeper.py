"""The keeper: a tiny process that owns one server and leaves nothing running when its own parent dies.

Its standard input is a pipe or socket from the parent. A byte on it asks for an orderly stop; end of file
means that the parent is gone, however it died, and the server is stopped at once. Standard library only: it
is started by file name, in isolated mode, so that one more process costs little.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ORPHAN_GRACE_S = 0.9  # after the parent's death: for the stop signal, and again for the kill signal
LOCK_WAIT_S = 15.0  # for the remains of a killed predecessor to be gone
LOCK_BUSY = 75  # exit code (EX_TEMPFAIL of sysexits.h) when they are not
CANNOT_RUN = 127  # exit code when the command cannot be started, as in a shell
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LINUX = sys.platform.startswith("linux")


def _sleep(pause_s: float) -> bool:
    time.sleep(pause_s)
    return False


def hold(path: Path, wait_s: float, pause: Callable[[float], bool] = _sleep) -> int:
    """Return a descriptor that locks the file; a child that inherits it holds the lock on.

    `pause` passes the seconds between two tries and may answer True: waiting has become pointless.
    Raises TimeoutError when someone else still holds the lock after `wait_s` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline or pause(0.02):
                os.close(descriptor)
                raise TimeoutError(f"{path} is held by another running process") from None


def children(parent: int) -> Iterator[int]:
    """Yield the process ids whose parent is the given one (Linux; nothing elsewhere)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # "pid (name) state ppid …": the name may hold spaces and brackets, so count from the last bracket
            if int(stat.read_text(errors="replace").rpartition(")")[2].split()[1]) == parent:
                yield int(stat.parent.name)


class Keeper:
    """Runs one command to its end, or stops it when told to or left alone. For the main thread only."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pid = 0
        self.status: int | None = None  # the server's wait status, once it has ended
        self.asked = False  # to stop, in good order
        self.orphan = False  # end of file: the parent is gone
        self.wake, wake_writer = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._ask)
        for of_the_terminal in (signal.SIGINT, signal.SIGHUP):  # the parent decides what they mean
            signal.signal(of_the_terminal, signal.SIG_IGN)
        self.libc = ctypes.CDLL(None)
        if LINUX:  # what the server leaves behind becomes ours, to be waited for
            self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self) -> int:
        """Return the server's exit code, 128 + signal if a signal ended it."""
        try:
            lock = hold(self.options.lock, LOCK_WAIT_S, self._pause) if self.options.lock else None
            self._start(lock)
        except TimeoutError as error:
            if not (self.asked or self.orphan):
                print(f"keeper: {error}", file=sys.stderr)
            return LOCK_BUSY
        except OSError as error:
            print(f"keeper: cannot run {self.options.command[0]}: {error.strerror}", file=sys.stderr)
            return CANNOT_RUN
        self._watch()
        self._tidy()
        code = os.waitstatus_to_exitcode(self.status or 0)
        return code if code >= 0 else 128 - code

    def _start(self, lock: int | None) -> None:
        me, output = os.getpid(), self.options.output and self.options.output.open("wb")

        def die_with_keeper() -> None:  # the second net: should the keeper itself be killed
            self.libc.prctl(PR_SET_PDEATHSIG, int(self.options.kill), 0, 0, 0)
            if os.getppid() != me:
                os._exit(1)

        server = subprocess.Popen(  # noqa: S603 - the parent's own command line
            self.options.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=self.options.user,
            group=self.options.user,
            extra_groups=None if self.options.user is None else [],
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            preexec_fn=die_with_keeper if LINUX else None,
        )
        self.pid = server.pid
        server.returncode = 0  # not to be waited for by Popen: _reap does, together with what it leaves behind
        with contextlib.suppress(OSError):  # a plain pipe cannot be answered, and need not be
            os.write(0, b"%d\n" % self.pid)

    def _watch(self) -> None:
        """Wait for the server's end; once told to stop or left alone, hasten it signal by signal."""
        while self._runs() and not (self.asked or self.orphan):
            self._pause(None)
        for number in (self.options.stop, self.options.kill, signal.SIGKILL):
            if not self._runs():
                return
            os.kill(self.pid, number)
            since = time.monotonic()
            while self._runs() and (left := since + self._grace_s() - time.monotonic()) > 0:
                self._pause(left)

    def _tidy(self) -> None:
        """End what the server left behind: its process group at once, others after a moment of grace."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for number in (self.options.kill, signal.SIGKILL):
            since = time.monotonic()
            while self._reap() and (left := since + ORPHAN_GRACE_S - time.monotonic()) > 0:
                self._pause(left)
            for left_over in children(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(left_over, number)

    def _grace_s(self) -> float:
        return ORPHAN_GRACE_S if self.orphan else float(self.options.grace)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def _runs(self) -> bool:
        self._reap()
        return self.status is None

    def _reap(self) -> bool:
        """Take note of every child that has ended; return whether any is left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.pid:
                    self.status = status
        return False

    def _pause(self, wait_s: float | None) -> bool:
        """Wait for a signal, a word from the parent or the time to pass; return whether to stop."""
        ready, _, _ = select.select([self.wake] if self.orphan else [self.wake, 0], [], [], wait_s)
        if self.wake in ready:
            os.read(self.wake, 4096)
        if 0 in ready:
            try:
                word = os.read(0, 64)
            except OSError:  # the parent died with our answer unread: a socket then resets
                word = b""
            self.asked, self.orphan = self.asked or bool(word), not word
        return self.asked or self.orphan


def arguments(line: list[str]) -> argparse.Namespace:
    """Parse the keeper's own command line; the server's follows after `--`."""
    parser = argparse.ArgumentParser(prog="keeper", description=__doc__)
    parser.add_argument("--stop", type=_signal, default=signal.SIGTERM, help="asks the server to end")
    parser.add_argument("--kill", type=_signal, default=signal.SIGKILL, help="sent when it has not, after --grace")
    parser.add_argument("--grace", type=float, default=10.0, help="seconds")
    parser.add_argument("--user", type=int, help="run the server as this user and group id")
    parser.add_argument("--lock", type=Path, help="hold this file locked while the server or a child of it lives")
    parser.add_argument("--output", type=Path, help="where the server's output goes; inherited if absent")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(line)


def _signal(name: str) -> signal.Signals:
    return signal.Signals[name]


if __name__ == "__main__":
    sys.exit(Keeper(arguments(sys.argv[1:])).run())
