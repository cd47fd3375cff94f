"""The desk of a thread: what a decision about it is checked against, in the transaction that commits it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.ports.outbox import NewFact, Settled
from domain.messaging.desk import Sitting
from domain.messaging.events import Author, Purpose
from domain.shared.fact import Channel
from domain.shared.outbox import OutboxMessage


class NoSuchThread(Exception):
    """This brokerage has no thread of that id."""


@dataclass(frozen=True)
class Desk(Sitting):
    """A thread as it stands now: whose it is, and what its facts made of it."""

    thread_id: UUID
    brokerage_id: UUID
    subject_id: UUID
    channel: Channel
    account_id: str


@dataclass(frozen=True, slots=True)
class OpenSend:
    """A message of ours that is not settled; `going` while a worker has it in hand."""

    send_id: UUID
    author: Author
    going: bool
    purpose: Purpose = "answer"


class DeskWork(Protocol):
    """What is done at a desk while it is held; all of it is committed together, the facts last."""

    @property
    def desk(self) -> Desk:
        """The thread as it stands, nobody else changing it."""

    def open_sends(self) -> Sequence[OpenSend]:
        """Return the messages of this thread that are on their way out, in order."""

    def change(self, **fields: Any) -> None:
        """Set fields of the desk."""

    def put(self, messages: Sequence[OutboxMessage]) -> None:
        """Have messages of the outbox carried out."""

    def cancel(self, send_ids: Sequence[UUID], why: str) -> Sequence[UUID]:
        """Take back sends that no worker has in hand; return those taken back, whose facts are the caller's."""

    def settle(self, settled: Sequence[Settled]) -> None:
        """Settle leased messages of the outbox with this work. LeaseLost comes when it is committed."""

    def append(self, facts: Sequence[NewFact]) -> None:
        """Append facts with this work, each once."""


class Desks(Protocol):
    """All desks."""

    def at(self, brokerage_id: UUID, thread_id: UUID) -> AbstractContextManager[DeskWork]:
        """Hold one desk; leaving the context commits and flushes, an exception undoes everything.

        Raises NoSuchThread, and on leaving LeaseLost.
        """
