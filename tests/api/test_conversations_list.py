"""Conversations over HTTP: the list with its filters, one with its windows, its messages with everything of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.postgres.mapper import Envelope, SealingMapper
from adapters.postgres.registry import Registry
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey, keyed_uuid
from application.ports.touchpoints import Observed
from domain.messaging.content import Content, Location
from domain.messaging.threads import message_name, session_of, thread_of
from domain.people.hints import PersonHints
from domain.shared.fact import Fact, Touchpoint
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage, ago, touchpoint
from tests.cast_messaging import AD, NUMBER, altered, asked, echoed, held_by, receipt, settled, signal, wrote
from tests.patience import eventually
from tests.postgres.stage import connect

LIST = "/api/conversations"
PHONE = "+201000000042"


def moment(seconds_ago: float) -> datetime:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).replace(microsecond=0)


@dataclass
class Desk:
    """Puts facts of messaging into the log as the webhooks and the workers do."""

    stage: Stage
    house: Brokerage
    writer: Writer
    registry: Registry
    master: MasterKey

    def came(self, fact: Touchpoint, ago_s: float = 0, name: str = "", channel: str = "whatsapp", **hints: str) -> UUID:
        """Record what a platform told of a customer, `ago_s` ago; return its ref."""
        hints = hints or {"phone": PHONE, "name": "Mona Canary"}
        fact = fact.model_copy(
            update={"occurred_at": moment(ago_s), "channel": channel, "hints": PersonHints.model_validate(hints)}
        )
        item = message_name(name or f"wamid.{uuid4()}")
        own = Observed(self.house.brokerage_id, channel, item, fact, b"body", uuid4())
        (verdict,) = self.writer.write([own])
        assert verdict.status == "accepted", verdict
        assert verdict.event_id is not None
        return verdict.event_id

    def ref(self, name: str, channel: str = "whatsapp") -> UUID:
        key = self.master.for_brokerage(self.house.brokerage_id)
        return keyed_uuid(key, str(self.house.brokerage_id), channel, message_name(name))

    def thread(self, ref: UUID, channel: Any = "whatsapp") -> UUID:
        return thread_of(self.house.brokerage_id, channel, NUMBER, self.subject(ref))

    def subject(self, ref: UUID) -> UUID:
        row = self.stage.owner.execute(
            "SELECT subject_id FROM log.masar_events WHERE originator_id = %s", (ref,)
        ).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def decided(self, fact: Fact, subject: UUID, ago_s: float = 0, send_id: UUID | None = None) -> UUID:
        """Record what we decided; return its log entry."""
        own = send_id or uuid4()
        key = self.registry.keys([subject])[subject]
        told = fact.model_copy(update={"occurred_at": moment(ago_s)})
        envelope = Envelope(own, 1, told, self.house.brokerage_id, subject, key=key)
        self.stage._library.recorder.insert_events([SealingMapper().to_stored_event(envelope)])
        return own


@pytest.fixture
def desk(stage: Stage, nile: Brokerage) -> Iterator[Desk]:
    master = MasterKey.parse(MASTER_KEY)
    writer = Writer(stage.url, master)
    with connect(stage.url, "masar_registry") as connection:
        yield Desk(stage, nile, writer, Registry(connection, master), master)
    writer.close()


def listed(house: Brokerage, **query: Any) -> list[str]:
    return [one["id"] for one in house.read(LIST, **query)["items"]]


def said(house: Brokerage, thread: UUID, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = house.read(f"{LIST}/{thread}/messages", **query)["items"]
    return items


def test_a_thread_is_listed_with_its_customer_and_what_waits(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="How much is the villa?"), 60)
    desk.stage.settled()
    (one,) = nile.read(LIST)["items"]
    assert one["id"] == str(desk.thread(ref))
    assert (one["kind"], one["channel"], one["status"], one["holder"]) == ("thread", "whatsapp", "NEW", "assistant")
    assert one["customer"] == {"name": "Mona Canary", "phone": PHONE}
    assert (one["unread"], one["inbound"], one["waiting_since"] is not None) == (1, 1, True)
    assert one["last_message"] == {"id": str(ref), "direction": "in", "type": "text"}
    assert one["person_id"] == str(desk.subject(ref))


def test_filters_and_pages(desk: Desk, nile: Brokerage) -> None:
    first = desk.thread(desk.came(wrote(), 3_000, phone="+201000000001"))
    ref = desk.came(wrote(), 2_000, phone="+201000000002")
    second, subject = desk.thread(ref), desk.subject(ref)
    third = desk.thread(desk.came(wrote(), 1_000, channel="messenger", psid="700800"), "messenger")
    desk.decided(held_by("omar", 1, thread_id=second), subject)
    nile.post(touchpoint("conversations.started.v1", {"session_id": "call-1", "conversation_kind": "voice"}))
    desk.stage.settled()
    assert listed(nile) == ["call-1", str(third), str(second), str(first)]
    assert listed(nile, channel="messenger") == [str(third)]
    assert listed(nile, status="WAITING_AGENT") == listed(nile, agent="omar") == listed(nile, holder="agent")
    assert listed(nile, agent="omar") == [str(second)]
    assert listed(nile, kind="voice") == ["call-1"]
    assert listed(nile, waiting=True) == [str(third), str(second), str(first)]
    assert listed(nile, unread=True) == [str(third), str(first)]
    assert listed(nile, **{"from": ago(2_500), "to": ago(500)}) == [str(third), str(second)]
    assert listed(nile, q="nobodysaidthis") == []
    page = nile.read(LIST, limit=3)
    assert [one["id"] for one in page["items"]] == ["call-1", str(third), str(second)]
    rest = nile.read(LIST, limit=3, cursor=page["next_cursor"])
    assert [one["id"] for one in rest["items"]] == [str(first)]
    assert rest["next_cursor"] is None


def test_a_message_by_message_transcript(desk: Desk, nile: Brokerage) -> None:
    asked_ref = desk.came(wrote(text="How much?"), 300, name="a")
    subject, thread = desk.subject(asked_ref), desk.thread(asked_ref)
    place = desk.came(
        wrote(message_type="location", content=Content(location=Location(latitude=30.0, longitude=31.0))), 290
    )
    unsent = desk.came(wrote(text="never mind"), 280)
    send = desk.decided(asked(thread_id=thread, text="Four million.", reply_to=asked_ref), subject, 200)
    desk.decided(settled(send, "accepted", thread_id=thread, ref=desk.ref("ours")), subject, 199)
    desk.came(receipt("read", ref=desk.ref("ours"), send_id=send, thread_id=thread), 150)
    desk.came(receipt("delivered", ref=desk.ref("ours"), send_id=send, thread_id=thread), 160)
    desk.came(echoed(text="Four million.", send_id=send), 198, name="ours")
    app = desk.came(echoed(text="Omar here, from my phone"), 100)
    desk.came(altered("reacted", desk.ref("ours"), emoji="👍"), 90)
    desk.came(altered("edited", asked_ref, text="How much is it?"), 80)
    desk.came(altered("revoked", unsent), 70)
    desk.stage.settled()
    items = said(nile, thread, order="oldest_first")
    assert [one["id"] for one in items] == [str(asked_ref), str(place), str(unsent), str(send), str(app)]
    question, location, gone, answer, phone = items
    assert (question["direction"], question["author"], question["text"]) == ("in", "customer", "How much is it?")
    assert (question["edited"], question["edits"][0]["text"]) == (True, "How much?")
    assert location["content"]["location"]["latitude"] == 30.0
    assert (gone["unsent"], gone["text"]) == (True, None)
    assert (answer["author"], answer["text"], answer["status"]) == ("assistant", "Four million.", "read")
    assert answer["reply_to"] == str(asked_ref)
    assert list(answer["receipts"]["at"]) == ["delivered", "read"]
    assert [(one["by"], one["emoji"]) for one in answer["reactions"]] == [("customer", "👍")]
    assert (phone["direction"], phone["author"]) == ("out", "elsewhere")
    newest = nile.read(f"{LIST}/{thread}/messages", limit=2)
    assert [one["id"] for one in newest["items"]] == [str(app), str(send)]
    older = said(nile, thread, limit=2, cursor=newest["next_cursor"])
    assert [one["id"] for one in older] == [str(unsent), str(place)]
    back = said(nile, thread, cursor=newest["next_cursor"], order="oldest_first")
    assert [one["id"] for one in back] == [str(app)]


def test_one_thread_says_what_may_be_sent(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="hello", referral=AD), 26 * 3_600, phone=PHONE, ctwa_clid="click-1")
    thread = desk.thread(ref)
    desk.came(signal("marketing_stopped"), 60)
    desk.stage.settled()
    one = nile.read(f"{LIST}/{thread}")
    assert one["window"]["assistant"]["allowed"] is False
    assert one["window"]["assistant"]["why"] == "window_closed"
    assert one["window"]["assistant"]["instead"] == ["template"]
    assert one["window"]["template"]["allowed"] is True
    assert (one["opted_out"], one["ad"]["source_id"]) == (True, "1200300400")
    assert one["customer"]["ctwa_clid"] == "click-1"
    assert [move["state"] for move in one["states"]] == ["NEW"]


def test_what_is_learned_of_a_thread_is_its_lead_score(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="Zamalek, three million, now"), 60)
    told = {
        "session_id": session_of(desk.thread(ref)), "conversation_kind": "text_thread", "event": "customer_turn",
        "told": ["budget_figure", "district", "now"],
    }  # fmt: skip
    asked = {"session_id": session_of(desk.thread(ref)), "event": "price_asked"}
    nile.post(*(touchpoint("conversations.event_tracked.v1", one, person={"phone": PHONE}) for one in (told, asked)))
    desk.stage.settled()
    (row,) = nile.read(LIST)["items"]
    assert row["id"] == str(desk.thread(ref))
    one = nile.read(f"{LIST}/{row['id']}")
    assert (one["lead"]["score"], one["lead"]["quality"]) == (row["lead_score"], row["quality"]) == (55, "warm")
    assert one["score"] == 12  # as a conversation: the price, 10, and one question, 2
    assert {"budget_clarity", "location_clarity", "urgency"} <= {
        fact for reason in one["lead"]["factors"] for fact in (reason.get("fact"), reason["rule"])
    } or one["lead"]["factors"]


def test_a_message_is_a_touchpoint_of_the_person(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="hello"), 60, phone=PHONE, bsuid="EG.1")
    desk.came(receipt("read", ref=uuid4()), 30)
    desk.came(echoed(text="hi"), 20)
    desk.stage.settled()
    person = nile.read(f"/api/people/{desk.subject(ref)}")
    assert (person["touchpoints"], person["known"]) == (1, True)
    assert [one["platform"] for one in person["platforms"]] == ["conversations"]
    assert person["contact"]["bsuid"] == "EG.1"


def test_a_neighbours_thread_is_not_there(desk: Desk, delta: Brokerage) -> None:
    thread = desk.thread(desk.came(wrote(text="secret"), 60))
    desk.stage.settled()
    assert delta.read(LIST)["items"] == []
    for path in (f"{LIST}/{thread}", f"{LIST}/{thread}/messages", f"{LIST}/{uuid4()}", f"{LIST}/nothing"):
        assert delta.reader.get(path).status_code == 404
    assert delta.operator.get(LIST).status_code == 200
    assert delta.producer.get(LIST).status_code == 403


@pytest.mark.parametrize(
    "query", [{"status": "ASLEEP"}, {"channel": "fax"}, {"from": "yesterday"}, {"cursor": "x"}, {"colour": "red"}]
)
def test_a_question_that_makes_no_sense_is_refused(nile: Brokerage, query: dict[str, str]) -> None:
    assert nile.reader.get(LIST, params=query).status_code == 422


def test_what_a_session_by_voice_said_is_read_likewise(desk: Desk, nile: Brokerage) -> None:
    turn = {"session_id": "call-9", "conversation_kind": "voice", "event": "customer_turn", "text": "Is it still free?"}
    nile.post(touchpoint("conversations.event_tracked.v1", turn, person={"phone": PHONE}))
    desk.stage.settled()
    eventually(lambda: listed(nile) == ["call-9"])
    (one,) = nile.read(f"{LIST}/call-9/messages")["items"]
    assert (one["direction"], one["text"]) == ("in", "Is it still free?")
    assert nile.read(f"{LIST}/call-9")["kind"] == "voice"


def test_a_click_that_opened_the_chat_is_the_ad_behind_what_follows(desk: Desk, nile: Brokerage) -> None:
    desk.came(wrote(referral=AD), 2 * 3_600, phone=PHONE, ctwa_clid="click-1")
    asked_for = {"event_name": "Purchase", "value_minor": 10_000, "currency": "EGP"}
    nile.post(touchpoint("ads.conversion_asked.v1", asked_for, person={"phone": PHONE}, occurred_at=ago(60)))
    desk.stage.settled()
    found = nile.read("/api/conversions/attribution-analysis", model="first")
    (first,) = found["models"]
    assert {one["name"]: one["conversions"] for one in first["items"] if one["conversions"]} == {"ad": 1.0}


def test_two_people_made_one_keep_their_threads(desk: Desk, nile: Brokerage) -> None:
    one = desk.came(wrote(text="me"), 120, phone="+201000000051")
    other = desk.came(wrote(text="me too"), 60, phone="+201000000052")
    desk.stage.settled()
    merged = nile.operator.post(f"/api/people/{desk.subject(one)}/merge", json={"other_id": str(desk.subject(other))})
    assert merged.status_code == 201, merged.text
    desk.stage.settled()
    items = nile.read(LIST)["items"]
    assert [item["id"] for item in items] == [str(desk.thread(other)), str(desk.thread(one))]
    assert {item["person_id"] for item in items} == {str(desk.subject(one))}


def test_a_receipt_without_a_message_makes_no_conversation(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(receipt("failed", ref=uuid4(), code=131026), 60)
    desk.stage.settled()
    assert nile.read(LIST)["items"] == []
    assert nile.reader.get(f"{LIST}/{desk.thread(ref)}").status_code == 404


def test_messages_of_one_moment_page_without_gap_or_repeat(desk: Desk, nile: Brokerage) -> None:
    refs = [desk.came(wrote(text=f"part {nth}"), 60) for nth in range(7)]
    desk.stage.settled()
    thread, seen, cursor = desk.thread(refs[0]), [], None
    while True:
        query = {"limit": 2, "order": "oldest_first"} | ({"cursor": cursor} if cursor else {})
        found = nile.read(f"{LIST}/{thread}/messages", **query)
        seen += [one["id"] for one in found["items"]]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(map(str, refs))
    assert len(seen) == len(refs)


def test_marks_tell_of_all_that_was_sent_before_them(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="hi"), 300, channel="messenger", psid="900100")
    subject, thread = desk.subject(ref), desk.thread(ref, "messenger")
    own = {"thread_id": thread, "channel": "messenger"}
    early = desk.decided(asked(text="hello", **own), subject, 200)
    desk.decided(settled(early, "accepted", **own), subject, 199)
    late = desk.decided(asked(text="and?", **own), subject, 50)
    desk.decided(settled(late, "accepted", **own), subject, 49)
    desk.came(receipt("read", up_to=moment(100)), 90, channel="messenger", psid="900100")
    desk.stage.settled()
    assert {one["id"]: one["status"] for one in said(nile, thread)} == {
        str(ref): None, str(early): "read", str(late): "accepted",
    }  # fmt: skip


def test_the_words_of_an_erased_person_are_shown_as_erased(desk: Desk, nile: Brokerage) -> None:
    ref = desk.came(wrote(text="forget me"), 60)
    desk.stage.settled()
    with connect(desk.stage.url, "masar_registry") as connection:
        connection.execute(
            "UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (desk.subject(ref),)
        )
    (message,) = said(nile, desk.thread(ref))
    assert message["text"] == {"erased": True}
    assert nile.read(LIST)["items"][0]["customer"] == {"name": {"erased": True}, "phone": {"erased": True}}
