"""One figure of the bench, what it has to reach, and how two things are compared fairly."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: `value` in `unit`; where compared, `ratio` of it to `against_value`, which `against` names."""

    name: str
    value: float
    unit: str
    against: str | None = None
    against_value: float | None = None
    ratio: float | None = None

    def document(self) -> dict[str, Any]:
        """Return the row as it is printed in JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Target:
    """What a row has to reach: a ratio or value of at least `at_least`, or a value below `below`."""

    at_least: float | None = None
    below: float | None = None
    of: str = "ratio"

    def met(self, row: Row) -> bool:
        """Tell whether the row reaches it."""
        measured = row.ratio if self.of == "ratio" else row.value
        if measured is None:
            return False
        return measured >= self.at_least if self.at_least is not None else measured < (self.below or 0)

    def words(self) -> str:
        """Return it as text, such as `≥ 3 ×`."""
        number = f"≥ {self.at_least:,g}" if self.at_least is not None else f"< {self.below:,g}"
        return number + (" ×" if self.of == "ratio" else "")


# fmt: off
TARGETS: Mapping[str, Target] = {
    "append_single_16w_vs_library":   Target(at_least=3),
    "append_single_16w_vs_raw":       Target(at_least=0.3),
    "append_500_vs_library":          Target(at_least=3),
    "http_single_64c_vs_bare":        Target(at_least=0.25),
    "http_400ps_p99_ms":              Target(below=50, of="value"),
    "http_batch100_per_s":            Target(at_least=7_000, of="value"),
    "webhook_64c_vs_bare":            Target(at_least=0.25),
    "webhook_400ps_p99_ms":           Target(below=50, of="value"),
    "burst_to_answer_p50_ms":         Target(below=1_500, of="value"),
    "webhook_to_stream_p95_ms":       Target(below=300, of="value"),
    "stream_resume_ms":               Target(below=2_000, of="value"),
    "shaper_rate_codes":              Target(below=1, of="value"),
    "parallel_firsts_extra_threads":  Target(below=1, of="value"),
    "webhooks_killed_wrong":          Target(below=1, of="value"),
    "replay_vs_library":              Target(at_least=50),
    "replay_vs_scan":                 Target(at_least=0.3),
    "append_to_read_model_p99_ms":    Target(below=300, of="value"),
    "touchpoint_to_accepted_p95_ms":  Target(below=5_000, of="value"),
    "touchpoint_to_accepted_p95_ms_30pct_transient": Target(below=5_000, of="value"),
    "delivery_per_s":                 Target(at_least=1_000, of="value"),
    "delivery_killed_lost_30pct":     Target(below=1, of="value"),
    "simulate_s_per_100k_facts":      Target(below=20, of="value"),
}
# fmt: on


def alternate(rounds: int, contenders: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure each in turn, again and again (A B A B …), so that a disturbance hits them all."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            measured[name].append(measure())
    return measured


def compared(name: str, unit: str, ours: Sequence[float], against: str, theirs: Sequence[float]) -> Row:
    """Return a row from alternated measurements: medians, and the median of the rounds' ratios."""
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    return Row(name, round(median(ours), 1), unit, against, round(median(theirs), 1), round(ratio, 3))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies (nearest rank); raises ValueError for none."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
