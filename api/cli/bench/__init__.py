"""`masar bench`: measures this machine in one run, on a database of its own that is gone afterwards."""

import signal
import sys
from collections.abc import Callable, Iterator

import orjson
from rich.console import Console

from adapters.embedded.service import EmbeddedError
from api.cli.bench.append import append_rows, prepare
from api.cli.bench.delivery import delivery_rows
from api.cli.bench.ground import ELSEWHERE, BenchFailed, Ground, opened, skip_to_end
from api.cli.bench.http import api_process, http_rows
from api.cli.bench.latency import latency_rows
from api.cli.bench.machine import describe, fsync_ms
from api.cli.bench.messaging import messaging_rows
from api.cli.bench.replay import fill, replay_rows
from api.cli.bench.report import document, show
from api.cli.bench.rows import Row
from api.cli.bench.simulating import simulate_rows
from api.cli.bench.sizes import FULL, QUICK, Sizes
from api.cli.bench.webhooks import webhook_rows

SWITCH_S = 0.0005
"""As in our processes: threads that wait for a database get their turn at once. All contenders run under it."""


def run(json: bool, quick: bool) -> int:
    """Measure and print; return the exit code: 0 also where a figure is missed, 1 where it could not be measured."""
    said = Console(stderr=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves every `with`: processes end, the folder goes
    try:
        machine, fsync, rows = measure(QUICK if quick else FULL, lambda part: said.print(f"{part} …", highlight=False))
    except (BenchFailed, EmbeddedError) as failure:
        said.print(f"[red]masar:[/red] {failure}", highlight=False)
        return 1
    if json:
        sys.stdout.write(orjson.dumps(document(machine, fsync, rows), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(Console(), machine, fsync, rows)
    return 0


def measure(sizes: Sizes, tell: Callable[[str], None]) -> tuple[dict[str, object], float, list[Row]]:
    """Return what it was measured on, the time of an fsync in milliseconds, and every row.

    Raises BenchFailed or EmbeddedError where something does not run.
    """
    waited = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with opened() as ground:
            return describe(ground.url), fsync_ms(ground.home), list(_rows(ground, sizes, tell))
    finally:
        sys.setswitchinterval(waited)


def _rows(ground: Ground, sizes: Sizes, tell: Callable[[str], None]) -> Iterator[Row]:
    appending, replaying, messaging, storming = map(ground.elsewhere, ELSEWHERE)
    for place in (appending, replaying):
        prepare(place)
    tell("appending")
    yield from append_rows(appending, sizes)
    with api_process(ground) as port:
        tell("posting")
        yield from http_rows(ground, sizes, port)
        tell("posting webhooks")
        yield from webhook_rows(ground, sizes, port)
        skip_to_end(ground)
        with ground.process("projector"):
            tell("following touchpoints to the read models")
            yield from latency_rows(ground, sizes, port)
            tell("following touchpoints to the simulator")
            yield from delivery_rows(ground, sizes, port)
    yield from messaging_rows(messaging, storming, sizes, tell)
    tell("filling a log")
    fill(replaying, sizes.replayed)
    tell("replaying")
    yield from replay_rows(replaying, sizes)
    tell("simulating a policy")
    yield from simulate_rows(replaying)
