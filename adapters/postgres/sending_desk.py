"""Where people send from: a connection for each piece of work, the desk held, all in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.postgres.connections import Role, conninfo
from adapters.postgres.desks import PostgresDesks
from adapters.postgres.identifiers import identifying
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import decode
from adapters.postgres.outbox import add_messages
from adapters.postgres.outgoing import REQUESTED, PostgresOutgoing, open_desk
from adapters.postgres.registry import Question, Registry
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey, key_id_of, keyed_hash
from application.outgoing import Draft, SubjectErased, send_id_of, settled_id_of
from application.outgoing_limits import MOST_PARTS
from application.outgoing_outcome import FORBIDDEN, NO_CREDENTIALS, Waiting, waiting_of
from application.ports.channels import Account, Addressee
from application.ports.desks import Desk, DeskWork, NoSuchThread
from application.request_send import RequestSend
from domain.catalogue import kind_of
from domain.messaging.content import Content
from domain.messaging.events import SendRequested
from domain.messaging.threads import thread_of
from domain.messaging.windows import RULES, WindowRules
from domain.shared.fact import Channel
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Erased

SIZE = 4
"""Connections of each role; a piece of work holds one for some milliseconds."""
CLAIM = """
INSERT INTO messaging.requests (brokerage_id, name, fingerprint) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
CLAIMED = "SELECT fingerprint FROM messaging.requests WHERE brokerage_id = %s AND name = %s"
THERE = "SELECT originator_id FROM log.masar_events WHERE brokerage_id = %s AND originator_id = ANY(%s)"
WHO = "SELECT subject_id FROM registry.identities WHERE brokerage_id = %s AND hash = %s"
DESK = (
    "SELECT subject_id, channel, account_id, last_ref FROM messaging.desks WHERE brokerage_id = %s AND thread_id = %s"
)
ACCOUNTS = "SELECT account_id FROM channels.accounts WHERE brokerage_id = %s AND channel = %s ORDER BY account_id"
BUSINESSES = """
SELECT DISTINCT ON (business_id) account_id FROM channels.accounts
 WHERE brokerage_id = %s AND channel = 'whatsapp' AND business_id IS NOT NULL ORDER BY business_id, account_id
"""
ASKED_AT = "SELECT occurred_at FROM log.masar_events WHERE originator_id = %s AND originator_version = 1"
LOCKED_OUT = """
SELECT last_error, created_at FROM outbox.messages
 WHERE brokerage_id = %s AND kind = 'send_message' AND state IN ('waiting', 'leased') AND last_error LIKE %s
   AND convert_from(payload, 'UTF8')::jsonb @> %s::jsonb
 ORDER BY created_at LIMIT 1
"""
OUTCOMES, SAID_BY = ("accepted", "refused", "unknown", "cancelled"), (
    "answer", "receipt", "echo", "takeover", "newer_message", "window", "agent", "worker",
)  # fmt: skip


class NoSuchSend(Exception):
    """This thread has no message of ours of that id."""


