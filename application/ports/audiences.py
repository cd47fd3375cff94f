"""What synchronising an audience needs from outside: its people, Meta's list, and what we remember of it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from uuid import UUID

from application.ports.outbox import Leased
from domain.audiences.difference import Listed, Row
from domain.audiences.segment import Segment

MOST_SYNCED = 200_000
"""People of one audience; every ten thousand are a request to Meta."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request of a session: rows, its number from 1, and whether it is the last."""

    session_id: int
    number: int
    last: bool
    total: int  # rows of the whole session
    rows: Sequence[Row]


@dataclass(slots=True)
class Progress:
    """How far a synchronisation is, in rows: what is left to tell Meta, and what it took. `failures` in a row."""

    to_remove: int = 0
    to_add: int = 0
    removed: int = 0
    added: int = 0
    invalid: int = 0  # rows that Meta could not read
    failures: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> "Progress":
        """Return what was kept, or the very beginning."""
        return cls(**(document or {}))

    def document(self) -> dict[str, int]:
        """Return it as it is kept and shown."""
        return asdict(self)


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


class SyncUnderWay(Exception):
    """Somebody synchronises this audience already."""


class AudienceWork(Protocol):
    """What a worker needs for one synchronisation that was asked for."""

    def wanted(self, brokerage_id: UUID, segment: Segment) -> Mapping[str, Row] | None:
        """Return what Meta is to be told, by person, consent and erasure respected; None of more than MOST_SYNCED."""

    def place(self, brokerage_id: UUID, ad_account_id: str) -> AbstractContextManager[AudiencePlace | None]:
        """Open the ad account, None where no token is stored that could."""

    def memory(self, brokerage_id: UUID) -> AudienceMemory:
        """Return what was told of a brokerage's audiences."""

    def alone(self, audience_id: UUID) -> AbstractContextManager[None]:
        """Hold an audience for one synchronisation. Raises SyncUnderWay."""

    def about_to_ask(self, message: Leased, progress: Progress) -> None:
        """Keep how far it is, and note that a request goes out now. Raises LeaseLost."""
