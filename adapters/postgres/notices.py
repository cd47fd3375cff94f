"""Agents of brokerages and what they were told, in Postgres; numbers and addresses are sealed."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection
from pydantic import TypeAdapter

from adapters.postgres.outbox import FORGET_NOTES, add_messages, settle
from adapters.postgres.outgoing import PostgresOutgoing
from adapters.sealing import MasterKey, seal, unseal
from application.ports.channels import Account
from application.ports.notices import AgentContact, Notice, NoticeOutcome
from application.ports.outbox import Leased, Settled
from domain.shared.outbox import OutboxMessage
from projections.templates import Template

PUT = """
INSERT INTO messaging.agents (brokerage_id, agent, sealed, template, language) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (brokerage_id, agent) DO UPDATE
   SET sealed = excluded.sealed, template = excluded.template, language = excluded.language, set_at = now()
"""
REMOVE = "DELETE FROM messaging.agents WHERE brokerage_id = %s AND agent = %s"
AGENTS = "SELECT agent, sealed, template, language FROM messaging.agents WHERE brokerage_id = %s ORDER BY agent"
AGENT = "SELECT agent, sealed, template, language FROM messaging.agents WHERE brokerage_id = %s AND agent = %s"
RESPONSIBLE = """
SELECT a.agent FROM messaging.desks d
  JOIN channels.accounts a ON a.channel = d.channel AND a.account_id = d.account_id AND a.brokerage_id = d.brokerage_id
 WHERE d.brokerage_id = %s AND d.thread_id = %s AND a.agent IS NOT NULL
"""
WANTED = """
SELECT FROM messaging.desks
 WHERE brokerage_id = %s AND thread_id = %s AND state = 'WAITING_AGENT' AND holder = 'assistant' AND state_at = %s
"""
WRITE = """
INSERT INTO messaging.notices (id, brokerage_id, thread_id, agent, medium, why, since)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
ONE = """
SELECT id, thread_id, agent, medium, why, since FROM messaging.notices WHERE brokerage_id = %s AND id = %s
"""
BECAME = """
UPDATE messaging.notices
   SET outcome = coalesce(%s, outcome), reason = %s, ref = %s, settled_at = CASE WHEN %s THEN now() END
 WHERE brokerage_id = %s AND id = %s
"""
ACCOUNTS = """
SELECT a.account_id FROM channels.accounts a
  LEFT JOIN messaging.desks d ON d.thread_id = %s AND d.channel = a.channel AND d.account_id = a.account_id
 WHERE a.brokerage_id = %s AND a.channel = 'whatsapp' ORDER BY d.thread_id IS NULL, a.account_id
"""
TEMPLATES = """
SELECT state FROM read_models.templates WHERE brokerage_id = %s AND account_id = %s AND name = %s AND language = %s
"""
LISTED = """
SELECT n.id, n.thread_id, n.agent, n.medium, n.why, n.since, n.outcome, n.reason, m.status AS receipt, n.created_at,
       n.settled_at
  FROM messaging.notices n
  LEFT JOIN read_models.messages m ON m.brokerage_id = n.brokerage_id AND m.key = n.ref::text
 WHERE n.brokerage_id = %(brokerage_id)s AND (%(thread_id)s::uuid IS NULL OR n.thread_id = %(thread_id)s)
 ORDER BY n.created_at DESC, n.id LIMIT %(limit)s
"""
"""Notices, the newest first; `receipt` is how far the platform says that it got."""
TEMPLATE: TypeAdapter[Template] = TypeAdapter(Template)
PARAMETER = re.compile(r"\{\{\s*(\d+)\s*\}\}")


class PostgresAgents:
    """How the agents of brokerages are reached. `line` gives an autocommit connection as `masar_projector`."""

    def __init__(self, line: Callable[[], Connection[Any]], master: MasterKey) -> None:
        self._line, self._master = line, master

    def put(self, brokerage_id: UUID, contact: AgentContact) -> None:
        """Keep how an agent is reached, in place of what was kept before."""
        plain = orjson.dumps({"phone": contact.phone, "email": contact.email})
        sealed = seal(self._key(brokerage_id), brokerage_id, plain, _place(brokerage_id, contact.agent))
        self._line().execute(PUT, (brokerage_id, contact.agent, sealed, contact.template, contact.language))

    def remove(self, brokerage_id: UUID, agent: str) -> bool:
        """Forget an agent; tell whether there was one of that name."""
        return self._line().execute(REMOVE, (brokerage_id, agent)).rowcount > 0

    def agents(self, brokerage_id: UUID) -> list[AgentContact]:
        """Return all agents of a brokerage, by name."""
        return [self._opened(brokerage_id, *row) for row in self._line().execute(AGENTS, (brokerage_id,)).fetchall()]

    def agent(self, brokerage_id: UUID, agent: str) -> AgentContact | None:
        """Return one agent, None where there is none of that name."""
        row = self._line().execute(AGENT, (brokerage_id, agent)).fetchone()
        return self._opened(brokerage_id, *row) if row else None

    def _opened(
        self, brokerage_id: UUID, agent: str, sealed: str, template: str | None, language: str | None
    ) -> AgentContact:
        plain = unseal(self._key(brokerage_id), sealed, _place(brokerage_id, agent))
        return AgentContact(agent=agent, template=template, language=language, **(orjson.loads(plain) if plain else {}))

    def _key(self, brokerage_id: UUID) -> bytes:
        return self._master.derive(f"agents/{brokerage_id}")


