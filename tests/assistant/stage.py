"""A thread with a real database behind it: messages come as webhooks bring them, reminders are carried out by hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from adapters.assistant.builtin import BuiltinAssistant
from adapters.assistant.understanding import BuiltinUnderstanding
from adapters.postgres.colleagues import PostgresColleagues
from adapters.postgres.desks import PostgresDesks
from adapters.postgres.keyring import KeyRing
from adapters.postgres.notices import PostgresAgents
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.stories import PostgresStories
from adapters.postgres.work import Line, Work
from application.answer_thread import AnswerThread
from application.ports.desks import Desk, DeskWork
from application.ports.touchpoints import Observed
from application.quiet_thread import QuietThread
from application.request_send import RequestSend
from domain.brokerage.events import BrokerageRegistered, DatasetConnected, PolicyActivated
from domain.messaging.content import Content
from domain.messaging.events import MessageReceived, PlatformTouchpoint
from domain.messaging.threads import message_name, thread_of
from domain.people.hints import PersonHints
from domain.scoring.brief import BRIEF
from domain.shared.fact import Channel
from domain.shared.personal import Sealed
from tests.delivery.stage import LONG_AGO, MASTER, Database

MODELS = ("conversation_sessions", "people", "conversions", "threads")
ACCOUNTS = {"whatsapp": "107000000000001", "messenger": "207000000000002", "instagram": "307000000000003"}
CUSTOMERS = count(1)
OPEN_DESK = """
INSERT INTO messaging.desks AS d (thread_id, brokerage_id, subject_id, channel, account_id, inbound, last_inbound_at,
                                  last_arrived_at, last_ref, waiting_since, ad_at)
VALUES (%(thread)s, %(brokerage)s, %(subject)s, %(channel)s, %(account)s, 1, %(at)s, %(arrived)s, %(ref)s, %(arrived)s,
        %(ad)s)
ON CONFLICT (thread_id) DO UPDATE
   SET inbound = d.inbound + 1, last_inbound_at = greatest(d.last_inbound_at, %(at)s), last_arrived_at = %(arrived)s,
       last_ref = %(ref)s, waiting_since = coalesce(d.waiting_since, %(arrived)s),
       state = CASE WHEN d.state IN ('IDLE', 'CLOSED') THEN 'ACTIVE' ELSE d.state END, ad_at = coalesce(%(ad)s, d.ad_at)
