"""The live stream of conversations: in order, opened, one's own only, and without a gap after a break."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from domain.messaging.content import Content, Media
from domain.messaging.events import HolderChanged, MessageReceived, ReceiptReceived, SendRequested
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints
from tests.api.served import served
from tests.api.stage import Brokerage, Stage, fields_of, problem_of
from tests.live.listener import listening
from tests.live.talk import ACCOUNT, Talk, talking
from tests.patience import PATIENCE_S


@pytest.fixture
def mona(stage: Stage, nile: Brokerage) -> Iterator[Talk]:
    with talking(stage.url, nile.brokerage_id) as talk:
        yield talk


def test_what_a_customer_writes_is_heard_opened_with_its_thread(nile: Brokerage, mona: Talk) -> None:
    with listening(nile.reader) as heard:
        ref = mona.says("مساء الخير، الشقة دي لسه متاحة؟")
        heard.wait(lambda one: one.events)
    (event,) = heard.events
    assert (event["event"], event["id"], event["text"]) == (
        "message_received", str(ref), "مساء الخير، الشقة دي لسه متاحة؟",
    )  # fmt: skip
    assert event["thread_id"] == str(mona.thread_id)
    assert (event["channel"], event["account_id"], event["message_type"]) == ("whatsapp", ACCOUNT, "text")
    assert "platform_id" not in event
    assert "hints" not in event


def test_a_break_costs_nothing(nile: Brokerage, mona: Talk) -> None:
    mona.says("before anyone listened")
    with listening(nile.reader) as heard:
        mona.says("one")
        heard.wait(lambda one: one.texts == ["one"])
    mona.says("two")
    mona.says("three")
    with listening(nile.reader, cursor=heard.last_id) as again:
        mona.says("four")
        again.wait(lambda one: len(one.texts) >= 3)
    assert again.texts == ["two", "three", "four"]
    first_id = heard.events[0]["cursor"]
    with nile.reader.stream("GET", "/api/conversations/stream", params={"cursor": first_id}) as response:
        assert response.status_code == 200


def test_a_break_before_the_first_event_costs_nothing_either(nile: Brokerage, mona: Talk) -> None:
    mona.says("long ago")
    with listening(nile.reader) as heard:
        pass
    assert heard.events == []
    mona.says("meanwhile")
    with listening(nile.reader, cursor=heard.last_id) as again:
        again.wait(lambda one: one.texts == ["meanwhile"])


def test_a_long_past_comes_in_order_page_by_page_and_then_what_is_new(nile: Brokerage, mona: Talk) -> None:
    mona.says("first")
    with listening(nile.reader) as heard:
        pass
    said = [f"m{number}" for number in range(1_200)]
    now, hints = datetime.now(UTC), PersonHints(phone=mona.phone)
    mona.observe_all([
        (message_name(text + mona.phone), MessageReceived(
            occurred_at=now, channel="whatsapp", account_id=ACCOUNT, message_type="text", text=text, hints=hints))
        for text in said
    ])  # fmt: skip
    with listening(nile.reader, cursor=heard.last_id) as again:
        mona.says("new")
        again.wait(lambda one: len(one.texts) >= 1_201)
    assert again.texts == [*said, "new"]


def test_a_stream_can_be_of_one_thread_and_of_some_types(stage: Stage, nile: Brokerage, mona: Talk) -> None:
    with talking(stage.url, nile.brokerage_id, phone="+201000000009") as other:
        mona.says("hello")
        with (
            listening(nile.reader, conversation_id=str(mona.thread_id)) as of_mona,
            listening(nile.reader, types="holder_changed,receipt_received") as of_types,
        ):
            other.says("not hers")
            mona.decide(taken_over(mona))
            mona.says("bye")
            of_mona.wait(lambda one: len(one.events) >= 2)
            of_types.wait(lambda one: one.events)
    assert [one["event"] for one in of_mona.events] == ["holder_changed", "message_received"]
    assert [one["event"] for one in of_types.events] == ["holder_changed"]
    assert of_types.events[0]["agent"] == "Sara"


def test_a_receipt_belongs_to_the_thread_it_names(nile: Brokerage, mona: Talk) -> None:
    mona.says("hello")
    sent = uuid4()
    with listening(nile.reader, conversation_id=str(mona.thread_id)) as heard:
        mona.decide(
            SendRequested(
                thread_id=mona.thread_id, channel="whatsapp", account_id=ACCOUNT, author="agent", by="Sara",
                message_type="text", occurred_at=datetime.now(UTC),
            ),
            sent,
        )  # fmt: skip
        mona.observe("status|x", ReceiptReceived(
            occurred_at=datetime.now(UTC), channel="whatsapp", account_id=ACCOUNT, status="delivered",
            thread_id=mona.thread_id, send_id=sent,
        ))  # fmt: skip
        heard.wait(lambda one: len(one.events) >= 2)
    assert [one["event"] for one in heard.events] == ["send_requested", "receipt_received"]
    assert heard.events[1]["send_id"] == str(sent)


def test_of_a_file_it_tells_the_name_and_not_where_the_platform_keeps_it(nile: Brokerage, mona: Talk) -> None:
    media = Media(id="881", url="https://lookaside.example/x?token=1", mime_type="application/pdf", filename="عقد.pdf")
    with listening(nile.reader) as heard:
        mona.says(content=Content(media=media), kind="document")
        heard.wait(lambda one: one.events)
    assert heard.events[0]["content"]["media"] == {"mime_type": "application/pdf", "filename": "عقد.pdf"}


def test_another_brokerage_hears_nothing(nile: Brokerage, delta: Brokerage, mona: Talk, stage: Stage) -> None:
    with talking(stage.url, delta.brokerage_id) as theirs, listening(delta.reader) as heard:
        mona.says("to nile")
        theirs.says("to delta")
        heard.wait(lambda one: one.events)
    assert heard.texts == ["to delta"]


def test_a_revoked_key_stops_hearing(stage: Stage, nile: Brokerage, mona: Talk) -> None:
    key = stage.key(nile.brokerage_id, "reader")
    with listening(stage.client(key)) as heard:
        stage.owner.execute("UPDATE auth.keys SET revoked_at = now() WHERE key_id = %s", (key.split("_")[2],))
        assert heard.ended.wait(timeout=PATIENCE_S)


def test_who_may_not_read_hears_nothing(stage: Stage, nile: Brokerage) -> None:
    for client, status in ((stage.client(), 401), (nile.producer, 403), (nile.browser, 403)):
        assert client.get("/api/conversations/stream").status_code == status


def test_wrong_questions_are_refused_by_name(nile: Brokerage, mona: Talk) -> None:
    ask = nile.reader.get
    assert fields_of(ask("/api/conversations/stream", params={"types": "everything"})) == ["types"]
    assert fields_of(ask("/api/conversations/stream", params={"cursor": "nonsense"})) == ["cursor"]
    assert fields_of(ask("/api/conversations/stream", headers={"last-event-id": "WzldX"})) == ["cursor"]
    assert fields_of(ask("/api/conversations/stream", params={"thread": "x"})) == ["thread"]
    beyond = "Wzk5OTk5OTk5OTk5OV0"  # [9999999999999]
    assert fields_of(ask("/api/conversations/stream", params={"cursor": beyond})) == ["cursor"]


def test_one_key_holds_a_bounded_number_of_streams(stage: Stage, nile: Brokerage) -> None:
    client = stage.client(stage.key(nile.brokerage_id, "reader"))
    held = [listening(client) for _ in range(20)]
    try:
        for one in held:
            one.__enter__()
        refused = client.get("/api/conversations/stream")
        assert problem_of(refused)["title"] == "Too many streams"
        assert refused.headers["retry-after"] == "5"
    finally:
        for one in held:
            one.__exit__(None, None, None)


def test_a_stopping_process_ends_its_streams_at_once(stage: Stage, nile: Brokerage, tmp_path: Path) -> None:
    """The server itself would wait twenty seconds for an open answer, and then say that it was cancelled."""
    ended, log = None, tmp_path / "other.log"
    with served(stage.url, log) as base:
        entered = listening(stage.client(nile.keys["reader"], base))
        ended = entered.__enter__().ended
    assert ended.wait(timeout=PATIENCE_S)
    entered.__exit__(None, None, None)
    assert "graceful shutdown exceeded" not in log.read_text(errors="replace")


def taken_over(talk: Talk) -> HolderChanged:
    return HolderChanged(
        thread_id=talk.thread_id, channel="whatsapp", account_id=ACCOUNT, holder="agent", agent="Sara", fence=1,
        reason="asked for a human", occurred_at=datetime.now(UTC),
    )  # fmt: skip


def test_cursor_of_content(nile: Brokerage, mona: Talk) -> None:
    """An event's id is a cursor of its own: what follows it comes, it does not come again."""
    with listening(nile.reader) as heard:
        mona.says("a")
        mona.says("b")
        heard.wait(lambda one: len(one.texts) == 2)
    with listening(nile.reader, cursor=heard.events[0]["cursor"]) as again:
        again.wait(lambda one: one.texts)
    assert again.texts == ["b"]
