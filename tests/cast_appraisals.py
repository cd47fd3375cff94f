"""Owners who want to know what their home is worth, ready-made."""

from typing import Any

from domain.appraisals.events import AppraisalMilestoneReached, AppraisalRequested, Milestone
from tests.cast import at

APPRAISAL, APPRAISAL_2 = "ap-1", "ap-2"
MILLION = 100_000_000
"""A million of the currency, in minor units."""


def appraised(appraisal: str = APPRAISAL, when: float = 0, **told: Any) -> AppraisalRequested:
    """An owner asks for an appraisal of a home worth 10 million, unless told otherwise."""
    told.setdefault("estimated_value_minor", 10 * MILLION)
    return AppraisalRequested(appraisal_id=appraisal, occurred_at=at(when), **told)


def went_on(
    milestone: Milestone, appraisal: str = APPRAISAL, when: float = 60, **more: Any
) -> AppraisalMilestoneReached:
    """An owner goes one step further."""
    return AppraisalMilestoneReached(appraisal_id=appraisal, milestone=milestone, occurred_at=at(when), **more)
