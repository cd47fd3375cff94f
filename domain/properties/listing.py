"""What a producer's stock says of a property on offer, at the moment of a touchpoint."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from domain.people.hints import printable

Words = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(printable)]
Minor = Annotated[int, Field(ge=0, le=10**15)]
"""Money in integer minor units (piastres, fils, cents)."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

ListingType = Literal[
    "for_sale_by_agent", "for_sale_by_owner", "for_rent_by_agent", "for_rent_by_owner", "new_construction",
    "new_listing", "foreclosed", "other",
]  # fmt: skip
Availability = Literal["available_soon", "for_rent", "for_sale", "off_market", "recently_sold", "sale_pending"]


class Listing(BaseModel):
    """A property as it is offered. `area` is the district, `area_m2` its size; a price without currency is in the
    brokerage's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Words | None = None
    price_minor: Minor | None = None
    currency: Currency | None = None
    property_type: Words | None = None  # "apartment", "villa", "chalet", … as the stock calls it
    listing_type: ListingType | None = None
    availability: Availability | None = None
    city: Words | None = None
    area: Words | None = None
    region: Words | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    postal_code: Words | None = None
    bedrooms: Annotated[int, Field(ge=0, le=100)] | None = None
    bathrooms: Annotated[int, Field(ge=0, le=100)] | None = None
    area_m2: Annotated[float, Field(gt=0, le=10**7, allow_inf_nan=False)] | None = None
    commission_minor: Minor | None = None  # what the brokerage would earn, where the producer knows it better
