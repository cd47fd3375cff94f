"""What answering a thread needs: its story, somebody who understands it, and somebody who answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from application.outgoing import Draft
from application.ports.desks import Desk, DeskWork
from domain.conversations.analysis import Topic
from domain.conversations.events import Detail, Tracked
from domain.messaging.content import Content, MessageType
from domain.shared.fact import Channel, Recorded

Language = Literal["ar", "en"]
"""The script to answer in: Arabic, also to who writes Arabic in Latin letters, or English."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one message told: of what the customer looks for, what it asked, and how it is written.

    `language` is None where the words do not say, as of an emoji. `wants_human`: it asks for a person.
    """

    details: tuple[Detail, ...] = ()
    events: tuple[Tracked, ...] = ()
    topics: tuple[Topic, ...] = ()
    language: Language | None = None
    wants_human: bool = False


class Understanding(Protocol):
    """Understands single messages in Arabic, English or Arabic in Latin letters."""

    def read(self, texts: Sequence[str]) -> list[Told]:
        """Return what each text tells, in order; raises nothing for what a customer may write."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message of the customer in the clear; `text` is None where it has no words, or they were erased."""

    ref: UUID
    at: datetime
    message_type: MessageType
    text: str | None = field(repr=False)
    content: Content | None = field(repr=False)
    told: Told


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a thread stands when the assistant is asked.

    `waiting` are the messages that nobody reacted to yet, oldest first. `greeted`: somebody of ours said something in
    this thread before; `acknowledged`: the assistant did since a human last did. `back_at` is when somebody is in the
    office again, on the clock that is read there, None while somebody is.
    """

    brokerage: str
    channel: Channel
    waiting: Sequence[Heard]
    language: Language
    greeted: bool
    acknowledged: bool
    back_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say. `hand_over` is why a human must go on, None where none has to."""

    text: str = field(repr=False)
    hand_over: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is to be said, and why."""

    why: str
    hand_over: str | None = None


class Assistant(Protocol):
    """Answers customers."""

    def answer(self, situation: Situation) -> Answer | Silence:
        """Return what to say to the messages that wait."""


@dataclass(frozen=True, slots=True)
class Story:
    """A thread at one moment: its desk, and what the log has of it lately, in the log's order, personal values sealed.

    `brokerage` is the brokerage's name, `region` the country in which its clock is read.
    """

    desk: Desk
    facts: Sequence[Recorded]
    brokerage: str
    region: str


class Stories(Protocol):
    """Reads threads."""

    def read(self, brokerage_id: UUID, thread_id: UUID) -> Story | None:
        """Return a thread's story, None where this brokerage has no such thread."""

    def one(self, brokerage_id: UUID, ref: UUID) -> Recorded | None:
        """Return one fact of the log, None where this brokerage has no such."""


class Sends(Protocol):
    """Has messages sent."""

    def request_send(self, work: DeskWork, draft: Draft, now: datetime) -> UUID:
        """Record that a message is to be sent, and have it sent; return the id of its first part.

        Raises SendRefused where it may not go, BadDraft where it cannot.
        """


class Colleagues(Protocol):
    """Knows who of those who write is one of us: an agent may answer the very message that told them of a customer."""

    def name_of(self, brokerage_id: UUID, subject_id: UUID) -> str | None:
        """Return the agent of the brokerage who a subject is, None for a customer."""
