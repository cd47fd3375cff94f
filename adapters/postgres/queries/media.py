"""Reads which file a message brought, and what became of it; and has a failed one tried again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.clock import time_of
from adapters.postgres.connections import connect
from adapters.postgres.mapper import MARK, is_sealed
from adapters.postgres.outbox import add_messages
from application.fetch_media import FILES
from domain.catalogue import kind_of
from domain.messaging.events import MediaSettled, MessageEchoed, MessageReceived, SendRequested
from domain.messaging.threads import thread_of
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Sealed

Connection = AsyncConnection[DictRow]

MESSAGE = """
SELECT originator_id, notification_id, topic, state, brokerage_id, subject_id, correlation_id FROM log.masar_events
 WHERE originator_id = %s AND originator_version = 1 AND topic = ANY(%s)
"""
SETTLED = """
SELECT state FROM log.masar_events WHERE cause_id = %s AND topic = %s ORDER BY notification_id
"""
BRINGING = [kind_of(MessageReceived), kind_of(MessageEchoed)]


SENT = """
SELECT state, subject_id FROM log.masar_events WHERE originator_id = %s AND originator_version = 1 AND topic = %s
"""


@dataclass(frozen=True, slots=True)
class SentFile:
    """What a message of ours was sent as, to whom, and where its sealed content is, which may name a file."""

    message_type: str
    subject_id: UUID
    content: Sealed


@dataclass(frozen=True, slots=True)
class MessageFile:
    """The `nth` file of a message: where its sealed content is, and what became of it so far, the newest last."""

    message: Mapping[str, Any]
    state: Mapping[str, Any]
    thread_id: UUID
    outcomes: tuple[Mapping[str, Any], ...]
    nth: int = 0

    @property
    def content(self) -> Sealed | None:
        """Return the sealed content of the message, None where it brought nothing beside words."""
        value: Any = self.state.get("content")
        return Sealed(value[MARK], str(self.message["originator_id"]), 1, "content") if is_sealed(value) else None

    @property
    def last(self) -> Mapping[str, Any]:
        """Return what became of the file last; empty while it is being fetched."""
        return self.outcomes[-1] if self.outcomes else {}


async def file_of(connection: Connection, ref: UUID, nth: int = 0) -> MessageFile | None:
    """Return one of the files of a message, the first is 0; None where this brokerage has no such."""
    row = await (await connection.execute(MESSAGE, (ref, BRINGING))).fetchone()
    if row is None:
        return None
    state = orjson.loads(row["state"])
    if nth > state.get("more_files", 0):
        return None
    thread_id = thread_of(row["brokerage_id"], state["channel"], state["account_id"], row["subject_id"])
    found = await (await connection.execute(SETTLED, (ref, kind_of(MediaSettled)))).fetchall()
    outcomes = (orjson.loads(one["state"]) for one in found)
    return MessageFile(row, state, thread_id, tuple(one for one in outcomes if one.get("nth", 0) == nth), nth)


async def sent_file_of(connection: Connection, conversation_id: UUID, send_id: UUID) -> SentFile | None:
    """Return what a message of ours in a conversation holds, None where there is no such, or it holds words alone."""
    row = await (await connection.execute(SENT, (send_id, kind_of(SendRequested)))).fetchone()
    state = orjson.loads(row["state"]) if row else {}
    value: Any = state.get("content")
    if row is None or state["thread_id"] != str(conversation_id) or not is_sealed(value):
        return None
    return SentFile(state["message_type"], row["subject_id"], Sealed(value[MARK], str(send_id), 1, "content"))


def try_again(url: str, file: MessageFile) -> None:
    """Have a file fetched anew; asked twice it is fetched once. Raises psycopg.OperationalError."""
    content = file.content
    if content is None:
        return
    with connect(url, "masar_projector", name="media") as connection, connection.cursor(binary=True) as cursor:
        add_messages(cursor, [_again(file, content, time_of(connection))])


def _again(file: MessageFile, content: Sealed, now: datetime) -> OutboxMessage:
    message = file.message
    ref = message["originator_id"]
    return OutboxMessage(
        id=uuid5(FILES, f"again|{ref}|{len(file.outcomes)}" + (f"|{file.nth}" if file.nth else "")),
        brokerage_id=message["brokerage_id"],
        kind="fetch_media",
        due_at=now,
        payload={
            "thread_id": str(file.thread_id), "ref": str(ref), "channel": file.state["channel"],
            "account_id": file.state["account_id"], "provider": file.state.get("provider", "meta"),
            "subject_id": str(message["subject_id"]), "message_type": file.state["message_type"],
            "content": content._asdict(), "nth": file.nth,
        },
        cause_id=ref,
        position=message["notification_id"],
        correlation_id=message["correlation_id"],
    )  # fmt: skip
