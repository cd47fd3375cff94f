"""What facts do to the desk of their thread: the rule by which desks are written, and made anew from the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.messaging.events import (
    Holder,
    HolderChanged,
    MessageEchoed,
    MessageReceived,
    PlatformTouchpoint,
    SendRequested,
    SignalReceived,
    StateChanged,
    ThreadState,
)
from domain.messaging.thread import thread_id_of
from domain.messaging.threads import names_its_sends
from domain.shared.changed import changed
from domain.shared.fact import Fact, Recorded

HANDLES: tuple[type[Fact], ...] = (
    MessageReceived, MessageEchoed, SignalReceived, SendRequested, HolderChanged, StateChanged,
)  # fmt: skip
"""The facts that a desk follows from."""

WROTE, CLICKED, ANSWERED, HEARD, SPOKE = 1, 2, 4, 8, 16
"""What a reported fact does: the customer wrote to us; clicked on an advertisement; somebody answered elsewhere; the
customer wrote while another application is to answer, or before we were there: it opens windows and asks nothing of us.

SPOKE: something was said for us, perhaps by ourselves: the thread has a desk, and nothing changes at it.
"""


def effects_of(fact: Fact) -> int:
    """Return what a reported fact does to its thread's desk, 0 for nothing: a sum of the above."""
    match fact:
        case MessageReceived():
            clicked = fact.referral is not None and fact.referral.of_ad
            return (HEARD if fact.standby else WROTE) | (CLICKED if clicked else 0)
        case SignalReceived() if fact.referral is not None and fact.referral.of_ad:
            return CLICKED
        case MessageEchoed(send_id=None, past=False):
            return ANSWERED if names_its_sends(fact.channel) else SPOKE
        case _:
            return 0


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """What a desk holds. `inbound` counts the customer's messages, `answered` those that we reacted to.

    `last_inbound_at` is the newest by the platform's time, `last_arrived_at` by ours, `last_ref` names it;
    `waiting_since` is when the first arrived that is not answered. `ad_at` is the last click on an advertisement.
    Every change of the holder raises the fence.

    As facts alone tell it `answered` and `waiting_since` are the least that is known: that the assistant chose silence
    is told by no fact. Times of arrival are then those of the log, which come a moment after those of the door.
    """

    inbound: int = 0
    last_inbound_at: datetime | None = None
    last_arrived_at: datetime | None = None
    last_ref: UUID | None = None
    ad_at: datetime | None = None
    answered: int = 0
    waiting_since: datetime | None = None
    holder: Holder = "assistant"
    agent: str | None = None
    held_until: datetime | None = None
    fence: int = 0
    state: ThreadState = "NEW"
    state_at: datetime | None = None


NOBODY = Sitting()
"""A desk before any fact."""
DETERMINED = (
    "inbound", "last_inbound_at", "last_ref", "ad_at", "holder", "agent", "held_until", "fence", "state",
)  # fmt: skip
"""What facts determine to the letter."""


def desk_of(recorded: Recorded) -> UUID | None:
    """Return the thread at whose desk a fact is felt, None for one that is felt at none."""
    fact = recorded.fact
    if isinstance(fact, PlatformTouchpoint) and not effects_of(fact):
        return None
    return thread_id_of(recorded) if isinstance(fact, HANDLES) else None


def evolve(before: Sitting, recorded: Recorded) -> Sitting:
    """Take one more fact of the thread into account, in the order of the log."""
    match recorded.fact:
        case MessageReceived() | SignalReceived() | MessageEchoed():
            return _reported(before, recorded, effects_of(recorded.fact))
        case SendRequested() as fact if fact.author != "system" and fact.message_type != "reaction":
            after = changed(before, answered=before.inbound, waiting_since=None)
            new = fact.author == "assistant" and before.state == "NEW"
            return changed(after, state="ACTIVE", state_at=fact.occurred_at) if new else after
        case HolderChanged() as fact:
            return changed(
                before, holder=fact.holder, agent=fact.agent, held_until=fact.until, fence=fact.fence
            )  # fmt: skip
        case StateChanged() as fact:
            after = changed(before, state=fact.state, state_at=fact.occurred_at)
            # Whoever closes a thread lets nobody wait.
            return changed(after, answered=before.inbound, waiting_since=None) if fact.state == "CLOSED" else after
        case _:
            return before


def _reported(before: Sitting, recorded: Recorded, effects: int) -> Sitting:
    at, arrived, after = recorded.fact.occurred_at, recorded.recorded_at, before
    if effects & (WROTE | HEARD) and (before.last_inbound_at is None or at >= before.last_inbound_at):
        after = changed(after, last_inbound_at=at, last_ref=recorded.stream_id)
    if effects & CLICKED and (before.ad_at is None or at > before.ad_at):
        after = changed(after, ad_at=at)
    if effects & WROTE:
        after = changed(
            after, inbound=before.inbound + 1, waiting_since=before.waiting_since or arrived,
            last_arrived_at=max(before.last_arrived_at or arrived, arrived),
        )  # fmt: skip
    if effects & ANSWERED and at >= (before.last_inbound_at or at):
        after = changed(after, answered=before.inbound, waiting_since=None)
    rested = before.state in ("IDLE", "CLOSED") and effects & (WROTE | ANSWERED)
    if rested or (before.state == "NEW" and effects & ANSWERED):
        after = changed(after, state="ACTIVE", state_at=arrived)
    return after


def differences(row: Mapping[str, Any], told: Sitting) -> list[str]:
    """Return the fields in which a desk is not what the log tells, in order; none where it is right.

    Nobody waits exactly where all is answered, and no more was answered than came.
    """
    wrong = [name for name in DETERMINED if row[name] != getattr(told, name)]
    if not told.answered <= row["answered"] <= row["inbound"]:
        wrong.append("answered")
    if (row["waiting_since"] is None) != (row["answered"] >= row["inbound"]):
        wrong.append("waiting_since")
    return wrong


def mended(row: Mapping[str, Any], told: Sitting) -> dict[str, Any]:
    """Return the fields of a desk as it should be: what facts determine, and of the rest what was right."""
    answered = row["answered"] if told.answered <= row["answered"] <= told.inbound else told.answered
    waiting = None if answered == told.inbound else row["waiting_since"] or told.waiting_since
    same = row["state"] == told.state and row["state_at"] is not None
    return {name: getattr(told, name) for name in DETERMINED} | {
        "answered": answered, "waiting_since": waiting,
        "last_arrived_at": row["last_arrived_at"] or told.last_arrived_at,
        "state_at": row["state_at"] if same else told.state_at or row["state_at"],
    }  # fmt: skip
