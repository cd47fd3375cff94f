"""Every tour session with its score, and the reminder to close it when it goes quiet."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.shared.clock import moment
from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from domain.shared.quiet import quiet_after_s
from domain.tours import session as tour
from domain.tours.events import (
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourStarted,
    TourTouchpoint,
)
from domain.tours.session import TourSession
from projections.projection import NO_EFFECTS, Column, Effects, Projection

REMINDERS = UUID("2a51be1f-62d5-5c0a-8f0e-0fb4a1f0c9d3")
"""Namespace of the ids of reminders."""

# fmt: off
COLUMNS = (
    Column("property_id", "text"),       Column("subject_id", "uuid"),       Column("tour_kind", "text"),
    Column("started_at", "timestamptz"), Column("last_at", "timestamptz"),   Column("arrived_at", "timestamptz"),
    Column("total_time_s", "float8"),    Column("rooms_visited", "int4"),    Column("completion_rate", "float8"),
    Column("actions", "int4"),           Column("score", "int4"),            Column("quality", "text"),
    Column("policy", "text"),            Column("reasons", "jsonb"),         Column("milestones", "jsonb"),
    Column("closed_by", "uuid"),         Column("late", "int4"),
)
# fmt: on


OF_A_TOUR = (TourTouchpoint, TourEnded)


def _key(recorded: Recorded) -> Iterable[str]:
    fact = recorded.fact
    return (fact.session_id,) if isinstance(fact, OF_A_TOUR) else ()


def _react(session: TourSession, recorded: Recorded, house: House, key: str) -> tuple[TourSession, Effects]:
    after = tour.evolve(session, recorded, house.revision)
    opened = session.touchpoints == 0 and after.closed_by is None
    return after, ((), (_reminder(recorded, key),)) if opened else NO_EFFECTS


def _reminder(recorded: Recorded, session_id: str) -> OutboxMessage:
    quiet = quiet_after_s(recorded.fact.occurred_at, recorded.recorded_at)
    return OutboxMessage(
        id=uuid5(REMINDERS, f"{recorded.brokerage_id}|close_tour|{session_id}"),
        brokerage_id=recorded.brokerage_id,
        kind="close_tour",
        due_at=recorded.recorded_at + timedelta(seconds=quiet),
        payload={"session_id": session_id},
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
    )


def _row(session: TourSession, house: House) -> tuple[Any, ...]:
    scored, facts = tour.scored_facts(session, house)
    return (
        session.property_id, session.subject_id, session.tour_kind,
        moment(session.first_ms), moment(session.last_ms), moment(session.arrived_ms),
        facts["total_time_s"], facts["rooms_visited"], facts["completion_rate"],
        len(session.actions), scored.score, scored.quality,
        scored.policy, [reason.model_dump(mode="json") for reason in scored.reasons],
        tour.milestones_of(session, house, facts=facts), session.closed_by, session.late,
    )  # fmt: skip


TOUR_SESSIONS: Projection[TourSession] = Projection(
    name="tour_sessions",
    version=1,
    handles=(
        TourStarted,
        TourRoomVisited,
        TourActed,
        TourMilestoneReached,
        TourCompleted,
        TourEnded,
    ),
    key=_key,
    initial=TourSession(),
    columns=COLUMNS,
    row=_row,
    react=_react,
)
