"""The whole product as separate processes, to be used over HTTP and killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from adapters.embedded.files import stable_port
from tests.patience import PATIENCE_S, eventually

ROOT = Path(__file__).resolve().parents[2]
DATASET = "734000111222333"
ANSWER_S = 60.0
"""How long one call may take before it is made again, in seconds."""
AT_ONCE = ("conversion", "analyse_conversation")
"""Messages of the outbox that are done as soon as somebody is there to do them; others are reminders."""


class CommandFailed(RuntimeError):
    """A command ended with an error: as it does while a service that it needs is dead."""


until = partial(eventually, despite=(httpx.HTTPError, OSError, ValueError, KeyError, CommandFailed))
"""Waits through the deaths of services: who is not there yet does not answer."""


fetched = partial(httpx.get, verify=False)
"""A GET of a service here: what is asked again and again must not read all certificates each time."""


@dataclass
class Masar:
    """A running `masar up` on its own data folder, with a simulated Meta beside it."""

    data: Path
    port: int = 0
    meta_port: int = 0
    up: subprocess.Popen[bytes] | None = None
    meta: subprocess.Popen[bytes] | None = None
    producer: str = ""
    reader: str = ""
    brokerage: str = "delta-homes"

    def __post_init__(self) -> None:
        """Take ports that nobody else is given by chance while a killed service does not listen."""
        self.port = stable_port(self.data / "api.port")
        while not self.meta_port or self.meta_port == self.port:
            self.meta_port = stable_port(self.data / "meta.port")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def meta_url(self) -> str:
        return f"http://127.0.0.1:{self.meta_port}"

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASAR_")}
        kept = {name: value for name, value in os.environ.items() if name == "MASAR_EMBEDDED_PG"}
        own = {
            "MASAR_PORT": str(self.port), "MASAR_DATA_DIR": str(self.data), "MASAR_GRAPH_URL": self.meta_url,
            "MASAR_DIALOG360_URL": self.meta_url, "MASAR_INSTAGRAM_URL": self.meta_url,
            "MASAR_ALLOWED_HOSTS": self.meta_url.removeprefix("http://"),
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        return {**clean, **kept, **own}

    def start(self) -> None:
        """Start everything and wait until it serves."""
        log = (self.data / "up.log").open("ab")
        self.up = self._spawn(log, "up")
        until(lambda: (self.status() or {}).get("ready") and self.ready(), "masar up")

    def start_meta(self) -> None:
        log = (self.data / "meta.log").open("ab")
        ledger = str(self.data / "ledger.ndjson")
        self.meta = self._spawn(log, "simulator", "--port", str(self.meta_port), "--ledger", ledger)
        until(lambda: fetched(f"{self.meta_url}/_simulator/health").status_code == 200, "the simulator")

    def _spawn(self, log: Any, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", *arguments], env=self.environment, cwd=ROOT, stdout=log, stderr=log
        )

    def ready(self) -> bool:
        return fetched(f"{self.url}/readyz", timeout=2).status_code == 200

    def status(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads((self.data / "run" / "status.json").read_text()))
        except (OSError, ValueError):
            return None

    def pid(self, service: str) -> int | None:
        return ((self.status() or {}).get("services", {}).get(service) or {}).get("pid")

    def kill(self, service: str) -> bool:
        """Kill one service with -9; False where it is not running just now."""
        pid = self.pid(service)
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def kill_all(self) -> None:
        """Kill the supervisor and every service with -9, as a power cut would."""
        status = self.status() or {}
        pids = [status.get("pid"), *(one["pid"] for one in status.get("services", {}).values())]
        for pid in filter(None, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.up is not None:
            self.up.wait(timeout=PATIENCE_S)

    def stop(self) -> None:
        for process in (self.up, self.meta):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(timeout=PATIENCE_S)

    def cli(self, *arguments: str, check: bool = True) -> Any:
        """Run a command with --json and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments, "--json"], env=self.environment, cwd=ROOT,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise CommandFailed(f"masar {' '.join(arguments)}: {done.stderr}\n{done.stdout}")
        return json.loads(done.stdout)

    def set_up(self) -> None:
        """Register the brokerage with a dataset and keys."""
        self.cli("brokerage", "create", self.brokerage, "--effective-days-ago", "7")
        self.cli("dataset", "connect", DATASET, "-b", self.brokerage, "--token", "EAAG-of-a-test")
        self.producer = self.cli("key", "create", "-b", self.brokerage, "--kind", "producer")["key"]
        self.reader = self.cli("key", "create", "-b", self.brokerage, "--kind", "reader")["key"]

    def post(self, touchpoints: list[dict[str, Any]], client: httpx.Client | None = None) -> dict[str, Any]:
        answer = (client or httpx).post(
            f"{self.url}/api/touchpoints", json={"touchpoints": touchpoints}, timeout=ANSWER_S,
            headers={"Authorization": f"Bearer {self.producer}"},
        )  # fmt: skip
        answer.raise_for_status()
        return dict(answer.json())

    def send(self, path: str, body: dict[str, Any], client: httpx.Client | None = None) -> dict[str, Any]:
        """Post a body to a path of its own; an answer that is no success raises."""
        headers = {"Authorization": f"Bearer {self.producer}"}
        answer = (client or httpx).post(f"{self.url}{path}", json=body, timeout=ANSWER_S, headers=headers)
        answer.raise_for_status()
        return dict(answer.json())

    def get(self, path: str, **parameters: Any) -> Any:
        answer = fetched(
            f"{self.url}{path}", params=parameters, headers={"Authorization": f"Bearer {self.reader}"}, timeout=ANSWER_S
        )
        answer.raise_for_status()
        return answer.json()

    def listed(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return all items of a list, page after page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, **parameters, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    def ledger(self) -> list[dict[str, Any]]:
        """Return everything that the simulated Meta received and processed."""
        items: list[dict[str, Any]] = []
        cursor: Any = None
        while True:
            parameters = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
            page = fetched(f"{self.meta_url}/_simulator/ledger", params=parameters, timeout=ANSWER_S).json()
            items += page["data"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def faults(self, **plan: Any) -> None:
        """Tell the simulated Meta how to fail from here on."""
        httpx.put(f"{self.meta_url}/_simulator/faults", json=plan, timeout=ANSWER_S).raise_for_status()

    def settled(self) -> bool:
        """Tell whether every read model has every fact, every transcript is read, and no conversion waits."""
        backlog = self.cli("backlog")
        behind = any(one["behind"] for one in backlog["projections"])
        waiting = [one for one in backlog["outbox"] if one["kind"] in AT_ONCE and one["state"] != "done"]
        return not behind and not waiting


@contextmanager
def running(data: Path) -> Iterator[Masar]:
    """Run everything on a data folder, set up; stop it at the end."""
    data.mkdir(parents=True, exist_ok=True)
    masar = Masar(data)
    try:
        masar.start_meta()
        masar.start()
        masar.set_up()
        yield masar
    finally:
        masar.stop()
