"""One item of a webhook, and what can become of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from domain.messaging.events import PlatformTouchpoint, Provider
from domain.shared.fact import Channel

RefOf = Callable[[str], UUID]
"""Returns the ref of a message by its producer's name (`domain.messaging.threads.message_name`)."""


class Piece(NamedTuple):
    """One item of a webhook.

    `path` is its place in the body. It is routed by `account` (id of the phone number, the page or the Instagram
    account), or, where it speaks of no such account, by `business_id` (the WhatsApp business account). `field` is the
    platform's word for what was subscribed to, `kind` ours for what it is. `context` is what stood beside it.
    """

    path: str
    channel: Channel
    account: str | None
    business_id: str | None
    field: str
    kind: str
    value: Mapping[str, Any]
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """An item that could not be read: where it stands in the body, and why."""

    path: str
    why: str


class Named(NamedTuple):
    """A fact with the name that its producer, the channel, has for it: the same again for every repeat."""

    name: str
    fact: PlatformTouchpoint


class Reading(NamedTuple):
    """What a piece is read with: how messages are named, the time of arrival, and through whom it came."""

    ref: RefOf
    now: datetime
    provider: Provider
