"""An A/B test: who saw which variant, and what it should lead to, as data."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from domain.funnels.funnel import LONGEST_WINDOW_S, Match, StepName

Share = Annotated[float, Field(gt=0, lt=1)]


class Variant(Match):
    """One variant: the facts that say that a person saw it, and the share of people that should (alike unless told)."""

    name: StepName
    share: Share | None = None


class Experiment(BaseModel):
    """Variants, the first being the control, and the goal that counts within a window after a variant was first seen.

    `baseline` is the rate that the control is thought to have, `least_lift` the smallest relative change worth
    finding: they say beforehand how many people are needed (two-sided level `alpha`, power `power`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=4)]
    goal: Match
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    window_s: Annotated[int, Field(ge=1, le=LONGEST_WINDOW_S)] = 14 * 86_400
    baseline: Annotated[float, Field(gt=0, lt=1)]
    least_lift: Annotated[float, Field(gt=0, le=10)]
    alpha: Annotated[float, Field(ge=0.001, le=0.2)] = 0.05
    power: Annotated[float, Field(ge=0.5, le=0.99)] = 0.8

    @model_validator(mode="after")
    def _fitting(self) -> "Experiment":
        if len({one.name for one in self.variants}) < len(self.variants):
            raise ValueError("every variant needs a name of its own")
        told = [one.share for one in self.variants if one.share is not None]
        if told and (len(told) < len(self.variants) or abs(sum(told) - 1) > 1e-6):
            raise ValueError("shares are given for every variant, and add up to 1, or for none")
        if self.baseline * (1 + self.least_lift) >= 1:
            raise ValueError("baseline and least_lift lead to a rate of 1 or more")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at must lie after starts_at")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of people that should see each variant."""
        return tuple(one.share or 1 / len(self.variants) for one in self.variants)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of fact that a variant or the goal is about."""
        return frozenset(kind for one in (*self.variants, self.goal) for kind in one.kinds)
