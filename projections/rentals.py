"""Every booking of a stay, and every rental customer; what each change of a customer's value and each booking sets off.

A booking calls for a new fit of the brokerage's value model at the next 03:00 UTC, one a day. A fact after which a
customer is expected to bring more or less is told as one, by a worker.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.rentals import booking as one_booking
from domain.rentals import customer as customers
from domain.rentals import value
from domain.rentals.booking import Booking
from domain.rentals.customer import Customer
from domain.rentals.events import (
    NEW_FIT,
    BookingTouchpoint,
    RentalBookingCancelled,
    RentalBookingConfirmed,
    RentalBookingInitiated,
    RentalPaid,
    RentalReviewLeft,
    RentalStayCompleted,
    RentalValueChanged,
)
from domain.shared.changed import changed
from domain.shared.clock import millis, moment
from domain.shared.fact import Recorded, Touchpoint
from domain.shared.outbox import OutboxMessage
from projections.projection import NO_EFFECTS, Column, Effects, Projection

MESSAGES = UUID("d3f0b6f4-64a1-5e0e-8b47-0a2f7f9f4c55")
"""Namespace of the ids of fits that are due, and of changes of value to be told."""
FIT_AT = time(3, tzinfo=UTC)

# fmt: off
BOOKING_COLUMNS = (
    Column("position", "int8"),            Column("subject_id", "uuid"),           Column("property_id", "text"),
    Column("status", "text"),              Column("booked_at", "timestamptz"),     Column("total_minor", "int8"),
    Column("net_minor", "int8"),           Column("currency", "text"),             Column("nights", "int4"),
    Column("check_in", "text"),            Column("check_out", "text"),            Column("purpose", "text"),
    Column("guests", "int4"),              Column("source", "text"),               Column("paid_minor", "int8"),
    Column("refunded_minor", "int8"),      Column("tourism_permit", "text"),       Column("developer_qr", "text"),
    Column("response_rate", "float8"),     Column("guest_rating", "int4"),         Column("last_at", "timestamptz"),
    Column("test", "bool"),
)
CUSTOMER_COLUMNS = (
    Column("segment", "text"),             Column("bookings", "int4"),             Column("cancelled", "int4"),
    Column("revenue", "float8"),           Column("mean_booking_value", "float8"), Column("searches", "int4"),
    Column("referrals", "int4"),           Column("hosts", "bool"),                Column("last_at", "timestamptz"),
    Column("last_booked_at", "timestamptz"),
)
# fmt: on


@dataclass(frozen=True)
class Listed:
    """A booking, whose it is by its first touchpoint and where that stands in the log, and the guest's last rating."""

    booking: Booking = field(default_factory=Booking)
    position: int = 0
    subject_id: str | None = None
    rating: tuple[int, str, int] | None = None  # (unix ms, log entry, stars)
    test: bool = False


def _key(recorded: Recorded) -> Iterable[str]:
    fact = recorded.fact
    return (fact.booking_id,) if isinstance(fact, BookingTouchpoint) else ()


def _evolve(listed: Listed, recorded: Recorded, house: House, _key: str) -> Listed:
    fact, booking = recorded.fact, one_booking.evolve(listed.booking, recorded)
    rating = listed.rating
    if isinstance(fact, RentalReviewLeft) and fact.by == "guest":
        told = (millis(fact.occurred_at), str(recorded.stream_id), fact.rating)
        rating = max(rating or told, told)
    return changed(
        listed,
        booking=booking,
        position=listed.position or recorded.position,
        subject_id=listed.subject_id or (str(recorded.subject_id) if recorded.subject_id else None),
        rating=rating,
        test=listed.test or (isinstance(fact, Touchpoint) and fact.test),
    )


def _booking_row(listed: Listed, house: House) -> tuple[Any, ...]:
    one, told, begun = listed.booking, listed.booking.confirmed, listed.booking.initiated
    return (
        listed.position, listed.subject_id, told.property_id if told else begun.property_id if begun else None,
        one.status, moment(told.at_ms) if told else None,
        told.total_minor if told else begun.total_minor if begun else None,
        one.net_minor, (told.currency if told else begun.currency if begun else None) or house.currency,
        told.nights if told else None,
        told.check_in if told else None, told.check_out if told else None, told.purpose if told else None,
        told.guests if told else None, told.source if told else None, one.paid_minor,
        one.refunded_minor, told.tourism_permit if told else None, told.developer_qr if told else None,
        told.response_rate if told else None, listed.rating[2] if listed.rating else None, moment(one.last_ms),
        listed.test,
    )  # fmt: skip


