"""Facts of rentals: searched, booked, paid, cancelled, stayed, reviewed; and what a customer is worth by our reckoning.

`session_id` of what is about a booking names the booking to the registry: whoever tells of it later, a payment
provider without any name included, tells of the same guest.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from domain.lifetime_value.fitted import FittedValueModel
from domain.people.hints import ShortText, Text
from domain.properties.listing import Currency, Minor
from domain.shared.fact import Fact, Label, Origin, Ref, Touchpoint
from domain.shared.personal import Open, Personal

Purpose = Literal["leisure", "business", "family", "relocation", "medical", "study", "other"]
Side = Literal["guest", "host"]

Nights = Annotated[int, Field(ge=1, le=3_650)]
Guests = Annotated[int, Field(ge=1, le=1_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RentalSearched(Touchpoint):
    """A person looked for a rental; `filters` are the names of the filters used, their values are not kept.

    Source: `POST /api/rentals/searches`. `local`: the search was where the person lives. The price is of one night.
    """

    kind: Open[Literal["rentals.searched.v1"]] = "rentals.searched.v1"
    filters: Open[Annotated[tuple[Label, ...], Field(max_length=100)]] = ()
    area: Open[Label | None] = None
    local: Open[bool | None] = None
    premium: Open[bool | None] = None  # looked for the dearer ones; where it is not said, the price tells
    price_max_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    property_type: Open[Label | None] = None
    check_in: Open[date | None] = None
    check_out: Open[date | None] = None
    guests: Open[Guests | None] = None


class BookingTouchpoint(Touchpoint):
    """What every touchpoint of a booking names."""

    booking_id: Open[Ref]

    @property
    def session_id(self) -> str:
        """Name the booking to the registry, apart from the sessions of tours and conversations."""
        return f"booking|{self.booking_id}"


class RentalBookingInitiated(BookingTouchpoint):
    """A person began to book a stay. Source: `POST /api/rentals/bookings`."""

    kind: Open[Literal["rentals.booking_initiated.v1"]] = "rentals.booking_initiated.v1"
    property_id: Open[Ref | None] = None
    total_minor: Open[Minor | None] = None
    currency: Open[Currency | None] = None
    check_in: Open[date | None] = None
    check_out: Open[date | None] = None
    guests: Open[Guests | None] = None


class RentalPaid(BookingTouchpoint):
    """Money for a booking moved: to us, or back (`refund`).

    Source: `POST /api/webhooks/paymob`, or any other provider through the general path. `parent_transaction_id` is
    the payment that a refund gives back. No card number and no wallet's number is ever told.
    """

    kind: Open[Literal["rentals.paid.v1"]] = "rentals.paid.v1"
    amount_minor: Open[Minor]
    currency: Open[Currency | None] = None
    method: Open[Label | None] = None  # "card", "wallet", "instalments", as the provider calls it
    instalments: Open[Annotated[int, Field(ge=1, le=120)] | None] = None
    refund: Open[bool] = False
    provider: Open[Label | None] = None
    transaction_id: Open[Ref | None] = None
    parent_transaction_id: Open[Ref | None] = None
    origin: Open[Origin] = "system_generated"


class RentalBookingConfirmed(BookingTouchpoint):
    """A stay was booked: the owner agreed, the price stands.

    Source: `POST /api/rentals/bookings/{id}/confirm`. Nights are told, or follow from the dates. Without a currency
    the total is in the brokerage's.
    """

    kind: Open[Literal["rentals.booking_confirmed.v1"]] = "rentals.booking_confirmed.v1"
    property_id: Open[Ref]
    total_minor: Open[Minor]
    currency: Open[Currency | None] = None
    nights: Open[Nights | None] = None
    check_in: Open[date | None] = None
    check_out: Open[date | None] = None
    purpose: Open[Purpose | None] = None
    guests: Open[Guests | None] = None
    tourism_permit: Open[Label | None] = None  # number under which the home may be let to tourists
    developer_qr: Open[Label | None] = None  # code of the developer of the compound, for the gate
    response_rate: Open[Share | None] = None  # of the host, as the producer knows it

    @model_validator(mode="after")
    def _leaves_after_coming(self) -> Self:
        if self.check_in is not None and self.check_out is not None:
            if self.check_out <= self.check_in:
                raise ValueError("check_out must lie after check_in")
            if self.nights is not None and self.nights != (self.check_out - self.check_in).days:
                raise ValueError("nights must be those between check_in and check_out")
        return self

    @property
    def stay_nights(self) -> int | None:
        """Nights as told, else between the dates; None where neither is known."""
        if self.nights is None and self.check_in is not None and self.check_out is not None:
            return (self.check_out - self.check_in).days
        return self.nights


class RentalBookingCancelled(BookingTouchpoint):
    """A booking will not be. Without `refund_minor` all of it goes back. Source: `POST …/bookings/{id}/cancel`."""

    kind: Open[Literal["rentals.booking_cancelled.v1"]] = "rentals.booking_cancelled.v1"
    refund_minor: Open[Minor | None] = None
    by: Open[Side | None] = None
    reason: Personal[Text | None] = None


class RentalStayCompleted(BookingTouchpoint):
    """The guests stayed, and left. Source: `POST /api/rentals/bookings/{id}/complete`."""

    kind: Open[Literal["rentals.stay_completed.v1"]] = "rentals.stay_completed.v1"


class RentalReviewLeft(BookingTouchpoint):
    """A review of a stay: by the guest of the home, or by the host of the guest.

    Source: `POST /api/rentals/bookings/{id}/review`.
    """

    kind: Open[Literal["rentals.review_left.v1"]] = "rentals.review_left.v1"
    rating: Open[Annotated[int, Field(ge=1, le=5)]]
    by: Open[Side] = "guest"
    text: Personal[Text | None] = None


class RentalReferralMade(Touchpoint):
    """A customer sent somebody our way. Source: `POST /api/rentals/referrals`."""

    kind: Open[Literal["rentals.referral_made.v1"]] = "rentals.referral_made.v1"
    referral_id: Open[Ref]
    referred: Personal[ShortText | None] = None  # how the other one can be reached


class RentalHostingStarted(Touchpoint):
    """A person began to let a home of their own. Source: `POST /api/rentals/hosts`."""

    kind: Open[Literal["rentals.hosting_started.v1"]] = "rentals.hosting_started.v1"
    property_id: Open[Ref | None] = None
    tourism_permit: Open[Label | None] = None
    developer_qr: Open[Label | None] = None
    response_rate: Open[Share | None] = None


class RentalInterestShown(Touchpoint):
    """A guest asked about buying a home to let. Source: the producer's inquiry form or chat."""

    kind: Open[Literal["rentals.interest_shown.v1"]] = "rentals.interest_shown.v1"
    property_id: Open[Ref | None] = None
    booking_id: Open[Ref | None] = None  # the booking it came up with
    budget_minor: Open[Minor | None] = None


