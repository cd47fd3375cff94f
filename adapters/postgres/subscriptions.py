"""Subscriptions in Postgres: endpoints and their secrets, the feed from the log to them, deliveries and attempts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
from psycopg import Connection
from psycopg.rows import dict_row

from adapters.postgres.clock import time_of
from adapters.postgres.outbox import (
    FORGET_NOTES,
    LEASE_SECONDS,
    Outbox,
    add_messages,
    note_request,
    settle,
)
from adapters.postgres.positions import newest_position
from adapters.postgres.shown import ERASED, event, sealed_fields
from adapters.postgres.work import as_app
from adapters.sealing import MasterKey, seal, unseal
from application.ports.conversions import Keys
from application.ports.outbox import Leased, Settled
from application.ports.subscriptions import Letter, Subscriber, Told
from application.subscriptions import LASTS, matches
from domain.shared.outbox import OutboxMessage
from domain.shared.personal import Erased

SUBSCRIPTIONS = UUID("3f6f2d0e-91a7-5f0b-8c52-6a1d7e40b9c8")
"""Namespace of deliveries and their messages."""
KIND = "notify_subscriber"
PAGE = 1_000
"""Facts that the feed looks at in one transaction."""
KEPT_DAYS = 30
"""How long deliveries and their attempts are listed."""
LONGEST_EXCERPT, LONGEST_WHY = 500, 300

FEED = "SELECT position FROM subscriptions.feed WHERE name = 'facts' FOR UPDATE SKIP LOCKED"
ADVANCE = "UPDATE subscriptions.feed SET position = %s WHERE name = 'facts' AND position = %s"
WANTED = """
SELECT id, brokerage_id, patterns, after_position FROM subscriptions.endpoints WHERE enabled ORDER BY brokerage_id, id
"""
NEXT = """
SELECT notification_id, originator_id, originator_version, topic, brokerage_id, correlation_id
  FROM log.masar_events WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id LIMIT %s
"""
DELIVER = """
INSERT INTO subscriptions.deliveries (id, brokerage_id, endpoint_id, kind, event_id, event_version, position,
                                      correlation_id, expires_at, next_at)
SELECT *, now() + make_interval(secs => %b), now()
  FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::uuid[], %b::int4[], %b::int8[], %b::uuid[])
ON CONFLICT DO NOTHING
"""
ENDPOINT = """
SELECT id, brokerage_id, url, enabled, personal, secret, CASE WHEN before_until > now() THEN secret_before END,
       failures, held_until, last_success_at
  FROM subscriptions.endpoints WHERE brokerage_id = %s AND id = %s
"""
WAITING = """
SELECT id, kind, event_id, event_version, attempts, created_at, expires_at FROM subscriptions.deliveries
 WHERE brokerage_id = %s AND id = ANY(%s)
"""
FACTS = """
SELECT e.notification_id, e.originator_id, e.originator_version, e.topic, e.state, e.brokerage_id, e.subject_id,
       e.recorded_at, e.cause_id, e.correlation_id, e.occurred_at
  FROM unnest(%s::uuid[], %s::int8[]) AS asked (id, version)
  JOIN log.masar_events e ON e.originator_id = asked.id AND e.originator_version = asked.version
"""
ATTEMPT = """
INSERT INTO subscriptions.attempts (delivery_id, number, brokerage_id, at, outcome, status, duration_ms, why, excerpt)
SELECT %(id)s, attempts, brokerage_id, %(at)s, %(outcome)s, %(status)s, %(duration_ms)s, %(why)s, %(excerpt)s
  FROM subscriptions.deliveries WHERE id = %(id)s ON CONFLICT DO NOTHING
"""
DELIVERED = """
UPDATE subscriptions.deliveries
   SET attempts = attempts + 1, state = %(state)s, next_at = %(next_at)s,
       settled_at = CASE WHEN %(state)s <> 'waiting' THEN %(at)s::timestamptz END
 WHERE id = %(id)s
"""
DROPPED = """
UPDATE subscriptions.deliveries SET state = 'dropped', next_at = NULL, settled_at = %(at)s WHERE id = %(id)s
"""
TAKEN = """
UPDATE subscriptions.endpoints SET failures = 0, held_until = NULL, last_success_at = %(at)s
 WHERE brokerage_id = %(brokerage_id)s AND id = %(endpoint)s
