"""Facts about people who ask to be called back."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open

Timeline = Literal["now", "within_3_months", "within_a_year", "just_looking"]
Minor = Annotated[int, Field(ge=0, le=10**15)]
"""Money in integer minor units (piastres, fils, cents)."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class LeadFormSubmitted(Touchpoint):
    """A person filled in a form: on the site, an Instant Form, or through a partner.

    Source: `POST /api/leads`. Name, e-mail and phone travel in `hints`. A price range without a currency is in
    the brokerage's.
    """

    kind: Open[Literal["leads.form_submitted.v1"]] = "leads.form_submitted.v1"
    form_id: Open[Ref | None] = None
    property_id: Open[Ref | None] = None
    property_type: Open[Label | None] = None
    location: Open[Label | None] = None
    timeline: Open[Timeline | None] = None
    price_min_minor: Open[Minor | None] = None
    price_max_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None

    @model_validator(mode="after")
    def _range_ascends(self) -> Self:
        low, high = self.price_min_minor, self.price_max_minor
        if low is not None and high is not None and high < low:
            raise ValueError("price_max_minor must not be below price_min_minor")
        return self
