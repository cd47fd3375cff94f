"""A policy: the tables that say what scores, and what Meta is told, as plain data."""

from collections.abc import Mapping, Sequence
from math import floor, prod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FactValue = float | int | bool | str | None
Number = int | float
Quality = Literal["hot", "warm", "cold"]
DatasetRole = Literal["website", "messaging", "crm", "offline"]

# fmt: off
Trigger = Literal[
    "tour_closed", "tour_progress",
    "conversation_closed", "conversation_progress",
    "appraisal_requested", "appraisal_progress",
    "rental_search", "booking_initiated", "booking_paid", "booking_confirmed", "booking_cancelled", "stay_completed",
    "rental_review", "rental_referral", "hosting_started", "rental_interest",
    "viewing_requested", "viewing_scheduled", "viewing_completed", "viewing_missed", "viewing_cancelled",
    "property_viewed", "property_saved", "investor_progress", "portfolio_progress", "investor_referral",
    "lead_form", "lead_stage", "page_viewed", "direct",
]
"""What may cause a conversion; each brings the named facts that its rows may ask about."""

OncePer = Literal[
    "session", "conversation", "appraisal", "booking", "referral", "viewing", "lead", "order",
    "person", "person_and_property", "touchpoint",
]
"""What a slot is filled once for."""
# fmt: on


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Condition(_Table):
    """A test on one named fact; every bound that is given must hold, a fact that is not known holds none."""

    fact: Word
    above: Number | None = None
    at_least: Number | None = None
    below: Number | None = None
    at_most: Number | None = None
    equals: StrictBool | str | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Condition":
        if all(bound is None for bound in (self.above, self.at_least, self.below, self.at_most, self.equals)):
            raise ValueError(f"condition on {self.fact!r} needs one of above, at_least, below, at_most, equals")
        return self

    def holds(self, facts: Mapping[str, FactValue]) -> bool:
        """Tell whether the named fact passes; a missing fact never does."""
        value = facts.get(self.fact)
        if value is None:
            return False
        if self.equals is not None and value != self.equals:
            return False
        bounds = (self.above, self.at_least, self.below, self.at_most)
        if isinstance(value, str):
            return self.equals is not None and bounds == (None, None, None, None)
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
        )


def all_hold(conditions: Sequence[Condition], facts: Mapping[str, FactValue]) -> bool:
    """Tell whether every condition holds; without any, it does."""
    return all(one.holds(facts) for one in conditions)


class Row(Condition):
    """One line of a score: points for a fact that passes, with the reason a broker would give.

    With `each`, the points count once per unit of the fact (2 for each question), at most `most` in all.
    """

    rule: Word
    points: Number = Field(ge=0, le=100)
    each: bool = False
    most: Number | None = Field(default=None, ge=0, le=100)
    why: Sentence

    def earned(self, facts: Mapping[str, FactValue]) -> Number:
        """Return the points that a fact which passes earns."""
        value = facts.get(self.fact)
        earned = self.points * value if self.each and isinstance(value, int | float) else self.points
        return earned if self.most is None else min(self.most, earned)


class ScoreTable(_Table):
    """The rows that make one score: `base` and the points earned, at most `most`.

    The first row of `instead` that passes gives the whole score, whatever the others say.
    """

    about: Word
    base: Number = Field(default=0, ge=0, le=100)
    most: Number = Field(default=100, ge=0, le=100)
    rows: tuple[Row, ...]
    instead: tuple[Row, ...] = ()


class Rung(_Table):
    """One step of a ladder: the label that holds where all its conditions do."""

    label: Word
    when: tuple[Condition, ...]
    why: Sentence


class Ladder(_Table):
    """A named fact that is found by going down the rungs: the first that holds gives it, else `otherwise`."""

    name: Word
    rungs: tuple[Rung, ...]
    otherwise: Word


class MilestoneRow(_Table):
    """A milestone that is reached when all its conditions hold; what a producer observed itself needs none."""

    name: Word
    about: Word
    when: tuple[Condition, ...]
    why: Sentence


