"""Let a quiet thread rest: IDLE after half an hour, CLOSED after a day; give back what an agent's lease held."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from application.clock import Clock, utc_now
from application.ports.assistant import Stories
from application.ports.desks import Desk, Desks, DeskWork
from application.ports.outbox import Entry, Leased, Records, Settled
from application.take_over import close, expire, move
from application.thread_story import Thread
from domain.messaging.events import StateChanged


@dataclass(frozen=True, slots=True)
class QuietRules:
    """When a thread rests: IDLE after `idle_after` without a message of anybody, CLOSED after `close_after` IDLE."""

    idle_after: timedelta = timedelta(minutes=30)
    close_after: timedelta = timedelta(hours=24)


USUAL = QuietRules()


@dataclass(frozen=True, slots=True)
class QuietThread:
    """The use case behind the reminder `quiet_thread`."""

    stories: Stories
    desks: Desks
    records: Records
    rules: QuietRules = USUAL
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Move the thread where it is time, and settle the reminder: done, or waiting until it could be time again.

        Raises LeaseLost.
        """
        thread_id = UUID(str(message.payload["thread_id"]))
        story = self.stories.read(message.brokerage_id, thread_id)
        if story is None:
            self.records.record(Entry([Settled(message, "done")]))
            return
        with self.desks.at(message.brokerage_id, thread_id) as work:
            now = self.clock()
            again = _step(work, Thread(story), message, self.rules, now)
            work.settle([Settled(message, "done") if again is None else Settled(message, "waiting", again)])


def _step(work: DeskWork, thread: Thread, message: Leased, rules: QuietRules, now: datetime) -> datetime | None:
    """Do what a reminder is about: the end of a lease, the rest of a thread that is IDLE, or of one that talks."""
    if message.payload.get("only") == "lease":
        return lease_over(work, now)
    expire(work, now)
    if work.desk.state == "IDLE":
        return close_idle(work, thread, rules, now)
    rested = any(isinstance(one.fact, StateChanged) and one.fact.state == "IDLE" and one.stream_id == message.cause_id
                 for one in thread.states)  # fmt: skip
    return None if rested else rest(work, thread, rules, now)  # who wrote since has a reminder of their own


def lease_over(work: DeskWork, now: datetime) -> datetime | None:
    """Give the thread back where its agent's lease ran out; return when it will, None where nothing is held."""
    expire(work, now)
    return work.desk.held_until if work.desk.holder == "agent" else None


def rest(work: DeskWork, thread: Thread, rules: QuietRules, now: datetime) -> datetime | None:
    """Let a thread be IDLE where nobody wrote for so long; return when to look again, None where nothing is left.

    One that waits for a human is never put away silently: it waits until one holds it, or wrote.
    """
    desk = work.desk
    if desk.state == "CLOSED" or desk.holder == "agent":
        return None  # what follows has a reminder of its own
    if desk.state == "WAITING_AGENT" and not _human_came(thread):
        return now + rules.idle_after
    idle_at = _last_at(thread, desk, now) + rules.idle_after
    if idle_at > now:
        return idle_at
    move(work, "IDLE", f"no message for {_minutes(rules.idle_after)}", now)
    return None


def close_idle(work: DeskWork, thread: Thread, rules: QuietRules, now: datetime) -> datetime | None:
    """Close a thread that was IDLE for so long; return when it will have been, None where nothing is left to do."""
    desk = work.desk
    last_at = _last_at(thread, desk, now)
    closes_at = max(desk.state_at or last_at, last_at) + rules.close_after
    if closes_at > now:
        return closes_at
    close(work, now, reason=f"idle for {_hours(rules.close_after)}", started_at=thread.began_at, last_at=last_at)
    return None


def _last_at(thread: Thread, desk: Desk, now: datetime) -> datetime:
    """Return when anybody wrote last, by our clock."""
    return max((one for one in (thread.last_at, desk.last_arrived_at) if one), default=now)


def _human_came(thread: Thread) -> bool:
    """Tell whether a human wrote since one was asked for."""
    asked = [
        one.position for one in thread.states
        if isinstance(one.fact, StateChanged) and one.fact.state == "WAITING_AGENT"
    ]  # fmt: skip
    return any(
        one.author in ("agent", "outside") and one.recorded.position > max(asked, default=0) for one in thread.said
    )


def _minutes(time: timedelta) -> str:
    return f"{time.total_seconds() / 60:g} minutes"


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:g} hours"
