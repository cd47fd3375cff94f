"""Facts of people who buy to invest: what they let show, and the steps they take."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from domain.properties.listing import Currency, Minor
from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open

PortfolioSignal = Literal[
    "diversification_strategy", "geographic_expansion", "property_type_diversification", "cash_flow_optimization",
    "market_timing_behavior", "bulk_inquiry_made",
]  # fmt: skip
"""What shows that somebody builds a portfolio; most of it we see ourselves, a producer may have seen it as well."""

Signal = Literal[
    "roi_calculated", "rental_yield_searched", "cash_flow_calculated", "market_report_opened", "price_history_opened",
    "bulk_inquiry", "financing_consultation_asked", "portfolio_plan_made", "company_email_used", "says_first_time",
    "asked_how_buying_works", "budget_stated", "price_range_stated", "timeline_stated", "financing_stated",
    "diversification_strategy", "geographic_expansion", "property_type_diversification", "cash_flow_optimization",
    "market_timing_behavior", "bulk_inquiry_made",
]  # fmt: skip
"""What an investor may let show; the last six are portfolio signals."""

Milestone = Literal[
    "multiple_properties_saved", "roi_calculator_used", "market_analysis_requested", "financing_consultation_booked",
    "portfolio_plan_created", "first_property_offer_made", "deal_closed_first_property", "second_property_interest",
    "referral_to_other_investors",
]  # fmt: skip

Financing = Literal["cash", "mortgage", "installments", "mixed"]
Timeline = Literal["immediate", "soon", "exploring"]
Units = Annotated[int, Field(ge=1, le=100_000)]
Plain = str | int | float | bool

NEEDS: dict[str, tuple[str, ...]] = {
    "budget_stated": ("budget_minor",),
    "price_range_stated": ("price_min_minor", "price_max_minor"),
    "timeline_stated": ("timeline",),
    "financing_stated": ("financing",),
}
"""Signal → the fields of which it needs one at least: without, nothing was stated."""


class InvestorSignalObserved(Touchpoint):
    """A person did or said something that shows an investor. What they stated is taken from whichever signal tells it.

    Source: `POST /api/investors/{person_id}/signals`. Money in minor units; without a currency in the brokerage's.
    """

    kind: Open[Literal["investors.signal_observed.v1"]] = "investors.signal_observed.v1"
    signal: Open[Signal]
    property_id: Open[Ref | None] = None
    units: Open[Units | None] = None  # asked about in one inquiry
    budget_minor: Open[Minor | None] = None
    price_min_minor: Open[Minor | None] = None
    price_max_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    timeline: Open[Timeline | None] = None
    financing: Open[Financing | None] = None
    signal_data: Open[dict[Label, Plain]] = Field(default_factory=dict, max_length=20)

    @field_validator("signal_data")
    @classmethod
    def _short(cls, data: dict[str, Plain]) -> dict[str, Plain]:
        if any(isinstance(value, str) and len(value) > 200 for value in data.values()):
            raise ValueError("texts must not exceed 200 characters")
        if any(isinstance(value, float) and not abs(value) < 1e15 for value in data.values()):
            raise ValueError("numbers must be finite and below 10^15")
        return data

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        needed = NEEDS.get(self.signal, ())
        if needed and all(getattr(self, name) is None for name in needed):
            raise ValueError(f"signal {self.signal} needs {' or '.join(needed)}")
        return self

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        low, high = self.price_min_minor, self.price_max_minor
        if low is not None and high is not None and high < low:
            raise ValueError("price_max_minor must not be below price_min_minor")
        return self


class InvestorMilestoneReached(Touchpoint):
    """An investor went one step further; shares its slot with the one that we see ourselves.

    Source: `POST /api/investors/{person_id}/milestones`. A referral counts once for each `referral_id`.
    """

    kind: Open[Literal["investors.milestone_reached.v1"]] = "investors.milestone_reached.v1"
    milestone: Open[Milestone]
    property_id: Open[Ref | None] = None
    referral_id: Open[Ref | None] = None
