"""Facts about people who ask to be called back."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from domain.properties.listing import Currency, Minor
from domain.shared.fact import Label, Origin, Ref, Touchpoint
from domain.shared.personal import Open

Timeline = Literal["now", "within_3_months", "within_a_year", "just_looking"]
Stage = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[\x20-\x7e]+$")]


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


class LeadStageReached(Touchpoint):
    """A lead of an Instant Form reached a stage in the brokerage's customer management; the first stage included.

    Source: the customer management, with the lead's id in `hints`. Meta wants every stage, in order.
    """

    kind: Open[Literal["leads.stage_reached.v1"]] = "leads.stage_reached.v1"
    stage: Open[Stage]  # the brokerage's own name: "Intake", "Qualified", "Deal closed", …
    crm: Open[Label | None] = None  # where it is kept; else the dataset's name for it
    origin: Open[Origin] = "system_generated"
