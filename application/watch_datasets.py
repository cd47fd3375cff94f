"""Watch the datasets, also while nothing is sent: one whose token died is held before the next conversion finds out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from application.clock import Clock, utc_now
from application.deliver_conversions import PROBE_S
from application.ports.conversions import Circuits, Safe
from application.ports.datasets import DatasetCheck, Seen, Watched, Watchlist
from application.ports.outbox import Circuit, Entry, Records

LOOK_EVERY_S = 120.0
"""Twice within the five minutes in which a dead token has to be told, so that one look may fail."""


@dataclass(frozen=True, slots=True)
class WatchDatasets:
    """The use case behind the watch."""

    watchlist: Watchlist
    circuits: Circuits
    safe: Safe
    check: DatasetCheck
    records: Records
    every_s: float = LOOK_EVERY_S
    probe_s: float = PROBE_S
    clock: Clock = utc_now

    def look(self) -> bool:
        """Look at one dataset that is due; False where none is."""
        watched = self.watchlist.take(self.every_s)
        if watched is None:
            return False
        credentials = self.safe.credentials(watched.lane)
        if credentials is None:
            return True  # its conversions wait for a token by themselves
        seen = self.check.token(credentials)
        if seen.verdict != "dead":
            seen = worse(seen, self.check.dataset(watched.lane.dataset_id, credentials))
        held = self.circuits.circuit(watched.lane)
        self.watchlist.note(watched.lane, seen)
        entry = decide(watched, seen, held, self.clock() + timedelta(seconds=self.probe_s))
        if entry is not None:
            self.records.record(entry)
        return True


def worse(one: Seen, other: Seen) -> Seen:
    """Return the worse of two findings: what could not be told is better than a no, and worse than a yes."""
    order = ("good", None, "forbidden", "dead")
    return max(one, other, key=lambda seen: order.index(seen.verdict))


def decide(watched: Watched, seen: Seen, held: Circuit | None, probe_at: datetime) -> Entry | None:
    """Return what a finding changes: a no holds the lane, a yes lets go what a look had held.

    What could not be told changes nothing. A lane that the delivery itself holds is left to its own probes: they try
    what has to work. A dataset that does not show itself but takes events is not held for it.
    """
    no = seen.verdict == "dead" or (seen.verdict == "forbidden" and not watched.writes_proved)
    if no and (held is None or held.throttled):
        return Entry(opens=Circuit(watched.lane, seen.says, probe_at, watched=True))
    if seen.verdict == "good" and held is not None and held.watched:
        return Entry(closes=watched.lane)
    return None
