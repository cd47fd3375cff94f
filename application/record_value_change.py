"""Tell that a customer is expected to bring more or less than before: a `rentals.value_changed.v1`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from domain.rentals.events import RentalValueChanged

CHANGES = UUID("0b8d3f7e-5e0f-5b6a-8f39-9a1d5c7e2b66")
"""Namespace of the streams of changes: one for each fact that changed a value."""


@dataclass(frozen=True, slots=True)
class RecordValueChange:
    """The use case behind the message `record_value_change`."""

    records: Records

    def run(self, message: Leased) -> None:
        """Record the change and settle the message, once. Raises LeaseLost."""
        self.records.record(Entry([Settled(message, "done")], [change_of(message)]))


def change_of(message: Leased) -> NewFact:
    """Return the change that a message tells of, on its way to the log."""
    told = message.payload
    fact = RentalValueChanged(
        before_minor=told["before_minor"],
        after_minor=told["after_minor"],
        currency=told["currency"],
        reason=told["reason"],
        model_as_of=datetime.fromisoformat(told["model_as_of"]) if told["model_as_of"] else None,
        occurred_at=datetime.fromisoformat(told["occurred_at"]),
    )
    return NewFact(
        id=uuid5(CHANGES, f"{message.brokerage_id}|{message.cause_id}"),
        brokerage_id=message.brokerage_id,
        fact=fact,
        subject_id=UUID(told["subject_id"]),
        cause_id=message.cause_id,
        correlation_id=message.correlation_id,
    )
