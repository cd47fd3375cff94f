"""A brokerage's optimisation rules, and the policy that they would make: a proposal, never a change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.ads.direct import EventName
from domain.scoring.policy import Condition, ConversionRow, FactValue, Policy, Sentence, Value, all_hold
from domain.shared.fact import Fact, Label
from domain.shared.personal import Open

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_\-]{0,59}$")]
OF_ROWS: Final = ("slot", "on", "event_name", "category")
"""What a condition may ask of a policy's row itself; every other name is a fact that the row would see."""

LARGEST: Final = 1e15
"""No price is larger, and no bound needs to be."""


class OptimisationRule(BaseModel):
    """What a brokerage wants to be different about some conversions.

    Where all of `when` hold, the value is multiplied by `scale_value_by`, or the event is told as `use_event_name`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: RuleName
    when: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=10)]
    scale_value_by: Annotated[float, Field(gt=0, le=100)] | None = None
    use_event_name: EventName | None = None
    why: Sentence

    @model_validator(mode="after")
    def _does_something(self) -> "OptimisationRule":
        if self.scale_value_by is None and self.use_event_name is None:
            raise ValueError("needs scale_value_by or use_event_name")
        if any(abs(bound) > LARGEST for one in self.when for bound in _bounds(one)):
            raise ValueError(f"bounds of conditions must lie within {LARGEST:g}")
        return self


class OptimisationRuleWritten(Fact):
    """Somebody wrote a version of an optimisation rule; it changes nothing by itself.

    Source: an operator, `POST /api/optimization-rules`.
    """

    kind: Open[Literal["ads.optimisation_rule_written.v1"]] = "ads.optimisation_rule_written.v1"
    rule: Open[OptimisationRule]
    version: Open[int] = Field(ge=1)
    active: Open[bool] = True
    by: Open[Label | None] = None  # the key of whoever wrote it


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the policy that a rule would change or add: what it is now, and what it would be."""

    rule: str
    slot: str
    before: ConversionRow
    after: ConversionRow
    added: bool  # beside the row as it is, for the conversions of which further conditions hold
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The policy that the rules would make of one, with what they change, and the rules that change nothing."""

    policy: Policy
    changes: tuple[Change, ...]
    idle: tuple[str, ...]  # names of rules that match no row, or that say what is so already


def propose(policy: Policy, rules: Sequence[OptimisationRule]) -> Proposal:
    """Return the policy with the rules applied in order; of the policy given nothing is changed.

    A rule chooses rows by what it asks of them. Where it asks for facts as well, a copy of the row that has them as
    conditions goes before the row itself: alternatives of one slot are tried in order. Values that are somebody's own
    word (`exact`) are not scaled.
    """
    rows, changes = list(policy.conversions), list[Change]()
    for rule in rules:
        made: list[ConversionRow] = []
        for row in rows:
            changed = _applied(rule, row)
            if changed is not None:
                changes.append(Change(rule.name, row.slot, row, changed, bool(_facts(rule)), rule.why))
                made.append(changed)
            if changed is None or _facts(rule):
                made.append(row)
        rows = made
    busy = {change.rule for change in changes}
    wanted = policy.model_copy(update={"conversions": tuple(rows)})
    return Proposal(wanted, tuple(changes), tuple(rule.name for rule in rules if rule.name not in busy))


def matched(rule: OptimisationRule, conversions: Iterable[Mapping[str, FactValue]]) -> list[Mapping[str, FactValue]]:
    """Return the conversions, as their fields, of which all conditions of a rule hold."""
    return [one for one in conversions if all_hold(rule.when, one)]


def _applied(rule: OptimisationRule, row: ConversionRow) -> ConversionRow | None:
    of_row: dict[str, FactValue] = {name: str(getattr(row, name)) for name in OF_ROWS}
    if not all_hold([one for one in rule.when if one.fact in OF_ROWS], of_row):
        return None
    changed = row.model_copy(update={"why": rule.why, "when": (*row.when, *_facts(rule))})
    if rule.use_event_name is not None:
        changed = changed.model_copy(update={"event_name": rule.use_event_name, "event_name_from": None})
    if rule.scale_value_by is not None and row.value is not None and not row.exact:
        changed = changed.model_copy(update={"value": _scaled(row.value, rule.scale_value_by)})
    same = (changed.event_name, changed.event_name_from, changed.value) == (
        row.event_name, row.event_name_from, row.value,
    )  # fmt: skip
    return None if same else changed


def _facts(rule: OptimisationRule) -> tuple[Condition, ...]:
    return tuple(one for one in rule.when if one.fact not in OF_ROWS)


def _scaled(value: Value, times: float) -> Value:
    otherwise = None if value.otherwise is None else round(value.otherwise * times, 2)
    if value.fixed is not None:
        return Value(fixed=round(value.fixed * times, 2), otherwise=otherwise)
    return Value(base=value.base, factor=round(value.factor * times, 9), otherwise=otherwise)


def _bounds(condition: Condition) -> list[float]:
    bounds = (condition.above, condition.at_least, condition.below, condition.at_most)
    return [bound for bound in bounds if bound is not None]
