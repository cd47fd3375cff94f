"""Connects accounts on messaging channels to brokerages, and takes them away again."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.brokerages import NotRegistered, Setup
from domain.brokerage.events import BrokerageFact, ChannelConnected

DEFAULT_APP = "main"
"""The app of an account of Meta's where none is named."""


class AccountTaken(Exception):
    """The account is connected to another brokerage."""


class NotConnected(Exception):
    """The brokerage has no such account."""


class Accounts(Protocol):
    """Whose accounts are whose, over all brokerages; and secrets, kept sealed."""

    def claim(self, brokerage_id: UUID, wanted: ChannelConnected) -> None:
        """Take an account for a brokerage, or change its own. Raises AccountTaken where it is another's."""

    def release(self, brokerage_id: UUID, channel: str, account_id: str) -> None:
        """Give an account up, and forget its secrets."""

    def put(self, brokerage_id: UUID, secrets: dict[str, str | None]) -> None:
        """Keep secrets by name; those that are None are left as they were."""


class SetupStreams(Protocol):
    """Brokerages' set-up."""

    def setup(self, brokerage_id: UUID) -> Setup:
        """Return what a brokerage chose so far."""

    def change(self, brokerage_id: UUID, decide: Callable[[Setup], list[BrokerageFact]]) -> Setup:
        """Append what is decided about a set-up, durable on return; return the set-up after it."""


def decide_channel(setup: Setup, wanted: ChannelConnected) -> list[BrokerageFact]:
    """Return the fact of an account's connection or end; none where it stands just so.

    Raises NotRegistered, and NotConnected where an account is taken away that is not there.
    """
    if not setup.registered:
        raise NotRegistered("register the brokerage first")
    before = setup.house.channels.get(f"{wanted.channel}/{wanted.account_id}")
    if before is None and not wanted.connected:
        raise NotConnected(f"there is no {wanted.channel} account {wanted.account_id}")
    same = before is not None and before.model_copy(update={"occurred_at": wanted.occurred_at}) == wanted
    return [] if same else [wanted]


def connect_channel(
    streams: SetupStreams,
    accounts: Accounts,
    brokerage_id: UUID,
    wanted: ChannelConnected,
    secrets: dict[str, str | None],
) -> ChannelConnected:
    """Connect an account with its secrets, by name; return it as it is connected now.

    Each step again changes nothing, so whatever was lost on the way is mended by connecting again. Raises AccountTaken,
    NotRegistered.
    """
    if wanted.provider == "meta" and wanted.app is None:
        wanted = wanted.model_copy(update={"app": DEFAULT_APP})
    decide_channel(streams.setup(brokerage_id), wanted)
    accounts.claim(brokerage_id, wanted)
    accounts.put(brokerage_id, secrets)
    streams.change(brokerage_id, lambda setup: decide_channel(setup, wanted))
    return wanted


def disconnect_channel(
    streams: SetupStreams, accounts: Accounts, brokerage_id: UUID, channel: str, account_id: str, now: datetime
) -> None:
    """Take an account away: what comes for it is refused from now on. Raises NotConnected."""
    before = streams.setup(brokerage_id).house.channels.get(f"{channel}/{account_id}")
    if before is None:
        raise NotConnected(f"there is no {channel} account {account_id}")
    gone = before.model_copy(update={"connected": False, "occurred_at": now})
    streams.change(brokerage_id, lambda setup: decide_channel(setup, gone))
    accounts.release(brokerage_id, channel, account_id)
