"""Facts of messaging on WhatsApp, Messenger and Instagram: what the platforms report, and what we decide.

A *thread* is one customer on one account of ours: brokerage, channel, account, subject (`domain.messaging.threads`).
A message is named by its `ref`: the id of the log entry that holds it or would hold it, a keyed hash of the platform's
own id, which itself is personal.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from domain.messaging.content import AdReferral, Content, MessageText, MessageType, OutgoingType, Piece
from domain.shared.fact import Channel, Fact, Label, Origin, Touchpoint
from domain.shared.personal import Open, Personal

AccountId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\-]{1,64}$")]
"""Our own side: a phone-number id, a page's id, an Instagram account's id."""
Provider = Literal["meta", "360dialog"]
Clock = Literal["platform", "arrival"]
"""Whose time `occurred_at` is: the platform's, or, where that was impossible, that of arrival."""
ReceiptStatus = Literal["sent", "delivered", "read", "played", "failed"]
Change = Literal["reacted", "unreacted", "edited", "revoked"]
Signal = Literal[
    "referral", "opted_in", "account_linked", "number_changed", "user_id_changed", "thread_passed", "thread_taken",
    "thread_requested", "marketing_stopped", "marketing_resumed", "called", "welcome_asked", "commented", "mentioned",
    "other",
]  # fmt: skip
Author = Literal["assistant", "agent", "system"]
"""Who speaks for us: the assistant, a named human, or the system by itself (a survey, a confirmation of an opt-out)."""
Purpose = Literal["answer", "handover", "opt_out", "opt_in", "survey", "marketing", "notice"]
"""What a message of ours is for; `marketing` needs a consent, `opt_out` and `opt_in` confirm a word about that."""
Outcome = Literal["accepted", "refused", "unknown", "cancelled"]
"""What became of a message of ours; `unknown`: the answer was lost, nobody knows, and it is not sent again by itself.
"""
Holder = Literal["assistant", "agent"]
ThreadState = Literal["NEW", "ACTIVE", "IDLE", "WAITING_AGENT", "CLOSED"]
FileNumber = Annotated[int, Field(ge=0)]
"""Which of a message's files: 0 is the first, its content's `media`; the others are its `files`, in their order."""
Why = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class PlatformTouchpoint(Touchpoint):
    """What a platform reports of a customer; only its webhooks bring it, never a producer's key."""

    posted: ClassVar[bool] = False

    origin: Open[Origin] = "business_messaging"
    channel: Open[Channel]
    account_id: Open[AccountId]
    provider: Open[Provider] = "meta"
    clock: Open[Clock] = "platform"


class MessageReceived(PlatformTouchpoint):
    """A customer wrote to us. Source: the platform's webhook, once per message id.

    `standby`: another application holds the thread on the platform, we only listen. `problem` is the platform's code
    where it could not give the message whole.
    """

    kind: Open[Literal["messaging.message_received.v1"]] = "messaging.message_received.v1"
    message_type: Open[MessageType]
    platform_id: Personal[Piece | None] = None
    text: Personal[MessageText | None] = None
    content: Personal[Content | None] = None
    reply_to: Open[UUID | None] = None
    forwarded: Open[bool] = False
    referral: Open[AdReferral | None] = None
    standby: Open[bool] = False
    past: Open[bool] = False  # came with the history of a number that joined: never answered
    problem: Open[int | None] = None
    more_files: Open[FileNumber] = 0  # how many it brings beside the first


class MessageEchoed(PlatformTouchpoint):
    """Somebody wrote for us outside of here: an agent in the platform's app, another application.

    It belongs to the thread, is never answered, and its customer did nothing. `send_id` is ours where the message was
    sent from here; `past` ones came with the history of a number that joined.
    """

    kind: Open[Literal["messaging.message_echoed.v1"]] = "messaging.message_echoed.v1"
    message_type: Open[MessageType]
    platform_id: Personal[Piece | None] = None
    text: Personal[MessageText | None] = None
    content: Personal[Content | None] = None
    reply_to: Open[UUID | None] = None
    send_id: Open[UUID | None] = None
    application: Open[Label | None] = None
    past: Open[bool] = False
    more_files: Open[FileNumber] = 0  # how many it brings beside the first


class ReceiptReceived(PlatformTouchpoint):
    """The platform tells how far a message of ours got: one message by `ref`, or all up to a time.

    `thread_id` and `send_id` are ours, where they travelled along.
    """

    kind: Open[Literal["messaging.receipt_received.v1"]] = "messaging.receipt_received.v1"
    status: Open[ReceiptStatus]
    ref: Open[UUID | None] = None
    up_to: Open[AwareDatetime | None] = None
    thread_id: Open[UUID | None] = None
    send_id: Open[UUID | None] = None
    code: Open[int | None] = None
    reason: Open[Why | None] = None
    pricing: Open[Label | None] = None


class MessageChanged(PlatformTouchpoint):
    """A message was reacted to, edited or taken back; by the customer, or `by_us` in the platform's app."""

    kind: Open[Literal["messaging.message_changed.v1"]] = "messaging.message_changed.v1"
    change: Open[Change]
    ref: Open[UUID]  # the message that changed
    by_us: Open[bool] = False
    platform_id: Personal[Piece | None] = None
    emoji: Personal[Piece | None] = None
    text: Personal[MessageText | None] = None
    content: Personal[Content | None] = None


