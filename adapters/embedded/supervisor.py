"""The supervisor: runs several services, starts again what ends, and stops all of it in order."""

import contextlib
import dataclasses
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapters.embedded.files import write_private
from adapters.embedded.keeper import hold
from adapters.embedded.printer import Lines, Printer
from adapters.embedded.service import EmbeddedError, Kept, Service

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.2, 5.0
STEADY_S = 30.0  # after running this long, a service's failures are forgotten
STARTS_AT_MOST = 6  # of a service that has never been ready: then something is wrong that trying cannot mend
READY_POLL_S = 0.02
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(EmbeddedError):
    """Another supervisor runs on the same data folder."""


def is_running(data_dir: Path) -> dict[str, Any] | None:
    """Return the status of the supervisor that runs on this folder, None if there is none.

    Shape: `{"pid", "started_at", "ready", "services": {name: {"pid", "ready", "restarts", "port", "url"}}}`;
    pid, port and url may be null.
    """
    if not (data_dir / "run").is_dir():
        return None
    with contextlib.suppress(TimeoutError):
        os.close(hold(data_dir / "run" / "supervisor.lock", 0))
        return None
    with contextlib.suppress(FileNotFoundError):
        status: dict[str, Any] = json.loads((data_dir / "run" / "status.json").read_text())
        return status
    return {"pid": None, "started_at": None, "ready": False, "services": {}}


class Slot:
    """A service's place: its process now, or the time of the next try."""

    def __init__(self, service: Service, printer: Printer) -> None:
        self.service = service
        self.printer = printer
        self.kept: Kept | None = None
        self.output = -1  # where we read what it prints, while it runs
        self.lines = Lines()
        self.pid: int | None = None
        self.ready = False
        self.was_ready = False  # once: later services no longer wait for it
        self.done = False  # ended for good
        self.starts = 0
        self.started = self.due = 0.0  # monotonic seconds
        self.backoff_s = FIRST_BACKOFF_S

    def start(self) -> None:
        """Start the service now."""
        self.output, write = os.pipe()
        os.set_blocking(self.output, False)
        try:
            self.kept = Kept(self.service, write)
        finally:
            os.close(write)
        self.starts, self.started, self.lines = self.starts + 1, time.monotonic(), Lines()

    def look(self) -> None:
        """Learn its process id, and whether it is ready."""
        if self.kept is not None:
            self.pid = self.pid or self.kept.pid
            if not self.ready and not self.service.once:
                self.ready = self.service.ready is None or self.service.ready()
                self.was_ready = self.was_ready or self.ready

    def pump(self) -> None:
        """Print what it said since."""
        while self.output >= 0:
            try:
                part = os.read(self.output, 65536)
            except BlockingIOError:
                return
            for line in self.lines.feed(part):
                self.printer.line(self.service.name, line)
            if not part:
                os.close(self.output)
                self.output = -1

    def collect(self) -> int | None:
        """Return its exit code if it has ended; the place is then empty."""
        if self.kept is None or (code := self.kept.poll()) is None:
            return None
        self.pump()
        if self.output >= 0:  # someone it left behind still holds the pipe
            os.close(self.output)
        self.kept.let_go()
        self.kept, self.pid, self.ready, self.output = None, None, False, -1
        return code

    def put_off(self) -> float:
        """Set the time of the next try; return the seconds until then."""
        now = time.monotonic()
        wait_s = FIRST_BACKOFF_S if now - self.started > STEADY_S else self.backoff_s
        self.due, self.backoff_s = now + wait_s, min(wait_s * 2, LONGEST_BACKOFF_S)
        return wait_s

    def status(self) -> dict[str, Any]:
        """Return what the status file says of it."""
        url = self.service.url
        port = urlsplit(url).port if url else None
        restarts = max(0, self.starts - 1)
        return {"pid": self.pid, "ready": self.ready, "restarts": restarts, "port": port, "url": url}


