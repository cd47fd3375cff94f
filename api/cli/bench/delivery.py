"""From a posted lead form to the conversion that the simulator accepted, and how many of them a worker delivers.

Also while the simulator refuses a third of the requests for a moment, and while answers get lost and the worker is
killed again and again.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

import httpx

from adapters.postgres.connections import connect
from api.cli.bench.ground import DATASET, PATIENCE_S, BenchFailed, Ground, wait_until
from api.cli.bench.http import post
from api.cli.bench.load import Report
from api.cli.bench.rows import Row, percentile
from api.cli.bench.sizes import Sizes

PACE_PER_S = 20
STORM_PER_S = 100
KILL_EVERY_S, LOOK_S = 2.5, 0.05
TROUBLED = 0.3
"""Share of requests that go wrong."""
FILL_BATCH, FILL_PER_S = 100, 20
WARM_UP_LEADS = 2
EVENT_IDS = "SELECT cause_id::text, event_id FROM read_models.conversions WHERE cause_id = ANY(%s::uuid[])"
UNDER_WAY = (
    "SELECT count(*) FROM outbox.messages WHERE kind = 'conversion' AND state IN ('waiting', 'leased', 'parked')"
)
GIVEN_UP = "SELECT count(*) FROM outbox.messages WHERE kind = 'conversion' AND state = 'dead'"
WAITING = "SELECT count(*) FROM outbox.messages WHERE kind = 'conversion' AND state = 'waiting'"
PAGE = 10_000
EVENT = "Lead"


def delivery_rows(ground: Ground, sizes: Sizes, port: int) -> list[Row]:
    """Follow lead forms all the way, then let a pile of conversions go at once. The projector has to run."""
    with simulator(ground) as ledger:
        with workers(ground):
            rows = [*_accepted(ground, sizes, port, ledger), _in_weakness(ground, sizes, port, ledger)]
        return [*rows, _delivered(ground, sizes, port, ledger), _killed(ground, sizes, port, ledger)]


class Ledger:
    """The lead forms' conversions that the simulator received."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=10)

    def count(self) -> int:
        """Return how many were received."""
        datasets = self._client.get("/_simulator/summary").json()["datasets"]
        return int(datasets.get(DATASET, {}).get(EVENT, {}).get("received", 0))

    def plan(self, **faults: float) -> None:
        """Let these shares of the requests go wrong from now on; none without any."""
        self._client.put("/_simulator/faults", json=faults).raise_for_status()

    def counted(self) -> Counter[str]:
        """Return how often each event id counts."""
        return Counter(one["event_id"] for one in self._all() if one["outcome"] == "counted")

    def entries(self) -> list[tuple[str, str, float]]:
        """Return (event id, request id, unix time of receipt) of each, in order."""
        return [
            (one["event_id"], one["request_id"], datetime.fromisoformat(one["received_at"]).timestamp())
            for one in self._all()
        ]

    def _all(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        following: int | None = 0
        while following is not None:
            query: dict[str, str | int] = {"event_name": EVENT, "limit": PAGE, "cursor": following}
            page = self._client.get("/_simulator/ledger", params=query).json()
            found, following = found + page["data"], page["next_cursor"]
        return found


@contextmanager
def simulator(ground: Ground) -> Iterator[Ledger]:
    """Run the simulator where the ground's settings say that Meta is."""
    address = ground.settings.graph_url
    port = address.rpartition(":")[2]
    with ground.process("simulator", "-m", "api.cli", "simulator", "--port", port) as process:
        process.wait_for(f"{address}/_simulator/health")
        yield Ledger(address)


@contextmanager
def workers(ground: Ground) -> Iterator[None]:
    """Run the relay and one worker."""
    with ExitStack() as stack:
        for name in ("scheduler", "worker"):
            stack.enter_context(ground.process(name))
        yield


def _accepted(ground: Ground, sizes: Sizes, port: int, ledger: Ledger) -> list[Row]:
    _post_leads(ground, port, WARM_UP_LEADS, per_s=PACE_PER_S)
    wait_until(lambda: ledger.count() >= WARM_UP_LEADS, "the first conversions")
    report = _post_leads(ground, port, sizes.accepted, per_s=PACE_PER_S)
    wait_until(lambda: ledger.count() >= WARM_UP_LEADS + sizes.accepted, f"{sizes.accepted} conversions")
    took_ms = _took_ms(ground, report, {event: at for event, _, at in ledger.entries()})
    return [
        Row("touchpoint_to_accepted_p50_ms", round(percentile(took_ms, 0.5)), "ms"),
        Row("touchpoint_to_accepted_p95_ms", round(percentile(took_ms, 0.95)), "ms"),
    ]


def _in_weakness(ground: Ground, sizes: Sizes, port: int, ledger: Ledger) -> Row:
    """Follow lead forms at a hundred a second while so many requests are refused for a moment."""
    before, leads = ledger.count(), max(1, round(STORM_PER_S * sizes.latency_s))
    ledger.plan(transient_share=TROUBLED, seed=7)
    report = _post_leads(ground, port, leads, per_s=STORM_PER_S)
    wait_until(lambda: ledger.count() >= before + leads, f"{leads} conversions in spite of weakness")
    ledger.plan()
    took_ms = _took_ms(ground, report, {event: at for event, _, at in ledger.entries()})
    return Row("touchpoint_to_accepted_p95_ms_30pct_transient", round(percentile(took_ms, 0.95)), "ms")


def _killed(ground: Ground, sizes: Sizes, port: int, ledger: Ledger) -> Row:
    """Deliver while so many answers get lost and the worker is killed every few seconds.

    Counts what is wrong in the end: events that count twice, and conversions that are missing or given up.
    """
    before, leads = ledger.counted(), max(1, round(STORM_PER_S * sizes.latency_s))
    ledger.plan(lost_after_processing_share=TROUBLED, seed=7)
    posting = threading.Thread(target=_post_leads, args=(ground, port, leads), kwargs={"per_s": STORM_PER_S})
    with connect(ground.url, "masar_projector", name="bench") as connection, ground.process("scheduler"):

        def number(question: str) -> int:
            return int((connection.execute(question).fetchone() or (0,))[0])

        posting.start()
        deadline = time.monotonic() + sizes.latency_s + PATIENCE_S
        while posting.is_alive() or len(ledger.counted() - before) < leads or number(UNDER_WAY):
            if time.monotonic() > deadline:
                raise BenchFailed(f"{number(UNDER_WAY)} conversions still under way though workers were only killed")
            reached = ledger.count()
            with ground.process("worker") as worker:
                time.sleep(KILL_EVERY_S)
                while ledger.count() == reached and number(UNDER_WAY) and time.monotonic() < deadline:
                    time.sleep(LOOK_S)  # a busy machine starts it slowly: one that did nothing yet is left alive
                worker.kill()
        posting.join()
        ledger.plan()
        counted = ledger.counted() - before
        wrong = sum(times - 1 for times in counted.values()) + abs(leads - len(counted)) + number(GIVEN_UP)
    return Row("delivery_killed_lost_30pct", wrong, "conversions twice, missing or given up")


def _took_ms(ground: Ground, report: Report, received: dict[str, float]) -> list[float]:
    """Return, for each lead form, the time from when it was due until its conversion was received."""
    to_unix = time.time() - time.monotonic()
    due = {json.loads(text)["items"][0]["event_id"]: at + to_unix for at, _, text in report.kept}
    with connect(ground.url, "masar_projector", name="bench") as connection:
        ids = dict(connection.execute(EVENT_IDS, (list(due),)).fetchall())
    return [(received[ids[touchpoint]] - at) * 1000 for touchpoint, at in due.items()]


def _delivered(ground: Ground, sizes: Sizes, port: int, ledger: Ledger) -> Row:
    """Measure from the first request that arrives to the last, without what the first one brought."""
    before = ledger.count()
    _post_leads(ground, port, sizes.delivered // FILL_BATCH, per_s=FILL_PER_S, batch=FILL_BATCH)
    with connect(ground.url, "masar_projector", name="bench") as connection:
        wait_until(
            lambda: (connection.execute(WAITING).fetchone() or (0,))[0] >= sizes.delivered,
            f"{sizes.delivered} conversions in the outbox",
        )
    with workers(ground):
        wait_until(lambda: ledger.count() >= before + sizes.delivered, f"{sizes.delivered} conversions delivered")
    entries = ledger.entries()[before:]
    first = min(entries, key=lambda one: one[2])
    later = sum(request != first[1] for _, request, _ in entries)
    took_s = max(at for _, _, at in entries) - first[2]
    return Row("delivery_per_s", round(later / max(took_s, 1e-3)), "conversions/s")


def _post_leads(ground: Ground, port: int, requests: int, *, per_s: int, batch: int = 1) -> Report:
    return post(ground, port, 16, requests / per_s, per_s=float(per_s), batch=batch, kind="lead", keep=batch == 1)
