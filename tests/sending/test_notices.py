"""Agents are told once for each wait that a human is wanted, and every notice shows what became of it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.assistant.notices import MailSettings
from adapters.assistant.settings import AssistantSettings
from adapters.dramatiq.hands import Crew
from adapters.postgres.holding import HoldingThreads
from adapters.postgres.notices import PostgresAgents, PostgresNotices
from adapters.postgres.outgoing import RefNames
from adapters.postgres.stories import PostgresStories
from application.ports.notices import AgentContact, MailRefused
from application.take_over import Holding
from application.tell_agents import TellAgent, TellAgents
from tests.assistant.mailbox import MailServer
from tests.delivery.stage import MASTER
from tests.sending.stage import Sending
from tests.sending.test_templates import at_the_platform, sync
from tests.sending.test_worker import settings

OMAR_PHONE = "+201009998877"
OMAR = AgentContact("omar", OMAR_PHONE, "omar@nile.example", "human_wanted", "ar")
SARA = AgentContact("sara", email="sara@nile.example")
ASKS = "I want to speak to someone"
DUE = """
UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s AND kind = %s AND state = 'waiting' RETURNING id
"""


@dataclass
class Box:
    """The mail that was sent; `says` is what it answers instead."""

    mails: list[tuple[UUID, list[str], str, str]] = field(default_factory=list)
    says: MailRefused | None = None

    def send(self, notice_id: UUID, to: Sequence[str], subject: str, text: str) -> None:
        if self.says is not None:
            raise self.says
        self.mails.append((notice_id, list(to), subject, text))


@dataclass
class Office:
    """A brokerage whose customer may want a human."""

    talk: Sending
    box: Box = field(default_factory=Box)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    everyone: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.kept = PostgresAgents(self.talk.line, MASTER)
        self.book = PostgresNotices(self.talk.line, self.kept, self.talk.book)

    def set(self, *agents: AgentContact) -> "Office":
        for one in agents:
            self.kept.put(self.talk.brokerage_id, one)
        return self

    def asks(self, text: str = ASKS) -> "Office":
        """The customer asks for a human, and the notices are written."""
        talk = self.talk
        talk.now = datetime.now(UTC) - timedelta(minutes=1)
        talk.remind(talk.writes(text), after_s=60)
        self.carry_out("tell_agents", TellAgents(self.book, bool(self.everyone)).run)
        return self

    def tells(self, **changes: Any) -> "Office":
        """All notices that are due go out."""
        talk = self.talk
        ports: dict[str, Any] = {
            "book": self.book, "stories": PostgresStories(talk.line), "open_all": talk.ring.open_all,
            "channels": talk.clients, "shaper": talk.shaper, "notes": talk.work, "name_of": RefNames(MASTER),
            "mail": self.box, "everyone": self.everyone, "clock": self.clock, "jitter": lambda: 0.0,
            "link": "https://desk.example/{id}",
        }  # fmt: skip
        self.carry_out("tell_agent", TellAgent(**{**ports, **changes}).run)
        return self

    def carry_out(self, kind: str, run: Callable[[Any], None]) -> None:
        talk = self.talk
        for (message_id,) in talk.db.rows(DUE, talk.brokerage_id, kind):
            leased = talk.work.lease_one(message_id)
            assert leased is not None
            run(leased)
            talk.work.forget()

    def notices(self) -> dict[tuple[str | None, str], tuple[str, str | None]]:
        """What became of each: by agent and medium (outcome, reason)."""
        shown = HoldingThreads(self.talk.db.url, MASTER).notices(self.talk.brokerage_id, 50, self.talk.thread_id)
        return {(one["agent"], one["medium"]): (one["outcome"], one["reason"]) for one in shown}

    def to_omar(self) -> list[dict[str, Any]]:
        """What WhatsApp took for the agent."""
        taken = self.talk.control("GET", "messages", channel="whatsapp", account=self.talk.account)["data"]
        return [one["body"] for one in taken if one["customer"] == OMAR_PHONE.lstrip("+")]


@pytest.fixture
def office(start: Any) -> Office:
    """A brokerage whose customer Mona wrote on WhatsApp; its template has two parameters."""
    talk: Sending = start()
    body = [{"type": "BODY", "text": "{{1}} is waiting. Looks for: {{2}}"}]
    at_the_platform(talk, "human_wanted", components=body)
    sync(talk)
    talk.wrote()
    return Office(talk)


def test_each_agent_is_told_by_each_medium(office: Office) -> None:
    office.set(OMAR, SARA).asks().tells()
    sent = ("sent", None)
    assert office.notices() == {("omar", "whatsapp"): sent, ("omar", "email"): sent, ("sara", "email"): sent}
    assert sorted(to for _, (to,), _, _ in office.box.mails) == ["omar@nile.example", "sara@nile.example"]
    (body,) = office.to_omar()
    assert (body["template"]["name"], body["template"]["language"]) == ("human_wanted", {"code": "ar"})
    assert [one["text"] for one in body["template"]["components"][0]["parameters"]] == ["Mona", "-"]


def test_a_notice_tells_who_waits_and_what_they_look_for(office: Office) -> None:
    talk = office.set(SARA).talk
    talk.remind(talk.writes("my budget is 3 million"))
    talk.remind(talk.writes("an apartment in Zamalek", after_s=5))
    office.asks().tells()
    ((_, _, subject, text),) = office.box.mails
    assert subject == "Mona is waiting for a human"
    assert "Budget: my budget is 3 million\n" in text
    assert "Place: an apartment in Zamalek\nType: an apartment in Zamalek\n" in text
    assert "> an apartment in Zamalek\n> I want to speak to someone\n" in text
    assert f"https://desk.example/{talk.thread_id}" in text
    kept = talk.db.rows("SELECT to_jsonb(n)::text FROM messaging.notices n WHERE thread_id = %s", talk.thread_id)
    assert not any("Mona" in row or "Zamalek" in row for (row,) in kept)


def test_no_notice_twice_for_one_wait_and_again_for_the_next(office: Office) -> None:
    talk = office.set(SARA).talk
    office.asks().asks("hello? a human please").tells().tells()
    assert len(office.box.mails) == 1
    holding = Holding(talk.desks, talk.sends, clock=lambda: talk.now)
    holding.take_over(talk.brokerage_id, talk.thread_id, "sara", reason="mine", minutes=None, force=False)
    holding.release(talk.brokerage_id, talk.thread_id, "sara", reason="done", force=False)
    office.asks().tells()
    assert len({notice_id for notice_id, *_ in office.box.mails}) == len(office.box.mails) == 2


def test_the_agent_of_the_account_is_told_alone(office: Office) -> None:
    office.talk.db.owner.execute(
        "UPDATE channels.accounts SET agent = 'sara' WHERE brokerage_id = %s", (office.talk.brokerage_id,)
    )
    office.set(OMAR, SARA).asks().tells()
    assert list(office.notices()) == [("sara", "email")]


def test_who_is_named_in_the_settings_is_told_where_no_agent_is_set(office: Office) -> None:
    office.everyone = ["boss@nile.example"]
    office.asks().tells()
    assert office.notices() == {(None, "email"): ("sent", None)}
    assert [to for _, to, _, _ in office.box.mails] == [["boss@nile.example"]]


def test_mail_is_tried_again_under_one_name_and_given_up_after_a_day(office: Office) -> None:
    office.set(SARA).asks()
    office.box.says = MailRefused("the mail server does not answer", lasting=False)
    office.tells()
    assert office.notices() == {("sara", "email"): ("waiting", "the mail server does not answer")}
    office.clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    office.tells()
    assert office.notices() == {("sara", "email"): ("failed", "it could not be handed over for a day")}


def test_mail_that_comes_through_at_last(office: Office) -> None:
    office.set(SARA).asks()
    office.box.says = MailRefused("the mail server does not answer", lasting=False)
    office.tells()
    office.box.says = None
    office.tells()
    assert office.notices() == {("sara", "email"): ("sent", None)}


def test_an_address_that_there_is_not_fails_at_once(office: Office) -> None:
    office.set(SARA).asks()
    office.box.says = MailRefused("the mail server knows no such address", lasting=True)
    office.tells()
    assert office.notices() == {("sara", "email"): ("failed", "the mail server knows no such address")}


def test_without_a_mail_server_the_notice_says_so(office: Office) -> None:
    office.set(SARA).asks().tells(mail=None)
    assert office.notices() == {("sara", "email"): ("failed", "no mail server is set")}


def test_whatsapp_is_told_at_most_once_whatever_is_lost(office: Office) -> None:
    phone_only = AgentContact("omar", OMAR_PHONE, None, "human_wanted", "ar")
    office.set(phone_only).asks()
    office.talk.plan("lost_after_processing")
    office.tells().tells()
    assert office.notices()["omar", "whatsapp"][0] == "unknown"
    assert len(office.to_omar()) == 1


def test_a_worker_lost_while_it_asked_leaves_the_notice_unknown(office: Office) -> None:
    office.set(AgentContact("omar", OMAR_PHONE, None, "human_wanted", "ar")).asks()
    office.talk.db.owner.execute(
        "UPDATE outbox.messages SET asked = true WHERE brokerage_id = %s AND kind = 'tell_agent'",
        (office.talk.brokerage_id,),
    )
    office.tells()
    assert office.notices()["omar", "whatsapp"] == ("unknown", "the worker was lost before it heard an answer")
    assert office.to_omar() == []


def test_a_template_that_is_not_there_fails_with_the_platforms_reason(office: Office) -> None:
    office.set(AgentContact("omar", OMAR_PHONE, None, "never_made", "ar")).asks().tells()
    outcome, reason = office.notices()["omar", "whatsapp"]
    assert (outcome, bool(reason)) == ("failed", True)


def test_nobody_is_told_once_somebody_came(office: Office) -> None:
    talk = office.set(SARA).asks().talk
    holding = Holding(talk.desks, talk.sends, clock=lambda: talk.now)
    holding.take_over(talk.brokerage_id, talk.thread_id, "omar", reason="mine", minutes=None, force=False)
    office.tells()
    assert office.notices() == {("sara", "email"): ("not_needed", "no human is wanted there any more")}
    assert office.box.mails == []


def test_a_worker_carries_it_all_out(office: Office) -> None:
    talk = office.set(OMAR).talk
    talk.remind(talk.writes(ASKS))
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mail = AssistantSettings(mail=MailSettings(server.url))
        crew = Crew(replace(settings(talk), assistant=mail))
        try:
            for kind in ("tell_agents", "tell_agent"):
                for (message_id,) in talk.db.rows(DUE, talk.brokerage_id, kind):
                    crew.hands().run_one(message_id)
        finally:
            crew.close()
            server.shutdown()
        (told,) = server.mails
    assert (told["To"], told["Subject"]) == ("omar@nile.example", "Mona is waiting for a human")
    assert len(office.to_omar()) == 1
    assert set(office.notices().values()) == {("sent", None)}


def test_a_number_and_an_address_are_sealed_at_rest_and_anothers_agents_are_not_seen(office: Office) -> None:
    office.set(OMAR)
    ((kept,),) = office.talk.db.rows(
        "SELECT to_jsonb(a)::text FROM messaging.agents a WHERE brokerage_id = %s", office.talk.brokerage_id
    )
    assert "998877" not in kept
    assert "omar@" not in kept
    assert office.kept.agents(office.talk.brokerage_id) == [OMAR]
    assert office.kept.agents(uuid4()) == []