# fmt: off
TOUR_MILESTONES = tuple(
    MilestoneRow(
        name=name, about="tours", when=tuple(Condition(fact=fact, at_least=least) for fact, least in when), why=why
    )
    for name, why, when in (
        ("bedroom_focused",  "a minute in the bedrooms",   (("bedroom_s", 60),)),
        ("kitchen_detailed", "looked into the kitchen",    (("kitchen_s", 45), ("kitchen_actions", 2))),
        ("multiple_visits",  "came back to the same home", (("earlier_sessions", 1),)),
        ("shared_tour",      "showed it to somebody",      (("shares", 1),)),
        ("tour_downloaded",  "took it home",               (("downloads", 1),)),
    )
)
"""The milestones of a tour. Policies stored before milestones were rows of a policy had these."""
# fmt: on


NOISE = 4
"""Decimals of a value, in currency units, beyond which there is only the noise of binary fractions."""


class Value(_Table):
    """What a conversion is worth: a fixed number of currency units, or a named fact times a factor.

    `otherwise` is worth it where the named fact is not known.
    """

    fixed: Number | None = Field(default=None, ge=0)
    base: Word | None = None
    factor: Number = Field(default=1, ge=0)
    otherwise: Number | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one(self) -> "Value":
        if (self.fixed is None) == (self.base is None):
            raise ValueError("a value is either fixed or has a base")
        return self

    def of(self, facts: Mapping[str, FactValue]) -> float | None:
        """Return the value in currency units, None where the base is not known and nothing stands in."""
        if self.base is None:
            return self.fixed
        base = facts.get(self.base)
        if isinstance(base, bool) or not isinstance(base, int | float):
            return self.otherwise
        return round(base * self.factor, NOISE)


class ConversionRow(_Table):
    """One line of the conversion table.

    Rows of the same `slot` are alternatives: the first whose conditions hold is the one, and the slot is filled
    once per `once_per`, whichever row filled it. `{milestone}` in a slot stands for the occasion's milestone.
    `event_name` may be taken from a fact by `event_name_from`. `messaging_name` is told instead of it where the
    conversion is earned in a chat and Meta does not allow the name there. An `exact` value is not multiplied: it is
    somebody's own word.
    """

    slot: Word
    on: Trigger
    when: tuple[Condition, ...] = ()
    event_name: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    event_name_from: Word | None = None
    messaging_name: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None
    value: Value | None = None
    exact: bool = False
    category: Word
    extra: tuple[Word, ...] = ()  # named facts sent along in custom_data
    also: dict[str, FactValue] = Field(default_factory=dict)  # constants sent along in custom_data
    once_per: OncePer
    why: Sentence


class MultiplierRow(Condition):
    """One line of a multiplier: times what, where the fact passes."""

    times: Number = Field(ge=0, le=10)
    why: Sentence


class Multipliers(_Table):
    """What values are multiplied by for a person: of each table the first row that passes, all together at most."""

    tables: tuple[tuple[MultiplierRow, ...], ...] = ()
    most: Number = Field(default=3, ge=0, le=10)


class IntentWeights(_Table):
    """How the best scores on each platform make the intent 0–10; one platform alone reaches `alone_at_most`."""

    weights: dict[str, Number] = Field(default_factory=dict)
    window_days: int = Field(default=90, ge=1, le=3650)
    alone_at_most: Number = Field(default=10, ge=0, le=10)


class ActionRow(_Table):
    """What an agent should do next for a person of whom all conditions hold; the first row that passes is shown."""

    do: Word
    when: tuple[Condition, ...]
    why: Sentence


class Bands(_Table):
    """Where a score turns warm and hot."""

    hot: Number = Field(default=70, ge=0, le=100)
    warm: Number = Field(default=40, ge=0, le=100)

    @model_validator(mode="after")
    def _ascending(self) -> "Bands":
        if self.warm > self.hot:
            raise ValueError("warm must not lie above hot")
        return self

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
    ladders: tuple[Ladder, ...] = ()
    milestones: tuple[MilestoneRow, ...] = TOUR_MILESTONES
    conversions: tuple[ConversionRow, ...]
    silent: dict[str, Sentence] = Field(default_factory=dict)  # touchpoint kind → why it earns no conversion
    multipliers: Multipliers = Multipliers()
    intent: IntentWeights = IntentWeights()
    actions: tuple[ActionRow, ...] = ()
    commission_rate: Number = Field(default=0.025, ge=0, le=1)  # share of a price that the brokerage earns
    unverified_at_most: Number | None = Field(
        default=None, ge=0
    )  # currency units, for visitors whom nobody vouches for
    dataset_roles: tuple[DatasetRole, ...] = ("website",)
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
    points: Number
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


