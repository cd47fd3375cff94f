"""How one conversion is shared among the touches before it: weights per model, and exact credits.

Source: the rule models as Google Ads, Matomo and Snowplow define them; position is 40/20/40.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal

from domain.attribution.touches import Touch

RuleModel = Literal["first", "last", "linear", "time_decay", "position"]
RULE_MODELS: Final[tuple[RuleModel, ...]] = ("first", "last", "linear", "time_decay", "position")
ENDS: Final = Fraction(2, 5)
"""What the first and the last touch earn by position; those between them share the rest."""
FARTHEST_HALVINGS: Final = 1000
"""Beyond so many half-lives behind the newest touch a weight is nothing a float could hold."""


def weights(model: RuleModel, touched: Sequence[Touch], at_ms: int, half_life_s: float) -> list[Fraction]:
    """Return what each touch earns of one conversion: none below 0, together just 1; nothing for no touch.

    `touched` are in order of time and none is after `at_ms`.
    """
    count = len(touched)
    if count == 0:
        return []
    match model:
        case "first":
            return [Fraction(1), *[Fraction(0)] * (count - 1)]
        case "last":
            return [*[Fraction(0)] * (count - 1), Fraction(1)]
        case "linear":
            return [Fraction(1, count)] * count
        case "position":
            return _by_position(count)
        case "time_decay":
            return _by_age([at_ms - one.at_ms for one in touched], half_life_s)


def _by_position(count: int) -> list[Fraction]:
    if count <= 2:
        return [Fraction(1, count)] * count
    between = (1 - 2 * ENDS) / (count - 2)
    return [ENDS, *[between] * (count - 2), ENDS]


def _by_age(ages_ms: Sequence[int], half_life_s: float) -> list[Fraction]:
    """Weights halve with every half-life. Ages count from the newest touch: the shares are the same, and one is 1."""
    newest = min(ages_ms)
    halvings = [min((age - newest) / 1000 / half_life_s, FARTHEST_HALVINGS) for age in ages_ms]
    raw = [Fraction(2.0**-one) for one in halvings]
    total = sum(raw)
    return [one / total for one in raw]


def split(value_minor: int, shares: Sequence[Fraction]) -> list[int]:
    """Split a value into whole minor units by largest remainder: the parts add up to just the value.

    Of equal remainders the earlier touch gets the unit. `shares` add up to 1; without any nothing is split.
    """
    exact = [value_minor * share for share in shares]
    parts = [one.numerator // one.denominator for one in exact]
    left = value_minor - sum(parts) if shares else 0
    by_remainder = sorted(range(len(shares)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_remainder[:left]:
        parts[at] += 1
    return parts


def shared(
    touched: Sequence[Touch], shares: Sequence[Fraction], dimension: Literal["channel", "campaign", "source"]
) -> dict[str, Fraction]:
    """Return what each name of a dimension earns: a name touched twice earns both."""
    found: dict[str, Fraction] = {}
    for touch, share in zip(touched, shares, strict=True):
        found[touch.named(dimension)] = found.get(touch.named(dimension), Fraction(0)) + share
    return found


def split_by_name(value_minor: int, shares: Mapping[str, Fraction]) -> dict[str, int]:
    """Split a value among names as `split` does among touches, in the order of the names."""
    names = sorted(shares)
    return dict(zip(names, split(value_minor, [shares[name] for name in names]), strict=True))
