"""A thread's story sorted: what the customer wrote, what we said, and what was learned from either already."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID, uuid5

from application.ports.assistant import Story
from application.ports.desks import Desk
from domain.conversations.events import ConversationTouchpoint
from domain.messaging.events import (
    MessageEchoed,
    MessageReceived,
    PlatformTouchpoint,
    SendRequested,
    SendSettled,
    SignalReceived,
    StateChanged,
    ThreadFact,
)
from domain.messaging.threads import session_of
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.shared.fact import Recorded

TURNS = UUID("8c2f9e14-7d3b-5a60-9b1c-4e7f0a2d6b35")
"""Namespace of what is learned from a message: one name per message and thing, so that a repeat adds nothing."""


def learned_id(ref: UUID, what: str) -> UUID:
    """Return the id of one thing that is learned from a message, or from a send of ours."""
    return uuid5(TURNS, f"{ref}|{what}")


@dataclass(frozen=True, slots=True)
class Said:
    """Something that went out: the assistant's, an agent's, the system's, or `outside` of here, from another app."""

    id: UUID
    recorded: Recorded
    author: str
    at: datetime


@dataclass(frozen=True)
class Thread:
    """A story, seen as one thread; other threads of the same customer are left out."""

    story: Story
    _of_it: list[Recorded] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_of_it", [one for one in self.story.facts if self._belongs(one)])

    @property
    def desk(self) -> Desk:
        """The desk at the moment of the story."""
        return self.story.desk

    @cached_property
    def received(self) -> list[Recorded]:
        """The customer's messages in the order of arrival; those that another application is to answer are not."""
        return [one for one in self._of_it if isinstance(one.fact, MessageReceived) and not one.fact.standby]

    @cached_property
    def listened(self) -> list[Recorded]:
        """All of the customer's messages in the order of arrival, also while another application holds the thread."""
        return [one for one in self._of_it if isinstance(one.fact, MessageReceived)]

    @cached_property
    def signals(self) -> list[Recorded]:
        """What the customer told the platform beside messages."""
        return [one for one in self._of_it if isinstance(one.fact, SignalReceived)]

    @cached_property
    def said(self) -> list[Said]:
        """What we said, in order; nothing that was cancelled or refused."""
        failed = {
            one.fact.send_id for one in self._of_it
            if isinstance(one.fact, SendSettled) and one.fact.outcome in ("cancelled", "refused")
        }  # fmt: skip
        own = {one.fact.ref for one in self._of_it if isinstance(one.fact, SendSettled)}
        found: list[Said] = []
        for one in self._of_it:
            if one.stream_id in own:
                continue  # the echo of what was sent from here
            match one.fact:
                case SendRequested() as fact if one.stream_id not in failed and fact.message_type != "reaction":
                    found.append(Said(one.stream_id, one, fact.author, fact.occurred_at))
                case MessageEchoed(send_id=None, past=False) as fact:
                    found.append(Said(one.stream_id, one, "outside", fact.occurred_at))
        return found

    @cached_property
    def known(self) -> frozenset[UUID]:
        """The ids of everything in the story: what is there need not be told again."""
        return frozenset(one.stream_id for one in self.story.facts)

    @cached_property
    def last_at(self) -> datetime | None:
        """When something happened in the thread last, by our clock."""
        moves = (MessageReceived, MessageEchoed, SendRequested)
        return max((one.recorded_at for one in self._of_it if isinstance(one.fact, moves)), default=None)

    @property
    def began_at(self) -> datetime | None:
        """When the first message that the story still has was written."""
        return min((one.fact.occurred_at for one in self.listened), default=None)

    @cached_property
    def states(self) -> list[Recorded]:
        """The decisions about the thread's state, in order."""
        return [one for one in self._of_it if isinstance(one.fact, StateChanged)]

    def waiting(self) -> list[Recorded]:
        """Return the messages that nobody reacted to yet, as the desk counts them."""
        unanswered = self.desk.inbound - self.desk.answered
        return self.received[-unanswered:] if unanswered > 0 else []

    def answered_elsewhere(self, at: datetime) -> bool:
        """Tell whether somebody wrote from another app after this moment of the platform's: a message that comes late.

        Whatever the order in which the platform tells us, they had seen what the customer wrote before.
        """
        return any(one.author == "outside" and one.at > at for one in self.said)

    def human_spoke(self) -> int:
        """Return the position at which the present wait began: a human spoke, or the thread went to rest; else 0."""
        humans = [one.recorded.position for one in self.said if one.author in ("agent", "outside")]
        rests = [
            one.position for one in self.states
            if isinstance(one.fact, StateChanged) and one.fact.state in ("IDLE", "CLOSED")
        ]  # fmt: skip
        return max([*humans, *rests], default=0)

    def opted_out(self) -> bool:
        """Tell whether the customer's last word about marketing was no."""
        words = [
            one.fact for one in self.story.facts
            if isinstance(one.fact, ConsentGiven | ConsentWithdrawn) and one.fact.purpose == "marketing_messages"
        ]  # fmt: skip
        newest = max(words, key=lambda one: (one.occurred_at, isinstance(one, ConsentWithdrawn)), default=None)
        return isinstance(newest, ConsentWithdrawn)

    def _belongs(self, recorded: Recorded) -> bool:
        fact, desk = recorded.fact, self.story.desk
        match fact:
            case ThreadFact():
                return fact.thread_id == desk.thread_id
            case PlatformTouchpoint():
                return (fact.channel, fact.account_id) == (desk.channel, desk.account_id)
            case ConversationTouchpoint():
                return fact.session_id == session_of(desk.thread_id)
            case _:
                return False
