"""One booking of a stay, folded from its touchpoints in whatever order they arrive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from domain.rentals.events import (
    BookingTouchpoint,
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalBookingInitiated,
    RentalPaid,
    RentalStayCompleted,
)
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Recorded, Touchpoint

Status = Literal["initiated", "confirmed", "completed", "cancelled"]
MOST_PAYMENTS = 200
"""Of one booking; beyond, the first to happen are kept."""


@dataclass(frozen=True, slots=True)
class Initiated:
    """How a booking began (unix ms), by its log entry; money in minor units."""

    at_ms: int
    event: str
    property_id: str | None
    total_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The stay as it was booked (unix ms), by its log entry.

    Money in minor units of the currency, None for the brokerage's; `check_in` a date in ISO form; `source` is what
    brought the guest: the campaign's source, else the channel, else where it happened.
    """

    at_ms: int
    event: str
    property_id: str
    total_minor: int
    currency: str | None
    nights: int | None
    check_in: str | None
    check_out: str | None
    lead_days: int | None
    purpose: str | None
    guests: int | None
    property_type: str | None
    source: str
    tourism_permit: str | None
    developer_qr: str | None
    response_rate: float | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """When a booking was cancelled (unix ms), by which log entry, what went back (None: all of it), and by whom."""

    at_ms: int
    event: str
    refund_minor: int | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that moved (unix ms), by its log entry; `of` names the payment that a refund gives back."""

    at_ms: int
    event: str
    amount_minor: int
    refund: bool
    of: str
    method: str | None
    instalments: int | None
    provider: str | None


@dataclass(frozen=True)
class Booking:
    """What is known of one booking; `payments` go by the provider's transaction, else by log entry."""

    booking_id: str = ""
    initiated: Initiated | None = None
    confirmed: Confirmed | None = None
    cancelled: Cancelled | None = None
    completed_ms: int | None = None
    payments: Mapping[str, Payment] = field(default_factory=dict)
    last_ms: int = 0

    @property
    def stands(self) -> bool:
        """Whether it was confirmed and not cancelled."""
        return self.confirmed is not None and self.cancelled is None

    @property
    def status(self) -> Status:
        """Where it is."""
        if self.cancelled is not None:
            return "cancelled"
        if self.completed_ms is not None:
            return "completed"
        return "confirmed" if self.confirmed is not None else "initiated"

    @property
    def refunded_minor(self) -> int:
        """What payments gave back, in minor units.

        A provider may tell a refund on the payment itself and as a transaction of its own: the larger word counts.
        """
        said: dict[str, int] = {}
        parts: dict[str, int] = {}
        for key, one in self.payments.items():
            if one.refund:
                book = said if key.removesuffix(REFUND) == one.of else parts
                book[one.of] = book.get(one.of, 0) + one.amount_minor
        return sum(max(said.get(of, 0), parts.get(of, 0)) for of in said.keys() | parts.keys())

    @property
    def paid_minor(self) -> int:
        """What was paid, refunds not taken off, in minor units."""
        return sum(one.amount_minor for one in self.payments.values() if not one.refund)

    @property
    def last_payment(self) -> Payment | None:
        """The payment that came last, refunds aside; None before the first."""
        paid = (one for one in self.payments.values() if not one.refund)
        return max(paid, key=lambda one: (one.at_ms, one.event), default=None)

    @property
    def net_minor(self) -> int:
        """What it brings after cancellation and refunds, in minor units; 0 before it was confirmed.

        A cancellation and the provider tell of the same money: the larger word counts.
        """
        if self.confirmed is None:
            return 0
        total, back = self.confirmed.total_minor, self.refunded_minor
        if self.cancelled is not None:
            told = self.cancelled.refund_minor
            back = max(back, total if told is None else told)
        return max(0, total - back)


REFUND = "|refund"
Step = TypeVar("Step", Initiated, Confirmed, Cancelled, Payment)


def evolve(booking: Booking, recorded: Recorded) -> Booking:
    """Take one more touchpoint of the booking into account; of two of a kind the first to happen holds."""
    fact, event = recorded.fact, str(recorded.stream_id)
    if not isinstance(fact, BookingTouchpoint):
        return booking
    at = millis(fact.occurred_at)
    after = changed(booking, booking_id=fact.booking_id, last_ms=max(booking.last_ms, at))
    match fact:
        case RentalBookingInitiated():
            begun = Initiated(at, event, fact.property_id, fact.total_minor, fact.currency)
            return changed(after, initiated=_first(booking.initiated, begun))
        case RentalBookingConfirmed():
            return changed(after, confirmed=_first(booking.confirmed, _confirmed(fact, at, event)))
        case RentalBookingCancelled():
            return changed(after, cancelled=_first(booking.cancelled, Cancelled(at, event, fact.refund_minor, fact.by)))
        case RentalStayCompleted():
            return changed(after, completed_ms=min(booking.completed_ms or at, at))
        case RentalPaid():
            return changed(after, payments=_with(booking.payments, fact, at, event))
        case _:
            return after


def source_of(fact: Touchpoint) -> str:
    """Return what brought somebody: the campaign's source, else the channel, else where it happened."""
    source = fact.utm.source if fact.utm else None
    return (source or fact.channel or fact.origin).casefold()


def _first(before: Step | None, told: Step) -> Step:
    return told if before is None or (told.at_ms, told.event) < (before.at_ms, before.event) else before


def _confirmed(fact: RentalBookingConfirmed, at_ms: int, event: str) -> Confirmed:
    lead = (fact.check_in - fact.occurred_at.date()).days if fact.check_in else None
    return Confirmed(
        at_ms, event, fact.property_id, fact.total_minor, fact.currency, fact.stay_nights,
        fact.check_in.isoformat() if fact.check_in else None, fact.check_out.isoformat() if fact.check_out else None,
        max(0, lead) if lead is not None else None, fact.purpose, fact.guests,
        fact.listing.property_type if fact.listing else None, source_of(fact), fact.tourism_permit,
        fact.developer_qr, fact.response_rate,
    )  # fmt: skip


def _with(payments: Mapping[str, Payment], fact: RentalPaid, at_ms: int, event: str) -> Mapping[str, Payment]:
    own = fact.transaction_id or event
    key = own + REFUND if fact.refund else own
    told = Payment(
        at_ms, event, fact.amount_minor, fact.refund, fact.parent_transaction_id or own, fact.method,
        fact.instalments, fact.provider,
    )  # fmt: skip
    before = payments.get(key)
    kept = _larger(before, told) if before and fact.refund and told.of == own else _first(before, told)
    known = {**payments, key: kept}
    if len(known) > MOST_PAYMENTS:
        known.pop(max(known, key=lambda one: (known[one].at_ms, one)))
    return known


def _larger(before: Payment, told: Payment) -> Payment:
    """Return the word that more went back: on the payment itself a provider tells the sum of all refunds so far."""
    return max(before, told, key=lambda one: (one.amount_minor, one.event))
