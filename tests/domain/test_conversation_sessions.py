"""The read model of conversations: its rows, and what it asks a worker to do."""

from dataclasses import replace
from typing import Any

from domain.shared.outbox import OutboxMessage
from projections.conversation_sessions import CONVERSATION_SESSIONS
from tests.cast import ANNA, NILE_HOMES, OPEN_HOUSE, VILLA, Told, recorded
from tests.cast_conversations import TALK, WORDS, analysed, began, hung_up, judged, noted, written_down
from tests.memory import MemoryStorage


def run(*told: Told, emit_from: int | None = 0) -> MemoryStorage[Any]:
    log = [recorded(one, place) for place, one in enumerate((*OPEN_HOUSE, *told), 1)]
    return MemoryStorage(CONVERSATION_SESSIONS, log, emit_from=emit_from).run()


def messages(*told: Told) -> list[OutboxMessage]:
    return list(run(*told).messages.values())


def row(storage: MemoryStorage[Any]) -> dict[str, Any]:
    values = storage.rows[NILE_HOMES, TALK]
    return {column.name: value for column, value in zip(CONVERSATION_SESSIONS.columns, values, strict=True)}


def test_the_first_touchpoint_of_a_conversation_leaves_a_reminder_for_half_an_hour_later() -> None:
    (reminder,) = messages(ANNA.did(began()), ANNA.did(noted("price_asked", when=9)))
    assert (reminder.kind, dict(reminder.payload)) == ("close_conversation", {"session_id": TALK})
    # the touchpoint was learned a second after it happened
    assert (reminder.due_at - began().occurred_at).total_seconds() == 1801


def test_a_conversation_that_begins_with_its_end_needs_no_reminder() -> None:
    assert messages(ANNA.did(hung_up())) == []


def test_a_transcript_without_an_analysis_is_given_to_a_worker_sealed() -> None:
    (asked,) = messages(ANNA.did(written_down(home=VILLA)))
    assert asked.kind == "analyse_conversation"
    assert asked.payload["transcript"]["token"] == WORDS.token
    assert (asked.payload["session_id"], asked.payload["property_id"]) == (TALK, VILLA)


def test_each_transcript_is_given_once_and_a_rebuild_gives_none() -> None:
    told = (ANNA.did(written_down()), ANNA.did(written_down(when=700)))
    assert len(messages(*told)) == 2
    assert run(*told, emit_from=None).messages == {}


def test_an_analysis_that_came_along_asks_nobody() -> None:
    assert messages(ANNA.did(written_down(analysis=judged(buying_intent="low").analysis))) == []


def test_a_row_shows_both_scores_and_what_was_found() -> None:
    words = replace(ANNA.did(written_down(conversation_kind="text_thread", channel="whatsapp")), name="words")
    found = analysed("words", buying_intent="high", topics=("price",), sentiment=0.5, budget_clarity="figure")
    shown = row(run(ANNA.did(noted("question_asked", topic="legal")), words, ANNA.did(found)))
    expected = {
        "conversation_kind": "text_thread", "channel": "whatsapp", "score": 32, "quality": "cold", "questions": 1,
        "qualification": 3, "lead_score": 20, "lead_quality": "cold", "topics": ["legal", "price"], "sentiment": 0.5,
        "status": "completed", "policy": "brief@2", "total_time_s": 600.0,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    assert list(shown["milestones"]) == ["budget_discussed"]
