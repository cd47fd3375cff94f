"""What synchronising an audience needs from outside: Meta's list, and what we remember of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.audiences.difference import Listed, Row


@dataclass(frozen=True, slots=True)
class Batch:
    """One request of a session: rows, its number from 1, and whether it is the last."""

    session_id: int
    number: int
    last: bool
    total: int  # rows of the whole session
    rows: Sequence[Row]


class AudiencePlace(Protocol):
    """Lists of people at Meta. All methods raise NotAccepted where Meta says no, or nothing."""

    def create(self, ad_account_id: str, name: str) -> str:
        """Make an empty list and return its id."""

    def add(self, list_id: str, batch: Batch) -> int:
        """Put rows on a list; return how many of them Meta could not read. Rows that are there already stay."""

    def remove(self, list_id: str, batch: Batch) -> int:
        """Take rows off a list; return how many Meta could not read. Rows that are not there are passed over."""


class AudienceMemory(Protocol):
    """What we told Meta of one audience; every method is durable on return."""

    def list_id(self, audience_id: UUID) -> str | None:
        """Return Meta's id of the list, None before there is one."""

    def created(self, audience_id: UUID, list_id: str) -> None:
        """Remember Meta's id of the list."""

    def listed(self, audience_id: UUID) -> Mapping[str, Listed]:
        """Return by person what may be on the list."""

    def adding(self, audience_id: UUID, rows: Mapping[str, Row]) -> None:
        """Remember rows about to be sent: from now on they may be on the list."""

    def added(self, audience_id: UUID, people: Sequence[str]) -> None:
        """Remember that Meta took the rows of these people."""

    def removed(self, audience_id: UUID, people: Sequence[str]) -> None:
        """Forget the rows of these people: Meta took them off."""
