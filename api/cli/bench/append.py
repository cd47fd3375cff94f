"""Appending: ours against a raw INSERT and the library's recorder, by writers and batch size."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from uuid import UUID, uuid4

from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import sql

from adapters.postgres.batcher import Batcher
from adapters.postgres.connections import connect
from adapters.postgres.mapper import StoredFact
from adapters.postgres.on_loop import connect_on_loop
from adapters.postgres.recorder import FlushedRecorder
from adapters.postgres.writer import Writer
from api.cli.bench import library
from api.cli.bench.facts import batches
from api.cli.bench.ground import Ground
from api.cli.bench.rows import Row, alternate, compared
from api.cli.bench.sizes import Sizes
from application.ports.touchpoints import Observed
from domain.people.hints import PersonHints
from domain.tours.events import TourRoomVisited

Write = Callable[[list[StoredFact]], object]
Contender = Callable[[], AbstractContextManager[Write]]

WRITERS = (1, 16)
BATCHES = (1, 100, 500)
GROUPED = 16
HEADLINE = (500, 1)
"""Batch size and writers of `append_500_vs_library`."""
RAW_TABLE = """
CREATE TABLE bench.raw_events (
  originator_id uuid NOT NULL, originator_version bigint NOT NULL, topic text NOT NULL, state bytea NOT NULL,
  notification_id bigserial, PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX ON bench.raw_events (notification_id);
"""
RAW_ONE = sql.SQL(
    "INSERT INTO bench.raw_events (originator_id, originator_version, topic, state) VALUES (%b, %b, %b, %b)"
)
RAW_MANY = sql.SQL(
    "INSERT INTO bench.raw_events (originator_id, originator_version, topic, state) "
    "SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[])"
)


def append_rows(ground: Ground, sizes: Sizes) -> list[Row]:
    """Measure every cell; the library's batches stay under the 200 KB above which its pipeline may hang."""
    with library.recorder(ground.url, max(WRITERS)) as theirs:
        contenders: dict[str, Contender] = {
            "raw": partial(_raw, ground.url),
            "library": partial(_library, theirs),
            "ours": partial(_ours, ground.url),
        }
        rows = [row for cell in _cells() for row in _cell(ground, sizes, contenders, *cell)]
        return rows + _grouped(ground, sizes, theirs)


def prepare(ground: Ground) -> None:
    """Make the schema and the table that the others write to."""
    with connect(ground.url, "masar_owner", name="bench") as owner:
        owner.execute("CREATE SCHEMA bench")
        owner.execute(RAW_TABLE)


def _cells() -> list[tuple[int, int]]:
    return [(size, writers) for size in BATCHES for writers in WRITERS]


def _cell(ground: Ground, sizes: Sizes, contenders: dict[str, Contender], size: int, writers: int) -> list[Row]:
    supplies = [batches(ground.brokerage_id, size) for _ in range(writers)]
    measured = alternate(
        sizes.rounds,
        {name: partial(drive, one, supplies, sizes.append_s) for name, one in contenders.items()},
    )
    amount = "single" if size == 1 else str(size)
    cell = f"append_{amount}_{writers}w"
    rows = _compared(cell, measured)
    return rows if (size, writers) != HEADLINE else [*rows, replace(rows[0], name="append_500_vs_library")]


def drive(contender: Contender, supplies: Sequence[Iterator[list[StoredFact]]], seconds: float) -> float:
    """Return facts per second that one writer per supply appends in a time, each acknowledged as durable."""
    ready = threading.Barrier(len(supplies) + 1)
    written, failures = [0] * len(supplies), []
    until = 0.0

    def write(nth: int, supply: Iterator[list[StoredFact]]) -> None:
        try:
            with contender() as append:
                append(next(supply))  # the first prepares statements
                ready.wait()
                ready.wait()
                while time.perf_counter() < until:
                    batch = next(supply)
                    append(batch)
                    written[nth] += len(batch)
        except Exception as failure:
            failures.append(failure)
            ready.abort()

    threads = [threading.Thread(target=write, args=(nth, one), daemon=True) for nth, one in enumerate(supplies)]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        started = time.perf_counter()
        until = started + seconds
        ready.wait()
    finally:
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
    return sum(written) / (time.perf_counter() - started)


@contextmanager
def _raw(url: str) -> Iterator[Write]:
    with connect(url, "masar_owner", name="bench") as connection:

        def write(batch: list[StoredFact]) -> None:
            rows = [(fact.originator_id, fact.originator_version, fact.topic, fact.state) for fact in batch]
            if len(rows) == 1:
                connection.execute(RAW_ONE, rows[0])
            else:
                connection.execute(RAW_MANY, [list(column) for column in zip(*rows, strict=True)])

        yield write


@contextmanager
def _library(recorder: PostgresApplicationRecorder) -> Iterator[Write]:
    yield recorder.insert_events


@contextmanager
def _ours(url: str) -> Iterator[Write]:
    with connect(url, "masar_ingest", by_index=True, name="bench") as connection:

        def write(batch: list[StoredFact]) -> None:
            FlushedRecorder.append_touchpoints(connection, batch)

        yield write


def _grouped(ground: Ground, sizes: Sizes, theirs: PostgresApplicationRecorder) -> list[Row]:
    """Measure the way in that the API takes, with who it is, sealing and group commit, from as many writers at once."""
    supplies = [batches(ground.brokerage_id, 1) for _ in range(GROUPED)]
    measured = alternate(sizes.rounds, {
        "raw": partial(drive, partial(_raw, ground.url), supplies, sizes.append_s),
        "library": partial(drive, partial(_library, theirs), supplies, sizes.append_s),
        "ours": lambda: asyncio.run(_through_batcher(ground, sizes.append_s)),
    })  # fmt: skip
    return _compared(f"append_grouped_{GROUPED}w", measured)


def _compared(cell: str, measured: dict[str, list[float]]) -> list[Row]:
    return [
        compared(f"{cell}_vs_library", "facts/s", measured["ours"], "the library's recorder", measured["library"]),
        compared(f"{cell}_vs_raw", "facts/s", measured["ours"], "raw INSERT", measured["raw"]),
    ]


async def _through_batcher(ground: Ground, seconds: float) -> float:
    batcher = Batcher(lambda: Writer(ground.url, ground.settings.master(), connect_on_loop))
    supply = _observed(ground.brokerage_id)
    written = 0

    async def write(until: float) -> None:
        nonlocal written
        while time.perf_counter() < until:
            await batcher.append([next(supply)])
            written += 1

    try:
        await batcher.append(list(islice(supply, 10)))
        started = time.perf_counter()
        await asyncio.gather(*(write(started + seconds) for _ in range(GROUPED)))
        return written / (time.perf_counter() - started)
    finally:
        await batcher.close()


def _observed(brokerage_id: UUID) -> Iterator[Observed]:
    run = uuid4().hex[:8]
    nth = 0
    while True:
        session = f"{run}-{nth // 8}"
        fact = TourRoomVisited(
            session_id=session, property_id="villa-1", room="kitchen", dwell_s=30, occurred_at=datetime.now(UTC),
            hints=PersonHints(fbp=f"fb.1.1700000000000.{session}"),
        )  # fmt: skip
        yield Observed(brokerage_id, "bench", f"{run}-{nth}", fact, session.encode(), uuid4(), "EG", 350)
        nth += 1