class PostgresNotices:
    """The NoticeBook of a worker's connection."""

    def __init__(self, line: Callable[[], Connection[Any]], agents: PostgresAgents, book: PostgresOutgoing) -> None:
        self._line, self._agents, self._book = line, agents, book

    def wanted(self, brokerage_id: UUID, thread_id: UUID, since: datetime) -> bool:
        """Tell whether a human is still wanted, and it is the wait that began then."""
        return self._line().execute(WANTED, (brokerage_id, thread_id, since)).fetchone() is not None

    def agents(self, brokerage_id: UUID, thread_id: UUID) -> list[AgentContact]:
        """Return the agent of the thread's account, where it has one who can be told, else all."""
        row = self._line().execute(RESPONSIBLE, (brokerage_id, thread_id)).fetchone()
        own = self._agents.agent(brokerage_id, row[0]) if row else None
        return [own] if own else self._agents.agents(brokerage_id)

    def agent(self, brokerage_id: UUID, agent: str) -> AgentContact | None:
        """Return how an agent is reached now."""
        return self._agents.agent(brokerage_id, agent)

    def spread(self, message: Leased, notices: Sequence[Notice]) -> None:
        """Write notices and their messages, and settle the one that asks, in one transaction."""
        connection = self._line()
        with connection.transaction():
            _settled(connection, Settled(message, "done"))
            for one in notices:
                told = (one.id, message.brokerage_id, one.thread_id, one.agent, one.medium, one.why, one.since)
                connection.execute(WRITE, told)
            if notices:
                with connection.cursor(binary=True) as cursor:
                    add_messages(cursor, [_message(message, one) for one in notices])

    def notice(self, brokerage_id: UUID, notice_id: UUID) -> Notice | None:
        """Return one notice."""
        row = self._line().execute(ONE, (brokerage_id, notice_id)).fetchone()
        return Notice(*row) if row else None

    def settle(
        self, settled: Settled, outcome: NoticeOutcome | None = None, reason: str | None = None, ref: UUID | None = None
    ) -> None:
        """Settle the message of a notice with its outcome, in one transaction."""
        message, connection = settled.message, self._line()
        notice_id = UUID(message.payload["notice_id"])
        with connection.transaction():
            _settled(connection, settled)
            told = (outcome, reason, ref, outcome is not None, message.brokerage_id, notice_id)
            connection.execute(BECAME, told)

    def account(self, brokerage_id: UUID, thread_id: UUID) -> Account | None:
        """Return the first WhatsApp account that has a token, the thread's own before others."""
        rows = self._line().execute(ACCOUNTS, (thread_id, brokerage_id)).fetchall()
        found = (self._book.account(brokerage_id, "whatsapp", account_id) for (account_id,) in rows)
        return next((one for one in found if one is not None), None)

    def parameters(self, brokerage_id: UUID, business_id: str | None, template: str, language: str) -> int | None:
        """Return how many parameters the words of a template have."""
        row = self._line().execute(TEMPLATES, (brokerage_id, business_id, template, language)).fetchone()
        if row is None:
            return None
        bodies = [one for one in TEMPLATE.validate_json(row[0]).components if str(one.get("type")).upper() == "BODY"]
        return max((int(found) for one in bodies for found in PARAMETER.findall(str(one.get("text")))), default=0)


def _settled(connection: Connection[Any], settled: Settled) -> None:
    settle(connection, [settled])
    connection.execute(FORGET_NOTES, ([settled.message.lease],))


def _message(message: Leased, notice: Notice) -> OutboxMessage:
    return OutboxMessage(
        id=notice.id, brokerage_id=message.brokerage_id, kind="tell_agent", due_at=message.created_at,
        payload={"notice_id": str(notice.id)}, cause_id=message.cause_id, position=0,
        correlation_id=message.correlation_id,
    )  # fmt: skip


def _place(brokerage_id: UUID, agent: str) -> str:
    return f"{brokerage_id}|agent|{agent}"
