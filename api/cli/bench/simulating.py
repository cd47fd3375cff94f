"""Simulating: a whole history folded under another policy, beside the live one."""

import time

from adapters.postgres.connections import connect
from adapters.postgres.simulate import PostgresPast
from api.cli.bench.ground import BenchFailed, Ground
from api.cli.bench.rows import Row
from application.ports.simulations import Window
from application.simulate_policy import simulate
from domain.scoring.plain import PLAIN

PER = 100_000


def simulate_rows(ground: Ground) -> list[Row]:
    """Measure a simulation of `plain` over all the facts of the brokerage, in seconds per 100,000 of them."""
    started = time.perf_counter()
    with connect(ground.url, "masar_projector", name="bench") as connection:
        past = PostgresPast(connection, ground.brokerage_id, PLAIN, Window())
        result = simulate(past, PLAIN, Window(), lambda _progress: None)
    took_s = time.perf_counter() - started
    if not result["facts"] or not result["conversions"]["newly"]:
        raise BenchFailed("the simulation found nothing to decide")
    return [Row("simulate_s_per_100k_facts", round(took_s * PER / result["facts"], 3), "s")]
