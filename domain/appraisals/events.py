"""Facts of appraisals: an owner wants to know what a home is worth, and what follows from that."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.properties.listing import Currency, Minor
from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open

Motive = Literal["moving", "job", "family", "financial_pressure", "investment"]
Milestone = Literal[
    "appraisal_ordered", "premium_service_selected", "express_delivery_chosen", "consultation_booked",
    "report_downloaded", "follow_up_requested", "listing_inquiry_made",
]  # fmt: skip

Count = Annotated[int, Field(ge=0, le=100_000)]
Year = Annotated[int, Field(ge=1800, le=2100)]
Years = Annotated[float, Field(ge=0, le=500, allow_inf_nan=False)]
LongSeconds = Annotated[float, Field(ge=0, le=10**8, allow_inf_nan=False)]
"""A duration gathered over many visits, in seconds."""


class AppraisalTouchpoint(Touchpoint):
    """What every touchpoint of an appraisal names: the appraisal, and the home where it is known to us."""

    appraisal_id: Open[Ref]
    property_id: Open[Ref | None] = None


class AppraisalRequested(AppraisalTouchpoint):
    """An owner asked what their home is worth.

    Source: `POST /api/appraisals`. The home itself (type, place, size) is told in `listing`. Its value is a figure or
    a range, in minor units; without a currency in the brokerage's. What is left out is not known, and scores nothing.
    """

    kind: Open[Literal["appraisals.requested.v1"]] = "appraisals.requested.v1"
    estimated_value_minor: Open[Minor | None] = None
    value_min_minor: Open[Minor | None] = None
    value_max_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    express: Open[bool] = False  # wants it within days
    premium: Open[bool] = False  # chose the dearer service
    return_visits: Open[Count] = 0  # to the appraisal pages, before the request
    similar_properties_viewed: Open[Count] = 0
    market_research_s: Open[LongSeconds] = 0  # spent on market pages, seconds
    questions_about_selling: Open[Count] = 0
    property_age_years: Open[Years | None] = None
    year_built: Open[Year | None] = None  # read where no age is given
    maintenance_issues: Open[Count] = 0  # how many were mentioned
    inherited: Open[bool] = False
    financial_urgency: Open[bool] = False
    says_soon: Open[bool] = False  # said that they want to sell soon
    photographer_assigned: Open[bool] = False
    motives: Open[Annotated[tuple[Motive, ...], Field(max_length=5)]] = ()
    market_awareness: Open[Label | None] = None  # "low", "medium", "high", as the producer grades it
    several_appraisals: Open[bool] = False  # ordered more than one
    immediate_consultation: Open[bool] = False  # wants to talk at once

    @model_validator(mode="after")
    def _value_range_ascends(self) -> Self:
        low, high = self.value_min_minor, self.value_max_minor
        if low is not None and high is not None and high < low:
            raise ValueError("value_max_minor must not be below value_min_minor")
        return self

    @model_validator(mode="after")
    def _built_before_now(self) -> Self:
        if self.year_built is not None and self.year_built > self.occurred_at.year:
            raise ValueError("year_built must not lie after the request")
        return self


class AppraisalMilestoneReached(AppraisalTouchpoint):
    """An owner went one step further with an appraisal; shares its slot with the one that the request itself tells.

    Source: `POST /api/appraisals/{id}/milestone`.
    """

    kind: Open[Literal["appraisals.milestone_reached.v1"]] = "appraisals.milestone_reached.v1"
    milestone: Open[Milestone]
