"""Replaying: a score projection from nothing, against a raw scan of the same facts and the library's runner."""

import time
from functools import partial
from itertools import islice

from adapters.postgres.connections import connect
from adapters.postgres.facts import PAGE
from adapters.postgres.positions import newest_position
from adapters.postgres.read_models import kinds_of
from adapters.postgres.rebuild import Rebuild
from adapters.postgres.recorder import FlushedRecorder
from api.cli.bench import library
from api.cli.bench.facts import tours
from api.cli.bench.ground import Ground, skip_to_end
from api.cli.bench.rows import Row, alternate, compared
from api.cli.bench.sizes import Sizes
from projections.catalogue import BY_NAME

SCANNED_AT_ONCE = 5_000
LOADED_AT_ONCE = 500
PATIENCE_S = 120.0


def fill(ground: Ground, facts: int) -> None:
    """Append so many facts of believable tours, and let the live read models count as up to date with them.

    They stay empty: a replay is headed for their position, and is not compared with them here.
    """
    supply = tours(ground.brokerage_id)
    with connect(ground.url, "masar_ingest", synchronous=False, name="bench") as connection:
        for _ in range(0, facts, LOADED_AT_ONCE):
            FlushedRecorder.append_touchpoints(connection, list(islice(supply, LOADED_AT_ONCE)))
    with connect(ground.url, "masar_owner", name="bench") as owner:
        owner.execute("VACUUM ANALYZE log.masar_events")
    skip_to_end(ground)


def replay_rows(ground: Ground, sizes: Sizes) -> list[Row]:
    """Measure the replays of sessions and of people, each alternated with a scan of the facts that it reads."""
    rows = []
    for name, row in (("tour_sessions", "replay_vs_scan"), ("people", "replay_people_vs_scan")):
        rounds = sizes.replay_rounds if name == "tour_sessions" else 1
        measured = alternate(
            rounds, {"scan": partial(scan, ground.url, name), "ours": partial(replay, ground.url, name)}
        )
        rows.append(compared(row, "facts/s", measured["ours"], "raw scan", measured["scan"]))
        if name == "tour_sessions":
            theirs = [library_replay(ground.url, sizes.library_replayed)] * rounds
            rows.append(compared("replay_vs_library", "facts/s", measured["ours"], "the library's runner", theirs))
    return rows


def scan(url: str, name: str) -> float:
    """Return the facts per second of reading what a projection handles: the same columns and order, nothing done."""
    kinds, after, facts = kinds_of(BY_NAME[name]), 0, 0
    with connect(url, "masar_projector", name="bench") as connection:
        newest = newest_position(connection)
        started = time.perf_counter()
        while rows := connection.execute(PAGE, (after, newest, kinds, SCANNED_AT_ONCE), binary=True).fetchall():
            facts, after = facts + len(rows), rows[-1][0]
        return facts / (time.perf_counter() - started)


def replay(url: str, name: str) -> float:
    """Return the facts per second of folding a read model from nothing into tables of its own, exactly once."""
    with Rebuild(url, name) as rebuild:
        started = time.perf_counter()
        for _ in rebuild.run():
            pass
        took = time.perf_counter() - started
        return rebuild.folded() / took


def library_replay(url: str, facts: int) -> float:
    """Return the facts per second of the library's runner at the same fold: one fact, one transaction."""
    last = library.copy_facts(url, facts)
    with library.runner(url) as runner:
        runner.wait(last, timeout=PATIENCE_S)
    taken = library.TourScores.taken_at
    return (len(taken) - 1) / (taken[-1] - taken[0])
