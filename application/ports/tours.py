"""What closing a quiet tour needs to know of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TourNow:
    """A session as it is read now. `behind`: the log holds touchpoints of it that are not yet in here."""

    behind: bool
    closed: bool = False
    property_id: str = ""
    subject_id: UUID | None = None
    last_at: datetime | None = None
    arrived_at: datetime | None = None


class Tours(Protocol):
    """Reads tour sessions of one brokerage."""

    def look(self, brokerage_id: UUID, session_id: str) -> TourNow:
        """Return the session at one moment, with whether the log is ahead of it."""
