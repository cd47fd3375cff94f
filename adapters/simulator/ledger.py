"""The stand-in's memory: every event received, whether it counted, and what became of each request.

Kept in memory and, where a path is given, appended to a file of JSON lines that is read back on start.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, TypeAlias

import orjson

from adapters.simulator.context import Event
from adapters.simulator.vocabulary import DEDUPE_WINDOW_IN_STORE_S, DEDUPE_WINDOW_S, HASHED_FIELDS

Entry: TypeAlias = dict[str, Any]
Scheme: TypeAlias = Literal["web", "store", "messaging"]
_Key: TypeAlias = tuple[str, str, Scheme, str]

# How long after the first receipt the same event counts no more, in seconds; None: every receipt counts.
WINDOWS: dict[Scheme, float | None] = {
    "web": DEDUPE_WINDOW_S,  # same dataset, event name and event id
    "store": DEDUPE_WINDOW_IN_STORE_S,  # same order id, else the same person, time, name and item
    "messaging": None,  # same dataset, event name and event id, and Meta does not look
}

_IS_HASH = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9]{8})?").fullmatch


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request as the ledger knows it: `received_at` in unix seconds, `outcome` as it is counted."""

    request_id: str
    dataset: str
    received_at: float
    outcome: str
    test_event_code: str | None = None
    partner_agent: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """A page of the ledger: filters that must all match, after position `cursor`, at most `limit` entries."""

    dataset: str | None = None
    event_name: str | None = None
    event_id: str | None = None
    cursor: int = 0
    limit: int = 100


class _Row(NamedTuple):
    dataset: str
    event_name: str
    event_id: str | None
    stored: bytes


@dataclass(slots=True)
class _First:
    """The first receipt of a name and id, against which later ones are compared."""

    received_at: datetime
    event_time: int
    value: Any
    receipts: int = 1
    counted: int = 1


@dataclass(slots=True)
class _Totals:
    received: int = 0
    counted: int = 0
    duplicates: int = 0
    repeats: int = 0  # counted although the name and id were seen before: business messaging
    anomalies: int = 0
    value_sum: dict[str, float] = field(default_factory=dict)
    of_web: int = 0  # receipts of website events
    keys: Counter[str] = field(default_factory=Counter)  # … by field of user data
    last_at: str = ""

    def add(self, entry: Entry) -> None:
        self.received += 1
        if entry["action_source"] == "website":
            self.of_web += 1
            self.keys.update(entry["user_data_keys"])
        self.last_at = entry["received_at"]
        self.anomalies += bool(entry["anomalies"])
        if entry["outcome"] == "duplicate":
            self.duplicates += 1
            return
        self.counted += 1
        self.repeats += entry["receipt"] > 1
        value = entry["custom_data"].get("value")
        if type(value) in (int, float):
            currency = entry["custom_data"].get("currency", "")
            self.value_sum[currency] = self.value_sum.get(currency, 0) + value

    def as_dict(self) -> dict[str, Any]:
        sums = {currency: round(total, 6) for currency, total in self.value_sum.items()}
        counts = {name: getattr(self, name) for name in _COUNTS}
        return {**counts, "value_sum": sums}


_COUNTS = ("received", "counted", "duplicates", "repeats", "anomalies")


