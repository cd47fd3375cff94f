"""A tour that has gone quiet is ended once, at the time of its last activity."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from adapters.postgres.connections import connect
from adapters.postgres.quiet_sessions import QuietSessions
from adapters.postgres.work import Line, NoBrokerage, Work, as_app
from application.close_quiet_session import CloseQuietSession
from domain.people.hints import PersonHints
from domain.tours.events import TourActed, TourCompleted, TourEnded, TourStarted, TourTouchpoint
from projections.tour_sessions import TOUR_SESSIONS
from tests.delivery.stage import MASTER, Stage

HALF_AN_HOUR = timedelta(minutes=30)


@pytest.fixture
def session(stage: Stage) -> str:
    return f"session-{stage.dataset_id}"


def touch(stage: Stage, session: str, kind: Callable[..., TourTouchpoint] = TourStarted, ago_s: float = 3) -> datetime:
    """Somebody does something in a tour; return when."""
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    stage.observe(kind(session_id=session, property_id="villa-7", occurred_at=at, hints=PersonHints(fbp="fb.1.2.3")))
    return at


def acted(**fields: object) -> TourActed:
    return TourActed(action="zoom", **fields)


def remind(stage: Stage, in_: timedelta = timedelta(0)) -> None:
    """The reminder comes, as if that much time had passed."""
    reminder = "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s AND kind = 'close_tour' RETURNING id"
    message: UUID = stage.db.rows(reminder, stage.brokerage_id)[0][0]
    line = Line(stage.db.url, "masar_projector")
    work = Work(line, MASTER)
    leased = work.lease_one(message)
    assert leased is not None
    sessions = QuietSessions(line, TOUR_SESSIONS)
    CloseQuietSession(TourEnded, sessions, work, lambda: datetime.now(UTC) + in_).run(leased)
    line.close()


def reminder(stage: Stage) -> tuple[str, timedelta]:
    """The state of the reminder, and how far its time is away."""
    asked = "SELECT state, due_at - now() FROM outbox.messages WHERE brokerage_id = %s AND kind = 'close_tour'"
    ((state, away),) = stage.db.rows(asked, stage.brokerage_id)
    return state, away


def ends(stage: Stage) -> list[tuple[datetime, UUID, UUID]]:
    """When the ends happened, whose they are, and what set the reminder."""
    return stage.db.rows(
        "SELECT occurred_at, subject_id, cause_id FROM log.masar_events WHERE brokerage_id = %s "
        "AND topic = 'tours.ended.v1'", stage.brokerage_id,
    )  # fmt: skip


def test_a_quiet_tour_is_ended_at_its_last_activity(stage: Stage, session: str) -> None:
    touch(stage, session, ago_s=9)
    last = touch(stage, session, acted, ago_s=4)
    remind(stage, HALF_AN_HOUR)
    ((ended_at, subject_id, cause_id),) = ends(stage)
    assert abs(ended_at - last) < timedelta(milliseconds=1)
    assert (subject_id is not None, cause_id is not None) == (True, True)
    assert reminder(stage)[0] == "done"
    stage.db.project()
    closed = "SELECT closed_by IS NOT NULL FROM read_models.tour_sessions_v1 WHERE brokerage_id = %s"
    assert stage.db.rows(closed, stage.brokerage_id) == [(True,)]


def test_a_tour_that_is_still_walked_is_looked_at_again_later(stage: Stage, session: str) -> None:
    touch(stage, session)
    touch(stage, session, acted, ago_s=1)
    remind(stage, HALF_AN_HOUR - timedelta(minutes=5))
    state, away = reminder(stage)
    assert (state, ends(stage)) == ("waiting", [])
    assert timedelta(minutes=29) < away <= HALF_AN_HOUR


def test_a_tour_sent_late_is_over_a_minute_after_it_arrived(stage: Stage, session: str) -> None:
    touch(stage, session, ago_s=3 * 3600)
    remind(stage, timedelta(seconds=30))
    assert ends(stage) == []
    remind(stage, timedelta(seconds=61))
    assert len(ends(stage)) == 1


def test_a_tour_that_was_completed_needs_no_end(stage: Stage, session: str) -> None:
    touch(stage, session)
    touch(stage, session, TourCompleted)
    remind(stage, HALF_AN_HOUR)
    assert (reminder(stage)[0], ends(stage)) == ("done", [])


def test_a_touchpoint_that_is_not_read_yet_keeps_its_tour_open(stage: Stage, session: str) -> None:
    touch(stage, session)
    stage.db.project, project = (lambda *names: None), stage.db.project  # type: ignore[method-assign]
    try:
        touch(stage, session, acted)
    finally:
        stage.db.project = project  # type: ignore[method-assign]
    remind(stage, HALF_AN_HOUR)
    assert (reminder(stage)[0], ends(stage)) == ("waiting", [])


def test_what_others_do_meanwhile_does_not_keep_a_tour_open(stage: Stage, session: str) -> None:
    touch(stage, session)
    stage.db.project, project = (lambda *names: None), stage.db.project  # type: ignore[method-assign]
    try:
        touch(stage, f"{session}-of-somebody-else")
    finally:
        stage.db.project = project  # type: ignore[method-assign]
    remind(stage, HALF_AN_HOUR)
    assert len(ends(stage)) == 1


def test_reminding_twice_ends_once(stage: Stage, session: str) -> None:
    touch(stage, session)
    remind(stage, HALF_AN_HOUR)
    again = "UPDATE outbox.messages SET state = 'waiting', payload = %s WHERE brokerage_id = %s RETURNING id"
    stage.db.rows(again, f'{{"session_id": "{session}"}}'.encode(), stage.brokerage_id)
    remind(stage, HALF_AN_HOUR)  # its end is in the log and not yet read
    assert reminder(stage)[0] == "waiting"
    stage.db.project()
    remind(stage, HALF_AN_HOUR)
    assert (reminder(stage)[0], len(ends(stage))) == ("done", 1)


def test_work_without_a_brokerage_reads_nothing(stage: Stage) -> None:
    with connect(stage.db.url, "masar_projector") as connection, connection.transaction(), pytest.raises(NoBrokerage):
        as_app(connection, None)
