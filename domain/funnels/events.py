"""Facts about funnels: how they are defined, and steps of them that a producer saw taken."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from domain.funnels.funnel import Funnel
from domain.shared.fact import Fact, Label, Touchpoint
from domain.shared.personal import Open


class FunnelDefined(Fact):
    """Somebody said what a funnel's steps are; a later version of the same name takes its place.

    Source: an operator, `POST /api/funnels`.
    """

    kind: Open[Literal["funnels.defined.v1"]] = "funnels.defined.v1"
    funnel_id: Open[UUID]
    name: Open[Label]
    version: Open[int] = Field(ge=1)
    funnel: Open[Funnel]
    by: Open[Label | None] = None  # the key of whoever defined it


class FunnelStepCompleted(Touchpoint):
    """A person took a step of a funnel that nothing else tells of: at a counter, on paper, in another system.

    Source: `POST /api/funnels/{id}/steps/{n}/complete`.
    """

    kind: Open[Literal["funnels.step_completed.v1"]] = "funnels.step_completed.v1"
    funnel_id: Open[UUID]
    step: Open[int] = Field(ge=1, le=20)  # counted from 1