class Ledger:
    """Records what arrived, deduplicates as Meta does, and answers what was seen.

    Meta's rules: the same dataset, event name and event id within 48 hours of the first receipt count once; events in
    a store count once per order id, or per person, time, name and item, within 7 days, and only among themselves;
    business messaging events are never deduplicated.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._forget()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reload(path)
            self._file = path.open("ab")

    def record(self, receipt: Receipt, events: Sequence[Event] = ()) -> None:
        """Enter a request and the events it brought; an event without an id always counts."""
        moment = datetime.fromtimestamp(receipt.received_at, UTC)
        lines = [self._enter(self._judge(receipt, moment, event), moment) for event in events]
        request = {
            "request_id": receipt.request_id,
            "received_at": moment.isoformat(),
            "dataset": receipt.dataset,
            "outcome": receipt.outcome,
        }
        self._requests[receipt.outcome] += 1
        if self._file is not None:
            lines.append(orjson.dumps({"request": request}))
            self._file.write(b"\n".join(lines) + b"\n")
            self._file.flush()

    def page(self, query: LedgerQuery) -> tuple[list[bytes], int | None]:
        """Return matching entries as JSON, oldest first, and the cursor of the next page, if there is one."""
        found: list[bytes] = []
        for index in range(max(query.cursor, 0), len(self._rows)):
            row = self._rows[index]
            if (
                query.dataset in (None, row.dataset)
                and query.event_name in (None, row.event_name)
                and query.event_id in (None, row.event_id)
            ):
                if len(found) == query.limit:
                    return found, index
                found.append(row.stored)
        return found, None

    def summary(self) -> dict[str, Any]:
        """Return totals per dataset and event name, and the number of requests by outcome."""
        datasets: dict[str, dict[str, Any]] = {}
        for (dataset, event_name), totals in self._totals.items():
            datasets.setdefault(dataset, {})[event_name] = totals.as_dict()
        return {"events_received": len(self._rows), "datasets": datasets, "requests": dict(self._requests)}

    def repeated(self) -> list[dict[str, Any]]:
        """Return every event received more than once: how often, how often it counted, and by which rule."""
        return [
            {"dataset": dataset, "event_name": event_name, "scheme": scheme, "key": key,
             "receipts": first.receipts, "counted": first.counted}
            for (dataset, event_name, scheme, key), first in self._firsts.items() if first.receipts > 1
        ]  # fmt: skip

    def coverage(self, dataset: str) -> dict[str, tuple[int, Counter[str]]]:
        """Return by event name how many website events a dataset received, and in how many each field was."""
        return {
            name: (totals.of_web, totals.keys)
            for (where, name), totals in self._totals.items() if where == dataset and totals.of_web
        }  # fmt: skip

    def last_received_at(self, dataset: str) -> str | None:
        """Return when a dataset received its newest event (ISO 8601), None where it received none."""
        return max((totals.last_at for (where, _), totals in self._totals.items() if where == dataset), default=None)

    def reset(self) -> None:
        """Forget everything, on disk too."""
        self._forget()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Let go of the file; the ledger still answers from memory."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _forget(self) -> None:
        self._rows: list[_Row] = []
        self._firsts: dict[_Key, _First] = {}
        self._totals: dict[tuple[str, str], _Totals] = {}
        self._requests: Counter[str] = Counter()

    def _judge(self, receipt: Receipt, moment: datetime, event: Event) -> Entry:
        custom_data = event.get("custom_data", {})
        entry: Entry = {
            "position": len(self._rows) + 1,
            "request_id": receipt.request_id,
            "received_at": moment.isoformat(),
            "dataset": receipt.dataset,
            "event_name": event["event_name"],
            "event_id": event.get("event_id"),
            "event_time": event["event_time"],
            "action_source": event["action_source"],
            "messaging_channel": event.get("messaging_channel"),
            "test_event_code": receipt.test_event_code,
            "partner_agent": receipt.partner_agent,
            "fields": sorted(event),
            "data_processing_options": event.get("data_processing_options"),
            "custom_data": custom_data,
            "user_data_keys": sorted(event["user_data"]),
            "user_data_hashes": _fingerprints(event["user_data"]),
            "outcome": "counted",
            "receipt": 1,
            "anomalies": [],
        }
        key = _key(entry)
        first = self._firsts.get(key) if key else None
        if first is not None:
            entry["receipt"] = first.receipts + 1
            entry["anomalies"] = _differences(first, entry)
            window_s = WINDOWS[_scheme(entry)]
            if window_s is not None and (moment - first.received_at).total_seconds() <= window_s:
                entry["outcome"] = "duplicate"
        return entry

    def _enter(self, entry: Entry, moment: datetime) -> bytes:
        """Take a judged entry into the totals and the index; return it as stored."""
        stored = orjson.dumps(entry)
        self._rows.append(_Row(entry["dataset"], entry["event_name"], entry["event_id"], stored))
        named = (entry["dataset"], entry["event_name"])
        totals = self._totals.get(named)
        if totals is None:
            totals = self._totals[named] = _Totals()
        totals.add(entry)
        key = _key(entry)
        if key is not None:
            first = self._firsts.get(key)
            if first is None:
                value = entry["custom_data"].get("value")
                self._firsts[key] = _First(moment, entry["event_time"], value)
            else:
                first.receipts += 1
                if entry["outcome"] == "counted":
                    first.counted += 1
                    first.received_at = moment  # the window had passed: a new one opens
        return stored

    def _reload(self, path: Path) -> None:
        if not path.exists():
            return
        stored = path.read_bytes()
        whole = stored.rfind(b"\n") + 1  # a process killed while writing leaves half a line
        if whole < len(stored):
            with path.open("r+b") as file:
                file.truncate(whole)
        for line in stored[:whole].splitlines():
            entry = orjson.loads(line)
            if "request" in entry:
                self._requests[entry["request"]["outcome"]] += 1
            else:
                self._enter(entry, datetime.fromisoformat(entry["received_at"]))


_SCHEMES: dict[str, Scheme] = {"business_messaging": "messaging", "physical_store": "store"}


def _scheme(entry: Entry) -> Scheme:
    return _SCHEMES.get(entry["action_source"], "web")


def _key(entry: Entry) -> _Key | None:
    """Return by what an event is known again, None where by nothing."""
    scheme = _scheme(entry)
    key = _store_key(entry) if scheme == "store" else entry["event_id"]
    return None if key is None else (entry["dataset"], entry["event_name"], scheme, key)


def _store_key(entry: Entry) -> str:
    custom = entry["custom_data"]
    if order_id := custom.get("order_id"):
        return f"order|{order_id}"
    person = sorted(entry["user_data_hashes"].items())
    marks = orjson.dumps([entry["event_time"], custom.get("item_number"), person])
    return f"person|{hashlib.sha256(marks).hexdigest()}"


def _differences(first: _First, entry: Entry) -> list[str]:
    """Name what a repeat says otherwise than the first receipt did."""
    differences = []
    if entry["event_time"] != first.event_time:
        differences.append("event_time")
    if entry["custom_data"].get("value") != first.value:
        differences.append("value")
    return differences


def _fingerprints(user_data: dict[str, Any]) -> dict[str, list[str]]:
    """Return per field the hashes received, and for plain values their SHA-256: no personal text is kept."""
    return {name: _fingerprints_of(name, value) for name, value in user_data.items()}


def _fingerprints_of(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return values if name in HASHED_FIELDS else [_fingerprint(str(item)) for item in values]


def _fingerprint(text: str) -> str:
    return text if _IS_HASH(text) else hashlib.sha256(text.encode()).hexdigest()
