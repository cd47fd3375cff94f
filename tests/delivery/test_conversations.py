"""A transcript is analysed once by a worker, sealed again, and closes its conversation; a quiet one is ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.dramatiq.hands import Crew
from adapters.openai.settings import ModelSettings
from adapters.postgres.mapper import context
from adapters.postgres.quiet_sessions import QuietSessions
from adapters.postgres.registry import Registry
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.work import Line, Work
from adapters.sealing import unseal
from application.close_quiet_session import CloseQuietSession
from domain.conversations.analysis import Transcript, Turn
from domain.conversations.events import ConversationCompleted, ConversationEnded, ConversationStarted
from domain.people.hints import PersonHints
from projections.conversation_sessions import CONVERSATION_SESSIONS
from tests.delivery.stage import CHROME, MASTER, Stage

ANALYSED = "conversations.analysed.v1"
SAID = (
    "Hi, I want to buy a villa in Zayed", "Can I see it tomorrow?", "How much is it? My husband likes it",
    "Is there a payment plan?", "My number is 01001234567",
)  # fmt: skip


def words(*said: str) -> Transcript:
    return Transcript(turns=tuple(Turn(by="customer", text=one) for one in said))


def hung_up(stage: Stage, *said: str, **more: Any) -> UUID:
    hints = PersonHints(email=f"anna-{stage.dataset_id}@mail.example", ip="197.32.1.9", user_agent=CHROME)
    at = datetime.now(UTC) - timedelta(seconds=5)
    fact = ConversationCompleted(
        session_id=f"talk-{stage.dataset_id}", conversation_kind="voice", occurred_at=at, hints=hints,
        transcript=words(*(said or SAID)), **more,
    )  # fmt: skip
    return stage.observe(fact)


def message(stage: Stage, kind: str) -> UUID:
    asked = "SELECT id FROM outbox.messages WHERE brokerage_id = %s AND kind = %s"
    ((found,),) = stage.db.rows(asked, stage.brokerage_id, kind)
    return UUID(str(found))


def states(stage: Stage, kind: str) -> list[str]:
    asked = "SELECT state FROM outbox.messages WHERE brokerage_id = %s AND kind = %s"
    return [row[0] for row in stage.db.rows(asked, stage.brokerage_id, kind)]


@contextmanager
def worker(stage: Stage, model: ModelSettings | None = None) -> Iterator[Crew]:
    """The hands of a worker, to be used in this thread."""
    settings = stage.settings()
    crew = Crew(type(settings)(**{name: getattr(settings, name) for name in settings.__slots__} | {"model": model}))
    try:
        yield crew
    finally:
        crew.close()


def analyse(stage: Stage, model: ModelSettings | None = None) -> dict[str, Any]:
    """Let a worker do it; return the fact's stored state."""
    with worker(stage, model) as crew:
        crew.hands().run_one(message(stage, "analyse_conversation"))
    stage.db.project()
    (state,) = stage.db.facts(stage.brokerage_id, ANALYSED)
    return state


def outcome(stage: Stage) -> list[tuple[str, float, str | None]]:
    return stage.db.rows(
        "SELECT event_name, value::float8, withheld FROM read_models.conversions WHERE brokerage_id = %s "
        "AND slot = 'conversation_outcome'", stage.brokerage_id,
    )  # fmt: skip


def test_a_transcript_is_analysed_scored_and_told(stage: Stage) -> None:
    entry = hung_up(stage)
    assert outcome(stage) == []
    state = analyse(stage)
    assert (state["analyser"], state["transcript_event_id"]) == ("builtin@1", str(entry))
    assert states(stage, "analyse_conversation") == ["done"]
    ((score, quality, status, analysed_by),) = stage.db.rows(
        "SELECT score, quality, status, analysed_by IS NOT NULL FROM read_models.conversation_sessions "
        "WHERE brokerage_id = %s", stage.brokerage_id,
    )  # fmt: skip
    # intent 30, tomorrow 25, price 10, financing 15, viewing 20, contact 15, questions 6: more than a hundred
    assert (score, quality, status, analysed_by) == (100, "hot", "completed", True)
    assert outcome(stage) == [("Purchase", 400.0, None)]
    stage.drain()
    names = {one["event_name"] for one in stage.meta.received(stage.dataset_id)}
    assert names == {"Purchase", "AddPaymentInfo", "Schedule", "CompleteRegistration"}


def test_the_free_words_of_an_analysis_are_sealed_with_the_persons_key(stage: Stage) -> None:
    hung_up(stage)
    state = analyse(stage)
    assert "husband" not in str(state)
    token = state["notes"]["sealed"]
    rows = stage.db.rows(
        "SELECT originator_id, subject_id FROM log.masar_events WHERE brokerage_id = %s AND topic = %s",
        stage.brokerage_id, ANALYSED,
    )  # fmt: skip
    ((stream_id, subject_id),) = rows
    line = Line(stage.db.url, "masar_registry")
    seals = SubjectSeals(line, MASTER)
    assert seals.seal(UUID(int=7), stream_id, "notes", {}) is None
    key = Registry(line(), MASTER).keys([subject_id])[subject_id]
    line.close()
    assert key is not None
    opened = unseal(key, token, context(stream_id, 1, "notes"))
    assert opened is not None
    assert b"My husband likes it" in opened


