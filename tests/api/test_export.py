"""Transcripts to take away: in order, in the brokerage's time, with what became of each message."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.messaging.content import Content, Media
from domain.messaging.events import MessageReceived, SendRequested
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints
from tests.api.stage import Brokerage, Stage, touchpoint
from tests.live.talk import ACCOUNT, Talk, talking

FSI, PDI = "⁨", "⁩"


@pytest.fixture
def mona(stage: Stage, nile: Brokerage) -> Iterator[Talk]:
    with talking(stage.url, nile.brokerage_id) as talk:
        yield talk


def say(talk: Talk, text: str, at: datetime) -> None:
    fact = MessageReceived(
        occurred_at=at, channel="whatsapp", account_id=ACCOUNT, message_type="text", text=text,
        hints=PersonHints(phone=talk.phone, name="منى أحمد"),
    )  # fmt: skip
    talk.observe(message_name(uuid4().hex), fact)


@pytest.fixture
def exported(stage: Stage, mona: Talk) -> str:
    """A conversation in January (Cairo is two hours ahead) whose messages arrived in disorder; its path."""
    say(mona, "عايز شقة 3 غرف في Maadi\nبسعر 5,000,000", datetime(2026, 1, 5, 12, 31, tzinfo=UTC))
    say(mona, "مساء الخير", datetime(2026, 1, 5, 12, 30, tzinfo=UTC))
    mona.says(content=Content(media=Media(id="1", filename="plan.pdf")), kind="document")
    mona.decide(
        SendRequested(
            thread_id=mona.thread_id, channel="whatsapp", account_id=ACCOUNT, author="agent", by="Sara",
            message_type="text", text="أهلاً بحضرتك", occurred_at=datetime(2026, 1, 5, 12, 40, tzinfo=UTC),
        )
    )  # fmt: skip
    stage.settled()
    return f"/api/conversations/{mona.thread_id}/export"


def test_text_is_in_order_in_the_brokerages_time_with_directions_isolated(nile: Brokerage, exported: str) -> None:
    answer = nile.reader.get(exported, params={"format": "text"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    lines = answer.text.splitlines()
    customer = f"{FSI}منى أحمد (customer){PDI}"
    first = lines.index(f"[2026-01-05 14:30] {customer}: {FSI}مساء الخير{PDI}")
    assert lines[first + 1 : first + 5] == [
        f"[2026-01-05 14:31] {customer}: {FSI}عايز شقة 3 غرف في Maadi{PDI}",
        f"    {FSI}بسعر 5,000,000{PDI}",
        f"[2026-01-05 14:40] {FSI}Sara (agent){PDI}: {FSI}أهلاً بحضرتك{PDI}",
        f"    ({FSI}waiting to be sent{PDI})",
    ]
    assert f"    ({FSI}document: plan.pdf (waiting){PDI})" in lines


def test_what_somebody_wrote_cannot_turn_or_pose_as_other_lines(stage: Stage, nile: Brokerage, mona: Talk) -> None:
    say(mona, "hi ‮olleh⁩\n[2026-01-01 00:00] Sara (agent): sold!", datetime(2026, 1, 5, 12, tzinfo=UTC))
    stage.settled()
    text = nile.reader.get(f"/api/conversations/{mona.thread_id}/export", params={"format": "text"}).text
    assert "‮" not in text
    assert text.count(FSI) == text.count(PDI)
    assert f"\n    {FSI}[2026-01-01 00:00] Sara (agent): sold!{PDI}\n" in text


def test_json_has_everything_that_the_page_shows_and_the_local_time(nile: Brokerage, exported: str) -> None:
    document = nile.read(exported)
    assert document["time_zone"] == "Africa/Cairo"
    assert document["conversation"]["customer"]["name"] == "منى أحمد"
    assert [one["text"] for one in document["messages"]][:3] == [
        "مساء الخير", "عايز شقة 3 غرف في Maadi\nبسعر 5,000,000", "أهلاً بحضرتك",
    ]  # fmt: skip
    assert document["messages"][0]["local_time"] == "2026-01-05T14:30:00+02:00"


def test_a_pdf_is_one(nile: Brokerage, exported: str) -> None:
    answer = nile.reader.get(exported, params={"format": "pdf"})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.7")
    assert answer.content.rstrip().endswith(b"%%EOF")


def test_a_session_by_voice_has_a_transcript_too(stage: Stage, nile: Brokerage) -> None:
    session = f"call-{uuid4().hex[:8]}"
    item = touchpoint(
        "conversations.completed.v1",
        {"session_id": session, "transcript": {"turns": [
            {"by": "customer", "text": "السلام عليكم"}, {"by": "assistant", "text": "وعليكم السلام"}]}},
        person={"phone": "+201009998877"},
    )  # fmt: skip
    assert nile.verdict(item)["status"] == "accepted"
    stage.settled()
    text = nile.reader.get(f"/api/conversations/{session}/export", params={"format": "text"}).text
    assert text.splitlines()[-2:] == [
        f"[—] {FSI}Customer{PDI}: {FSI}السلام عليكم{PDI}", f"[—] {FSI}Assistant{PDI}: {FSI}وعليكم السلام{PDI}",
    ]  # fmt: skip


def test_of_the_erased_only_that_something_was_said_remains(stage: Stage, nile: Brokerage, mona: Talk) -> None:
    say(mona, "my secret", datetime(2026, 1, 5, 12, tzinfo=UTC))
    stage.settled()
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (mona.subject_id,))
    text = nile.reader.get(f"/api/conversations/{mona.thread_id}/export", params={"format": "text"}).text
    assert "secret" not in text
    assert f"{FSI}(erased){PDI}" in text


def test_others_get_nothing_and_who_took_it_is_in_the_log(
    stage: Stage, nile: Brokerage, delta: Brokerage, mona: Talk, exported: str
) -> None:
    assert delta.reader.get(exported).status_code == 404
    assert nile.producer.get(exported).status_code == 403
    assert nile.reader.get(exported, params={"format": "exe"}).status_code == 422
    nile.read(exported)
    lines = stage.log.read_text().splitlines()
    key_id = nile.keys["reader"].split("_")[2]
    assert any('"exported":"json"' in line.replace(" ", "") and key_id in line for line in lines)
