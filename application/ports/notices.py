"""What telling agents needs: how they are reached, a book of notices, and who carries mail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from application.ports.channels import Account
from application.ports.outbox import Leased, Settled

Medium = Literal["whatsapp", "email"]
NoticeOutcome = Literal["sent", "failed", "unknown", "not_needed"]
"""What became of a notice. `unknown`: WhatsApp's answer was lost, and it is not sent again by itself."""


@dataclass(frozen=True, slots=True)
class AgentContact:
    """How one agent is reached: a WhatsApp number with an approved template and its language, an e-mail address."""

    agent: str
    phone: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    template: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One word to one agent by one medium; `agent` is None where all who are named in the settings are told."""

    id: UUID
    thread_id: UUID
    agent: str | None
    medium: Medium
    why: str
    since: datetime


class NoticeBook(Protocol):
    """Agents, and what they were told."""

    def wanted(self, brokerage_id: UUID, thread_id: UUID, since: datetime) -> bool:
        """Tell whether a human is still wanted in a thread, and it is the wait that began then."""

    def agents(self, brokerage_id: UUID, thread_id: UUID) -> Sequence[AgentContact]:
        """Return whom to tell: the agent of the thread's account, else all of the brokerage."""

    def agent(self, brokerage_id: UUID, agent: str) -> AgentContact | None:
        """Return how an agent is reached now, None for one who is not to be told any more."""

    def spread(self, message: Leased, notices: Sequence[Notice]) -> None:
        """Write notices, have each carried out, and settle the message that asks for them. Raises LeaseLost."""

    def notice(self, brokerage_id: UUID, notice_id: UUID) -> Notice | None:
        """Return one notice."""

    def settle(
        self, settled: Settled, outcome: NoticeOutcome | None = None, reason: str | None = None, ref: UUID | None = None
    ) -> None:
        """Settle the message of a notice with its outcome, None while it waits on for a `reason`. Raises LeaseLost."""

    def account(self, brokerage_id: UUID, thread_id: UUID) -> Account | None:
        """Return the WhatsApp account to tell agents from: the thread's own before others; None without one."""

    def parameters(self, brokerage_id: UUID, business_id: str | None, template: str, language: str) -> int | None:
        """Return how many parameters the words of a template have, None where the template is not known here."""


class MailRefused(Exception):
    """Mail that was not taken; `lasting` where a second try would change nothing."""

    def __init__(self, why: str, *, lasting: bool) -> None:
        super().__init__(why)
        self.why, self.lasting = why, lasting


class Mail(Protocol):
    """Carries mail."""

    def send(self, notice_id: UUID, to: Sequence[str], subject: str, text: str) -> None:
        """Hand one mail in; the same notice again has the same Message-ID. Raises MailRefused."""
