"""Close a session that has gone quiet: an `….ended.v1`, decided by us, told with its last activity's time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from application.clock import Clock, utc_now
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from application.ports.sessions import SessionNow, Sessions
from domain.conversations.events import ConversationEnded
from domain.shared.quiet import quiet_after_s
from domain.tours.events import TourEnded

End = type[TourEnded] | type[ConversationEnded]

ENDS: dict[End, UUID] = {
    TourEnded: UUID("5b9d2f6e-2c8f-5f6e-8a53-7f1f2f0c4d11"),
    ConversationEnded: UUID("c1f3f6a2-9d0e-5c6b-9f7e-3d2b8a64e5f0"),
}
"""Namespaces of the streams of ends: one stream per session, so that a second end changes nothing."""

UNREAD = timedelta(seconds=2)
"""How long to wait for touchpoints that are in the log and not yet read."""


@dataclass(frozen=True, slots=True)
class CloseQuietSession:
    """The use case behind the reminders `close_tour` and `close_conversation`; `end` is the fact that each records."""

    end: End
    sessions: Sessions
    records: Records
    clock: Clock = utc_now

    def run(self, message: Leased) -> None:
        """Settle the reminder: done, or waiting again until the session could be quiet. Raises LeaseLost."""
        session_id = str(message.payload["session_id"])
        session = self.sessions.look(message.brokerage_id, session_id)
        self.records.record(decide(message, session_id, session, self.end, self.clock()))


def decide(message: Leased, session_id: str, session: SessionNow, end: End, now: datetime) -> Entry:
    """Return what becomes of the reminder, and the end of the session where it is time for it.

    Quiet is counted from the last arrival, so that touchpoints sent late still find their session open.
    """
    if session.closed:
        return Entry([Settled(message, "done")])
    if session.behind or session.last_at is None or session.arrived_at is None:
        return Entry([Settled(message, "waiting", now + UNREAD)])
    quiet_at = session.arrived_at + timedelta(seconds=quiet_after_s(session.last_at, session.arrived_at))
    if quiet_at > now:
        return Entry([Settled(message, "waiting", quiet_at)])
    ended = end(session_id=session_id, property_id=session.property_id or None, occurred_at=session.last_at)
    return Entry([Settled(message, "done")], [_fact(message, session_id, session, ended)])


def _fact(message: Leased, session_id: str, session: SessionNow, ended: TourEnded | ConversationEnded) -> NewFact:
    return NewFact(
        id=uuid5(ENDS[type(ended)], f"{message.brokerage_id}|{session_id}"),
        brokerage_id=message.brokerage_id,
        fact=ended,
        subject_id=session.subject_id,
        cause_id=message.cause_id,
        correlation_id=message.correlation_id,
    )
