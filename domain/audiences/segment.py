"""A segment: whom of a brokerage's people an audience is of, as data."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from domain.ads.direct import EventName
from domain.people.person import Platform
from domain.properties.listing import Currency
from domain.scoring.policy import Quality

Days = Annotated[int, Field(ge=1, le=3650)]
Points = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Amount = Annotated[float, Field(ge=0, le=1e15)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
Kind = Literal["conversions", "people"]


class Segment(BaseModel):
    """All that is given must hold; lists hold where one of theirs does, `all_platforms` where every one does.

    Conversions are those of the names `converted` (any name unless told) within `converted_within_days`, each counted
    once whichever datasets were told, tests left out; values in currency units of `currency`, the brokerage's unless
    told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    qualities: Annotated[tuple[Quality, ...], Field(max_length=3)] = ()
    score_at_least: Points | None = None
    score_at_most: Points | None = None
    intent_at_least: Annotated[float, Field(ge=0, le=10)] | None = None
    platforms: Annotated[tuple[Platform, ...], Field(max_length=10)] = ()
    all_platforms: Annotated[tuple[Platform, ...], Field(max_length=10)] = ()
    segments: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    investor_types: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    predicted_ltv_at_least: Amount | None = None
    saved: Annotated[tuple[Word, ...], Field(max_length=100)] = ()  # properties
    seen_within_days: Days | None = None
    not_seen_within_days: Days | None = None
    converted: Annotated[tuple[EventName, ...], Field(max_length=50)] = ()
    converted_within_days: Days | None = None
    conversions_at_least: Count | None = None
    value_at_least: Amount | None = None
    currency: Currency | None = None
    never_converted: StrictBool = False

    @model_validator(mode="after")
    def _possible(self) -> "Segment":
        low, high = self.score_at_least, self.score_at_most
        if low is not None and high is not None and low > high:
            raise ValueError("score_at_least lies above score_at_most")
        if self.never_converted and (self.conversions_at_least or self.value_at_least is not None):
            raise ValueError("never_converted does not go with conversions_at_least or value_at_least")
        if not any(value for value in self.model_dump(exclude={"currency"}).values()):
            raise ValueError("needs one condition at least: an audience of everybody is none")
        return self

    @property
    def of_conversions(self) -> bool:
        """Whether it asks for conversions at all."""
        asked = (self.converted, self.converted_within_days, self.conversions_at_least)
        return not self.never_converted and (any(asked) or self.value_at_least is not None)
