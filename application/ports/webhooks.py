"""What receiving webhooks needs from outside: a reader of bodies, whose accounts are whose, and where deliveries go."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

from application.ports.touchpoints import Observed, Verdict
from domain.messaging.events import PlatformTouchpoint, Provider
from domain.shared.fact import Channel

Source = Literal["meta", "360dialog"]
RefOf = Callable[[str], UUID]
"""Returns the log entry's id of something by the name that its producer has for it."""
NamesOf = Callable[[UUID, Channel], RefOf]
"""Returns how the things of a brokerage's channel are named."""


class Part(NamedTuple):
    """One item of a webhook's body: its place in it, and the account or the business account that it speaks of.

    `problem` says why it could not even be told apart; else `piece` is the reader's own.
    """

    path: str
    channel: Channel | None = None
    account: str | None = None
    business_id: str | None = None
    problem: str | None = None
    piece: Any = None


class Reading(NamedTuple):
    """The fact of an item, its producer's name for it, and the content that a repeat must have as well."""

    name: str
    fact: PlatformTouchpoint
    content: bytes


class Reader(Protocol):
    """Reads bodies of webhooks; pure."""

    def body(self, raw: bytes) -> dict[str, Any]:
        """Return the JSON object of a body. Raises ValueError saying why there is none."""

    def parts(self, body: Mapping[str, Any]) -> list[Part]:
        """Return the items of a body, in order; never raises."""

    def read(self, part: Part, ref: RefOf, now: datetime, provider: Provider) -> Reading | str:
        """Return what an item tells, or why it cannot be read; never raises."""


@dataclass(frozen=True, slots=True)
class Route:
    """An account that is connected: whose it is, and which app's webhooks may speak of it.

    A 360dialog account has secrets of its own and no app.
    """

    brokerage_id: UUID
    channel: Channel
    account_id: str
    provider: Provider
    app: str | None
    business_id: str | None = None


@dataclass(frozen=True, slots=True)
class AppSecrets:
    """One brokerage's Meta app: the secrets that may sign, the newest first, and the tokens of verification."""

    brokerage_id: UUID
    app: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    verify_tokens: tuple[str, ...] = field(default=(), repr=False)


class Routing(Protocol):
    """Whose accounts are whose, as known at one moment."""

    def owners(self, part: Part) -> Sequence[Route]:
        """Return the connected accounts that an item speaks of: one, or those of a business account."""

    def app(self, name: str) -> Sequence[AppSecrets]:
        """Return the apps of this name: each brokerage may have one."""


class Item(NamedTuple):
    """What became of one item of a delivery: a touchpoint on its way to the log, or a problem."""

    path: str
    account: str | None = None
    observed: Observed | None = None
    problem: str | None = None


class Delivery(NamedTuple):
    """What a platform posted for one brokerage, as it came, and what it was read as. `raw` holds nobody else's items.

    `verified_by` tells by what it was known to be theirs. The `id` of one that is there already replays it.
    """

    id: UUID
    brokerage_id: UUID
    source: Source
    app: str | None
    received_at: datetime
    headers: Mapping[str, str]
    verified_by: str
    raw: bytes
    items: Sequence[Item]

    def __repr__(self) -> str:
        """Return which it is, and nothing that somebody wrote."""
        return f"Delivery({self.id}, brokerage {self.brokerage_id}, {self.source}, {len(self.items)} items)"

    @property
    def size(self) -> int:
        """Bytes, about: what a batch is measured by."""
        return len(self.raw) + 200 * len(self.items)

    @property
    def facts(self) -> list[Observed]:
        """The touchpoints in it, in order."""
        return [one.observed for one in self.items if one.observed is not None]


class DeliveryLog(Protocol):
    """Stores deliveries together with their facts."""

    async def append(self, deliveries: Sequence[Delivery]) -> Sequence[Sequence[Verdict]]:
        """Return the verdicts of each delivery's facts once all of it is durable. Raises Busy."""
