"""A message of ours before it is one: what somebody wants said, and why it may not be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid5

from application.ports.touchpoints import Problem
from domain.messaging.content import Content, OutgoingType
from domain.messaging.events import Author, Purpose

SENDS = UUID("2d5b6a52-1a6e-5c5f-8a1c-5b0f3d8e7a21")
"""Namespace of the ids of sends that have a name, and of what became of any."""

AddressKind = Literal["phone", "bsuid", "psid", "igsid"]
"""How the platform names a customer: a WhatsApp number, a business-scoped id where the number is hidden, the page's or
the Instagram account's own id of them."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be said in a thread.

    `answers_inbound` is the desk's `inbound` that the author had seen: the assistant's is dropped when another message
    came meanwhile. `reply_to` is the ref of the message that it quotes, or, for a reaction, reacts to. `resends` is an
    earlier send of unknown outcome or refused. With a `name` the same draft again is the same sends.
    """

    author: Author
    text: str | None = None
    message_type: OutgoingType = "text"
    content: Content | None = None
    by: str | None = None
    purpose: Purpose = "answer"
    template: str | None = None
    language: str | None = None
    reply_to: UUID | None = None
    answers: Sequence[UUID] = ()
    answers_inbound: int | None = None
    human_tag: bool = False
    resends: UUID | None = None
    name: str | None = None
    to: tuple[AddressKind, str] | None = None  # where nobody of the thread ever wrote: a first message to a number
    cause_id: UUID | None = None
    correlation_id: UUID | None = None


class SendRefused(Exception):
    """A message that may not go now; `rule` names the reason for machines, `more` what could be had instead."""

    rule = "refused"

    def __init__(self, why: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.why, self.more = why, dict(more or {})


class WindowShut(SendRefused):
    """The platform's window is closed for such a message: which, since when, what is allowed instead."""

    rule = "window_closed"


class NoConsent(SendRefused):
    """The customer has not agreed to messages of marketing, or took it back."""

    rule = "no_marketing_consent"


class SubjectErased(SendRefused):
    """The person was erased: there is nobody to write to."""

    rule = "erased"


class BadDraft(Exception):
    """A message that the platform would not take as it is; each problem names the field and the limit."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{one.field} {one.message}" for one in problems))
        self.problems = tuple(problems)


def send_id_of(thread_id: UUID, name: str, nth: int = 0) -> UUID:
    """Return the id of the nth part of a named send, counted from 0: the same name is the same send."""
    return uuid5(SENDS, f"send|{thread_id}|{name}|{nth}")


def settled_id_of(send_id: UUID, outcome: str, by: str) -> UUID:
    """Return the id of the fact that tells what became of a send: told twice by one source it is one."""
    return uuid5(SENDS, f"settled|{send_id}|{outcome}|{by}")


def mark_of(thread_id: UUID, send_id: UUID) -> str:
    """Return what travels with a message, so that its receipts and echoes find it again."""
    return f"masar:{thread_id}:{send_id}"
