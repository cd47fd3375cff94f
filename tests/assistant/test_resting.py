"""A quiet thread rests: IDLE after half an hour, CLOSED after a day; never while a customer waits for a human."""

from typing import Any

from domain.messaging.content import Choice, Content
from tests.assistant.stage import Talk

HALF_AN_HOUR, DAY = 1_800, 86_400


def rested(talk: Talk, after_s: float, cause: Any = None) -> str:
    return talk.remind(cause, after_s=after_s, kind="quiet_thread")[0]


def moves(talk: Talk) -> list[tuple[str, str, str]]:
    return [(one["before"], one["state"], one["reason"]) for one in talk.facts("messaging.state_changed.v1")]


def last_move(talk: Talk) -> Any:
    ((entry,),) = talk.db.rows(
        "SELECT originator_id FROM log.masar_events WHERE brokerage_id = %s AND topic = 'messaging.state_changed.v1' "
        "ORDER BY notification_id DESC LIMIT 1", talk.brokerage_id,
    )  # fmt: skip
    talk.db.project("threads")
    return entry


def test_half_an_hour_without_a_message_is_idle_and_a_day_more_is_closed(talk: Talk) -> None:
    ref = talk.writes("hello")
    talk.remind(ref)
    assert rested(talk, HALF_AN_HOUR - 60, ref) == "waiting"
    assert rested(talk, HALF_AN_HOUR + 60, ref) == "done"
    assert moves(talk) == [("ACTIVE", "IDLE", "no message for 30 minutes")]
    idle = last_move(talk)
    assert rested(talk, DAY - 60, idle) == "waiting"
    assert rested(talk, HALF_AN_HOUR + DAY + 120, idle) == "done"
    assert moves(talk)[-1] == ("IDLE", "CLOSED", "idle for 24 hours")
    (completed,) = talk.facts("conversations.completed.v1")
    assert completed["session_id"] == f"thread-{talk.thread_id}"


def test_who_writes_again_is_not_closed(talk: Talk) -> None:
    ref = talk.writes("hello")
    talk.remind(ref)
    rested(talk, HALF_AN_HOUR + 60, ref)
    idle = last_move(talk)
    talk.hears("me again", content=None)
    assert rested(talk, DAY + 4_000, idle) == "done"
    assert [state for _, state, _ in moves(talk)] == ["IDLE"]


def test_who_waits_for_a_human_is_never_put_away_silently(talk: Talk) -> None:
    ref = talk.writes("I want to talk to a real person")
    talk.remind(ref)
    for days in (1, 3, 9):
        assert rested(talk, days * DAY, ref) == "waiting"
    assert talk.desk().state == "WAITING_AGENT"


def test_a_thread_closed_by_its_survey_stays_closed(talk: Talk) -> None:
    ref = talk.writes("hello")
    talk.remind(ref)
    rested(talk, HALF_AN_HOUR + 60, ref)
    rested(talk, 2 * DAY, last_move(talk))
    chosen = Content(choice=Choice(id="masar:rate:5", title="5"))
    assert talk.hears("5", content=chosen, message_type="list_reply") == []
    assert [one["rating"] for one in talk.facts("messaging.thread_rated.v1")] == [5]
    assert (moves(talk)[-1], talk.desk().state) == (("ACTIVE", "CLOSED", "the survey is answered"), "CLOSED")