def test_a_message_carried_out_again_records_nothing_more(stage: Stage) -> None:
    hung_up(stage)
    asked = message(stage, "analyse_conversation")
    ((payload,),) = stage.db.rows("SELECT payload FROM outbox.messages WHERE id = %s", asked)
    first = analyse(stage)
    again = "UPDATE outbox.messages SET state = 'waiting', due_at = now(), payload = %s WHERE id = %s RETURNING id"
    stage.db.rows(again, payload, asked)
    assert analyse(stage) == first  # there is still one
    assert len(outcome(stage)) == 1


def test_erased_words_are_not_read_and_the_conversation_is_closed_all_the_same(stage: Stage) -> None:
    hung_up(stage)
    forget = "UPDATE registry.subjects SET wrapped_key = NULL WHERE brokerage_id = %s RETURNING 1"
    stage.db.rows(forget, stage.brokerage_id)
    state = analyse(stage)
    assert state["unreadable"] is True
    assert "notes" not in state
    assert [one[:2] for one in outcome(stage)] == [("CompleteRegistration", 25.0)]


def test_a_model_answers_where_there_is_one(stage: Stage) -> None:
    stage.meta.http.put("/_simulator/model", json={"answer": {"buying_intent": "high", "qualification": 9}})
    hung_up(stage, "hello")
    state = analyse(stage, ModelSettings("sk", f"{stage.meta.url}/v1"))
    assert (state["analyser"], state["prompt_version"]) == ("gpt-6-luna", "conversation-1")
    assert state["cost_usd_micros"] > 0
    assert outcome(stage) == [("Purchase", 400.0, None)]


@pytest.mark.parametrize("fault", ["server_error", "garbage", "lost"])
def test_our_own_rules_answer_where_the_model_does_not(stage: Stage, fault: str) -> None:
    stage.meta.http.put("/_simulator/model", json={"always": fault})
    hung_up(stage, "how much is it?")
    state = analyse(stage, ModelSettings("sk", f"{stage.meta.url}/v1"))
    assert (state["analyser"], state["instead_of"]) == ("builtin@1", "gpt-6-luna")
    assert state["failure"]
    assert outcome(stage) == [("AddToCart", 150.0, None)]


# Quiet.


def began(stage: Stage, ago: timedelta) -> None:
    at = datetime.now(UTC) - ago
    stage.observe(ConversationStarted(
        session_id=f"talk-{stage.dataset_id}", conversation_kind="web_chat", occurred_at=at,
        hints=PersonHints(fbp="fb.1.2.3"),
    ))  # fmt: skip


def remind(stage: Stage, in_: timedelta) -> None:
    due = "UPDATE outbox.messages SET due_at = now() WHERE id = %s RETURNING 1"
    reminder = message(stage, "close_conversation")
    stage.db.rows(due, reminder)
    line = Line(stage.db.url, "masar_projector")
    work = Work(line, MASTER)
    leased = work.lease_one(reminder)
    assert leased is not None
    sessions = QuietSessions(line, CONVERSATION_SESSIONS)
    CloseQuietSession(ConversationEnded, sessions, work, lambda: datetime.now(UTC) + in_).run(leased)
    line.close()
    stage.db.project()


def test_a_quiet_conversation_is_ended_at_its_last_activity_and_told(stage: Stage) -> None:
    began(stage, timedelta(seconds=9))
    remind(stage, timedelta(minutes=25))
    assert stage.db.facts(stage.brokerage_id, "conversations.ended.v1") == []
    remind(stage, timedelta(minutes=30))
    ((ended_at, recorded_at),) = stage.db.rows(
        "SELECT occurred_at, recorded_at FROM log.masar_events WHERE brokerage_id = %s "
        "AND topic = 'conversations.ended.v1'", stage.brokerage_id,
    )  # fmt: skip
    assert recorded_at - ended_at >= timedelta(seconds=9)
    assert [one[:2] for one in outcome(stage)] == [("CompleteRegistration", 25.0)]
    status = "SELECT status FROM read_models.conversation_sessions WHERE brokerage_id = %s"
    assert stage.db.rows(status, stage.brokerage_id) == [("abandoned",)]


def test_a_conversation_whose_words_still_wait_is_not_ended_as_quiet(stage: Stage) -> None:
    began(stage, timedelta(seconds=9))
    hung_up(stage)
    remind(stage, timedelta(hours=2))
    assert stage.db.facts(stage.brokerage_id, "conversations.ended.v1") == []
    assert states(stage, "close_conversation") == ["done"]
