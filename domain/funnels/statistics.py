"""A funnel's figures: people and times per step, and how long it took those who went all the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from domain.funnels.progress import Progress

NARROWEST_BIN_S = 60
"""Width of the one bin where everybody took equally long, in seconds."""
MOST_BINS = 90


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step, from 1: people who took it, rates 0 to 1 (None where nobody could), seconds since the step before."""

    step: int
    people: int
    from_first: float | None
    from_previous: float | None
    dropped: int  # took the step before and not this one
    mean_s: float | None
    median_s: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """People who took at least `from_s` seconds, and less than the next bin's."""

    from_s: int
    people: int


def figures(steps: int, people: Iterable[Progress]) -> list[StepFigures]:
    """Return the figures of every step of a funnel of so many; who was excluded counts nowhere."""
    counted = [one for one in people if one.reached and not one.excluded]
    reached = [sum(one.reached > step for one in counted) for step in range(steps)]
    found = []
    for step in range(steps):
        seconds = [(one.times[step] - one.times[step - 1]) / 1000 for one in counted if step and one.reached > step]
        before = reached[step - 1] if step else reached[0]
        found.append(StepFigures(
            step + 1, reached[step], _rate(reached[step], reached[0]), _rate(reached[step], before),
            before - reached[step], fmean(seconds) if seconds else None, median(seconds) if seconds else None,
        ))  # fmt: skip
    return found


def seconds_between(people: Iterable[Progress], first: int, last: int) -> list[float]:
    """Return how long everybody took who went from one step to another, both from 1."""
    return [
        (one.times[last - 1] - one.times[first - 1]) / 1000
        for one in people if one.reached >= last and not one.excluded
    ]  # fmt: skip


def histogram(seconds: Sequence[float], bins: int | None = None) -> list[Bin]:
    """Return durations in bins of one width, the cube root of their number rounded up unless told; with an end bin.

    Source: PostHog's time to convert, whose bins begin with the shortest duration.
    """
    if not seconds:
        return []
    shortest, longest = min(seconds), max(seconds)
    wanted = bins or min(MOST_BINS, ceil(round(len(seconds) ** (1 / 3), 9)))
    width = ceil((longest - shortest) / wanted) or NARROWEST_BIN_S
    counts = [0] * (wanted + 1)
    for one in seconds:
        counts[int((one - shortest) // width)] += 1
    return [Bin(int(shortest) + nth * width, count) for nth, count in enumerate(counts)]


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