class RentalValueModelFitted(Fact):
    """What the brokerage's bookings until a moment teach of the next ones; holds until the next fit.

    Source: a worker, once a day after new bookings; `masar value fit`.
    """

    kind: Open[Literal["rentals.value_model_fitted.v1"]] = "rentals.value_model_fitted.v1"
    model: Open[FittedValueModel]


NEW_FIT = "new fit"
"""Why a value changed though the customer did nothing: the model was fitted anew."""


class RentalValueChanged(Fact):
    """What a customer is expected to bring in the next twelve months changed; None is "not enough data".

    Source: a worker, after the fact or the fit that changed it. By the customer's own bookings, before what other
    platforms add.
    """

    kind: Open[Literal["rentals.value_changed.v1"]] = "rentals.value_changed.v1"
    before_minor: Open[int | None] = Field(default=None, ge=0)
    after_minor: Open[int | None] = Field(default=None, ge=0)
    currency: Open[Currency]
    reason: Open[Label]  # the kind of the fact after which it was reckoned anew, or NEW_FIT
    model_as_of: Open[AwareDatetime | None] = None  # of the model that said the newer one


RentalTouchpoint = (
    RentalSearched | RentalBookingInitiated | RentalPaid | RentalBookingConfirmed | RentalBookingCancelled
    | RentalStayCompleted | RentalReviewLeft | RentalReferralMade | RentalHostingStarted | RentalInterestShown
)  # fmt: skip
