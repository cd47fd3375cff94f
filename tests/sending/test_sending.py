"""What is sent, to whom, and what becomes of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.outgoing import Draft, NoConsent, WindowShut, mark_of
from application.take_over import hold
from domain.messaging.content import Content
from domain.messaging.events import MessageEchoed, MessageReceived, ReceiptReceived, SignalReceived
from domain.people.events import ConsentGiven, ConsentWithdrawn
from tests.sending.stage import Sending, buckets, buttons

DAY = timedelta(days=1)


def test_a_message_arrives_once_and_its_acceptance_is_recorded(talk: Sending) -> None:
    send_id = talk.go("the flat is free")
    (body,) = talk.received()
    assert body["text"]["body"] == "the flat is free"
    assert body["to"] == talk.customer
    assert body["biz_opaque_callback_data"] == mark_of(talk.thread_id, send_id)
    assert talk.state(send_id) == ("done", None)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_the_words_are_nowhere_in_the_clear(talk: Sending) -> None:
    send_id = talk.go("the price is two million")
    stored = talk.db.rows("SELECT state FROM log.masar_events WHERE brokerage_id = %s", talk.brokerage_id)
    waiting = talk.db.rows("SELECT payload FROM outbox.messages WHERE id = %s", *talk.asks("the price is two million"))
    assert not any(b"two million" in bytes(row[0]) for row in (*stored, *waiting))
    assert talk.sent()[0] == "the price is two million"
    assert "platform_id" in talk.settled(send_id)
    assert "wamid" not in str(talk.settled(send_id))


def test_the_ref_is_the_one_under_which_a_receipt_names_the_message(talk: Sending) -> None:
    send_id = talk.go()
    (noted,) = talk.taken()
    echo = MessageEchoed(
        channel="whatsapp", account_id=talk.account, message_type="text", occurred_at=datetime.now(UTC),
    )  # fmt: skip
    assert talk.settled(send_id)["ref"] == str(talk.came_as(noted["id"], echo))


def test_a_customer_whose_number_is_hidden_is_named_by_their_id(start: Any) -> None:
    talk: Sending = start(hints={"bsuid": "EG.24680"})
    talk.wrote()
    talk.go()
    (body,) = talk.received()
    assert body["recipient"] == "EG.24680"
    assert "to" not in body


def test_a_message_that_came_late_does_not_bring_the_former_number_back(talk: Sending) -> None:
    former, now = talk.hints["phone"], datetime.now(UTC)
    told: dict[str, Any] = {"channel": "whatsapp", "account_id": talk.account}
    talk.hints = {"phone": "+201555000111", "former_phone": former}
    talk.came_as("wamid.system", SignalReceived(signal="number_changed", occurred_at=now, **told))
    talk.hints = {"phone": former}
    late = MessageReceived(message_type="text", text="before", occurred_at=now - timedelta(hours=2), **told)
    talk.came_as("wamid.late", late)
    found = talk.book.address(talk.desk())
    assert found is not None
    assert talk.ring.open_all([found[0]])[0]["phone"] == "+201555000111"


def test_an_answer_quotes_the_message_that_it_answers(talk: Sending) -> None:
    platform_id = "wamid.quoted=="
    talk.control("POST", "inbound", {"wrote": [{
        "channel": "whatsapp", "account": talk.account, "user": talk.customer, "message_id": platform_id,
    }]})  # fmt: skip
    ref = talk.writes("and the garden?", platform_id=platform_id)
    talk.go(reply_to=ref)
    assert talk.received()[0]["context"] == {"message_id": platform_id}


def test_a_reaction_names_the_message_and_has_no_context(talk: Sending) -> None:
    platform_id = "wamid.liked=="
    talk.control("POST", "inbound", {"wrote": [{
        "channel": "whatsapp", "account": talk.account, "user": talk.customer, "message_id": platform_id,
    }]})  # fmt: skip
    ref = talk.writes("thank you", platform_id=platform_id)
    talk.go(None, message_type="reaction", reply_to=ref, content=Content(emoji="👍"))
    (body,) = talk.received()
    assert body["reaction"] == {"message_id": platform_id, "emoji": "👍"}
    assert "context" not in body


def test_our_own_message_can_be_quoted_by_its_send(talk: Sending) -> None:
    first = talk.go("look at this")
    talk.go("I mean that one", reply_to=first)
    accepted, quoting = talk.taken()
    assert quoting["body"]["context"] == {"message_id": accepted["id"]}


def test_a_long_text_goes_in_parts_in_order(talk: Sending) -> None:
    text = " ".join(f"Sentence number {nth} tells of a room." for nth in range(300))
    sends = talk.asks(text)
    for send_id in sends:
        talk.run(send_id)
    bodies = [one["text"]["body"] for one in talk.received()]
    assert len(bodies) == 3
    assert all(len(one) <= 4096 and one.endswith(".") for one in bodies)
    assert " ".join(bodies) == text


def test_a_later_message_waits_for_the_one_before_it(talk: Sending) -> None:
    (first,), (second,) = talk.asks("one"), talk.asks("two")
    talk.make_due(second)
    assert talk.work.lease_one(second) is None
    talk.run(first)
    talk.run(second)
    assert [one["text"]["body"] for one in talk.received()] == ["one", "two"]


# Answers of the platform


@pytest.mark.parametrize("lost", ["lost_after_processing", "server_error_after_processing", "bad_json", "html"])
def test_a_lost_answer_leaves_the_outcome_unknown_and_is_never_sent_again(talk: Sending, lost: str) -> None:
    (send_id,) = talk.asks()
    talk.plan(lost)
    assert talk.run(send_id) == ("done", None)
    assert talk.outcomes(send_id) == [("unknown", "answer")]
    assert len(talk.received()) == 1


def test_a_worker_lost_while_it_asked_leaves_the_outcome_unknown(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.make_due(send_id)
    leased = talk.work.lease_one(send_id)
    assert leased is not None
    talk.work.about_to_ask([leased], once=True)
    talk.work.put_back("the worker went away")
    assert talk.run(send_id) == ("done", None)
    assert talk.outcomes(send_id) == [("unknown", "worker")]
    assert talk.received() == []


def test_what_never_reached_the_platform_is_tried_again(talk: Sending) -> None:
    from adapters.channels.clients import Hosts, PlatformClients

    (send_id,) = talk.asks()
    nobody = PlatformClients(Hosts("http://127.0.0.1:9", timeout_s=1))
    state, why = talk.run(send_id, channels=nobody)
    assert (state, "not reached" in str(why)) == ("waiting", True)
    assert talk.run(send_id) == ("done", None)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_a_transient_refusal_is_tried_again(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.plan({"outcome": "error", "code": 131016})
    assert talk.run(send_id)[0] == "waiting"
    assert talk.outcomes(send_id) == []
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_a_permanent_refusal_ends_it_with_the_reason(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.plan({"outcome": "error", "code": 131026})
    assert talk.run(send_id) == ("done", None)
    told = talk.settled(send_id)
    assert (told["outcome"], told["code"]) == ("refused", 131026)
    assert told["reason"].startswith("the customer cannot be reached on WhatsApp")


def test_the_pair_rate_is_waited_out_ever_longer_and_only_for_this_customer(talk: Sending) -> None:
    (send_id,) = talk.asks()
    waits = []
    for _ in range(3):
        talk.plan({"outcome": "error", "code": 131056})
        now = datetime.now(UTC)
        talk.run(send_id, clock=lambda at=now: at)  # type: ignore[misc]
        waits.append(round(talk.waits_s(send_id, now)))
    assert waits == [4, 16, 64]
    assert {scope for scope, _ in talk.shaper.held} == {str(talk.thread_id)}  # type: ignore[attr-defined]


def test_without_a_token_it_is_kept_and_goes_once_there_is_one(start: Any) -> None:
    talk: Sending = start(token=None)
    talk.wrote()
    (send_id,) = talk.asks()
    state, why = talk.run(send_id)
    assert (state, why) == ("waiting", f"no credentials for whatsapp {talk.account}")
    talk.store_token("EAAsending")
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_a_dead_token_keeps_the_message(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.store_token("EAAwrong")
    state, why = talk.run(send_id)
    assert (state, "not allowed with this token" in str(why)) == ("waiting", True)
    talk.store_token("EAAsending")
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_a_new_token_does_not_wait_for_what_the_old_one_was_held_for(start: Any) -> None:
    talk: Sending = start(shaper=buckets())
    talk.wrote()
    (send_id,) = talk.asks()
    talk.store_token("EAAwrong")
    assert talk.run(send_id)[0] == "waiting"
    assert "waits for its turn" in str(talk.run(send_id)[1])
    talk.store_token("EAAsending")
    assert talk.run(send_id)[0] == "done"


def test_what_could_not_be_sent_for_a_day_is_refused(talk: Sending) -> None:
    (send_id,) = talk.asks("hello", message_type="text")
    talk.writes("are you there?")
    tomorrow = datetime.now(UTC) + DAY + timedelta(minutes=1)
    talk.db.owner.execute(
        "UPDATE messaging.desks SET last_inbound_at = %s WHERE thread_id = %s", (tomorrow, talk.thread_id)
    )
    talk.run(send_id, clock=lambda: tomorrow)
    assert talk.outcomes(send_id) == [("refused", "worker")]
    assert talk.received() == []


# What speaks against it at the last moment


def test_a_takeover_cancels_what_the_assistant_had_not_sent(talk: Sending) -> None:
    (send_id,) = talk.asks(author="assistant", by=None)
    talk.db.owner.execute("UPDATE messaging.desks SET fence = fence + 1 WHERE thread_id = %s", (talk.thread_id,))
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("cancelled", "takeover")]
    assert talk.received() == []


def test_a_newer_message_of_the_customer_drops_the_assistants_answer_with_all_its_parts(talk: Sending) -> None:
    with talk.at() as work:
        seen = work.desk.inbound
    text = " ".join(f"Sentence number {nth} tells of a room." for nth in range(150))
    first, second = talk.asks(text, author="assistant", by=None, answers_inbound=seen)
    talk.writes("wait, another question")
    talk.run(first)
    assert talk.outcomes(first) == talk.outcomes(second) == [("cancelled", "newer_message")]
    assert talk.state(second)[0] == "done"
    assert talk.received() == []


def test_an_agents_answer_goes_though_the_customer_wrote_again(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.writes("hello?")
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_a_window_that_closed_meanwhile_refuses_before_the_platform_does(talk: Sending) -> None:
    (send_id,) = talk.asks()
    talk.run(send_id, clock=lambda: datetime.now(UTC) + timedelta(hours=23, minutes=59, seconds=30))
    assert talk.outcomes(send_id) == [("refused", "window")]
    assert talk.received() == []


# Windows and consent


def test_beyond_the_window_the_refusal_says_since_when_and_what_instead(start: Any) -> None:
    talk: Sending = start()
    talk.wrote(ago=timedelta(hours=25))
    with pytest.raises(WindowShut) as refused:
        talk.asks()
    window = refused.value.more["window"]
    assert window["why"] == "window_closed"
    assert window["instead"] == ["template"]
    assert window["closed_at"] == talk.now + DAY
    assert talk.facts("messaging.send_requested.v1") == []


def test_a_template_needs_no_window(start: Any) -> None:
    talk: Sending = start()
    talk.wrote(ago=timedelta(hours=25))
    name = {"name": "viewing_tomorrow", "language": "ar", "status": "APPROVED", "category": "UTILITY"}
    talk.control("PUT", "templates/810700000000001", {**name, "components": [{"type": "BODY", "text": "See you"}]})
    talk.go(None, message_type="template", template="viewing_tomorrow", language="ar")
    (body,) = talk.received()
    assert body["template"] == {"name": "viewing_tomorrow", "language": {"code": "ar"}}


def test_a_humans_late_answer_goes_under_the_tag_and_the_assistants_never(start: Any) -> None:
    page: Sending = start(channel="messenger", hints={"psid": "7001002"})
    page.wrote(ago=timedelta(days=3))
    with pytest.raises(WindowShut):
        page.asks(author="assistant", by=None)
    page.go("sorry for the wait")
    (body,) = page.received()
    assert (body["messaging_type"], body["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    assert page.facts("messaging.send_requested.v1")[0]["human_tag"] is True


def test_marketing_needs_a_consent_that_still_stands_when_it_is_sent(talk: Sending) -> None:
    name = {"name": "new_homes", "language": "en", "status": "APPROVED", "category": "MARKETING"}
    talk.control("PUT", "templates/810700000000001", {**name, "components": [{"type": "BODY", "text": "New homes"}]})
    draft: dict[str, Any] = {
        "text": None, "message_type": "template", "template": "new_homes", "language": "en", "purpose": "marketing",
    }  # fmt: skip
    with pytest.raises(NoConsent):
        talk.asks(**draft)
    talk.says(ConsentGiven(purpose="marketing_messages", occurred_at=datetime.now(UTC)))
    (send_id,) = talk.asks(**draft)
    talk.says(ConsentWithdrawn(purpose="marketing_messages", occurred_at=datetime.now(UTC)))
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("cancelled", "worker")]
    assert talk.received() == []


# Unknown outcomes


def receipt(talk: Sending, send_id: UUID) -> ReceiptReceived:
    return ReceiptReceived(
        channel=talk.channel, account_id=talk.account, status="delivered", occurred_at=datetime.now(UTC),
        ref=UUID(int=7), thread_id=talk.thread_id, send_id=send_id,
    )  # fmt: skip


def unknown(talk: Sending, text: str = "it is") -> UUID:
    (send_id,) = talk.asks(text)
    talk.plan("lost_after_processing")
    talk.run(send_id)
    return send_id


def test_a_receipt_that_carries_our_id_settles_it(talk: Sending) -> None:
    send_id = unknown(talk)
    talk.came(receipt(talk, send_id))
    assert talk.reconcile() == ["done"]
    assert talk.outcomes(send_id) == [("unknown", "answer"), ("accepted", "receipt")]
    assert talk.settled(send_id)["ref"] == str(UUID(int=7))


def test_an_echo_that_carries_our_id_settles_it(page: Sending) -> None:
    send_id = unknown(page)
    echo = MessageEchoed(
        channel="messenger", account_id=page.account, message_type="text", text="it is", send_id=send_id,
        occurred_at=datetime.now(UTC), platform_id="m_echo", hints=page.person(),
    )  # fmt: skip
    ref = page.came(echo)
    page.reconcile()
    assert page.outcomes(send_id)[-1] == ("accepted", "echo")
    assert page.settled(send_id)["ref"] == str(ref)


@pytest.mark.parametrize(("words", "outcome"), [("it is", "accepted"), ("something else", "unknown")])
def test_on_instagram_an_echo_with_equal_words_settles_it(gram: Sending, words: str, outcome: str) -> None:
    send_id = unknown(gram)
    echo = MessageEchoed(
        channel="instagram", account_id=gram.account, message_type="text", text=words, hints=gram.person(),
        occurred_at=datetime.now(UTC), platform_id="aWdf",
    )  # fmt: skip
    gram.came(echo)
    gram.reconcile()
    assert gram.settled(send_id)["outcome"] == outcome


# Shapes of the other channels


def test_messenger_gets_quick_replies_and_our_mark(page: Sending) -> None:
    send_id = page.go("when?", message_type="quick_replies", content=buttons("today", "tomorrow"))
    (body,) = page.received()
    assert body["messaging_type"] == "RESPONSE"
    assert body["message"]["metadata"] == mark_of(page.thread_id, send_id)
    assert [one["title"] for one in body["message"]["quick_replies"]] == ["today", "tomorrow"]


def test_instagram_gets_bytes_within_its_limit(gram: Sending) -> None:
    text = " ".join("الشقة دي فيها تلات أوض نوم وصالة كبيرة وبلكونة." for _ in range(30))
    for send_id in gram.asks(text):
        gram.run(send_id)
    bodies = [one["message"]["text"] for one in gram.received()]
    assert len(bodies) > 1
    assert all(len(one.encode()) <= 1000 for one in bodies)
    assert " ".join(bodies) == text
    assert "metadata" not in gram.received()[0]["message"]


def test_360dialog_gets_the_same_body_under_its_key(start: Any) -> None:
    talk: Sending = start(provider="360dialog")
    talk.wrote()
    send_id = talk.go("hello")
    assert talk.outcomes(send_id) == [("accepted", "answer")]
    assert talk.received()[0]["text"]["body"] == "hello"


def test_a_named_draft_asked_twice_is_one_send(talk: Sending) -> None:
    first, again = talk.asks(name="survey"), talk.asks(name="survey")
    assert first == again
    assert len(talk.facts("messaging.send_requested.v1")) == 1


def test_an_agent_who_sends_holds_the_thread(talk: Sending) -> None:
    now = datetime.now(UTC)
    with talk.at() as work:
        hold(work, "Nour", now)
        (send_id,) = talk.request.request_all(work, Draft("agent", "I am here", by="Nour"), now)
    assert talk.facts("messaging.send_requested.v1")[0]["fence"] == talk.desk().fence == 1
    talk.run(send_id)
    assert talk.outcomes(send_id) == [("accepted", "answer")]
