"""What a fit of the value model learns from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.ports.lifetime_value import History


@dataclass(frozen=True, slots=True)
class RentalHistory:
    """The bookings of each customer of a brokerage that stand, net of refunds, in its currency."""

    currency: str
    customers: Sequence[History]


class RentalHistories(Protocol):
    """Reads the bookings of brokerages from the log."""

    def of(self, brokerage_id: UUID) -> RentalHistory:
        """Return every customer who has booked, by the log as it is now."""
