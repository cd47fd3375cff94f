"""Deliveries, their facts and the desks of their threads are written together, in one order of locks."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.receiver import DeliveryWriter, open_raw, seal_raw
from adapters.postgres.writer import Writer
from application.ids import new_id
from application.ports.touchpoints import Observed
from application.ports.webhooks import Delivery, Item
from application.receive_webhook import Came
from domain.messaging.content import AdReferral
from domain.messaging.events import MessageReceived, PlatformTouchpoint
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints
from tests.cast import NILE_HOMES
from tests.postgres.stage import MASTER

NOW = datetime.now(UTC)
DESK = "SELECT inbound, last_inbound_at, last_ref, ad_at, waiting_since FROM messaging.desks"


@pytest.fixture
def writer(own_url: str) -> Iterator[DeliveryWriter]:
    writer = DeliveryWriter(Writer(own_url, MASTER), MASTER)
    yield writer
    writer.close()


@pytest.fixture
def owner(own_url: str) -> Iterator[Connection[Any]]:
    with connect(own_url, "masar_owner") as connection:
        yield connection


def message(name: str, *, ago_s: float = 0, phone: str = "+201001112233", **more: Any) -> Observed:
    fact: PlatformTouchpoint = MessageReceived(
        occurred_at=NOW - timedelta(seconds=ago_s), channel="whatsapp", account_id="106", message_type="text",
        text="hello", hints=PersonHints(phone=phone), **more,
    )  # fmt: skip
    return Observed(NILE_HOMES, "whatsapp", message_name(name), fact, name.encode(), uuid4())


def delivery(*facts: Observed, arrived: datetime = NOW) -> Delivery:
    own = new_id(arrived)
    items = [Item(f"messages[{nth}]", "106", one._replace(correlation_id=own)) for nth, one in enumerate(facts)]
    return Delivery(own, NILE_HOMES, "meta", "main", arrived, {}, "main#1", b'{"raw": true}', items)


def test_what_somebody_wrote_is_in_no_trace_of_a_delivery() -> None:
    came = Came("meta", "main", NOW, {}, "main#1", b'{"text": "hello"}', {"text": "hello"})
    for shown in (repr(delivery(message("a"))), repr(came)):
        assert "main#1" in shown or "1 items" in shown
        assert not [word for word in ("hello", "1112233", "raw") if word in shown]


def test_a_desk_knows_the_newest_message_by_the_platforms_time(writer: DeliveryWriter, owner: Connection[Any]) -> None:
    ad = AdReferral(source="ad", source_id="1")
    [[newest, _]] = writer.write([delivery(message("b", ago_s=10), message("a", ago_s=20))])
    writer.write([delivery(message("late", ago_s=300, referral=ad), arrived=NOW + timedelta(seconds=5))])
    row = owner.execute(DESK).fetchone()
    assert row == (3, NOW - timedelta(seconds=10), newest.event_id, NOW - timedelta(seconds=300), NOW)


def test_standby_messages_wait_for_nobody_here_but_open_the_window(
    writer: DeliveryWriter, owner: Connection[Any]
) -> None:
    [[heard]] = writer.write([delivery(message("a", standby=True))])
    assert owner.execute(DESK).fetchall() == [(0, NOW, heard.event_id, None, None)]


def test_a_value_that_the_log_refuses_costs_its_own_item_only(writer: DeliveryWriter, owner: Connection[Any]) -> None:
    bad = message("bad")
    early = bad.fact.model_copy(update={"kind": "messaging\x00"})
    verdicts = writer.write([delivery(message("a"), bad._replace(fact=early), message("c")), delivery(message("d"))])
    assert [[one.status for one in each] for each in verdicts] == [["accepted", "rejected", "accepted"], ["accepted"]]
    rows = owner.execute("SELECT jsonb_path_query_array(items, '$[*].problem') FROM webhooks.deliveries").fetchall()
    assert sorted(len(row[0]) for row in rows) == [0, 1]
    assert owner.execute("SELECT inbound FROM messaging.desks").fetchall() == [(3,)]


def test_whoever_decides_at_a_desk_is_waited_for_and_never_deadlocks(own_url: str, owner: Connection[Any]) -> None:
    writers = [DeliveryWriter(Writer(own_url, MASTER), MASTER) for _ in range(2)]
    phones = [f"+20100111223{nth}" for nth in range(5)]
    writers[0].write([delivery(*(message(f"first {one}", phone=one) for one in phones))])
    desks = [row[0] for row in owner.execute("SELECT thread_id FROM messaging.desks").fetchall()]

    def ingest(own: DeliveryWriter, nth: int, order: list[str]) -> None:
        for time in range(20):
            own.write([delivery(*(message(f"{nth} {time} {one}", phone=one) for one in order))])

    threads = [
        threading.Thread(target=ingest, args=(writers[0], 0, phones)),
        threading.Thread(target=ingest, args=(writers[1], 1, phones[::-1])),
    ]
    for thread in threads:
        thread.start()
    for desk in desks * 4:
        decide(owner, desk)
    for thread in threads:
        thread.join(60)
    assert owner.execute("SELECT inbound, answered FROM messaging.desks").fetchall() == [(41, 4)] * 5
    for own in writers:
        own.close()


def decide(owner: Connection[Any], desk: UUID) -> None:
    """Hold a desk, then the gate of the log, as every decision does."""
    with owner.transaction():
        owner.execute("SELECT FROM messaging.desks WHERE thread_id = %s FOR UPDATE", (desk,))
        owner.execute("UPDATE messaging.desks SET answered = answered + 1 WHERE thread_id = %s", (desk,))
        owner.execute("LOCK TABLE log.gate IN EXCLUSIVE MODE")


@pytest.mark.parametrize("raw", [b"", b"{}", b"x" * 100_000])
def test_a_body_opens_in_its_own_place_only(raw: bytes) -> None:
    delivery_id = uuid4()
    sealed = seal_raw(MASTER, NILE_HOMES, delivery_id, raw)
    assert open_raw(MASTER, NILE_HOMES, delivery_id, sealed) == raw
    assert open_raw(MASTER, NILE_HOMES, uuid4(), sealed) is None
    assert raw == b"" or raw not in sealed