RENTAL_BOOKINGS: Projection[Listed] = Projection(
    name="rental_bookings",
    version=1,
    handles=(
        RentalBookingInitiated,
        RentalPaid,
        RentalBookingConfirmed,
        RentalBookingCancelled,
        RentalStayCompleted,
        RentalReviewLeft,
    ),
    key=_key,
    initial=Listed(),
    columns=BOOKING_COLUMNS,
    row=_booking_row,
    evolve=_evolve,
)


@dataclass(frozen=True, slots=True)
class Known:
    """A customer, and the value of their next twelve months as it was told last, in minor units."""

    customer: Customer = field(default_factory=Customer)
    told_minor: int | None = None


def _react(known: Known, recorded: Recorded, house: House, key: str) -> tuple[Known, Effects]:
    if isinstance(recorded.fact, RentalValueChanged):
        return _told(known, recorded.fact), NO_EFFECTS
    after = customers.evolve(known.customer, recorded, house)
    messages = [_fit(recorded)] if customers.bookings(after) > customers.bookings(known.customer) else []
    expected = value.expected_12m(house.value_model, customers.stays_of(after, house), after.last_ms)
    minor = None if expected is None else round(expected)
    if not value.differs(known.told_minor, minor):
        return Known(after, known.told_minor), ((), messages)
    messages.append(_change(recorded, house, key, known.told_minor, minor))
    return Known(after, minor), ((), messages)


def _told(known: Known, fact: RentalValueChanged) -> Known:
    """Take in what a new fit changed; what the customer's own facts changed is known from those themselves.

    What such a fact told meanwhile, by the new model already, stands.
    """
    if fact.reason != NEW_FIT or fact.before_minor != known.told_minor:
        return known
    return Known(known.customer, fact.after_minor)


def next_fit(now: datetime) -> datetime:
    """Return when the bookings of now are learned from: the next 03:00 UTC."""
    today = datetime.combine(now.astimezone(UTC).date(), FIT_AT)
    return today if now < today else today + timedelta(days=1)


def _fit(recorded: Recorded) -> OutboxMessage:
    due = next_fit(recorded.recorded_at)
    day = due.date().isoformat()
    return OutboxMessage(
        id=uuid5(MESSAGES, f"{recorded.brokerage_id}|fit|{day}"),
        brokerage_id=recorded.brokerage_id,
        kind="fit_value_model",
        due_at=due,
        payload={"day": day},
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
    )


def _change(recorded: Recorded, house: House, key: str, before: int | None, after: int | None) -> OutboxMessage:
    model = house.value_model
    payload = {
        "subject_id": str(recorded.subject_id),
        "before_minor": before,
        "after_minor": after,
        "currency": model.currency if model else house.currency,
        "reason": recorded.fact.kind,
        "model_as_of": model.as_of.isoformat() if model else None,
        "occurred_at": recorded.fact.occurred_at.isoformat(),
    }
    return OutboxMessage(
        id=uuid5(MESSAGES, f"{recorded.brokerage_id}|value|{recorded.stream_id}"),
        brokerage_id=recorded.brokerage_id,
        kind="record_value_change",
        due_at=recorded.recorded_at,
        payload=payload,
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
        ordering_key=f"value|{key}",
    )


def _customer_row(known: Known, house: House) -> tuple[Any, ...]:
    state = known.customer
    facts, last = customers.facts_of(state, house, state.last_ms), customers.newest(state)
    return (
        customers.segment(state, house), customers.bookings(state),
        sum(one.cancelled is not None for one in state.bookings.values()),
        customers.revenue(state, house), facts["mean_booking_value"], state.searches,
        len(state.referrals), state.hosting is not None, moment(state.last_ms),
        moment(last[0].at_ms) if last else None,
    )  # fmt: skip


RENTAL_CUSTOMERS: Projection[Known] = Projection(
    name="rental_customers",
    version=1,
    handles=tuple(
        sorted(customers.HANDLES | {RentalValueChanged}, key=lambda fact: str(fact.model_fields["kind"].default))
    ),
    key="person",
    initial=Known(),
    columns=CUSTOMER_COLUMNS,
    row=_customer_row,
    react=_react,
)
