"""A thread has one holder: the assistant, or one named agent for a time; taking over silences the assistant at once."""

from datetime import timedelta

import pytest

from application.outgoing import Draft
from application.take_over import LEASE_OVER, HeldByAnother, Holding, Taken
from tests.assistant.stage import Talk

HOUR = timedelta(hours=1)


def taken(talk: Talk, agent: str = "omar", *, minutes: int | None = None, force: bool = False) -> Taken:
    holding = Holding(talk.desks, talk.sends, clock=lambda: talk.now)
    return holding.take_over(
        talk.brokerage_id, talk.thread_id, agent, reason="a big buyer", minutes=minutes, force=force
    )  # fmt: skip


def released(talk: Talk, agent: str | None, *, force: bool = False) -> Taken:
    holding = Holding(talk.desks, talk.sends, clock=lambda: talk.now)
    return holding.release(talk.brokerage_id, talk.thread_id, agent, reason="done", force=force)


def test_taking_over_cancels_what_the_assistant_has_on_its_way(talk: Talk) -> None:
    talk.hears("hello")
    (send,) = talk.facts("messaging.send_requested.v1")
    done = taken(talk)
    assert (done.verdict, done.agent, done.fence, done.until) == ("taken", "omar", 1, talk.now + HOUR)
    assert len(done.cancelled) == 1
    (settled,) = talk.facts("messaging.send_settled.v1")
    assert (settled["send_id"], settled["outcome"], settled["by"]) == (str(done.cancelled[0]), "cancelled", "takeover")
    assert talk.waiting_sends() == [("done", "a big buyer")]
    (changed,) = talk.facts("messaging.holder_changed.v1")
    assert (changed["holder"], changed["agent"], changed["fence"]) == ("agent", "omar", 1)
    assert (talk.desk().state, send["fence"]) == ("WAITING_AGENT", 0)


def test_what_a_worker_has_in_hand_is_told_as_going(talk: Talk) -> None:
    talk.hears("hello")
    ((send_id,),) = talk.db.rows(
        "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s AND kind = 'send_message' RETURNING id",
        talk.brokerage_id,
    )
    assert talk.work.lease_one(send_id) is not None
    done = taken(talk)
    assert (list(done.cancelled), done.going) == ([], [send_id])


def test_an_agents_own_messages_are_not_cancelled(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    with talk.at() as work:
        talk.sends.request_send(work, Draft(author="agent", by="omar", text="Omar here"), talk.now)
    assert list(taken(talk, "sara", force=True).cancelled) == []
    assert sorted(state for state, _ in talk.waiting_sends()) == ["done", "waiting"]


def test_while_an_agent_holds_it_the_assistant_learns_and_keeps_still(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    assert talk.hears("the price of the villa in Zamalek?") == []
    assert "price_asked" in talk.events()


def test_the_holder_again_changes_nothing_or_extends(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    assert taken(talk).verdict == "already_held"
    talk.now += timedelta(minutes=30)
    longer = taken(talk)
    assert (longer.verdict, longer.fence, longer.until) == ("extended", 1, talk.now + HOUR)
    assert [one["fence"] for one in talk.facts("messaging.holder_changed.v1")] == [1, 1]


def test_another_agent_is_told_who_holds_it_unless_by_force(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    with pytest.raises(HeldByAnother) as refused:
        taken(talk, "sara")
    assert (refused.value.agent, refused.value.until) == ("omar", talk.now + HOUR)
    with pytest.raises(HeldByAnother):
        released(talk, "sara")
    assert (taken(talk, "sara", force=True).agent, talk.desk().fence) == ("sara", 2)


def test_giving_back_lets_the_assistant_answer_again(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    back = released(talk, "omar")
    assert (back.verdict, back.agent, back.fence, back.state) == ("released", None, 2, "ACTIVE")
    assert released(talk, "omar").verdict == "not_held"
    assert talk.hears("I want to speak to someone") == ["Of course: one of our team will answer you here soon."]


def test_what_an_agent_left_unanswered_is_answered_after_giving_back(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk)
    with talk.at() as work:
        talk.sends.request_send(work, Draft(author="agent", by="omar", text="Omar here"), talk.now)
    assert talk.hears("is it still available?") == []
    released(talk, "omar")
    talk.remind(talk.thread_id)
    assert talk.sent(author="assistant")[1:] == [  # and no second greeting: Omar spoke already
        "We got your message, and our team will answer you soon."
    ]


def test_a_lease_that_ran_out_gives_the_thread_back(talk: Talk) -> None:
    talk.hears("hello")
    taken(talk, minutes=5)
    talk.remind(talk.thread_id, after_s=240, kind="quiet_thread")
    assert talk.desk().holder == "agent"
    state, _ = talk.remind(talk.thread_id, after_s=301, kind="quiet_thread")
    assert (state, talk.desk().holder, talk.desk().fence, talk.desk().state) == ("done", "assistant", 2, "ACTIVE")
    assert talk.facts("messaging.holder_changed.v1")[-1]["reason"] == LEASE_OVER


def test_an_answer_made_before_the_takeover_is_dropped(talk: Talk) -> None:
    first = talk.writes("hello")
    answering = talk.use_case("answer_thread", talk.now + timedelta(seconds=1))
    story = answering.stories.read(talk.brokerage_id, talk.thread_id)
    taken(talk)
    stale = type("Stale", (), {"read": lambda *_: story})()
    talk.db.rows("UPDATE outbox.messages SET due_at = now() WHERE cause_id = %s RETURNING 1", first)
    ((reminder,),) = talk.db.rows(
        "SELECT id FROM outbox.messages WHERE cause_id = %s AND kind = 'answer_thread'", first
    )
    leased = talk.work.lease_one(reminder)
    type(answering)(**{
        name: getattr(answering, name) for name in type(answering).__dataclass_fields__ if name != "stories"
    }, stories=stale).run(leased)  # fmt: skip
    assert talk.sent() == []


def test_closing_completes_the_conversation_once_and_asks_for_stars(talk: Talk) -> None:
    talk.hears("hello")
    holding = Holding(talk.desks, talk.sends, clock=lambda: talk.now)
    asked = {"reason": "sold", "survey": "en", "force": False}
    done, survey = holding.close(talk.brokerage_id, talk.thread_id, None, **asked)  # type: ignore[arg-type]
    again, none = holding.close(talk.brokerage_id, talk.thread_id, None, **asked)  # type: ignore[arg-type]
    assert (done.verdict, done.state, again.verdict, none) == ("closed", "CLOSED", "already_closed", None)
    assert survey is not None
    assert talk.sent(purpose="survey") == ["How would you rate our service, from 1 (poor) to 5 (excellent)?"]
    assert len(talk.facts("conversations.completed.v1")) == 1
    assert len(talk.hears("and the garage?")) == 1  # it is open again, and the greeting never went out
    assert talk.desk().state == "ACTIVE"
