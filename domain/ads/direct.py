"""Conversions that a producer asks for directly, under Meta's names or the brokerage's own."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from domain.properties.listing import Currency, Minor
from domain.shared.fact import Label, Ref, Touchpoint
from domain.shared.personal import Open

EventName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[\x20-\x7e]+$")]
ConversionType = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[a-z][a-z0-9_]*$")]
Source = Literal["pixel", "capi", "webhook"]
AdId = Annotated[str, StringConstraints(pattern=r"^\d{1,32}$")]
Plain = str | int | float | bool


class Attribution(BaseModel):
    """What a producer knows of the ad and the device behind a conversion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    campaign_id: AdId | None = None
    adset_id: AdId | None = None
    ad_id: AdId | None = None
    campaign: Label | None = None
    adset: Label | None = None
    ad: Label | None = None
    device: Label | None = None
    browser: Label | None = None
    os: Label | None = None
    country: Label | None = None
    city: Label | None = None


class Content(BaseModel):
    """One of the things that a conversion is about, as Meta's `contents` tell of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Ref
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    item_price_minor: Minor | None = None
    title: Label | None = None
    brand: Label | None = None
    category: Label | None = None
    delivery_category: Literal["in_store", "curbside", "home_delivery"] | None = None


class ConversionAsked(Touchpoint):
    """A producer says that something worth telling Meta happened.

    `event_name` is Meta's word for it (Purchase, Lead, …); `conversion_type` the brokerage's own (purchase, signup,
    subscription, video_render, …). Source: `POST /api/conversions/track-event` and its relatives, `POST
    /api/conversions`, `POST /api/v1/integrations/meta/conversions`. With `source` "pixel" the browser has told Meta
    already: it is kept, and not told again. `contents` are the things it is about where they are several; the first
    of them is the property unless another is named.
    """

    kind: Open[Literal["ads.conversion_asked.v1"]] = "ads.conversion_asked.v1"
    event_name: Open[EventName]
    conversion_type: Open[ConversionType | None] = None
    source: Open[Source] = "capi"
    value_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    property_id: Open[Ref | None] = None
    order_id: Open[Ref | None] = None
    category: Open[Label | None] = None
    custom: Open[dict[Label, Plain]] = Field(default_factory=dict, max_length=30)
    attribution: Open[Attribution | None] = None
    contents: Open[tuple[Content, ...]] = Field(default=(), max_length=50)

    @field_validator("custom")
    @classmethod
    def _short(cls, custom: dict[str, Plain]) -> dict[str, Plain]:
        if any(isinstance(value, str) and len(value) > 200 for value in custom.values()):
            raise ValueError("texts must not exceed 200 characters")
        if any(isinstance(value, float) and not abs(value) < 1e15 for value in custom.values()):
            raise ValueError("numbers must be finite and below 10^15")
        return custom
