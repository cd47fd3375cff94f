"""Credit learned from all paths at once, solved exactly: Markov's removal effect, and Shapley's value.

Sources: Anderl, Becker, von Wangenheim, Schumann, *Mapping the customer journey* (2016), order 1; Shapley (1953) of
the game whose worth of a set of channels is the conversions that they alone brought.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

LEAST_CONVERSIONS: Final = 300
"""Below it what is learned is noise."""
MOST_NAMES: Final = 60
"""Names that are solved for; above it each has too few conversions to learn from, and the system grows too large."""
START, CONVERTED, LOST = "\x00start", "\x00converted", "\x00lost"


@dataclass(frozen=True, slots=True)
class Path:
    """Names touched in order, and whether a conversion followed."""

    names: tuple[str, ...]
    converted: bool


def markov(paths: Collection[Path]) -> dict[str, float]:
    """Return each name's share of all conversions, together 1; nothing where nothing converted.

    A name's removal effect is how much less likely a conversion gets when every step to it is lost; shares are
    removal effects made to add up to 1. Solved as a linear system, not simulated.
    """
    steps = _steps(paths)
    names = sorted({name for path in paths for name in path.names})
    whole = _reaching(steps, names, None)
    if whole <= 0:
        return {}
    effects = {name: max(0.0, 1 - _reaching(steps, names, name) / whole) for name in names}
    total = sum(effects.values())
    return {name: effect / total for name, effect in effects.items()} if total > 0 else {}


def shapley(names: Collection[str]) -> dict[str, Fraction]:
    """Return what each channel of one conversion's path earns: the closed form is a fair split of distinct ones.

    The worth of a set counts conversions whose channels all lie in it, so each conversion is a game of its own, in
    which its channels are alike.
    """
    distinct = sorted(set(names))
    return {name: Fraction(1, len(distinct)) for name in distinct}


def _steps(paths: Collection[Path]) -> Mapping[str, Counter[str]]:
    steps: dict[str, Counter[str]] = {}
    for path in paths:
        places = (START, *path.names, CONVERTED if path.converted else LOST)
        for here, there in pairwise(places):
            steps.setdefault(here, Counter())[there] += 1
    return steps


def _reaching(steps: Mapping[str, Counter[str]], names: Sequence[str], removed: str | None) -> float:
    """Return the chance that a walk from the start ends in a conversion; what leads to `removed` is lost.

    The chances x of all places solve x = Q x + r, Q being the steps among them and r those into a conversion.
    """
    places = [START, *(name for name in names if name != removed)]
    at = {name: nth for nth, name in enumerate(places)}
    matrix: list[list[float]] = []
    for name in places:
        leaving = steps.get(name, Counter())
        total = sum(leaving.values()) or 1
        row = [0.0] * (len(places) + 1)
        row[at[name]] = 1.0
        for there, count in leaving.items():
            if there in at:
                row[at[there]] -= count / total
            elif there == CONVERTED:
                row[-1] += count / total
        matrix.append(row)
    return _solve(matrix)[0]


def _solve(matrix: list[list[float]]) -> list[float]:
    """Solve a linear system by elimination with partial pivoting; the last column is the right side."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        top = matrix[column][column]
        if abs(top) < 1e-12:
            continue  # a place that is never left: nothing is won from it
        for row in range(size):
            factor = matrix[row][column] / top if row != column else 0.0
            if factor:
                matrix[row] = [one - factor * other for one, other in zip(matrix[row], matrix[column], strict=True)]
    return [row[-1] / row[nth] if abs(row[nth]) > 1e-12 else 0.0 for nth, row in enumerate(matrix)]
