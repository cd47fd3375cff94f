"""Waits until everything that the week caused is read, decided and delivered."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

LONGEST_S = 600.0
STUCK_S = 60.0
"""Without any progress for so long, waiting on is pointless: say how it stands."""
POLL_S = 0.15


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is still on its way: facts that a read model has not seen, transcripts not read, conversions not settled."""

    facts: int
    conversions: int
    transcripts: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is on its way."""
        return not (self.facts or self.conversions or self.transcripts)


def wait_until_settled(
    reader: httpx.Client, progress: Callable[[Backlog], None], transcripts: int = 0
) -> tuple[Backlog, float]:
    """Return what is left when nothing moves any more, and the seconds it took; nothing is left as a rule.

    `transcripts` is how many of them were handed over to be read.
    """
    began = moved = time.monotonic()
    left = backlog(reader, transcripts)
    while not left.empty and time.monotonic() - began < LONGEST_S and time.monotonic() - moved < STUCK_S:
        progress(left)
        time.sleep(POLL_S)
        before, left = left, backlog(reader, transcripts)
        if left != before:
            moved = time.monotonic()
    return left, time.monotonic() - began


def backlog(reader: httpx.Client, transcripts: int = 0) -> Backlog:
    """Return what is on its way now. In the order of cause and effect: what one causes is among the next already."""
    unread = max(0, transcripts - _analysed(reader)) if transcripts else 0
    checks: dict[str, Any] = reader.get("/readyz").json()["checks"]
    lags = checks.get("projections", {}).get("lag", {"unknown": 1})
    summary = reader.get("/api/conversions", params={"summary": "true"}).raise_for_status().json()
    return Backlog(max(lags.values(), default=0), int(summary["by_status"].get("waiting", 0)), unread)


def _analysed(reader: httpx.Client) -> int:
    page = reader.get("/api/events", params={"kind": "conversations.analysed.v1", "limit": "200"}).raise_for_status()
    return len(page.json()["items"])


def wait_until_ready(reader: httpx.Client, longest_s: float = 60.0) -> bool:
    """Tell whether the API got ready in time."""
    deadline = time.monotonic() + longest_s
    while True:
        try:
            if reader.get("/readyz").status_code == 200:
                return True
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
