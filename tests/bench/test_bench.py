"""The bench runs from end to end and says what it measured under names that stay."""

import json
import math
from collections import Counter
from itertools import permutations
from pathlib import Path

import orjson
import pytest

from api.cli.bench import measure
from api.cli.bench.messaging_disorder import STATUSES, disordered, talks
from api.cli.bench.messaging_load import read_requests, write_requests
from api.cli.bench.report import document
from api.cli.bench.rows import TARGETS, Row, Target, alternate, compared, percentile
from api.cli.bench.sizes import TINY
from domain.messaging.receipts import Receipts, with_receipt

STABLE = {
    "append_single_16w_vs_library", "append_single_16w_vs_raw", "append_500_vs_library", "http_single_64c_vs_bare",
    "http_400ps_p99_ms", "http_batch100_per_s", "replay_vs_library", "replay_vs_scan", "append_to_read_model_p99_ms",
    "touchpoint_to_accepted_p95_ms", "delivery_per_s", "touchpoint_to_accepted_p95_ms_30pct_transient",
    "delivery_killed_lost_30pct", "simulate_s_per_100k_facts", "webhook_64c_vs_bare", "webhook_400ps_p99_ms",
    "webhooks_killed_wrong", "burst_to_answer_p50_ms", "burst_to_answer_p95_ms", "parallel_firsts_extra_threads",
    "webhook_to_stream_p95_ms", "stream_resume_ms", "shaper_rate_codes",
}  # fmt: skip
GOOD_AT_ZERO = {
    "delivery_killed_lost_30pct", "webhooks_killed_wrong", "parallel_firsts_extra_threads", "shaper_rate_codes",
}  # fmt: skip


def test_the_document_holds_every_figure_under_its_name() -> None:
    machine, fsync_ms, rows = measure(TINY, lambda _part: None)
    said = json.loads(orjson.dumps(document(machine, fsync_ms, rows)))
    assert said.keys() == {"machine", "fsync_ms", "rows"}
    assert {"cores", "python", "postgres", "memory_gib"} <= said["machine"].keys()
    assert said["fsync_ms"] > 0
    by_name = {row["name"]: row for row in said["rows"]}
    assert len(by_name) == len(said["rows"])
    assert by_name.keys() >= STABLE
    for row in said["rows"]:
        assert row["unit"]
        assert row["value"] > 0 or row["name"] in GOOD_AT_ZERO
        assert (row["ratio"] is None) == (row["against"] is None)
        assert row["ratio"] is None or (row["ratio"] > 0 and row["against_value"] > 0)


def test_what_has_to_be_reached_is_said_of_figures_that_exist() -> None:
    assert TARGETS.keys() <= STABLE


def test_contenders_take_turns() -> None:
    order: list[str] = []
    measured = alternate(2, {"a": lambda: order.append("a") or 2.0, "b": lambda: order.append("b") or 1.0})
    assert order == ["a", "b", "a", "b"]
    assert measured == {"a": [2.0, 2.0], "b": [1.0, 1.0]}


def test_a_ratio_compares_what_was_measured_side_by_side() -> None:
    disturbed = compared("x", "facts/s", [100, 10, 100], "raw", [50, 5, 50])
    assert disturbed.ratio == 2
    assert (disturbed.value, disturbed.against_value) == (100, 50)


@pytest.mark.parametrize(
    ("target", "row", "met"),
    [
        (Target(at_least=3), Row("x", 1, "", "y", 1, 3.0), True),
        (Target(at_least=3), Row("x", 9, "", "y", 1, 2.9), False),
        (Target(below=50, of="value"), Row("x", 49.9, "ms"), True),
        (Target(below=50, of="value"), Row("x", 50, "ms"), False),
        (Target(at_least=7_000, of="value"), Row("x", 7_000, "/s"), True),
    ],
)
def test_a_target_is_met_or_missed(target: Target, row: Row, met: bool) -> None:
    assert target.met(row) is met


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(one) for one in range(100, 0, -1)]
    assert percentile(values, 0.5) == 51
    assert percentile(values, 0.99) == 100
    assert not math.isnan(percentile([1.0], 0.99))
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_the_storm_tells_each_thing_and_half_of_its_deliveries_are_copies() -> None:
    told = Counter(disordered(1_000))
    assert (len(told), told.total()) == (1_000, 2_000)
    assert disordered(1_000) != sorted(disordered(1_000))


def test_each_customer_of_the_storm_writes_and_is_written_to() -> None:
    found, bodies = talks(3, 1_750_000_000, "run")
    assert [(len(one.said), len(one.all), len(one.statuses)) for one in found] == [(16, 19, 3)] * 3
    assert len(bodies) == 3 * (16 + 3 + 3 * 2)
    assert len({message for one in found for message in one.all}) == 3 * 19


@pytest.mark.parametrize(("told", "final"), STATUSES)
def test_what_the_storm_expects_of_statuses_holds_in_any_order(told: tuple[str, ...], final: str) -> None:
    for order in permutations(enumerate(told)):
        receipts = Receipts()
        for at_ms, status in order:
            receipts = with_receipt(receipts, status, at_ms)  # type: ignore[arg-type]
        assert receipts.status == final


def test_requests_are_read_as_they_were_written(tmp_path: Path) -> None:
    requests = [b"", b"POST / HTTP/1.1\r\n\r\n", bytes(range(256)) * 300]
    write_requests(tmp_path / "requests", requests)
    assert read_requests(tmp_path / "requests") == requests
