"""A customer who writes is answered once, in their language, and never by two at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.dramatiq.hands import Crew, WorkerSettings
from adapters.postgres.outbox import Outbox
from application.outgoing import Draft
from domain.messaging.content import Choice, Content
from domain.messaging.events import MessageEchoed, ReceiptReceived, SignalReceived
from domain.people.hints import PersonHints
from tests.assistant.stage import ACCOUNTS, Talk
from tests.delivery.stage import MASTER

GREETED_AR = "أهلاً بيك في Nile Homes! وصلتنا رسالتك وفريقنا هيرد عليك في أقرب وقت."
GREETED_EN = "Hello from Nile Homes! We got your message, and our team will answer you soon."


def test_a_first_message_is_greeted(talk: Talk) -> None:
    ref = talk.writes("السلام عليكم")
    assert talk.remind(ref)[0] == "done"
    assert talk.sent() == [GREETED_AR]
    (asked,) = talk.facts("messaging.send_requested.v1")
    assert (asked["author"], asked["answers"]) == ("assistant", [str(ref)])
    desk = talk.desk()
    assert (desk.answered, desk.waiting_since, desk.state) == (1, None, "ACTIVE")


def test_a_message_is_learned_from_at_once_and_answered_when_its_author_has_paused(talk: Talk) -> None:
    ref = talk.writes("I want a flat in Maadi, 3 million")
    state, due = talk.remind(ref, after_s=0.1)
    assert (state, due, talk.sent()) == ("waiting", talk.now + timedelta(seconds=1), [])
    assert "customer_turn" in talk.events()
    assert talk.remind(ref, after_s=1.0)[0] == "done"
    assert talk.sent() == [GREETED_EN]


def test_the_relay_sees_coming_when_a_paused_answer_is_due(talk: Talk) -> None:
    ref = talk.writes("hello")
    assert talk.remind(ref, after_s=0.1)[0] == "waiting"
    put_off = "UPDATE outbox.messages SET due_at = now() + interval '50 seconds' WHERE cause_id = %s RETURNING 1"
    assert talk.db.rows(put_off, ref)
    soon = Outbox(talk.db.work).soon(100)
    assert soon is not None
    assert 0 <= soon <= 50


def test_three_quick_messages_get_one_answer(talk: Talk) -> None:
    refs = [talk.writes("hello"), talk.writes("are you there", after_s=0.4), talk.writes("price?", after_s=0.4)]
    states = [talk.remind(ref, after_s=0.3)[0] for ref in refs]
    assert (states, talk.sent()) == (["done", "done", "waiting"], [])
    assert talk.remind(refs[-1], after_s=1.0)[0] == "done"
    assert talk.sent() == [GREETED_EN]
    (asked,) = talk.facts("messaging.send_requested.v1")
    assert asked["answers"] == [str(ref) for ref in refs]


def test_who_keeps_writing_is_answered_two_and_a_half_seconds_after_the_first_message(talk: Talk) -> None:
    refs = [talk.writes("hello"), *(talk.writes("and", after_s=0.6) for _ in range(4))]
    state, _ = talk.remind(refs[3], after_s=0.1)  # 2.5 s after the first, and a newer one came
    assert (state, talk.sent()) == ("done", [GREETED_EN])
    assert talk.remind(refs[4], after_s=1.0)[0] == "done"
    assert talk.sent() == [GREETED_EN]


def test_an_answer_is_dropped_when_another_message_came_while_it_was_made(talk: Talk, monkeypatch: Any) -> None:
    first = talk.writes("hello")
    answering = talk.use_case("answer_thread", talk.now + timedelta(seconds=1))
    made = type(answering.assistant).answer

    def slow(own: Any, situation: Any) -> Any:
        talk.writes("and one more thing", after_s=0.9)
        return made(own, situation)

    monkeypatch.setattr(type(answering.assistant), "answer", slow)
    talk.remind(first)
    monkeypatch.undo()
    assert (talk.sent(), talk.desk().answered) == ([], 0)


def test_greeted_once_and_acknowledged_once_until_a_human_answers(talk: Talk) -> None:
    assert talk.hears("hello") == [GREETED_EN]
    assert talk.hears("anybody there") == []
    talk.came(MessageEchoed(
        channel="whatsapp", account_id=ACCOUNTS["whatsapp"], message_type="text", text="This is Omar, how may I help",
        occurred_at=talk.now + timedelta(seconds=5), hints=PersonHints(**talk.hints),
    ))  # fmt: skip
    assert talk.hears("is it still available") == ["We got your message, and our team will answer you soon."]
    assert talk.hears("hello?") == []


def test_a_message_that_comes_late_is_not_answered_where_a_human_wrote_after_it(talk: Talk) -> None:
    talk.hears("good morning")
    talk.came(MessageEchoed(
        channel="whatsapp", account_id=ACCOUNTS["whatsapp"], message_type="text", text="It is, come and see it",
        occurred_at=talk.now + timedelta(seconds=60), hints=PersonHints(**talk.hints),
    ))  # fmt: skip
    ref = talk.writes("is it still available", after_s=30)
    assert talk.remind(ref)[0] == "done"
    assert talk.sent() == [GREETED_EN]
    desk = talk.desk()
    assert (desk.answered, desk.waiting_since) == (desk.inbound, None)


@pytest.mark.parametrize(
    "asks", ["I want to talk to someone", "ممكن أكلم موظف", "3ayez akalem 7ad mn el mabe3at", "call me please"]
)
def test_who_asks_for_a_human_is_told_once_and_agents_are_told(talk: Talk, asks: str) -> None:
    (answer,) = talk.hears(asks)
    assert answer in (
        "Of course: one of our team will answer you here soon.", "تمام، واحد من فريقنا هيكلمك في أقرب وقت."
    )  # fmt: skip
    assert talk.hears(asks) == []
    (moved,) = talk.facts("messaging.state_changed.v1")
    assert (moved["state"], moved["reason"]) == ("WAITING_AGENT", "the customer asks for a human")
    assert talk.wanted() == [(str(talk.thread_id), "the customer asks for a human")]
    assert talk.desk().state == "WAITING_AGENT"


@pytest.mark.parametrize(
    ("writes", "arabic"),
    [
        ("مساء الخير", True), ("3ayez sha2a fel tagamo3", True), ("ezayak, el sha2a mawgooda?", True),
        ("Hello, is the villa available?", False), ("ok 120m 3br", False), ("👍", True),
    ],
)  # fmt: skip
def test_the_answer_is_in_the_customers_language(talk: Talk, writes: str, arabic: bool) -> None:
    assert talk.hears(writes) == [GREETED_AR if arabic else GREETED_EN]


def test_outside_office_hours_it_says_when_to_expect_an_answer(talking: Any) -> None:
    talk: Talk = talking(opens=datetime(2030, 1, 6, 9, tzinfo=UTC))  # a Sunday, and far away
    assert talk.hears("hello") == [f"{GREETED_EN} Our office is closed now: expect an answer on Sunday after 09:00."]


def test_a_repeat_of_the_reminder_adds_nothing(talk: Talk) -> None:
    ref = talk.writes("hello, 3 million in Zamalek")
    talk.remind(ref)
    before = (talk.events(), talk.sent())
    talk.db.owner.execute("UPDATE outbox.messages SET state = 'waiting', settled_at = NULL, payload = %s "
                          "WHERE cause_id = %s AND kind = 'answer_thread'",
                          (f'{{"thread_id": "{talk.thread_id}", "ref": "{ref}"}}'.encode(), ref))  # fmt: skip
    assert talk.remind(ref, after_s=5)[0] == "done"
    assert (talk.events(), talk.sent()) == before


def test_a_machine_on_the_other_side_is_handed_over(talk: Talk) -> None:
    talk.hears("hello")
    with talk.at() as work:
        for nth in range(3):
            talk.sends.request_send(work, Draft(author="assistant", text=f"answer {nth}"), datetime.now(UTC))
    assert talk.hears("I am out of office") == []
    assert talk.desk().state == "WAITING_AGENT"
    assert talk.facts("messaging.state_changed.v1")[-1]["reason"] == "the assistant answered 4 times within a minute"


def test_a_reaction_to_the_survey_is_a_rating_and_no_question(talk: Talk) -> None:
    talk.hears("hello")
    chosen = Content(choice=Choice(id="masar:rate:4", title="4 ★★★★"))
    assert talk.hears("4 ★★★★", content=chosen, message_type="list_reply") == []
    ((rated),) = talk.facts("messaging.thread_rated.v1")
    assert rated["rating"] == 4


@pytest.mark.parametrize("word", ["STOP", "  إلغاء!! ", "batal teb3at"])
def test_an_opt_out_takes_marketing_back_at_once_and_is_confirmed_once(talk: Talk, word: str) -> None:
    talk.hears("hello")
    with talk.at() as work:
        offer = Draft(author="agent", purpose="marketing", text="A new compound!")
        talk.sends.request_send(work, offer, datetime.now(UTC))
    ref = talk.writes(word, after_s=5)
    assert talk.remind(ref, after_s=0.0)[0] == "waiting"
    (withdrawn,) = talk.facts("people.consent_withdrawn.v1")
    assert (withdrawn["purpose"], withdrawn["channel"]) == ("marketing_messages", "whatsapp")
    assert ("done", "the customer opted out of marketing") in talk.waiting_sends()
    assert [one["outcome"] for one in talk.facts("messaging.send_settled.v1")] == ["cancelled"]
    assert len(talk.sent(purpose="opt_out")) == 1
    talk.remind(ref, after_s=1.0)
    assert talk.hears(word) == []
    assert len(talk.facts("people.consent_withdrawn.v1")) == 2


def test_who_wants_marketing_again_is_told_so_once_and_may_opt_out_anew(talk: Talk) -> None:
    talk.hears("STOP")
    assert [one.split(".")[1].strip() for one in talk.hears("START")] == ["You will get our marketing messages again"]
    assert talk.hears("start!") == []
    talk.db.project("threads")
    shown = "SELECT opted_out FROM read_models.threads WHERE brokerage_id = %s"
    assert talk.db.rows(shown, talk.brokerage_id) == [(False,)]
    assert len(talk.hears("STOP")) == 1
    talk.db.project("threads")
    assert talk.db.rows(shown, talk.brokerage_id) == [(True,)]


def test_a_message_refused_as_unwanted_marketing_is_an_opt_out_that_needs_no_confirmation(talk: Talk) -> None:
    talk.hears("hello")
    ref = talk.came(ReceiptReceived(
        channel="whatsapp", account_id=ACCOUNTS["whatsapp"], status="failed", code=131050,
        occurred_at=talk.now + timedelta(seconds=5), hints=PersonHints(**talk.hints),
    ))  # fmt: skip
    talk.remind(ref)
    assert [one["purpose"] for one in talk.facts("people.consent_withdrawn.v1")] == ["marketing_messages"]
    assert talk.sent(purpose="opt_out") == []


def test_stopping_in_the_platforms_settings_is_an_opt_out(talk: Talk) -> None:
    talk.hears("hello")
    ref = talk.came(SignalReceived(
        channel="whatsapp", account_id=ACCOUNTS["whatsapp"], signal="marketing_stopped",
        occurred_at=talk.now + timedelta(seconds=5), hints=PersonHints(**talk.hints),
    ))  # fmt: skip
    talk.remind(ref)
    assert [one["purpose"] for one in talk.facts("people.consent_withdrawn.v1")] == ["marketing_messages"]


def test_who_never_wrote_can_opt_out_as_well(talk: Talk) -> None:
    ref = talk.came(SignalReceived(
        channel="whatsapp", account_id=ACCOUNTS["whatsapp"], signal="marketing_stopped", occurred_at=talk.now,
        hints=PersonHints(**talk.hints),
    ))  # fmt: skip
    assert talk.remind(ref)[0] == "done"
    assert [one["purpose"] for one in talk.facts("people.consent_withdrawn.v1")] == ["marketing_messages"]


def test_a_very_long_message_is_read_and_answered(talk: Talk) -> None:
    assert talk.hears("villa in Zamalek " + "a" * 65_000) == [GREETED_EN]
    assert set(talk.told()) == {"district", "type"}


def test_a_reminder_of_a_thread_that_is_not_there_is_done(talk: Talk) -> None:
    ref = talk.writes("hello")
    talk.db.owner.execute("DELETE FROM messaging.desks WHERE thread_id = %s", (talk.thread_id,))
    assert talk.remind(ref)[0] == "done"
    assert talk.facts("messaging.send_requested.v1") == []


def test_two_reminders_at_one_moment_give_one_answer(talk: Talk) -> None:
    first, second = talk.writes("hello"), talk.writes("price?", after_s=0.5)
    gate = threading.Barrier(2)

    def carry_out(ref: UUID) -> None:
        other = Talk.beside(talk)
        try:
            gate.wait()
            other.remind(ref, after_s=3)
        finally:
            other.close()
            other.db.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(carry_out, ref) for ref in (first, second)]:
            done.result()
    assert talk.sent() == [GREETED_EN]
    assert talk.events().count("customer_turn") == 2


def test_a_worker_carries_out_the_reminders(talk: Talk) -> None:
    ref = talk.writes("hello")
    talk.db.owner.execute(
        "UPDATE messaging.desks SET last_arrived_at = now() - interval '1 minute', waiting_since = NULL "
        "WHERE thread_id = %s", (talk.thread_id,),
    )  # fmt: skip
    ((reminder,),) = talk.db.rows("SELECT id FROM outbox.messages WHERE cause_id = %s AND kind = 'answer_thread'", ref)
    crew = Crew(WorkerSettings(talk.db.url, None, MASTER, "http://127.0.0.1:9"))
    try:
        crew.hands().run_one(reminder)
    finally:
        crew.close()
    (greeting,) = talk.sent()
    assert greeting.startswith("Hello from Nile Homes!")
    assert talk.db.rows("SELECT state FROM outbox.messages WHERE id = %s", reminder) == [("done",)]


def test_what_comes_long_after_it_was_written_waits_for_a_human(talk: Talk) -> None:
    ref = talk.writes("is the flat in Maadi free", occurred_at=talk.now - timedelta(minutes=11))
    assert (talk.remind(ref)[0], talk.sent()) == ("done", [])
    (moved,) = talk.facts("messaging.state_changed.v1")
    assert (moved["state"], moved["reason"]) == ("WAITING_AGENT", "the message reached us long after it was written")
    assert "customer_turn" in talk.events()


def test_a_fresh_message_is_answered_whatever_came_late_before_it(talk: Talk) -> None:
    talk.writes("is the flat in Maadi free", occurred_at=talk.now - timedelta(days=2))
    ref = talk.writes("hello?", occurred_at=talk.now - timedelta(minutes=9))
    assert (talk.remind(ref)[0], talk.sent()) == ("done", [GREETED_EN])
