"""What an experiment shows so far, and whether that is enough for a verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from domain.experiments import statistics
from domain.experiments.experiment import Experiment

Verdict = Literal["better", "worse", "no_difference", "too_little_data", "uneven_groups"]
UNEVEN: Final = 0.001
"""Below this chance groups were not assigned as meant, and nothing can be said of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing a person did: when (unix ms), which variants it shows (from 0), and whether it is the goal."""

    at_ms: int
    variants: tuple[int, ...] = ()
    goal: bool = False


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's people who saw no other, those who reached the goal, the rate and its interval, 0 to 1."""

    people: int
    reached: int
    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A variant beside the control: the difference of rates, its interval, and one that may be watched daily."""

    variant: int
    difference: float
    low: float
    high: float
    watched_low: float
    watched_high: float
    p: float
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class Results:
    """All variants, and each but the first beside it. `mixed` people saw several variants and count for none."""

    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    mixed: int
    people_needed: int  # per variant
    least_lift: float | None  # relative; what the smallest variant's people would find now
    sample_ratio_p: float


def results(experiment: Experiment, people: Iterable[Sequence[Seen]]) -> Results:
    """Return what an experiment shows, of what each person did, in any order."""
    counts = [[0, 0] for _ in experiment.variants]
    mixed = 0
    for person in people:
        shown = {variant for one in person for variant in one.variants}
        if len(shown) > 1:
            mixed += 1
        elif shown:
            (variant,) = shown
            counts[variant][0] += 1
            counts[variant][1] += _reached(experiment, person)
    return _judged(experiment, [(reached, seen) for seen, reached in counts], mixed)


def _reached(experiment: Experiment, person: Sequence[Seen]) -> bool:
    first = min(one.at_ms for one in person if one.variants)
    return any(one.goal and first <= one.at_ms <= first + experiment.window_s * 1000 for one in person)


def _judged(experiment: Experiment, counts: Sequence[tuple[int, int]], mixed: int) -> Results:
    alpha = experiment.alpha / (len(counts) - 1)  # Bonferroni: several comparisons share one level
    needed = statistics.people_needed(experiment.baseline, experiment.least_lift, alpha, experiment.power)
    ratio_p = statistics.sample_ratio_p([people for _, people in counts], experiment.shares)
    fewest = min(people for _, people in counts)
    return Results(
        tuple(_arm(reached, people, experiment.alpha) for reached, people in counts),
        tuple(_compared(nth, counts[0], counts[nth], alpha, needed, ratio_p) for nth in range(1, len(counts))),
        mixed, needed, statistics.least_lift(experiment.baseline, fewest, alpha, experiment.power), ratio_p,
    )  # fmt: skip


def _arm(reached: int, people: int, alpha: float) -> Arm:
    low, high = statistics.wilson(reached, people, alpha)
    return Arm(people, reached, reached / people if people else None, low, high)


def _compared(
    variant: int, control: tuple[int, int], other: tuple[int, int], alpha: float, needed: int, ratio_p: float
) -> Comparison:
    low, high = statistics.newcombe(control, other, alpha)
    watched_low, watched_high = statistics.watched(control, other, 2 * needed, alpha)
    p = statistics.p_value(control, other)
    difference = other[0] / max(1, other[1]) - control[0] / max(1, control[1])
    verdict, why = _verdict(min(control[1], other[1]), needed, ratio_p, p, alpha, difference)
    return Comparison(variant, difference, low, high, watched_low, watched_high, p, verdict, why)


def _verdict(
    fewest: int, needed: int, ratio_p: float, p: float, alpha: float, difference: float
) -> tuple[Verdict, str]:
    if ratio_p < UNEVEN:
        return "uneven_groups", f"people were not assigned as meant (p = {ratio_p:.2g}): mend that first"
    if fewest < needed:
        return "too_little_data", f"{fewest} of {needed} people per variant: wait, and do not stop at a good moment"
    if p >= alpha:
        return "no_difference", f"p = {p:.3g} is not below {alpha:.3g}"
    return ("better" if difference > 0 else "worse"), f"p = {p:.3g} is below {alpha:.3g}"