"""


class Willing:
    """Nothing speaks against a message."""

    def opted_in(self, brokerage_id: UUID, subject_id: UUID) -> bool | None:
        return True

    def answered_at(self, desk: Desk) -> datetime | None:
        return None

    def unreachable(self, desk: Desk) -> bool:
        return False


@dataclass
class Talk:
    """One customer of a brokerage of its own, on one channel."""

    db: Database
    channel: Channel = "whatsapp"
    hints: dict[str, Any] = field(default_factory=dict)
    brokerage_id: UUID = field(default_factory=uuid4)
    dataset: dict[str, Any] = field(default_factory=dict)
    opens: datetime | None = None  # when somebody is in the office again
    thread_id: UUID = field(init=False)
    subject_id: UUID = field(init=False)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        number = f"+2010{next(CUSTOMERS):08d}"
        self.hints = self.hints or {"phone": number, "name": "Mona"}
        self.db.append(
            self.brokerage_id,
            BrokerageRegistered(name="Nile Homes", occurred_at=LONG_AGO),
            DatasetConnected(dataset_id=str(uuid4().int)[:15], occurred_at=LONG_AGO, **self.dataset),
            PolicyActivated(policy=BRIEF, revision=1, occurred_at=LONG_AGO),
        )
        self.connect()

    @classmethod
    def beside(cls, talk: "Talk") -> "Talk":
        """The same talk, on connections of its own for another thread; its database is read with its own as well."""
        other = copy(talk)
        other.connect()
        other.db = Database(talk.db.url)
        return other

    def connect(self) -> None:
        self.line = Line(self.db.url, "masar_projector")
        self.registry = Line(self.db.url, "masar_registry")
        self.ring = KeyRing(self.db.url, MASTER)
        self.work = Work(self.line, MASTER)
        self.desks = PostgresDesks(lambda: nullcontext(self.line()))
        self.sends = RequestSend(SubjectSeals(self.registry, MASTER), Willing())

    def close(self) -> None:
        self.line.close()
        self.registry.close()
        self.ring.close()

    def writes(
        self, text: str | None = None, *, after_s: float = 0, content: Content | None = None, **more: Any
    ) -> UUID:
        """The customer writes so long after what came before; return the message's ref."""
        self.now += timedelta(seconds=after_s)
        fact = MessageReceived(
            channel=self.channel, account_id=ACCOUNTS[self.channel], text=text, content=content,
            **{"message_type": "text", "occurred_at": self.now, "hints": PersonHints(**self.hints), **more},
        )  # fmt: skip
        return self.came(fact)

    def came(self, fact: PlatformTouchpoint) -> UUID:
        """Something comes by webhook: it is in the log, the desk knows of a message, and there is a reminder."""
        observed = Observed(
            self.brokerage_id, self.channel, message_name(f"wamid.{uuid4().hex}"), fact, b"{}", uuid4(), "EG", 300
        )
        (verdict,) = self.db.writer.write([observed])
        assert verdict.event_id is not None, verdict
        ref = verdict.event_id
        ((self.subject_id,),) = self.db.rows("SELECT subject_id FROM log.masar_events WHERE originator_id = %s", ref)
        self.thread_id = thread_of(self.brokerage_id, self.channel, fact.account_id, self.subject_id)
        if isinstance(fact, MessageReceived):
            self.db.owner.execute(OPEN_DESK, {
                "thread": self.thread_id, "brokerage": self.brokerage_id, "subject": self.subject_id, "ref": ref,
                "channel": self.channel, "account": fact.account_id, "at": fact.occurred_at, "arrived": self.now,
                "ad": fact.occurred_at if fact.referral and fact.referral.source == "ad" else None,
            })  # fmt: skip
        self.db.project("threads")
        return ref

    def remind(self, ref: UUID, *, after_s: float = 1.0, kind: str = "answer_thread") -> tuple[str, datetime | None]:
        """The reminder of a message comes so long after the last one; return what became of it and when it is due."""
        at = self.now + timedelta(seconds=after_s)
        due = "UPDATE outbox.messages SET due_at = now() WHERE cause_id = %s AND kind = %s AND state = 'waiting'"
        rows = self.db.rows(f"{due} RETURNING id", ref, kind)
        assert rows, "there is no such reminder"
        leased = self.work.lease_one(rows[0][0])
        assert leased is not None
        self.use_case(kind, at).run(leased)
        return self.db.rows("SELECT state, due_at FROM outbox.messages WHERE id = %s", leased.id)[0]

    def use_case(self, kind: str, at: datetime) -> Any:
        stories = PostgresStories(self.line)
        if kind == "quiet_thread":
            return QuietThread(stories, self.desks, self.work, clock=lambda: at)
        return AnswerThread(
            stories, self.desks, self.work, self.ring, BuiltinUnderstanding(), BuiltinAssistant(), self.sends,
            back_at=lambda region, now: self.opens, clock=lambda: at,
            colleagues=PostgresColleagues(PostgresAgents(self.line, MASTER), self.registry, MASTER),
        )  # fmt: skip

    def hears(self, text: str, **more: Any) -> list[str]:
        """The customer writes and pauses; return what is sent then."""
        before = len(self.sent())
        self.remind(self.writes(text, after_s=10, **more))
        return self.sent()[before:]

    def sent(self, **where: Any) -> list[str]:
        """The words of everything that was asked to be sent, in order."""
        rows = self.db.rows(
            "SELECT originator_id, convert_from(state, 'UTF8')::jsonb FROM log.masar_events "
            "WHERE brokerage_id = %s AND topic = 'messaging.send_requested.v1' ORDER BY notification_id",
            self.brokerage_id,
        )  # fmt: skip
        chosen = [(send, told) for send, told in rows if where.items() <= told.items()]
        return [str(one) for one in self.ring.open_all(
            [Sealed(told["text"]["sealed"], send, 1, "text") for send, told in chosen]
        )]  # fmt: skip

    def facts(self, kind: str) -> list[dict[str, Any]]:
        return self.db.facts(self.brokerage_id, kind)

    def events(self) -> list[str]:
        """What was tracked in the conversation, in the order of the log."""
        return [one["event"] for one in self.facts("conversations.event_tracked.v1")]

    def told(self) -> list[str]:
        """All details of the customer's turns."""
        return [name for one in self.facts("conversations.event_tracked.v1") for name in one.get("told", ())]

    def desk(self) -> Desk:
        with self.at() as work:
            return work.desk

    @contextmanager
    def at(self) -> Iterator[DeskWork]:
        with self.desks.at(self.brokerage_id, self.thread_id) as work:
            yield work

    def wanted(self) -> list[tuple[str, str]]:
        """The threads for which agents are to be told that a human is wanted, and why."""
        rows = self.db.rows(
            "SELECT convert_from(payload, 'UTF8')::jsonb FROM outbox.messages WHERE brokerage_id = %s "
            "AND kind = 'tell_agents' AND payload IS NOT NULL ORDER BY created_at", self.brokerage_id,
        )  # fmt: skip
        return [(told["thread_id"], told["why"]) for (told,) in rows]

    def waiting_sends(self) -> list[tuple[str, str | None]]:
        """The states of the outbox's messages to this customer, with the last word on each."""
        return self.db.rows(
            "SELECT state, last_error FROM outbox.messages WHERE brokerage_id = %s AND kind = 'send_message' "
            "ORDER BY position, id", self.brokerage_id,
        )  # fmt: skip

    def session(self, *columns: str) -> Sequence[Any]:
        """Columns of the thread's conversation, brought up to date."""
        self.db.project(*MODELS)
        asked = f"SELECT {', '.join(columns)} FROM read_models.conversation_sessions_v1 WHERE brokerage_id = %s"
        return self.db.rows(asked, self.brokerage_id)[0]
