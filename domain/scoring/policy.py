"""A policy: the tables that say what scores, and what Meta is told, as plain data."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]
FactValue = float | int | bool | str | None
Trigger = Literal["tour_closed", "tour_progress", "lead_form", "property_saved"]
OncePer = Literal["session", "person_and_property", "touchpoint"]
Quality = Literal["hot", "warm", "cold"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Table):
    """A test on one named fact; every bound that is given must hold, a fact that is not known holds none."""

    fact: Word
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    equals: bool | str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Condition":
        if self.above is None and self.at_least is None and self.below is None and self.equals is None:
            raise ValueError(f"condition on {self.fact!r} needs one of above, at_least, below, equals")
        return self

    def holds(self, facts: Mapping[str, FactValue]) -> bool:
        """Tell whether the named fact passes; a missing fact never does."""
        value = facts.get(self.fact)
        if value is None:
            return False
        if self.equals is not None and value != self.equals:
            return False
        if isinstance(value, str):
            return self.equals is not None
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
        )


class Row(Condition):
    """One line of a score: points for a fact that passes, with the reason a broker would give."""

    rule: Word
    points: int = Field(ge=0, le=100)
    why: Word


class ScoreTable(_Table):
    """The rows that make one score, capped to 0–100."""

    about: Word
    rows: tuple[Row, ...]


class Value(_Table):
    """What a conversion is worth: a fixed number of currency units, or a named fact times a factor."""

    fixed: float | None = Field(default=None, ge=0)
    base: Word | None = None
    factor: float = 1.0

    def of(self, facts: Mapping[str, FactValue]) -> float | None:
        """Return the value in currency units, None where the base is not known."""
        if self.base is None:
            return self.fixed
        base = facts.get(self.base)
        return round(float(base) * self.factor, 2) if isinstance(base, int | float) else None


class ConversionRow(_Table):
    """One line of the conversion table.

    Rows of the same `slot` are alternatives: the first whose conditions hold is the one, and the slot is filled
    once per `once_per`, whichever row filled it.
    """

    slot: Word
    on: Trigger
    when: tuple[Condition, ...] = ()
    event_name: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    value: Value | None = None
    category: Word
    extra: tuple[Word, ...] = ()  # named facts sent along in custom_data
    once_per: OncePer
    why: Word


class Bands(_Table):
    """Where a score turns warm and hot."""

    hot: int = 70
    warm: int = 40

    def quality(self, score: float) -> Quality:
        """Return the band of a score."""
        if score >= self.hot:
            return "hot"
        return "warm" if score >= self.warm else "cold"


class Policy(_Table):
    """Scores, bands and conversions of one brokerage, as one document."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_\-]{0,39}$")]
    version: int = Field(ge=1)
    bands: Bands = Bands()
    scores: tuple[ScoreTable, ...]
    conversions: tuple[ConversionRow, ...]
    silent: dict[str, Word] = Field(default_factory=dict)  # touchpoint kind → why it earns no conversion
    dataset_roles: tuple[Literal["website", "messaging", "crm", "offline"], ...] = ("website",)
    effective_from_s: int = Field(default=0, ge=0)  # unix seconds; what happened before earns no conversion

    @property
    def label(self) -> str:
        """`brief@1`: how scores and conversions name the policy they come from."""
        return f"{self.name}@{self.version}"

    def score_table(self, about: str) -> ScoreTable:
        """Return the score table of a subject such as "tours"; an empty one where the policy has none."""
        return next((table for table in self.scores if table.about == about), None) or ScoreTable(about=about, rows=())


class Reason(_Table):
    """Why a score is what it is: one row that fired, the fact it saw, and the log entries behind it."""

    rule: str
    points: int
    why: str
    fact: str
    value: FactValue
    events: tuple[str, ...] = ()


class Score(_Table):
    """A score 0–100 with its band, its reasons and the policy that gave it."""

    score: int
    quality: Quality
    policy: str
    reasons: tuple[Reason, ...]


def score(policy: Policy, about: str, facts: Mapping[str, FactValue], evidence: Mapping[str, tuple[str, ...]]) -> Score:
    """Apply one score table to named facts; `evidence` names the log entries behind each fact."""
    reasons = tuple(
        Reason(
            rule=row.rule, points=row.points, why=row.why, fact=row.fact,
            value=facts[row.fact], events=evidence.get(row.fact, ()),
        )
        for row in policy.score_table(about).rows
        if row.holds(facts)
    )  # fmt: skip
    total = min(100, sum(reason.points for reason in reasons))
    return Score(score=total, quality=policy.bands.quality(total), policy=policy.label, reasons=reasons)


def first_rows(policy: Policy, trigger: Trigger, facts: Mapping[str, FactValue]) -> list[ConversionRow]:
    """Return, slot by slot, the first row of this trigger whose conditions all hold."""
    chosen: dict[str, ConversionRow] = {}
    for row in policy.conversions:
        if row.on == trigger and row.slot not in chosen and all(test.holds(facts) for test in row.when):
            chosen[row.slot] = row
    return list(chosen.values())