class Supervisor:
    """Runs services on a data folder, in the given order; for the main thread only.

    `services` may be a function: it is called once the folder is ours, so it may prepare servers and learn
    their URLs. The status file `run/status.json` tells other commands where everything is.
    """

    def __init__(self, data_dir: Path, services: Sequence[Service] | Callable[[], Sequence[Service]]) -> None:
        self.run_dir = data_dir / "run"
        self.services = services
        self.slots: list[Slot] = []
        self.started_at = datetime.now(UTC).isoformat()
        self.signals = 0  # how often we were told to stop
        self.failed = False
        self.told_ready = False
        self.last_status: dict[str, Any] = {}

    def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Run until told to stop (SIGINT, SIGTERM, SIGHUP); return 0, or 1 if a service cannot be run.

        Each service waits for the one before it to be ready. `on_ready` is called once, in a thread of its
        own, when all are. Raises AlreadyRunning, and what `services` raises.
        """
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with self._alone(), self._signals_caught() as wake:
            self._write_status()
            try:
                self._make_slots()
                while not (self.signals or self.failed):
                    self._step(wake, on_ready)
            except EmbeddedError:
                if not self.signals:  # else Ctrl-C cut the preparations short: that is no failure
                    raise
            finally:
                self._stop_all(wake)
                (self.run_dir / "status.json").unlink(missing_ok=True)
        return 1 if self.failed else 0

    def _make_slots(self) -> None:
        services = self.services() if callable(self.services) else self.services
        printer = Printer(service.name for service in services)
        for service in services:
            lock = service.lock or self.run_dir / f"{service.name}.lock"
            env = {"PYTHONUNBUFFERED": "1", **service.env}  # lines appear when they are printed
            self.slots.append(Slot(dataclasses.replace(service, lock=lock, env=env), printer))

    def _step(self, wake: int, on_ready: Callable[[], None] | None) -> None:
        """Start what is due, wait for something to happen, take note of what ended."""
        self._start_due()
        ready = all(slot.was_ready for slot in self.slots)
        news, self.told_ready = ready and not self.told_ready, ready
        self._write_status()
        if news and on_ready is not None:
            threading.Thread(target=on_ready, name="on_ready", daemon=True).start()
        self._wait(wake, self._patience_s())
        for slot in self.slots:
            if (code := slot.collect()) is not None:
                self._ended(slot, code)
            if slot.printer.closed:
                self.failed = True

    def _start_due(self) -> None:
        """Start services in order, up to the first that has never been ready yet."""
        for slot in self.slots:
            if slot.kept is None and not slot.done and time.monotonic() >= slot.due:
                slot.start()
            slot.look()
            if not slot.was_ready:
                return

    def _ended(self, slot: Slot, code: int) -> None:
        """Decide what the end of a service means."""
        service = slot.service
        said = f"ended by signal {code - 128}" if code > 128 else f"ended with exit code {code}"
        if service.once and code == 0:
            slot.done = slot.was_ready = True
        elif service.once or (slot.starts >= STARTS_AT_MOST and not slot.was_ready):
            slot.printer.line(service.name, f"{said}; giving up")
            self.failed = True
        elif not service.restart:
            slot.printer.line(service.name, said)
            slot.done = slot.was_ready = True
        else:
            slot.printer.line(service.name, f"{said}; starting again in {slot.put_off():.1f} s")

    def _patience_s(self) -> float | None:
        """Return how long nothing needs to be done, in seconds; None for ever."""
        now = time.monotonic()
        waits = [max(0.0, slot.due - now) for slot in self.slots if slot.starts and not (slot.kept or slot.done)]
        waits += [READY_POLL_S for slot in self.slots if slot.kept and not slot.ready and slot.service.ready]
        return min(waits, default=None)

    def _wait(self, wake: int, wait_s: float | None) -> None:
        """Wait for a signal, some output, a process id or the time to pass; print the output."""
        speaking = [slot.output for slot in self.slots if slot.output >= 0]
        starting = [slot.kept.fileno() for slot in self.slots if slot.kept and slot.pid is None]
        ready, _, _ = select.select([wake, *speaking, *starting], [], [], wait_s)
        if wake in ready:
            os.read(wake, 4096)
        for slot in self.slots:
            slot.pump()

    def _stop_all(self, wake: int) -> None:
        """Stop the services, last started first; a second signal to stop hurries."""
        for slot in reversed(self.slots):
            if slot.kept is None:
                continue
            slot.kept.ask_to_stop()
            deadline = time.monotonic() + slot.service.grace_s * 2 + 5
            while slot.kept is not None and time.monotonic() < deadline:
                if self.signals > 1:
                    slot.kept.let_go()
                self._wait(wake, 0.1)
                slot.collect()

    def _write_status(self) -> None:
        """Write the status file if it would say something new."""
        status = {
            "pid": os.getpid(),
            "started_at": self.started_at,
            "ready": self.told_ready,
            "services": {slot.service.name: slot.status() for slot in self.slots},
        }
        if status != self.last_status:
            write_private(self.run_dir / "status.json", json.dumps(status, indent=1))
            self.last_status = status

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder for ourselves. Raises AlreadyRunning, naming the other's process id."""
        try:
            lock = hold(self.run_dir / "supervisor.lock", 0.5)  # `is_running` holds it for a moment
        except TimeoutError:
            other = is_running(self.run_dir.parent) or {}
            message = f"already running on {self.run_dir.parent} (process {other.get('pid', 'unknown')})"
            raise AlreadyRunning(message) from None
        try:
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _signals_caught(self) -> Iterator[int]:
        """Count the signals to stop instead of dying from them; yields a descriptor that they wake."""
        wake, write = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(write, False)
        handlers = {number: signal.signal(number, self._told) for number in STOP_SIGNALS}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        earlier = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            yield wake
        finally:
            signal.set_wakeup_fd(earlier)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            os.close(wake)
            os.close(write)

    def _told(self, *_: object) -> None:
        self.signals += 1