"""
REFUSED = """
UPDATE subscriptions.endpoints
   SET failures = failures + 1, held_until = coalesce(%(held_until)s, held_until), last_failure_at = %(at)s,
       last_failure = %(why)s
 WHERE brokerage_id = %(brokerage_id)s AND id = %(endpoint)s
"""
DISABLE = """
UPDATE subscriptions.endpoints SET enabled = false, disabled_at = %(at)s, disabled_why = %(disable)s, held_until = NULL
 WHERE brokerage_id = %(brokerage_id)s AND id = %(endpoint)s AND enabled
"""
HOLD_BACK = """
UPDATE outbox.messages SET due_at = %s, last_error = 'the subscriber is left alone for a while'
 WHERE state = 'waiting' AND kind = %s AND brokerage_id = %s AND batch_by = %s AND due_at <= now()
"""
FORGET = "DELETE FROM subscriptions.{} WHERE {} < now() - make_interval(days => %s)"

log = structlog.get_logger("masar.subscriptions")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who wants to be told of what, from which position of the log on."""

    id: UUID
    brokerage_id: UUID
    patterns: tuple[str, ...]
    after_position: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """A fact as the feed sees it: its place in the log, and nothing of its content."""

    position: int
    stream_id: UUID
    version: int
    kind: str
    brokerage_id: UUID
    correlation_id: UUID | None


def delivery_id_of(endpoint_id: UUID, stream_id: UUID, version: int) -> UUID:
    """Return the id of the one delivery of a fact to a subscriber: its `webhook-id`, however often it is sent."""
    return uuid5(SUBSCRIPTIONS, f"{endpoint_id}|{stream_id}|{version}")


def message_of(
    delivery_id: UUID, endpoint_id: UUID, brokerage_id: UUID, position: int, correlation_id: UUID | None,
    now: datetime, rounds: int = 0,
) -> OutboxMessage:  # fmt: skip
    """Return the message that carries a delivery; each round of a replay has one of its own."""
    return OutboxMessage(
        id=uuid5(SUBSCRIPTIONS, f"{delivery_id}|round {rounds}"), brokerage_id=brokerage_id, kind="notify_subscriber",
        due_at=now, payload={"delivery_id": str(delivery_id)}, cause_id=delivery_id, position=position,
        correlation_id=correlation_id, batch_by=str(endpoint_id), expires_at=now + LASTS,
    )  # fmt: skip


def feed_once(connection: Connection[Any]) -> int:
    """Read the next page of the log for all subscribers; return how far it went on, 0 where there is nothing.

    Deliveries, messages and the new position are one transaction. Who comes second finds the row locked and goes.
    The connection is an autocommit one as `masar_projector`.
    """
    with connection.transaction():
        held = connection.execute(FEED).fetchone()
        if held is None:
            return 0
        position, newest = int(held[0]), newest_position(connection)
        if newest <= position:
            return 0
        endpoints = [Endpoint(*row) for row in connection.execute(WANTED).fetchall()]
        facts = _page(connection, position, newest) if endpoints else []
        to = facts[-1].position if len(facts) == PAGE else newest
        _deliver(connection, [(one, fact) for fact in facts for one in endpoints if _wants(one, fact)])
        if connection.execute(ADVANCE, (to, position)).rowcount != 1:
            raise RuntimeError("the feed moved under its lock")
    return to - position


def forget_deliveries(connection: Connection[Any]) -> int:
    """Delete deliveries and attempts older than KEPT_DAYS; return how many rows."""
    gone = connection.execute(FORGET.format("attempts", "at").encode(), (KEPT_DAYS,)).rowcount
    return gone + connection.execute(FORGET.format("deliveries", "created_at").encode(), (KEPT_DAYS,)).rowcount


def _page(connection: Connection[Any], after: int, newest: int) -> list[Noticed]:
    rows = connection.execute(NEXT, (after, newest, PAGE), binary=True).fetchall()
    return [Noticed(*row) for row in rows]


def _wants(endpoint: Endpoint, fact: Noticed) -> bool:
    mine = endpoint.brokerage_id == fact.brokerage_id and fact.position > endpoint.after_position
    return mine and matches(endpoint.patterns, fact.kind)


