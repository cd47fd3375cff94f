"""The HTTP path: durable touchpoints through the real API process, against a bare FastAPI answer."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from statistics import median
from uuid import uuid4

from adapters.postgres.connections import connect
from api.cli.bench import bare, load
from api.cli.bench.ground import BenchFailed, Ground, free_port
from api.cli.bench.load import PATIENCE_S, Order, Report
from api.cli.bench.rows import Row, alternate, compared, percentile
from api.cli.bench.sizes import Sizes
from api.cli.context import ROOT

BATCH, BATCH_CONNECTIONS = 100, 8
STEADY_PER_S, STEADY_CONNECTIONS = 400, 64
WARM_UP_S = 0.3
COUNT = "SELECT count(*) FROM log.masar_events"


def http_rows(ground: Ground, sizes: Sizes, port: int) -> list[Row]:
    """Measure single touchpoints by connections, batches, and latency at a steady rate.

    Raises BenchFailed where an answer was not good, or fewer touchpoints are stored than were acknowledged.
    """
    with bare_process(ground) as theirs:
        measuring = _Http(ground, sizes, port, theirs)
        rows = [row for connections in sizes.http_connections for row in measuring.single(connections)]
        rows += [measuring.batches(), *measuring.steady()]
        measuring.check()
    return rows


class _Http:
    """Measurements against two servers, counting what ours acknowledged."""

    def __init__(self, ground: Ground, sizes: Sizes, ours: int, theirs: int) -> None:
        self._ground, self._sizes, self._ours, self._theirs = ground, sizes, ours, theirs
        self._before, self._acknowledged = _stored(ground), 0
        for port in (ours, theirs):
            self._rate(port, 1, seconds=WARM_UP_S)

    def single(self, connections: int) -> list[Row]:
        """Measure one touchpoint to a request."""
        measured = alternate(self._sizes.rounds, {
            "bare": partial(self._rate, self._theirs, connections),
            "ours": partial(self._rate, self._ours, connections),
        })  # fmt: skip
        name = f"http_single_{connections}c_vs_bare"
        return [compared(name, "touchpoints/s", measured["ours"], "bare FastAPI", measured["bare"])]

    def batches(self) -> Row:
        """Measure batches of a hundred."""
        rates = [self._rate(self._ours, BATCH_CONNECTIONS, batch=BATCH) for _ in range(self._sizes.rounds)]
        return Row("http_batch100_per_s", round(median(rates)), "touchpoints/s")

    def steady(self) -> list[Row]:
        """Measure latency at a steady rate, from the moment each request was due."""
        report = post(
            self._ground, self._ours, STEADY_CONNECTIONS, self._sizes.open_loop_s, per_s=float(STEADY_PER_S)
        )  # fmt: skip
        self._acknowledged += report.good
        return [
            Row(f"http_{STEADY_PER_S}ps_p50_ms", round(percentile(report.latencies_ms, 0.5), 2), "ms"),
            Row(f"http_{STEADY_PER_S}ps_p99_ms", round(percentile(report.latencies_ms, 0.99), 2), "ms"),
        ]

    def check(self) -> None:
        """Refuse figures of touchpoints that are not there."""
        stored = _stored(self._ground) - self._before
        if stored < self._acknowledged:
            raise BenchFailed(f"{self._acknowledged} touchpoints were acknowledged, but {stored} are stored")

    def _rate(self, port: int, connections: int, batch: int = 1, seconds: float | None = None) -> float:
        report = post(self._ground, port, connections, seconds or self._sizes.http_s, batch=batch)
        if port == self._ours:
            self._acknowledged += report.good * batch
        return report.good * batch / report.took_s


@contextmanager
def api_process(ground: Ground) -> Iterator[int]:
    """Run the API as `masar api` does; give its port."""
    port = free_port()
    with ground.process("api", MASAR_HOST="127.0.0.1", MASAR_PORT=str(port)) as process:
        process.wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port


@contextmanager
def bare_process(ground: Ground) -> Iterator[int]:
    """Run the application that does nothing, served the same way; give its port."""
    port = free_port()
    with ground.process("bare", bare.__file__, str(port)) as process:
        process.wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port


def post(
    ground: Ground, port: int, connections: int, seconds: float, *, per_s: float | None = None, batch: int = 1,
    kind: str = "room", keep: bool = False,
) -> Report:  # fmt: skip
    """Post touchpoints from a process of its own. Raises BenchFailed where an answer was not what it should be."""
    order = Order(port, ground.key, uuid4().hex[:8], connections, seconds, per_s, batch, kind, keep)
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-P", load.__file__], input=json.dumps(asdict(order)), capture_output=True, text=True,
        check=False, cwd=ROOT, timeout=seconds + 2 * PATIENCE_S,
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"the load generator ended: {done.stderr[-2000:]}")
    report = Report(**json.loads(done.stdout))
    if report.bad or not report.good:
        raise BenchFailed(f"{report.bad} bad answers, such as: {report.first_bad}\n{ground.last_words('api')}")
    return report


def _stored(ground: Ground) -> int:
    with connect(ground.url, "masar_projector", name="bench") as connection:
        row = connection.execute(COUNT).fetchone()
    return int(row[0]) if row else 0
