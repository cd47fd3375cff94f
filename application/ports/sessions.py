"""What closing a quiet session needs to know of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class SessionNow:
    """A tour or a conversation as it is read now. `behind`: touchpoints of it are in the log and not yet here."""

    behind: bool
    closed: bool = False
    property_id: str = ""
    subject_id: UUID | None = None
    last_at: datetime | None = None
    arrived_at: datetime | None = None


class Sessions(Protocol):
    """Reads the sessions of one brokerage, of one kind."""

    def look(self, brokerage_id: UUID, session_id: str) -> SessionNow:
        """Return the session at one moment, with whether the log is ahead of it."""