NO_EVIDENCE: Mapping[str, tuple[str, ...]] = {}


def score(
    policy: Policy, about: str, facts: Mapping[str, FactValue],
    evidence: Mapping[str, tuple[str, ...]] = NO_EVIDENCE,
) -> Score:  # fmt: skip
    """Apply one score table to named facts; `evidence` names the log entries behind each fact."""
    table = policy.score_table(about)
    instead = next((row for row in table.instead if row.holds(facts)), None)
    rows = (instead,) if instead else tuple(row for row in table.rows if row.holds(facts))
    reasons = tuple(
        Reason(
            rule=row.rule, points=round(row.earned(facts), 2), why=row.why, fact=row.fact,
            value=facts[row.fact], events=evidence.get(row.fact, ()),
        )
        for row in rows
    )  # fmt: skip
    base = 0 if instead else table.base
    total = floor(min(100, table.most, base + sum(row.earned(facts) for row in rows)) + 0.5)
    return Score(score=total, quality=policy.bands.quality(total), policy=policy.label, reasons=reasons)


def label(policy: Policy, name: str, facts: Mapping[str, FactValue], otherwise: str = "unknown") -> str:
    """Return what a ladder says of the facts; `otherwise` where the policy has no such ladder."""
    ladder = next((one for one in policy.ladders if one.name == name), None)
    if ladder is None:
        return otherwise
    return next((rung.label for rung in ladder.rungs if all_hold(rung.when, facts)), ladder.otherwise)


def reached(policy: Policy, about: str, facts: Mapping[str, FactValue]) -> tuple[MilestoneRow, ...]:
    """Return the milestones about a subject such as "tours" that the facts reach, in the policy's order."""
    return tuple(row for row in policy.milestones if row.about == about and all_hold(row.when, facts))


def multiplier(policy: Policy, facts: Mapping[str, FactValue]) -> float:
    """Return what values are multiplied by for a person of whom these facts hold."""
    firsts = (next((row.times for row in table if row.holds(facts)), 1) for table in policy.multipliers.tables)
    return min(policy.multipliers.most, prod(firsts))


def next_action(policy: Policy, facts: Mapping[str, FactValue]) -> ActionRow | None:
    """Return what to do next for a person of whom these facts hold; None where no row passes."""
    return next((row for row in policy.actions if all_hold(row.when, facts)), None)


_Indexed = tuple[tuple[ConversionRow, ...], Mapping[Trigger, tuple[ConversionRow, ...]]]
_INDEXES: dict[int, _Indexed] = {}
"""Identity of a table of conversion rows → the table, which keeps it alive, and its rows by trigger."""
MOST_INDEXED = 256


def _rows_on(rows: tuple[ConversionRow, ...]) -> Mapping[Trigger, tuple[ConversionRow, ...]]:
    """Return a table's rows by trigger, in its order; told apart by identity, as comparing tables costs more."""
    known = _INDEXES.get(id(rows))
    if known is not None and known[0] is rows:
        return known[1]
    if len(_INDEXES) >= MOST_INDEXED:
        _INDEXES.clear()
    index = {trigger: tuple(row for row in rows if row.on == trigger) for trigger in {row.on for row in rows}}
    _INDEXES[id(rows)] = (rows, index)
    return index


def first_rows(policy: Policy, trigger: Trigger, facts: Mapping[str, FactValue]) -> list[ConversionRow]:
    """Return, slot by slot, the first row of this trigger whose conditions all hold."""
    chosen: dict[str, ConversionRow] = {}
    for row in _rows_on(policy.conversions).get(trigger, ()):
        if row.slot not in chosen and all_hold(row.when, facts):
            chosen[row.slot] = row
    return list(chosen.values())