class NotToResend(Exception):
    """Only a message of unknown outcome, or one that was refused, may be sent again; `outcome` is what it has."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class OtherBody(Exception):
    """The idempotency key was used with another body before."""


@dataclass(frozen=True, slots=True)
class Requested:
    """The sends that a request became; `fresh` where it was made just now. `waits` where no token opens the account."""

    send_ids: Sequence[UUID]
    fresh: bool
    waits: Waiting | None = None


class SendingDesk:
    """Sends, signs and first messages. Thread-safe; nothing is connected before the first."""

    def __init__(self, url: str, master: MasterKey, ring: KeyRing, windows: WindowRules = RULES) -> None:
        self._master, self._ring, self._windows = master, ring, windows
        self._projector, self._registry = _pool(url, "masar_projector"), _pool(url, "masar_registry")

    def close(self) -> None:
        """Close the connections."""
        self._projector.close()
        self._registry.close()

    def claim(self, brokerage_id: UUID, key: str, thread: str, body: bytes) -> str:
        """Return the name of a request under an idempotency key. Raises OtherBody."""
        secret = self._master.for_brokerage(brokerage_id)
        name, fingerprint = keyed_hash(secret, "send", thread, key), keyed_hash(secret, "send body", body.hex())
        with self._projector.connection() as connection:
            connection.execute(CLAIM, (brokerage_id, name, fingerprint))
            row = connection.execute(CLAIMED, (brokerage_id, name)).fetchone()
        if row is None or bytes(row[0]) != fingerprint:
            raise OtherBody
        return f"key|{name.hex()}"

    def send(
        self, brokerage_id: UUID, thread_id: UUID, draft: Draft, now: datetime,
        before: Callable[[DeskWork], None] | None = None,
    ) -> Requested:  # fmt: skip
        """Have a message sent; `before` is done at the same desk first. The same named draft again changes nothing.

        Raises NoSuchThread, SendRefused, BadDraft.
        """
        with self._at_work() as (connection, registry):
            book = PostgresOutgoing(lambda: connection)
            use_case = RequestSend(SubjectSeals(lambda: registry, self._master), book, self._windows)
            with PostgresDesks(_lender(connection)).at(brokerage_id, thread_id) as work:
                if draft.name and (there := _there(connection, brokerage_id, thread_id, draft.name)):
                    if all(_outcome(connection, brokerage_id, one) for one in there):
                        return Requested(there, fresh=False)
                    ((asked_at,),) = connection.execute(ASKED_AT, (there[0],)).fetchall()
                    return Requested(there, False, self._waits(connection, registry, work.desk, asked_at))
                if before is not None:
                    before(work)
                sends = use_case.request_all(work, draft, now)
                if draft.author == "agent" and draft.message_type != "reaction":
                    work.change(answered=work.desk.inbound, waiting_since=None)
                return Requested(sends, True, self._waits(connection, registry, work.desk, now))

    def _waits(
        self, connection: Connection[Any], registry: Connection[Any], desk: Desk, asked_at: datetime
    ) -> Waiting | None:  # fmt: skip
        """Return that a message asked for then waits for a token, None where the account has one that works.

        Where the platform refused the token, since it keeps the first message back.
        """
        account = orjson.dumps({"channel": desk.channel, "account_id": desk.account_id}).decode()
        book = PostgresOutgoing(lambda: connection, SecretStore(lambda: registry, self._master))
        if book.account(desk.brokerage_id, desk.channel, desk.account_id) is None:
            return waiting_of(f"{NO_CREDENTIALS} {desk.channel} {desk.account_id}", asked_at)
        row = connection.execute(LOCKED_OUT, (desk.brokerage_id, f"{FORBIDDEN}%", account)).fetchone()
        return waiting_of(*row) if row else None

    def again(
        self, brokerage_id: UUID, thread_id: UUID, send_id: UUID, by: str, now: datetime,
        before: Callable[[DeskWork], None] | None = None,
    ) -> Requested:  # fmt: skip
        """Send a message again whose outcome is unknown, or that was refused. Raises NoSuchSend, NotToResend, and as
        `send`.
        """  # fmt: skip
        with self._projector.connection() as connection:
            fact = self._requested(connection, brokerage_id, thread_id, send_id)
            outcome = _outcome(connection, brokerage_id, send_id)
        if outcome not in ("unknown", "refused"):
            raise NotToResend(outcome or "on its way")
        draft = replace(self._drafted(fact), by=by, resends=send_id, name=f"again|{send_id}", cause_id=send_id)
        return self.send(brokerage_id, thread_id, draft, now, before)

    def first(
        self, brokerage_id: UUID, channel: Channel, account_id: str, to: Addressee
    ) -> UUID:  # fmt: skip
        """Return the thread with a customer, begun where there is none. Raises SubjectErased."""
        secret = self._master.for_brokerage(brokerage_id)
        hints = identifying({to.kind: to.value}, secret)
        with self._at_work() as (connection, line):
            registry = Registry(line, self._master)
            (found,) = registry.resolve([Question(brokerage_id, hints)])
            thread_id = open_desk(
                connection, registry, brokerage_id, channel, account_id, found.subject.subject_id, to
            )  # fmt: skip
        if thread_id is None:
            raise SubjectErased("the person was erased: there is nobody to write to")
        return thread_id

    def thread_with(self, brokerage_id: UUID, channel: Channel, to: Addressee) -> UUID:
        """Return the thread with a customer that there is, on whichever account. Raises NoSuchThread."""
        secret = self._master.for_brokerage(brokerage_id)
        (hint,) = identifying({to.kind: to.value}, secret)
        with self._at_work() as (connection, line):
            row = line.execute(WHO, (brokerage_id, hint.hash)).fetchone()
            for thread_id in self._threads(connection, brokerage_id, channel, row[0]) if row else []:
                if connection.execute(DESK, (brokerage_id, thread_id)).fetchone():
                    return thread_id
        raise NoSuchThread(f"no thread with this customer on {channel}")

    def whose(self, brokerage_id: UUID, thread_id: UUID) -> tuple[UUID, Channel, str]:
        """Return a thread's subject, channel and account. Raises NoSuchThread."""
        with self._projector.connection() as connection:
            row = connection.execute(DESK, (brokerage_id, thread_id)).fetchone()
        if row is None:
            raise NoSuchThread(str(thread_id))
        return row[0], row[1], row[2]

    def accounts(self, brokerage_id: UUID, channel: Channel) -> list[str]:
        """Return the ids of a brokerage's accounts on a channel."""
        with self._projector.connection() as connection:
            return self._accounts(connection, brokerage_id, channel)

    def customer(self, brokerage_id: UUID, thread_id: UUID) -> tuple[Account, Addressee, str | None]:
        """Return a thread's account, its customer, and the platform's id of their newest message.

        Raises NoSuchThread, and LookupError with a sentence where there is no token or no address.
        """
        with self._at_work() as (connection, registry):
            row = connection.execute(DESK, (brokerage_id, thread_id)).fetchone()
            if row is None:
                raise NoSuchThread(str(thread_id))
            subject_id, channel, account_id, last_ref = row
            desk = Desk(thread_id, brokerage_id, subject_id, channel, account_id)
            book = PostgresOutgoing(lambda: connection, SecretStore(lambda: registry, self._master))
            account, found = book.account(brokerage_id, channel, account_id), book.address(desk)
            newest = book.platform_id(brokerage_id, last_ref) if last_ref else None
        if account is None:
            raise LookupError(f"there are no credentials for {channel} {account_id}")
        self._ring.forget(subject_id)
        plain = self._ring.open_all([one for one in (found[0] if found else None, newest) if one is not None])
        hints = plain[0] if found else None
        kinds = found[1] if found else ()
        if isinstance(hints, dict):
            to = next((Addressee(kind, str(hints[kind])) for kind in kinds if hints.get(kind)), None)
            if to is not None:
                return account, to, plain[-1] if newest and isinstance(plain[-1], str) else None
        raise LookupError("no address of the customer is known on this channel")

    def sync_templates(self, brokerage_id: UUID, now: datetime) -> list[str]:
        """Have the templates of all business accounts read anew; return the accounts by which they are asked."""
        with self._projector.connection() as connection, connection.transaction():
            accounts = [row[0] for row in connection.execute(BUSINESSES, (brokerage_id,)).fetchall()]
            with connection.cursor(binary=True) as cursor:
                add_messages(cursor, [sync_of(brokerage_id, account_id, now) for account_id in accounts])
        return accounts

    def _threads(
        self, connection: Connection[Any], brokerage_id: UUID, channel: Channel, subject_id: UUID
    ) -> list[UUID]:  # fmt: skip
        accounts = self._accounts(connection, brokerage_id, channel)
        return [thread_of(brokerage_id, channel, account_id, subject_id) for account_id in accounts]

    def _accounts(self, connection: Connection[Any], brokerage_id: UUID, channel: Channel) -> list[str]:
        return [row[0] for row in connection.execute(ACCOUNTS, (brokerage_id, channel)).fetchall()]

    def _requested(
        self, connection: Connection[Any], brokerage_id: UUID, thread_id: UUID, send_id: UUID
    ) -> SendRequested:  # fmt: skip
        row = connection.execute(REQUESTED, (brokerage_id, send_id, kind_of(SendRequested))).fetchone()
        fact = decode(kind_of(SendRequested), row[2], send_id, 1, self._key_of) if row else None
        if not isinstance(fact, SendRequested) or fact.thread_id != thread_id:
            raise NoSuchSend(str(send_id))
        return fact

    def _drafted(self, fact: SendRequested) -> Draft:
        """Return the draft of a send, in the clear. Raises SubjectErased."""
        text, content = fact.text, fact.content
        if isinstance(text, Erased) or isinstance(content, Erased):
            raise SubjectErased("the person was erased: there is nobody to write to")
        return Draft(
            author="agent", text=text if isinstance(text, str) else None, message_type=fact.message_type,
            content=content if isinstance(content, Content) else None, purpose=fact.purpose, template=fact.template,
            language=fact.language, reply_to=fact.reply_to, answers=fact.answers,
        )  # fmt: skip

    @contextmanager
    def _at_work(self) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
        with self._projector.connection() as connection, self._registry.connection() as registry:
            yield connection, registry

    def _key_of(self, token: str) -> bytes | None:
        with self._registry.connection() as connection:
            subject_id = key_id_of(token)
            return Registry(connection, self._master).keys([subject_id]).get(subject_id)


