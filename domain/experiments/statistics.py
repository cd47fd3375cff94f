"""Statistics of rates, in plain arithmetic: intervals, tests, and how many people a test needs.

Rates and probabilities from 0 to 1. Two-sided throughout.
"""

from collections.abc import Sequence
from math import asin, ceil, erfc, exp, lgamma, log, pi, sin, sqrt
from statistics import NormalDist

NORMAL = NormalDist()


def wilson(successes: int, people: int, alpha: float = 0.05) -> tuple[float, float]:
    """Return the score interval of a rate; everything where nobody was there. Source: Wilson (1927)."""
    if people == 0:
        return 0.0, 1.0
    z, rate = _z(alpha), successes / people
    middle = (rate + z * z / (2 * people)) / (1 + z * z / people)
    half = z * sqrt(rate * (1 - rate) / people + z * z / (4 * people * people)) / (1 + z * z / people)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return low, 1.0 if successes == people else min(1.0, middle + half)


def newcombe(one: tuple[int, int], other: tuple[int, int], alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of (rate of `other`) - (rate of `one`), each (successes, people).

    Source: Newcombe (1998), method 10, from both Wilson intervals.
    """
    (low_1, high_1), (low_2, high_2) = wilson(*one, alpha), wilson(*other, alpha)
    rate_1, rate_2 = _rate(*one), _rate(*other)
    low = rate_2 - rate_1 - sqrt((rate_2 - low_2) ** 2 + (high_1 - rate_1) ** 2)
    high = rate_2 - rate_1 + sqrt((high_2 - rate_2) ** 2 + (rate_1 - low_1) ** 2)
    return max(-1.0, low), min(1.0, high)


def p_value(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return how likely so different rates were if there was no difference.

    Fisher's exact test where some cell is expected to hold fewer than five, else the pooled z test.
    """
    (hits_1, people_1), (hits_2, people_2) = one, other
    everybody, hits = people_1 + people_2, hits_1 + hits_2
    if people_1 == 0 or people_2 == 0 or hits in (0, everybody):
        return 1.0
    expected = [people * part / everybody for people in (people_1, people_2) for part in (hits, everybody - hits)]
    if min(expected) < 5:
        return fisher(one, other)
    pooled = hits / everybody
    z = abs(_rate(*one) - _rate(*other)) / sqrt(pooled * (1 - pooled) * (1 / people_1 + 1 / people_2))
    return erfc(z / sqrt(2))


def fisher(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the two-sided p of Fisher's exact test: of all tables no likelier than the one seen."""
    (hits_1, people_1), (hits_2, people_2) = one, other
    hits, everybody = hits_1 + hits_2, people_1 + people_2

    def chance(of_first: int) -> float:
        return exp(_choose(people_1, of_first) + _choose(people_2, hits - of_first) - _choose(everybody, hits))

    seen = chance(hits_1) * (1 + 1e-9)
    possible = range(max(0, hits - people_2), min(hits, people_1) + 1)
    return min(1.0, sum(likely for at in possible if (likely := chance(at)) <= seen))


def people_needed(baseline: float, lift: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return how many people each variant needs to find a relative lift. Source: Cohen (1988), arcsine differences."""
    effect = 2 * asin(sqrt(baseline * (1 + lift))) - 2 * asin(sqrt(baseline))
    return ceil(2 * ((_z(alpha) + NORMAL.inv_cdf(power)) / effect) ** 2)


def least_lift(baseline: float, people: int, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return the smallest relative lift that so many people per variant would find, None where none would do."""
    if people == 0 or not 0 < baseline < 1:
        return None
    effect = (_z(alpha) + NORMAL.inv_cdf(power)) * sqrt(2 / people)
    angle = asin(sqrt(baseline)) + effect / 2
    return sin(angle) ** 2 / baseline - 1 if angle < pi / 2 else None


def sample_ratio_p(seen: Sequence[int], shares: Sequence[float]) -> float:
    """Return how likely so uneven groups were if everybody had been assigned as meant: the chi-squared test.

    For two to four groups, whose tails have a closed form.
    """
    everybody = sum(seen)
    if everybody == 0:
        return 1.0
    x = sum((one - everybody * share) ** 2 / (everybody * share) for one, share in zip(seen, shares, strict=True))
    match len(seen):
        case 2:
            return erfc(sqrt(x / 2))
        case 3:
            return exp(-x / 2)
        case 4:
            return erfc(sqrt(x / 2)) + sqrt(2 * x / pi) * exp(-x / 2)
        case _:
            raise ValueError("two to four groups")


def watched(
    one: tuple[int, int], other: tuple[int, int], meant_for: int, alpha: float = 0.05
) -> tuple[float, float]:  # fmt: skip
    """Return an interval of the difference that may be looked at every day; narrowest at `meant_for` people in all.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, *Time-uniform central limit theory* (2021): the asymptotic
    confidence sequence. Wider than a fixed interval: that is the price of looking.
    """
    (_, people_1), (_, people_2) = one, other
    if people_1 < 2 or people_2 < 2:
        return -1.0, 1.0
    everybody = people_1 + people_2
    # a rate of 0 or 1 has no variance of its own: Laplace's rule stands in
    spread = sum(rate * (1 - rate) / people for rate, people in (
        ((hits + 1) / (people + 2), people) for hits, people in (one, other)
    ))  # fmt: skip
    rho_2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / meant_for
    grown = everybody * rho_2 + 1
    half = sqrt(2 * grown / (everybody**2 * rho_2) * log(sqrt(grown) / alpha)) * sqrt(everybody * spread)
    difference = _rate(*other) - _rate(*one)
    return max(-1.0, difference - half), min(1.0, difference + half)


def _z(alpha: float) -> float:
    return NORMAL.inv_cdf(1 - alpha / 2)


def _rate(successes: int, people: int) -> float:
    return successes / people if people else 0.0


def _choose(among: int, some: int) -> float:
    return lgamma(among + 1) - lgamma(some + 1) - lgamma(among - some + 1)
