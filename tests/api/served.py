"""The API in a process of its own, as `masar api` runs it, its log in a file."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters.embedded.files import stable_port
from tests.embedded.processes import ROOT
from tests.patience import PATIENCE_S, eventually

MASTER_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
UNLIMITED = {f"address_{whose}_per_minute": 10_000_000 for whose in ("total", "strangers", "failures")}
"""All tests call from one address."""


@contextmanager
def served(database_url: str, log: Path, **settings: str | int) -> Iterator[str]:
    """Yield the base URL of a running API; `settings` by their names in lower case, without the prefix."""
    port = stable_port(log.with_suffix(".port"))
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "api.cli", "api"],
            env=environment(database_url, port=port, **settings),
            cwd=ROOT,
            stdout=said,
            stderr=said,
        ) as process,
    ):
        try:
            base = f"http://127.0.0.1:{port}"
            eventually(lambda: process.poll() is not None or _lives(base))
            assert process.poll() is None, log.read_text(errors="replace")
            yield base
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def environment(database_url: str, **settings: str | int) -> dict[str, str]:
    """Return our own environment with these settings of Masar and no others."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MASAR_")}
    chosen = {"database_url": database_url, "master_key": MASTER_KEY, **UNLIMITED, **settings}
    return own | {f"MASAR_{name.upper()}": str(value) for name, value in chosen.items()}


def _lives(base: str) -> bool:
    try:
        return httpx.get(f"{base}/healthz", timeout=2, verify=False).status_code == 200
    except httpx.TransportError:
        return False
