"""Tell what a new fit of the value model changes: a `rentals.value_changed.v1` for each customer worth more or less."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5

from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from application.record_value_change import CHANGES
from application.waits import doubled_s
from domain.brokerage.rulebook import House
from domain.rentals import customer as customers
from domain.rentals import value
from domain.rentals.events import NEW_FIT, RentalValueChanged
from domain.shared.outbox import OutboxMessage

AT_ONCE = 500
"""Customers of one message; the next message begins where it ended."""
FITS = UUID("c0a6c4be-7b5f-5a3c-8b4e-0f6d2f1f7a19")
"""Namespace of the messages of a fit: by the customer after whom they begin."""
SOONEST_S, LATEST_S = 1.0, 60.0
"""How long a message waits for the read model to have come as far as the fit."""


@dataclass(frozen=True, slots=True)
class Valued:
    """A customer of the read model, and the value that was told of them last, in minor units."""

    subject_id: UUID
    customer: customers.Customer
    told_minor: int | None


class ValuedCustomers(Protocol):
    """The customers of rentals, as the read model has them."""

    def came_to(self, brokerage_id: UUID, entry: UUID) -> bool:
        """Tell whether the read model has come as far as a log entry."""

    def house(self, brokerage_id: UUID) -> House:
        """Return a brokerage's rules as they are now."""

    def page(self, brokerage_id: UUID, after: UUID | None, limit: int) -> Sequence[Valued]:
        """Return the next customers in the order of their ids."""


@dataclass(frozen=True, slots=True)
class TellNewFit:
    """The use case behind the message `tell_new_fit`, whose payload names the log entry of the fit.

    The value is reckoned as of what the customer did last, as it was before: what differs is the model alone.
    """

    known: ValuedCustomers
    records: Records
    clock: Callable[[], datetime]

    def run(self, message: Leased) -> None:
        """Record the changes of one page, and put the message for the next. Raises LeaseLost.

        A fit that is no longer the newest tells nothing: that of the newest one will.
        """
        whose, fit = message.brokerage_id, UUID(message.payload["fit"])
        if not self.known.came_to(whose, fit):
            wait_s = doubled_s(SOONEST_S, LATEST_S, message.attempts)
            self.records.record(Entry([Settled(message, "waiting", self.clock() + timedelta(seconds=wait_s))]))
            return
        house = self.known.house(whose)
        if house.value_model is None or house.value_model.as_of != datetime.fromisoformat(message.payload["as_of"]):
            self.records.record(Entry([Settled(message, "done")]))
            return
        after = UUID(message.payload["after"]) if message.payload.get("after") else None
        page = self.known.page(whose, after, AT_ONCE)
        facts = [fact for one in page if (fact := self._change(message, fit, one, house)) is not None]
        following = [self._next(message, page[-1].subject_id)] if len(page) == AT_ONCE else []
        self.records.record(Entry([Settled(message, "done")], facts, messages=following))

    def _change(self, message: Leased, fit: UUID, one: Valued, house: House) -> NewFact | None:
        stays, model = customers.stays_of(one.customer, house), house.value_model
        expected = value.expected_12m(model, stays, one.customer.last_ms)
        minor = None if expected is None else round(expected)
        if model is None or not value.differs(one.told_minor, minor):
            return None
        fact = RentalValueChanged(
            before_minor=one.told_minor, after_minor=minor, currency=model.currency, reason=NEW_FIT,
            model_as_of=model.as_of, occurred_at=model.as_of,
        )  # fmt: skip
        own = uuid5(CHANGES, f"{message.brokerage_id}|{fit}|{one.subject_id}")
        return NewFact(own, message.brokerage_id, fact, one.subject_id, fit, message.correlation_id)

    def _next(self, message: Leased, after: UUID) -> OutboxMessage:
        fit = UUID(message.payload["fit"])
        as_of = datetime.fromisoformat(message.payload["as_of"])
        return tell_of(message.brokerage_id, fit, as_of, self.clock(), message.correlation_id, after)


def tell_of(
    brokerage_id: UUID, fit: UUID, as_of: datetime, now: datetime, correlation_id: UUID | None = None,
    after: UUID | None = None,
) -> OutboxMessage:  # fmt: skip
    """Return the message that tells what a fit changes, for customers that come after one in the order of their ids.

    Put twice for one fit it is the same.
    """
    return OutboxMessage(
        id=uuid5(FITS, f"{brokerage_id}|{fit}|{after or ''}"),
        brokerage_id=brokerage_id,
        kind="tell_new_fit",
        due_at=now,
        payload={"fit": str(fit), "as_of": as_of.isoformat(), "after": str(after) if after else None},
        cause_id=fit,
        position=0,
        correlation_id=correlation_id,
    )