def _deliver(connection: Connection[Any], told: Sequence[tuple[Endpoint, Noticed]]) -> None:
    if not told:
        return
    ids = [delivery_id_of(one.id, fact.stream_id, fact.version) for one, fact in told]
    connection.execute(DELIVER, (
        LASTS.total_seconds(), ids, [one.brokerage_id for one, _ in told], [one.id for one, _ in told],
        [fact.kind for _, fact in told], [fact.stream_id for _, fact in told], [fact.version for _, fact in told],
        [fact.position for _, fact in told], [fact.correlation_id for _, fact in told],
    ))  # fmt: skip
    now = time_of(connection)
    messages = [
        message_of(delivery, one.id, one.brokerage_id, fact.position, fact.correlation_id, now)
        for delivery, (one, fact) in zip(ids, told, strict=True)
    ]
    with connection.cursor() as cursor:
        add_messages(cursor, messages)


class EndpointSecrets:
    """Seals the secrets of endpoints, each bound to its endpoint."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def seal(self, brokerage_id: UUID, endpoint_id: UUID, secret: str) -> str:
        """Return a secret as it is kept."""
        return seal(self._key(brokerage_id), brokerage_id, secret.encode(), _place(endpoint_id))

    def open(self, brokerage_id: UUID, endpoint_id: UUID, sealed: Sequence[str | None]) -> tuple[str, ...]:
        """Return those that open with this master key, in order."""
        key, place = self._key(brokerage_id), _place(endpoint_id)
        opened = [unseal(key, one, place) for one in sealed if one is not None]
        return tuple(one.decode() for one in opened if one is not None)

    def _key(self, brokerage_id: UUID) -> bytes:
        return self._master.derive(f"secrets/{brokerage_id}")


def _place(endpoint_id: UUID) -> str:
    return f"{endpoint_id}|subscription"


class PostgresSubscribers:
    """The subscribers on one worker's connection as `masar_projector`. One thread's."""

    def __init__(
        self, line: Callable[[], Connection[Any]], master: MasterKey, keys: Keys, lease_s: int = LEASE_SECONDS
    ) -> None:
        self._line, self._secrets, self._keys, self._lease_s = line, EndpointSecrets(master), keys, lease_s
        self._leases: set[int] = set()

    def held(self) -> list[int]:
        """Return the leases in hand; to be called from any thread."""
        return list(self._leases)

    def put_back(self, why: str, *, broke: bool = False) -> None:
        """Let what is in hand wait again; `broke`: the work itself failed, so not at once."""
        leases, self._leases = self._leases, set()
        if leases:
            self._outbox().put_back(list(leases), why, broke=broke)

    def subscriber(self, brokerage_id: UUID, subscriber_id: UUID) -> Subscriber | None:
        """Return one as it is now, None where it was deleted."""
        row = self._line().execute(ENDPOINT, (brokerage_id, subscriber_id)).fetchone()
        if row is None:
            return None
        return Subscriber(
            id=row[0], brokerage_id=row[1], url=row[2], enabled=row[3], personal=row[4],
            secrets=self._secrets.open(brokerage_id, subscriber_id, row[5:7]),
            failures=row[7], held_until=row[8], last_success_at=row[9],
        )  # fmt: skip

    def lease(self, brokerage_id: UUID, subscriber_id: UUID, limit: int) -> list[Leased]:
        """Take what is due for one."""
        taken = self._outbox().lease_batch(brokerage_id, KIND, str(subscriber_id), limit)
        self._leases |= {one.lease for one in taken}
        return taken

    def letters(self, subscriber: Subscriber, messages: Sequence[Leased]) -> list[Letter]:
        """Return what to tell, in order; messages whose delivery is deleted are settled."""
        if not messages:
            return []
        connection = self._line()
        by_delivery = {UUID(str(one.payload["delivery_id"])): one for one in messages}
        asked = (subscriber.brokerage_id, list(by_delivery))
        waiting = {row[0]: row for row in connection.execute(WAITING, asked).fetchall()}
        gone = [message for delivery, message in by_delivery.items() if delivery not in waiting]
        if gone:
            self._settle([Settled(one, "done", error="the delivery was deleted") for one in gone])
        data = self._data(subscriber, [(row[2], row[3]) for row in waiting.values()])
        return [
            Letter(message, delivery, row[1], *data.get((row[2], row[3]), (row[5], None)), *row[4:])
            for delivery, message in by_delivery.items()
            if (row := waiting.get(delivery)) is not None
        ]

    def about_to_ask(self, asked: Leased, others: Sequence[Leased]) -> None:
        """Note that a request goes out now. Raises LeaseLost."""
        note_request(self._line(), [asked], others, self._lease_s, once=False)

    def record(self, subscriber: Subscriber, told: Sequence[Told]) -> None:
        """Settle messages, log attempts and change the subscriber, in one transaction. Raises LeaseLost."""
        connection = self._line()
        with connection.transaction():
            settle(connection, [_settled(one) for one in told])
            for one in told:
                write(connection, subscriber, one)
            connection.execute(FORGET_NOTES, ([one.letter.message.lease for one in told],))
        for one in told:
            _log(subscriber, one)

    def later(self, messages: Sequence[Leased], due_at: datetime, why: str) -> None:
        """Let leased messages wait, without an attempt. Raises LeaseLost."""
        self._settle([Settled(one, "waiting", due_at, why) for one in messages])

    def hold_back(self, subscriber: Subscriber, until: datetime) -> None:
        """Let all that is due for one wait."""
        self._line().execute(HOLD_BACK, (until, KIND, subscriber.brokerage_id, str(subscriber.id)))

    def forget(self) -> None:
        """All that was leased here is settled."""
        self._leases = set()

    def _settle(self, settled: Sequence[Settled]) -> None:
        connection = self._line()
        with connection.transaction():
            settle(connection, settled)

    def _data(
        self, subscriber: Subscriber, events: Sequence[tuple[UUID | None, int | None]]
    ) -> dict[tuple[UUID | None, int | None], tuple[datetime, Mapping[str, Any]]]:
        """Return (when, what to tell) of facts, personal values opened now where the subscriber is told them."""
        connection, asked = self._line(), [one for one in events if one[0] is not None]
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            as_app(connection, subscriber.brokerage_id)
            cursor.execute(FACTS, ([one for one, _ in asked], [version for _, version in asked]))
            rows = cursor.fetchall()
        opened = self._opened(rows) if subscriber.personal else [None] * len(rows)
        return {
            (row["originator_id"], row["originator_version"]): (row["occurred_at"], event(row, values))
            for row, values in zip(rows, opened, strict=True)
        }

    def _opened(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        sealed = [sealed_fields(row) for row in rows]
        values = iter(self._keys.open_all([one for fields in sealed for one in fields.values()]))
        return [{name: _plain(next(values)) for name in fields} for fields in sealed]

    def _outbox(self) -> Outbox:
        return Outbox(self._line(), self._lease_s)


def write(connection: Connection[Any], subscriber: Subscriber, told: Told) -> None:
    """Log an attempt and what it means for the delivery and the subscriber; in the caller's transaction."""
    reply, state = told.reply, {"again": "waiting"}.get(told.outcome, told.outcome)
    given = {
        "id": told.letter.delivery_id, "at": told.at, "state": state, "next_at": told.next_at, "outcome": told.outcome,
        "status": reply.status, "duration_ms": reply.duration_ms, "why": reply.why and reply.why[:LONGEST_WHY],
        "excerpt": reply.excerpt[:LONGEST_EXCERPT],
    }  # fmt: skip
    whose = {
        "brokerage_id": subscriber.brokerage_id, "endpoint": subscriber.id, "at": told.at,
        "held_until": told.held_until, "disable": told.disable and told.disable[:LONGEST_WHY],
        "why": (reply.why or f"status {reply.status}")[:LONGEST_WHY],
    }  # fmt: skip
    if told.outcome == "dropped":
        connection.execute(DROPPED, given)
        return
    connection.execute(DELIVERED, given)
    connection.execute(ATTEMPT, given)
    connection.execute(TAKEN if told.outcome == "delivered" else REFUSED, whose)
    if told.disable is not None:
        connection.execute(DISABLE, whose)


def _settled(told: Told) -> Settled:
    error = told.reply.why or (f"status {told.reply.status}" if told.outcome != "delivered" else None)
    return Settled(told.letter.message, "waiting" if told.outcome == "again" else "done", told.next_at, error)


def _plain(value: Any) -> Any:
    return ERASED if isinstance(value, Erased) else value


def _log(subscriber: Subscriber, told: Told) -> None:
    about = {
        "subscription_id": str(subscriber.id), "brokerage_id": str(subscriber.brokerage_id),
        "delivery_id": str(told.letter.delivery_id), "outcome": told.outcome, "status": told.reply.status,
        "duration_ms": told.reply.duration_ms,
    }  # fmt: skip
    if told.disable is not None:
        log.warning("subscription_disabled", **about, why=told.disable)
    else:
        log.info("subscriber_told", **about)
