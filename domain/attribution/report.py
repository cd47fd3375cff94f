"""Attribution of many conversions: credit by channel, campaign or source, under each model side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Literal

from domain.attribution.data_driven import LEAST_CONVERSIONS, MOST_NAMES, Path, markov, shapley
from domain.attribution.models import RULE_MODELS, RuleModel, shared, split_by_name, weights
from domain.attribution.touches import Touch, within

Model = Literal["first", "last", "linear", "time_decay", "position", "markov", "shapley"]
Dimension = Literal["channel", "campaign", "source"]
MODELS: Final[tuple[Model, ...]] = (*RULE_MODELS, "markov", "shapley")
DATA_DRIVEN: Final[frozenset[Model]] = frozenset({"markov", "shapley"})


@dataclass(frozen=True, slots=True)
class Converted:
    """One conversion: who, when (unix ms), and what it is worth in minor units; 0 where it has no value."""

    person: str
    at_ms: int
    value_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to compute: how far back touches count, and how soon they fade under time decay, in seconds."""

    dimension: Dimension = "channel"
    lookback_s: int = 90 * 86_400
    half_life_s: float = 7 * 86_400


@dataclass(slots=True)
class Credit:
    """What a name earned: conversions as a fraction of them, value in minor units by currency."""

    conversions: Fraction = Fraction(0)
    value_minor: dict[str, int] = field(default_factory=dict)

    def add(self, conversions: Fraction, value_minor: int, currency: str) -> None:
        """Add a share of one conversion."""
        self.conversions += conversions
        if value_minor:
            self.value_minor[currency] = self.value_minor.get(currency, 0) + value_minor


@dataclass(frozen=True, slots=True)
class Attributed:
    """One model's credits by name; with what no touch led to they add up to the total. `note` says what differs."""

    model: Model
    computed_as: Model
    credited: Mapping[str, Credit]
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All conversions, those that no touch led to, and the credits of the others under each model."""

    total: Credit
    unattributed: Credit
    models: tuple[Attributed, ...]
    influenced: Mapping[str, int]  # name → conversions with a touch of it; one conversion may count for several


def attribute(
    conversions: Sequence[Converted], touched: Mapping[str, Sequence[Touch]], wanted: Wanted,
    models: Sequence[Model] = MODELS,
) -> Report:  # fmt: skip
    """Share every conversion among the touches of its person before it; `touched` is by person, in order of time."""
    total, unattributed = Credit(), Credit()
    paths: list[tuple[Converted, tuple[Touch, ...]]] = []
    influenced: dict[str, int] = {}
    for one in conversions:
        total.add(Fraction(1), one.value_minor, one.currency)
        path = within(touched.get(one.person, ()), one.at_ms, wanted.lookback_s)
        if path:
            paths.append((one, path))
            for name in {touch.named(wanted.dimension) for touch in path}:
                influenced[name] = influenced.get(name, 0) + 1
        else:
            unattributed.add(Fraction(1), one.value_minor, one.currency)
    lost = _lost(conversions, touched, wanted) if "markov" in models and len(paths) >= LEAST_CONVERSIONS else []
    return Report(total, unattributed, tuple(_under(one, paths, lost, wanted) for one in models), influenced)


def _under(
    model: Model, paths: Sequence[tuple[Converted, tuple[Touch, ...]]], lost: Sequence[Path], wanted: Wanted
) -> Attributed:
    note = _not_learned(model, paths, wanted)
    if note is not None:
        shares = [_ruled("position", *one, wanted) for one in paths]
        return Attributed(model, "position", _credited(shares, paths), note)
    match model:
        case "markov":
            learned = _learned(paths, lost, wanted)
            shares = [_kept(learned, path, wanted) for _, path in paths]
        case "shapley":
            shares = [shapley([touch.named(wanted.dimension) for touch in path]) for _, path in paths]
        case _:
            shares = [_ruled(model, *one, wanted) for one in paths]
    return Attributed(model, model, _credited(shares, paths))


def _not_learned(
    model: Model, paths: Sequence[tuple[Converted, tuple[Touch, ...]]], wanted: Wanted
) -> str | None:  # fmt: skip
    """Return why a model cannot be learned from these paths, None where it can, or need not be."""
    if model in DATA_DRIVEN and len(paths) < LEAST_CONVERSIONS:
        return f"{len(paths)} attributed conversions are fewer than {LEAST_CONVERSIONS}: shared by position instead"
    names = {touch.named(wanted.dimension) for _, path in paths for touch in path} if model == "markov" else ()
    if len(names) > MOST_NAMES:
        return f"{len(names)} names are more than {MOST_NAMES}: shared by position instead"
    return None


def _ruled(model: RuleModel, one: Converted, path: tuple[Touch, ...], wanted: Wanted) -> dict[str, Fraction]:
    return shared(path, weights(model, path, one.at_ms, wanted.half_life_s), wanted.dimension)


def _credited(
    shares: Sequence[Mapping[str, Fraction]], paths: Sequence[tuple[Converted, tuple[Touch, ...]]]
) -> dict[str, Credit]:
    found: dict[str, Credit] = {}
    for (one, _), share in zip(paths, shares, strict=True):
        values = split_by_name(one.value_minor, share)
        for name, part in share.items():
            found.setdefault(name, Credit()).add(part, values[name], one.currency)
    return found


def _learned(
    paths: Sequence[tuple[Converted, tuple[Touch, ...]]], lost: Sequence[Path], wanted: Wanted
) -> dict[str, Fraction]:
    seen = [Path(tuple(touch.named(wanted.dimension) for touch in path), converted=True) for _, path in paths]
    return {name: Fraction(share) for name, share in markov([*seen, *lost]).items()}


def _kept(learned: Mapping[str, Fraction], path: Sequence[Touch], wanted: Wanted) -> dict[str, Fraction]:
    """Return a conversion's shares: what was learned of the names on its own path, made to add up to 1.

    So no name earns of a conversion that it had no part in.
    """
    names = {touch.named(wanted.dimension) for touch in path}
    total = sum((learned.get(name, Fraction(0)) for name in names), Fraction(0))
    if not total:
        return shapley(names)
    return {name: learned.get(name, Fraction(0)) / total for name in names}


def _lost(conversions: Sequence[Converted], touched: Mapping[str, Sequence[Touch]], wanted: Wanted) -> list[Path]:
    """Return the paths of those who did not convert."""
    converted = {one.person for one in conversions}
    return [
        Path(tuple(touch.named(wanted.dimension) for touch in path), converted=False)
        for person, path in touched.items() if path and person not in converted
    ]  # fmt: skip
