"""Desks are what the log tells, whatever came in which batches and whatever was decided between; else they are mended.

Both ways of writing desks are real here: the one call that stores webhooks, and decisions while a desk is held.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.postgres.connections import connect
from adapters.postgres.desk_check import Wrong, mend, wrong_desks
from adapters.postgres.desks import PostgresDesks
from adapters.postgres.receiver import DeliveryWriter
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.work import Line
from adapters.postgres.writer import Writer
from application.ids import new_id
from application.outgoing import Draft, SendRefused
from application.ports.desks import DeskWork, NoSuchThread
from application.ports.touchpoints import Observed
from application.ports.webhooks import Delivery, Item
from application.request_send import RequestSend
from application.take_over import HeldByAnother, close, expire, hold, move, release
from domain.messaging.content import AdReferral
from domain.messaging.events import MessageEchoed, MessageReceived, PlatformTouchpoint, SignalReceived
from domain.messaging.threads import message_name, thread_of
from domain.people.hints import PersonHints
from domain.shared.fact import Channel
from tests.assistant.stage import Willing
from tests.conftest import MakeDatabase
from tests.postgres.stage import MASTER

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
ACCOUNT = "106"
AD, BOOSTED, POST = (
    AdReferral(source="ad", source_id="1"), AdReferral(source="post", click_id=True), AdReferral(source="post")
)  # fmt: skip
CUSTOMERS = count(1)


@dataclass
class House:
    """One database and what writes to it."""

    url: str
    now: datetime = BEGAN

    def __post_init__(self) -> None:
        self.writer = DeliveryWriter(Writer(self.url, MASTER), MASTER)
        self.line, self.registry = Line(self.url, "masar_projector"), Line(self.url, "masar_registry")
        self.desks = PostgresDesks(lambda: nullcontext(self.line()))
        self.sends = RequestSend(SubjectSeals(self.registry, MASTER), Willing())
        self.owner = connect(self.url, "masar_owner")

    def close(self) -> None:
        self.writer.close()
        self.line.close()
        self.registry.close()
        self.owner.close()


@dataclass
class Customer:
    """One thread and everything that happens in it."""

    house: House
    brokerage_id: UUID = field(default_factory=uuid4)
    phone: str = field(default_factory=lambda: f"+2011{next(CUSTOMERS):08d}")
    channel: Channel = "whatsapp"
    thread_id: UUID | None = None
    sent: list[Observed] = field(default_factory=list)

    def comes(self, facts: list[dict[str, Any]]) -> None:
        """One batch of a webhook comes, with something that came before in it."""
        self.house.now += timedelta(seconds=7)
        own = new_id(self.house.now)
        observed = [self._observed(own, **one) for one in facts] + self.sent[-1:]
        items = [Item(f"[{nth}]", ACCOUNT, one) for nth, one in enumerate(observed)]
        arrived = Delivery(own, self.brokerage_id, "meta", "main", self.house.now, {}, "main#1", b"{}", items)
        for verdict in self.house.writer.write([arrived])[0]:
            assert verdict.event_id is not None
            ((subject_id,),) = self.house.owner.execute(
                "SELECT subject_id FROM log.masar_events WHERE originator_id = %s", (verdict.event_id,)
            ).fetchall()
            self.thread_id = thread_of(self.brokerage_id, self.channel, ACCOUNT, subject_id)
        self.sent = observed

    def decides(self, what: str) -> None:
        """Somebody decides something at the desk; nothing where there is none, or it may not be."""
        self.house.now += timedelta(seconds=7)
        try:
            with self.house.desks.at(self.brokerage_id, self.thread_id or uuid4()) as work:
                decide(work, what, self.house)
        except (NoSuchThread, HeldByAnother, SendRefused):
            pass

    def wrong(self) -> list[Wrong]:
        with connect(self.house.url, "masar_projector") as connection:
            return [one for one in wrong_desks(connection)[1] if one.whose.brokerage_id == self.brokerage_id]

    def row(self) -> dict[str, Any]:
        cursor = self.house.owner.execute("SELECT * FROM messaging.desks WHERE thread_id = %s", (self.thread_id,))
        names = [one.name for one in cursor.description or ()]
        (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))

    def _observed(self, own: UUID, kind: type[PlatformTouchpoint], minute: int, **more: Any) -> Observed:
        fact = kind.model_validate({
            "occurred_at": BEGAN + timedelta(minutes=minute), "channel": self.channel, "account_id": ACCOUNT,
            "hints": PersonHints(phone=self.phone), **more,
        })  # fmt: skip
        return Observed(self.brokerage_id, self.channel, message_name(f"wamid.{uuid4().hex}"), fact, b"{}", own)


def decide(work: DeskWork, what: str, house: House) -> None:
    """Do as agents, the assistant and time do."""
    now = house.now
    match what:
        case "takes over":
            hold(work, "omar", now)
        case "takes by force":
            hold(work, "sara", now, minutes=1, force=True)
        case "gives back":
            release(work, now, reason="done", force=True)
        case "lease ends":
            expire(work, now + timedelta(hours=3))
        case "closes":
            close(work, now, reason="sold")
        case "rests":
            move(work, "IDLE", "quiet", now)
        case "agent writes":
            house.sends.request_send(work, Draft(author="agent", by="omar", text="Omar here"), now)
            work.change(answered=work.desk.inbound, waiting_since=None)
        case "assistant answers":
            house.sends.request_send(work, Draft(author="assistant", text="hello"), now)
            state = {"state": "ACTIVE", "state_at": now} if work.desk.state == "NEW" else {}
            work.change(answered=work.desk.inbound, waiting_since=None, **state)
        case "assistant keeps still":
            work.change(answered=work.desk.inbound, waiting_since=None)
        case "human asked for":
            move(work, "WAITING_AGENT", "the customer asks", now)
            work.change(answered=work.desk.inbound, waiting_since=None)


DECISIONS = (
    "takes over", "takes by force", "gives back", "lease ends", "closes", "rests", "agent writes",
    "assistant answers", "assistant keeps still", "human asked for",
)  # fmt: skip
minutes = st.integers(-60, 60)
facts = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just(MessageReceived), "minute": minutes, "message_type": st.just("text")},
        optional={"standby": st.booleans(), "referral": st.sampled_from([AD, BOOSTED, POST])},
    ),
    st.fixed_dictionaries(
        {"kind": st.just(MessageEchoed), "minute": minutes, "message_type": st.just("text")},
        optional={"past": st.booleans(), "send_id": st.just(UUID(int=7))},
    ),
    st.fixed_dictionaries(
        {"kind": st.just(SignalReceived), "minute": minutes, "signal": st.just("referral")},
        optional={"referral": st.sampled_from([AD, BOOSTED, POST])},
    ),
)
steps = st.lists(st.one_of(st.lists(facts, min_size=1, max_size=5), st.sampled_from(DECISIONS)), max_size=10)


@pytest.fixture(scope="module")
def house(new_database: MakeDatabase) -> Iterator[House]:
    house = House(new_database())
    yield house
    house.close()


def happen(customer: Customer, history: list[Any]) -> None:
    for step in history:
        if isinstance(step, str):
            customer.decides(step)
        else:
            customer.comes(step)


@settings(max_examples=60)
@given(history=steps, channel=st.sampled_from(["whatsapp", "instagram"]))
def test_desks_are_what_the_log_tells(house: House, history: list[Any], channel: Channel) -> None:
    customer = Customer(house, channel=channel)
    happen(customer, history)
    assert customer.wrong() == []


@settings(max_examples=30)
@given(batch=st.lists(facts, min_size=1, max_size=6))
def test_a_desk_does_not_depend_on_how_what_came_was_batched(house: House, batch: list[Any]) -> None:
    together, apart = Customer(house), Customer(house)
    together.comes(batch)
    for one in batch:
        apart.comes([one])
    if together.thread_id is None:
        return
    cursor = house.owner.execute(
        "SELECT inbound, last_inbound_at, ad_at, answered, waiting_since IS NULL, state FROM messaging.desks "
        "WHERE brokerage_id = ANY(%s)", ([together.brokerage_id, apart.brokerage_id],),
    )  # fmt: skip
    assert len(set(cursor.fetchall())) <= 1


def message(minute: int, **more: Any) -> dict[str, Any]:
    return {"kind": MessageReceived, "minute": minute, "message_type": "text", **more}


def echo(minute: int) -> dict[str, Any]:
    return {"kind": MessageEchoed, "minute": minute, "message_type": "text"}


def test_who_writes_after_an_answer_from_elsewhere_waits_alone(house: House) -> None:
    customer = Customer(house)
    customer.comes([message(0), echo(1), message(2)])
    row = customer.row()
    assert (row["inbound"], row["answered"], row["waiting_since"], row["state"]) == (2, 1, house.now, "ACTIVE")


def test_the_echo_of_our_own_survey_on_instagram_opens_no_closed_desk(house: House) -> None:
    """Instagram's echoes do not say that they are ours; the customer's own word opens the thread again."""
    customer = Customer(house, channel="instagram")
    happen(customer, [[message(0)], "agent writes", [echo(1)], "closes", [echo(2)]])
    assert customer.row()["state"] == "CLOSED"
    customer.comes([message(3)])
    assert (customer.row()["state"], customer.wrong()) == ("ACTIVE", [])


def test_the_echo_of_a_confirmation_on_instagram_leaves_the_customer_waiting(house: House) -> None:
    customer = Customer(house, channel="instagram")
    customer.comes([message(0), echo(1)])
    assert (customer.row()["answered"], customer.wrong()) == (0, [])


def test_a_thread_that_begins_with_an_echo_has_a_desk_on_every_channel(house: House) -> None:
    channels: tuple[Channel, ...] = ("whatsapp", "messenger", "instagram")
    for channel in channels:
        customer = Customer(house, channel=channel)
        customer.comes([echo(0)])
        assert (customer.row()["inbound"], customer.wrong()) == (0, [])


@pytest.mark.parametrize(
    ("spoilt", "fields"),
    [
        ({"inbound": 9}, ["inbound", "waiting_since"]),
        ({"last_inbound_at": None, "last_ref": None}, ["last_inbound_at", "last_ref"]),
        ({"holder": "assistant", "agent": None, "fence": 0}, ["holder", "agent", "fence"]),
        ({"state": "IDLE"}, ["state"]),
        ({"answered": 0}, ["answered", "waiting_since"]),
        ({"waiting_since": BEGAN}, ["waiting_since"]),
    ],
)
def test_what_differs_is_named_and_mended(house: House, spoilt: dict[str, Any], fields: list[str]) -> None:
    customer = Customer(house)
    happen(customer, [[message(0), message(1)], "takes over", "agent writes"])
    right = customer.row()
    sets = ", ".join(f"{name} = %s" for name in spoilt)
    house.owner.execute(
        f"UPDATE messaging.desks SET {sets} WHERE thread_id = %s",
        (*spoilt.values(), customer.thread_id),
    )
    (wrong,) = customer.wrong()
    assert (wrong.whose.thread_id, wrong.fields) == (customer.thread_id, fields)
    with connect(house.url, "masar_projector") as connection:
        assert mend(connection, [wrong]) == 1
        assert mend(connection, [wrong]) == 0
    assert customer.wrong() == []
    mended = customer.row()
    assert {name: value for name, value in mended.items() if value != right[name]} == {}


def test_a_desk_that_is_gone_is_made_anew(house: House) -> None:
    customer = Customer(house)
    happen(customer, [[message(0, referral=AD)], "takes over", "gives back", [message(3)]])
    right = customer.row()
    house.owner.execute("DELETE FROM messaging.desks WHERE thread_id = %s", (customer.thread_id,))
    (wrong,) = customer.wrong()
    assert wrong.fields == ["missing"]
    with connect(house.url, "masar_projector") as connection:
        assert mend(connection, [wrong]) == 1
    assert customer.wrong() == []
    row = customer.row()
    told = ("inbound", "last_inbound_at", "last_ref", "ad_at", "answered", "holder", "agent", "fence", "state")
    assert {name: row[name] for name in told} == {name: right[name] for name in told}


def test_a_silence_of_the_assistant_is_no_difference_and_is_kept(house: House) -> None:
    customer = Customer(house)
    happen(customer, [[message(0)], "assistant keeps still", [message(1)]])
    assert customer.wrong() == []
    house.owner.execute("UPDATE messaging.desks SET fence = 5 WHERE thread_id = %s", (customer.thread_id,))
    with connect(house.url, "masar_projector") as connection:
        mend(connection, customer.wrong())
    assert (customer.row()["answered"], customer.row()["fence"]) == (1, 0)
