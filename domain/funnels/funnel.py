"""What a funnel is: its steps, in which order and within which time, as data."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.scoring.policy import Condition, FactValue

Order = Literal["ordered", "strict", "any"]
"""`ordered`: other things may happen between two steps; `strict`: the next thing the person does must be the next
step; `any`: the steps may come in any order."""

Kind = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z_]+\.[a-z_]+\.v\d+$")]
StepName = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
LONGEST_WINDOW_S: Final = 366 * 86_400
LARGEST: Final = 1e15


class Match(BaseModel):
    """Which facts it is about: any of the kinds, where all conditions on their open fields hold.

    A condition names a field, such as `room` or `utm.campaign`; a list or a map is not compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1, max_length=20)]
    when: Annotated[tuple[Condition, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _bounded(self) -> "Match":
        bounds = [(one.above, one.at_least, one.below, one.at_most) for one in self.when]
        if any(bound is not None and abs(bound) > LARGEST for of_one in bounds for bound in of_one):
            raise ValueError(f"bounds of conditions must lie within {LARGEST:g}")
        return self

    def matches(self, kind: str, fields: Mapping[str, Any]) -> bool:
        """Tell whether a fact, its open fields as they are stored, is meant."""
        return kind in self.kinds and all(one.holds({one.fact: value_of(fields, one.fact)}) for one in self.when)


class Step(Match):
    """One step: its name, and the facts that fill it."""

    name: StepName


class Exclusion(Match):
    """What takes a person out of the funnel when it happens between two steps of it, numbered from 1."""

    from_step: Annotated[int, Field(ge=1)] = 1
    to_step: Annotated[int, Field(ge=2)]


class Funnel(BaseModel):
    """Steps to be taken within a window that begins with the first and includes its last moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[tuple[Step, ...], Field(min_length=2, max_length=20)]
    order: Order = "ordered"
    window_s: Annotated[int, Field(ge=1, le=LONGEST_WINDOW_S)] = 14 * 86_400
    exclusions: Annotated[tuple[Exclusion, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _fitting(self) -> "Funnel":
        for one in self.exclusions:
            if not one.from_step < one.to_step <= len(self.steps):
                raise ValueError("an exclusion lies between two steps of the funnel, from the earlier to the later")
        return self

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of fact that a step or an exclusion is about."""
        return frozenset(kind for one in (*self.steps, *self.exclusions) for kind in one.kinds)


def value_of(fields: Mapping[str, Any], path: str) -> FactValue:
    """Return the value at a path of names, None where there is none or it is no single value."""
    found: Any = fields
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | int | float | bool) else None
