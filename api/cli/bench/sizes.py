"""How much is measured: in full, or in about a minute."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rounds, seconds and amounts of every measurement."""

    rounds: int
    append_s: float  # per cell and round
    http_s: float  # per cell and round
    http_connections: tuple[int, ...]
    open_loop_s: float
    replayed: int  # facts in the log before a replay
    replay_rounds: int
    library_replayed: int  # facts; its rate does not depend on how many
    latency_s: float
    accepted: int  # touchpoints followed to the simulator
    delivered: int  # conversions
    bursts: int  # customers who write three messages
    live_s: float
    crowd: int  # customers who are all written to at once
    shaped_s: float
    firsts: int  # customers whose first two messages come at once
    talks: int  # customers, of fifty deliveries each


FULL = Sizes(
    rounds=5, append_s=0.8, http_s=3, http_connections=(1, 64, 256), open_loop_s=15, replayed=200_000,
    replay_rounds=3, library_replayed=1_500, latency_s=15, accepted=300, delivered=10_000,
    bursts=60, live_s=12, crowd=1_400, shaped_s=20, firsts=1_000, talks=2_000,
)  # fmt: skip
QUICK = Sizes(
    rounds=2, append_s=0.15, http_s=0.8, http_connections=(1, 64, 256), open_loop_s=4, replayed=20_000,
    replay_rounds=3, library_replayed=300, latency_s=4, accepted=60, delivered=4_000,
    bursts=12, live_s=3, crowd=300, shaped_s=5, firsts=200, talks=200,
)  # fmt: skip
TINY = Sizes(
    rounds=1, append_s=0.02, http_s=0.1, http_connections=(64,), open_loop_s=0.2, replayed=1_000,
    replay_rounds=1, library_replayed=20, latency_s=0.2, accepted=3, delivered=1_100,
    bursts=2, live_s=0.2, crowd=10, shaped_s=1, firsts=10, talks=4,
)  # fmt: skip
"""For trying the bench itself; its figures say nothing."""
