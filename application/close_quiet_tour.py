"""Close a tour that has gone quiet: the fact `tours.ended.v1`, decided by us, told with its last activity's time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from application.ports.tours import TourNow, Tours
from domain.tours.events import TourEnded
from domain.tours.session import quiet_after_s

ENDS = UUID("5b9d2f6e-2c8f-5f6e-8a53-7f1f2f0c4d11")
"""Namespace of the streams of ends: one per session, so that a second end changes nothing."""

UNREAD = timedelta(seconds=2)
"""How long to wait for touchpoints that are in the log and not yet read."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class CloseQuietTour:
    """The use case behind the reminder `close_tour`."""

    tours: Tours
    records: Records
    clock: Callable[[], datetime] = _utc_now

    def run(self, message: Leased) -> None:
        """Settle the reminder: done, or waiting again until the tour could be quiet. Raises LeaseLost."""
        session_id = str(message.payload["session_id"])
        tour = self.tours.look(message.brokerage_id, session_id)
        self.records.record(decide(message, session_id, tour, self.clock()))


def decide(message: Leased, session_id: str, tour: TourNow, now: datetime) -> Entry:
    """Return what becomes of the reminder, and the end of the tour where it is time for it.

    Quiet is counted from the last arrival, so that touchpoints sent late still find their tour open.
    """
    if tour.closed:
        return Entry([Settled(message, "done")])
    if tour.behind or tour.last_at is None or tour.arrived_at is None:
        return Entry([Settled(message, "waiting", now + UNREAD)])
    quiet_at = tour.arrived_at + timedelta(seconds=quiet_after_s(tour.last_at, tour.arrived_at))
    if quiet_at > now:
        return Entry([Settled(message, "waiting", quiet_at)])
    return Entry([Settled(message, "done")], [_end(message, session_id, tour, tour.last_at)])


def _end(message: Leased, session_id: str, tour: TourNow, last_at: datetime) -> NewFact:
    return NewFact(
        id=uuid5(ENDS, f"{message.brokerage_id}|{session_id}"),
        brokerage_id=message.brokerage_id,
        fact=TourEnded(session_id=session_id, property_id=tour.property_id or None, occurred_at=last_at),
        subject_id=tour.subject_id,
        cause_id=message.cause_id,
        correlation_id=message.correlation_id,
    )
