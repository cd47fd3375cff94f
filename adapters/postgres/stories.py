"""Reads a thread with what the log has of it lately: always up to date, since no read model stands between."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from adapters.postgres.desks import COLUMNS, desk_of
from adapters.postgres.mapper import decode
from adapters.postgres.work import as_app
from application.ports.assistant import Story
from domain.brokerage.events import BrokerageRegistered
from domain.catalogue import kind_of
from domain.conversations.events import ConversationEventTracked, ConversationStarted
from domain.messaging.events import (
    MessageEchoed,
    MessageReceived,
    SendRequested,
    SendSettled,
    SignalReceived,
    StateChanged,
    ThreadRated,
)
from domain.people.events import ConsentGiven, ConsentWithdrawn
from domain.shared.fact import Recorded

MOST = 300
"""Facts of a customer that are read, the newest."""
KINDS = sorted(
    kind_of(one)
    for one in (
        MessageReceived, MessageEchoed, SignalReceived, SendRequested, SendSettled, StateChanged, ThreadRated,
        ConversationStarted, ConversationEventTracked, ConsentGiven, ConsentWithdrawn,
    )
)  # fmt: skip
DESK = sql.SQL("SELECT {} FROM messaging.desks WHERE brokerage_id = %s AND thread_id = %s").format(
    sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
)
FACTS = """
SELECT notification_id, originator_id, originator_version, brokerage_id, subject_id, recorded_at, cause_id,
       correlation_id, topic, state
  FROM log.masar_events
 WHERE brokerage_id = %s AND subject_id = %s AND topic = ANY(%s)
 ORDER BY notification_id DESC LIMIT %s
"""
ONE = """
SELECT notification_id, originator_id, originator_version, brokerage_id, subject_id, recorded_at, cause_id,
       correlation_id, topic, state
  FROM log.masar_events WHERE originator_id = %s AND originator_version = 1 AND brokerage_id = %s
"""
HOUSE = """
SELECT state, originator_id, originator_version FROM log.masar_events WHERE brokerage_id = %s AND topic = %s
 ORDER BY notification_id DESC LIMIT 1
"""
REGISTERED = kind_of(BrokerageRegistered)


class PostgresStories:
    """The Stories of a worker's connection; reads as the brokerage."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def read(self, brokerage_id: UUID, thread_id: UUID) -> Story | None:
        """Return a thread's story; the desk is read first, so that every message it counts is in the story."""
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            row = connection.execute(DESK, (brokerage_id, thread_id)).fetchone()
            if row is None:
                return None
            desk = desk_of(row)
            facts = connection.execute(FACTS, (brokerage_id, desk.subject_id, KINDS, MOST)).fetchall()
            house = connection.execute(HOUSE, (brokerage_id, REGISTERED)).fetchone()
        told = decode(REGISTERED, *house) if house else None
        name, region = (told.name, told.region) if isinstance(told, BrokerageRegistered) else ("", "EG")
        return Story(desk, [_recorded(*one) for one in reversed(facts)], name, region)

    def one(self, brokerage_id: UUID, ref: UUID) -> Recorded | None:
        """Return one fact of the log."""
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            row = connection.execute(ONE, (ref, brokerage_id)).fetchone()
        return _recorded(*row) if row else None


def _recorded(
    position: int, stream_id: UUID, version: int, brokerage_id: UUID, subject_id: UUID, recorded_at: Any, cause_id: Any,
    correlation_id: Any, kind: str, state: bytes,
) -> Recorded:  # fmt: skip
    fact = decode(kind, bytes(state), stream_id, version)
    return Recorded(
        position, stream_id, version, brokerage_id, subject_id, recorded_at, cause_id, correlation_id, fact
    )  # fmt: skip