def _there(connection: Connection[Any], brokerage_id: UUID, thread_id: UUID, name: str) -> list[UUID]:
    """Return the sends of a named draft that were requested before, in order."""
    ids = [send_id_of(thread_id, name, nth) for nth in range(MOST_PARTS)]
    known = {row[0] for row in connection.execute(THERE, (brokerage_id, ids)).fetchall()}
    return [one for one in ids if one in known]


def _outcome(connection: Connection[Any], brokerage_id: UUID, send_id: UUID) -> str | None:
    """Return what became of a send: accepted once anything says so, else what was said; None while it is open."""
    names = {settled_id_of(send_id, outcome, by): outcome for outcome in OUTCOMES for by in SAID_BY}
    rows = connection.execute(THERE, (brokerage_id, list(names))).fetchall()
    told = {names[row[0]] for row in rows}
    return next((one for one in OUTCOMES if one in told), None)


def sync_of(brokerage_id: UUID, account_id: str, now: datetime) -> OutboxMessage:
    """Return the message that has the templates read of a number's business account, since a person asks for it."""
    own, payload = uuid4(), {"account_id": account_id}
    return OutboxMessage(
        id=own, brokerage_id=brokerage_id, kind="sync_templates", due_at=now, payload=payload, cause_id=own, position=0,
    )  # fmt: skip


def _lender(connection: Connection[Any]) -> Callable[[], Any]:
    @contextmanager
    def lend() -> Iterator[Connection[Any]]:
        yield connection

    return lend


def _pool(url: str, role: Role) -> ConnectionPool[Connection[Any]]:
    return ConnectionPool(
        conninfo(url, role, name="sending"), kwargs={"autocommit": True}, min_size=0, max_size=SIZE, timeout=3,
        reconnect_timeout=5, open=True, check=ConnectionPool.check_connection,
    )  # fmt: skip
