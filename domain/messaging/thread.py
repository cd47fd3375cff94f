"""What is known of one thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from domain.messaging.content import MEDIA_TYPES, AdReferral, MessageType, OutgoingType
from domain.messaging.events import (
    Holder,
    MessageEchoed,
    MessageReceived,
    PlatformTouchpoint,
    ReceiptReceived,
    ThreadFact,
    ThreadState,
)
from domain.messaging.threads import thread_of
from domain.messaging.windows import Clock
from domain.people.contact import Contact, Held
from domain.shared.clock import moment_of
from domain.shared.fact import Channel, Recorded
from domain.shared.personal import Sealed

UNREACHABLE = frozenset({131026, 551, 2018108, 2534014, 2534029, 130403})
"""Codes of a customer who cannot be reached: no such user, blocked us, left. Source: the platforms' error tables."""
NO_MARKETING = 131050
"""The customer told WhatsApp that they want no marketing from us."""

Direction = Literal["in", "out", "echo"]
TALKS: frozenset[str] = frozenset({"NEW", "ACTIVE"})
"""States of a thread in which something goes on: it grows quiet by itself."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of a thread; times in unix ms. `key` is its ref, of ours its send id."""

    at_ms: int
    arrived_ms: int
    key: str
    direction: Direction
    message_type: MessageType | OutgoingType

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands in the thread: the platform's time, then arrival."""
        return self.at_ms, self.arrived_ms, self.key


@dataclass(frozen=True, slots=True)
class Move:
    """A change of state: when (unix ms), by which log entry, and why."""

    at_ms: int
    before: ThreadState | None
    state: ThreadState
    reason: str
    event: str


@dataclass(frozen=True, slots=True)
class Ad:
    """The last click on an advertisement or post that led here."""

    at_ms: int
    event: str
    referral: AdReferral


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A send that is not settled, or of unknown outcome; `waited_ms` is since when the customer waited for it."""

    send_id: str
    at_ms: int
    message_type: OutgoingType
    waited_ms: int | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A word of the platform that may tell what became of a send: its receipt or echo."""

    ref: str
    at_ms: int
    by: Literal["receipt", "echo"]
    send_id: str | None = None
    status: str | None = None
    text: Held | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The customer blocked us or does not exist on the channel, as the platform told (unix ms)."""

    at_ms: int
    code: int
    reason: str | None = None


@dataclass(frozen=True)
class Thread:
    """What is known of one thread. Times in unix milliseconds, the platform's unless said otherwise.

    `inbound` counts the customer's messages, `outbound` ours from here, `echoed` ours from elsewhere. `unread` are the
    customer's since a human of ours last looked after the thread. `waiting_ms` is when the first of those arrived that
    nobody reacted to. `opted_out`: no marketing, as told on this channel. `marks` are times up to which everything of
    ours was delivered or read. `own` maps the platform's names of our newest sends to their ids: an echo under such a
    name is the same message, and `echoes` are those that may yet turn out to be.
    """

    thread_id: str = ""
    channel: Channel | None = None
    account_id: str = ""
    provider: str = "meta"
    subject_id: str | None = None
    test: bool = False
    state: ThreadState = "NEW"
    moves: tuple[Move, ...] = ()
    holder: Holder = "assistant"
    agent: str | None = None
    held_until_ms: int | None = None
    fence: int = 0
    holder_reason: str | None = None
    inbound: int = 0
    outbound: int = 0
    echoed: int = 0
    unread: int = 0
    first_ms: int = 0
    last: Spoken | None = None
    last_inbound_ms: int | None = None
    last_arrived_ms: int | None = None  # by our clock
    waiting_ms: int | None = None  # by our clock
    first_answer_ms: int | None = None
    last_answer_ms: int | None = None
    ad: Ad | None = None
    ad_answered_ms: int | None = None
    ad_clicked_ms: int | None = None
    rating: int | None = None
    rated_ms: int = 0
    opted_out: bool = False
    opted_ms: int = 0
    unreachable: Unreachable | None = None
    contact: Contact = field(default_factory=Contact)
    under_way: tuple[UnderWay, ...] = ()
    signs: tuple[Sign, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    echoes: tuple[str, ...] = ()
    marks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether anything was said here; receipts and clicks alone make no thread."""
        return self.last is not None

    @property
    def last_key(self) -> str | None:
        """The last message, by the name under which it is shown."""
        return None if self.last is None else self.own.get(self.last.key, self.last.key)

    @property
    def clock(self) -> Clock:
        """What opened windows here."""
        return Clock(
            self.channel or "whatsapp", moment_of(self.last_inbound_ms), moment_of(self.ad_clicked_ms),
            moment_of(self.ad_answered_ms), self.unreachable is not None,
        )  # fmt: skip


def thread_id_of(recorded: Recorded) -> UUID | None:
    """Return the thread that a fact is about, None for one about none.

    What we decided names it, and so does a receipt with which our own mark travelled; of the rest it follows from whose
    it is.
    """
    fact = recorded.fact
    if isinstance(fact, ThreadFact):
        return fact.thread_id
    if isinstance(fact, ReceiptReceived) and fact.thread_id is not None:
        return fact.thread_id
    if isinstance(fact, PlatformTouchpoint) and recorded.subject_id is not None:
        return thread_of(recorded.brokerage_id, fact.channel, fact.account_id, recorded.subject_id)
    return None


def held(value: object, at_ms: int) -> Held | None:
    """Return where a sealed value is to be found, None for one that is not there or in the clear."""
    if not isinstance(value, Sealed):
        return None
    return Held(at_ms, value.token, str(value.stream_id), value.version, value.field)


def files_of(fact: MessageReceived | MessageEchoed) -> range:
    """Return the numbers of the files that a message brings and the platform could give, the first is 0."""
    problem = fact.problem if isinstance(fact, MessageReceived) else None
    if fact.content is None or problem is not None:
        return range(0)
    return range(0 if fact.message_type in MEDIA_TYPES else 1, 1 + fact.more_files)
