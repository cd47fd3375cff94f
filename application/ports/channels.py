"""What sending needs from outside: the platforms, whom to reach where, and how fast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

from application.outgoing import AddressKind
from application.ports.desks import Desk
from application.ports.media import FileToGive
from domain.messaging.content import Content, OutgoingType
from domain.messaging.events import Provider, TemplateSynced
from domain.shared.fact import Channel
from domain.shared.personal import Sealed

No = Literal["transient", "throttled", "window", "permanent", "forbidden", "unknown"]
"""What a no of a platform means: later; slower; not in this window; never; not with this token; nobody knows.

`unknown` is a request whose answer was lost, or makes no sense: it may have been received, and no platform here has a
key that would make a second one harmless.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account of ours on a channel with what opens it; `app_secrets` are its app's, the newest first."""

    channel: Channel
    account_id: str
    provider: Provider
    token: str = field(repr=False)
    business_id: str | None = None
    app_secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A customer as the platform names them."""

    kind: AddressKind
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToSend:
    """A message in the clear, on its way out. `reply_to` is the platform's id of the message quoted or reacted to.

    `mark` travels along where the platform lets it. `file` is to be given to the platform first.
    """

    to: Addressee
    message_type: OutgoingType
    mark: str
    text: str | None = field(default=None, repr=False)
    content: Content = field(default_factory=Content, repr=False)
    template: str | None = None
    language: str | None = None
    reply_to: str | None = field(default=None, repr=False)
    human_tag: bool = False
    file: FileToGive | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it, under its own id, where it gives one; that is not yet delivered."""

    platform_id: str | None = field(default=None, repr=False)


class NotSent(Exception):
    """The platform said no, or nothing. `wait_s` is how long it asks us to wait; `blames` what must wait."""

    def __init__(
        self, no: No, reason: str, code: int | None = None, subcode: int | None = None, wait_s: float | None = None,
        pair: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(f"{no}: {reason}")
        self.no, self.reason, self.code, self.subcode, self.wait_s = no, reason, code, subcode, wait_s
        self.pair = pair  # only this customer must wait, not the whole account


class ChannelClient(Protocol):
    """Speaks with one kind of account."""

    def send(self, account: Account, message: ToSend) -> Sent:
        """Send a message. Raises NotSent; nothing else for what a platform may answer."""

    def seen(self, account: Account, to: Addressee, platform_id: str | None, *, typing: bool) -> None:
        """Mark the customer's message as read, or show that somebody types. Raises NotSent."""


class Channels(Protocol):
    """All clients."""

    def client(self, account: Account) -> ChannelClient:
        """Return who speaks with an account."""


class Templates(Protocol):
    """A business account's templates at the platform."""

    def templates(self, account: Account) -> Sequence[TemplateSynced]:
        """Return all of them as they are now. Raises NotSent."""


class AddressBook(Protocol):
    """What is known of accounts, customers and messages; personal values stay sealed."""

    def account(self, brokerage_id: UUID, channel: Channel, account_id: str) -> Account | None:
        """Return an account with its token; None without one, or where it is not connected."""

    def address(self, desk: Desk) -> tuple[Sealed, tuple[AddressKind, ...]] | None:
        """Return the sealed hints in which the customer's newest address is, and the kinds to look for, best first."""

    def platform_id(self, brokerage_id: UUID, ref: UUID) -> Sealed | None:
        """Return the platform's id of a message, sealed: of one that came by its ref, of ours by its send id too."""


class Shaper(Protocol):
    """Keeps within the rates of platforms, across all processes."""

    def take(self, account: str, thread: str, channel: Channel, *, heavy: bool = False) -> float:
        """Take a turn: 0 where it may go now, else how many seconds to wait before asking again."""

    def hold(self, scope: str, seconds: float) -> None:
        """Let nothing go within a scope (an account, or a thread) for so long."""


NameOf = Callable[[UUID, Channel, str], UUID]
"""Returns the ref of a platform's message: (brokerage, channel, platform id) → the id of its log entry."""
Opened = Callable[[Sequence[Sealed]], Sequence[Any]]
"""Opens sealed values; ERASED where a key is gone."""