class SignalReceived(PlatformTouchpoint):
    """Something else about a customer on a channel: a click on an advertisement, a number changed, a preference."""

    kind: Open[Literal["messaging.signal_received.v1"]] = "messaging.signal_received.v1"
    signal: Open[Signal]
    text: Personal[MessageText | None] = None
    content: Personal[Content | None] = None
    referral: Open[AdReferral | None] = None


class NoticeReceived(PlatformTouchpoint):
    """The platform tells something about an account of ours, and of no customer; unknown fields are kept so as well.

    `about` is the platform's word for it. Of a template: its name, language, and what changed.
    """

    kind: Open[Literal["messaging.notice_received.v1"]] = "messaging.notice_received.v1"
    about: Open[Label]
    template: Open[Label | None] = None
    language: Open[Label | None] = None
    status: Open[Label | None] = None
    category: Open[Label | None] = None
    quality: Open[Label | None] = None
    reason: Open[Why | None] = None
    content: Personal[Content | None] = None


class ThreadFact(Fact):
    """What we decided about a thread; `channel` and `account_id` are those of the thread."""

    thread_id: Open[UUID]
    channel: Open[Channel]
    account_id: Open[AccountId]


class SendRequested(ThreadFact):
    """A message of ours is to be sent; its own log entry is its `send_id`. Source: the assistant, an agent, the system.

    `fence` is the thread's at that moment: whoever takes over raises it, and what the assistant had not yet sent is
    cancelled. `answers` are the refs of the messages it answers, `reply_to` the one it quotes.
    """

    kind: Open[Literal["messaging.send_requested.v1"]] = "messaging.send_requested.v1"
    author: Open[Author]
    by: Open[Label | None] = None  # the agent, or the key that asked
    purpose: Open[Purpose] = "answer"
    message_type: Open[OutgoingType]
    text: Personal[MessageText | None] = None
    content: Personal[Content | None] = None
    template: Open[Label | None] = None
    language: Open[Label | None] = None
    reply_to: Open[UUID | None] = None
    answers: Open[Annotated[tuple[UUID, ...], Field(max_length=100)]] = ()
    fence: Open[int] = 0
    human_tag: Open[bool] = False  # sent under the platform's tag for a human's late answer
    resends: Open[UUID | None] = None  # an earlier send of unknown outcome, sent again knowingly


class SendSettled(ThreadFact):
    """What became of a message of ours. An `unknown` one may be settled again, by a receipt, an echo or a person.

    `ref` names the platform's message once there is one. `by` tells whose word it is. `code` is the platform's.
    """

    kind: Open[Literal["messaging.send_settled.v1"]] = "messaging.send_settled.v1"
    send_id: Open[UUID]
    outcome: Open[Outcome]
    by: Open[Literal["answer", "receipt", "echo", "takeover", "newer_message", "window", "agent", "worker"]]
    ref: Open[UUID | None] = None
    platform_id: Personal[Piece | None] = None
    code: Open[int | None] = None
    reason: Open[Why | None] = None


class HolderChanged(ThreadFact):
    """Somebody else answers this thread from now on: the assistant, or one named agent until the lease runs out.

    Every change raises the fence by one.
    """

    kind: Open[Literal["messaging.holder_changed.v1"]] = "messaging.holder_changed.v1"
    holder: Open[Holder]
    agent: Open[Label | None] = None
    fence: Open[int]
    until: Open[AwareDatetime | None] = None
    reason: Open[Why]


class StateChanged(ThreadFact):
    """A thread moved between its states. Messages that come move it too, without such a fact: NEW, ACTIVE, reopened."""

    kind: Open[Literal["messaging.state_changed.v1"]] = "messaging.state_changed.v1"
    before: Open[ThreadState]
    state: Open[ThreadState]
    reason: Open[Why]


class ThreadRated(ThreadFact):
    """The customer answered the question after closing: 1 to 5."""

    kind: Open[Literal["messaging.thread_rated.v1"]] = "messaging.thread_rated.v1"
    rating: Open[Annotated[int, Field(ge=1, le=5)]]
    ref: Open[UUID]  # the message that says so


class MediaSettled(ThreadFact):
    """What became of a file that a message brought; `name` is ours. Failed ones stay visible and can be tried again."""

    kind: Open[Literal["messaging.media_settled.v1"]] = "messaging.media_settled.v1"
    ref: Open[UUID]  # the message
    nth: Open[FileNumber] = 0
    outcome: Open[Literal["kept", "refused", "infected", "failed"]]
    name: Open[UUID | None] = None
    mime_type: Open[Label | None] = None
    size: Open[Annotated[int, Field(ge=0)] | None] = None
    scanned: Open[bool] = False
    reason: Open[Why | None] = None


class TemplateSynced(Fact):
    """A template as the platform has it now. Source: the sync with the platform, or its notices."""

    kind: Open[Literal["messaging.template_synced.v1"]] = "messaging.template_synced.v1"
    account_id: Open[AccountId]  # the WhatsApp business account that owns it
    name: Open[Label]
    language: Open[Label]
    status: Open[Label]
    category: Open[Label | None] = None
    quality: Open[Label | None] = None
    components: Open[tuple[dict[str, JsonValue], ...]] = ()
    reason: Open[Why | None] = None
    gone: Open[bool] = False  # the platform no longer has it


FROM_CUSTOMERS: tuple[type[PlatformTouchpoint], ...] = (MessageReceived, MessageChanged, SignalReceived)
"""What a customer did themselves: the rest is reported about us."""
