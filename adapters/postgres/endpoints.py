"""Changes of subscriptions, as operators make them; each a transaction on a connection as `masar_projector`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from adapters.postgres.clock import time_of
from adapters.postgres.outbox import add_messages
from adapters.postgres.subscriptions import EndpointSecrets, message_of, write
from application.ports.outbox import Leased
from application.ports.subscriptions import Letter, Reply, Subscriber, Told
from application.subscriptions import LASTS, TEST, outcome_of

MOST = 50
"""Subscriptions of one brokerage."""
MOST_REPLAYED = 10_000

ADD = """
INSERT INTO subscriptions.endpoints
       (id, brokerage_id, url, patterns, description, enabled, personal, secret, created_by, changed_by, after_position)
SELECT %(id)s, %(brokerage_id)s, %(url)s, %(kinds)s, %(description)s, %(enabled)s, %(personal)s, %(secret)s, %(by)s,
       %(by)s, (SELECT coalesce(max(notification_id), 0) FROM log.masar_events)
 WHERE (SELECT count(*) FROM subscriptions.endpoints WHERE brokerage_id = %(brokerage_id)s) < %(most)s
"""
# Whoever was told nothing for a while begins with what happens from now on.
CHANGE = """
UPDATE subscriptions.endpoints
   SET url = coalesce(%(url)s, url), patterns = coalesce(%(kinds)s, patterns),
       description = coalesce(%(description)s, description), personal = coalesce(%(personal)s, personal),
       enabled = coalesce(%(enabled)s, enabled), changed_at = now(), changed_by = %(by)s,
       after_position = CASE WHEN %(enabled)s AND NOT enabled
                             THEN (SELECT coalesce(max(notification_id), 0) FROM log.masar_events)
                             ELSE after_position END,
       disabled_at = CASE WHEN %(enabled)s THEN NULL WHEN NOT %(enabled)s AND enabled THEN now() ELSE disabled_at END,
       disabled_why = CASE WHEN %(enabled)s THEN NULL WHEN NOT %(enabled)s AND enabled THEN 'by an operator'
                           ELSE disabled_why END,
       failures = CASE WHEN %(enabled)s OR %(url)s IS NOT NULL THEN 0 ELSE failures END,
       held_until = CASE WHEN %(enabled)s OR %(url)s IS NOT NULL THEN NULL ELSE held_until END
 WHERE brokerage_id = %(brokerage_id)s AND id = %(id)s RETURNING 1
"""
SET_FREE = """
UPDATE outbox.messages SET due_at = now()
 WHERE state = 'waiting' AND kind = 'notify_subscriber' AND brokerage_id = %s AND batch_by = %s AND due_at > now()
"""
ROTATE = """
UPDATE subscriptions.endpoints
   SET secret_before = CASE WHEN %(overlap)s > 0 THEN secret END,
       before_until = now() + make_interval(secs => %(overlap)s), secret = %(secret)s, changed_at = now(),
       changed_by = %(by)s
 WHERE brokerage_id = %(brokerage_id)s AND id = %(id)s RETURNING before_until
"""
DELETE = "DELETE FROM subscriptions.endpoints WHERE brokerage_id = %s AND id = %s"
DELETE_ATTEMPTS = """
DELETE FROM subscriptions.attempts WHERE brokerage_id = %(brokerage_id)s AND delivery_id IN (
  SELECT id FROM subscriptions.deliveries WHERE brokerage_id = %(brokerage_id)s AND endpoint_id = %(id)s)
"""
DELETE_DELIVERIES = "DELETE FROM subscriptions.deliveries WHERE brokerage_id = %s AND endpoint_id = %s"
AGAIN = """
UPDATE subscriptions.deliveries
   SET state = 'waiting', rounds = rounds + 1, expires_at = now() + make_interval(secs => %(lasts)s), next_at = now(),
       settled_at = NULL
 WHERE brokerage_id = %(brokerage_id)s AND endpoint_id = %(id)s AND event_id IS NOT NULL AND state <> 'waiting'
   AND (id = %(delivery)s OR %(delivery)s::uuid IS NULL AND id IN (
         SELECT id FROM subscriptions.deliveries
          WHERE brokerage_id = %(brokerage_id)s AND endpoint_id = %(id)s AND state IN ('failed', 'dropped')
          ORDER BY position LIMIT %(most)s))
RETURNING id, position, correlation_id, rounds
"""
TESTED = """
INSERT INTO subscriptions.deliveries (id, brokerage_id, endpoint_id, kind, expires_at) VALUES (%s, %s, %s, %s, %s)
"""
FIND = """
SELECT url, secret, CASE WHEN before_until > now() THEN secret_before END FROM subscriptions.endpoints
 WHERE brokerage_id = %s AND id = %s
"""


class TooManySubscriptions(Exception):
    """A brokerage has as many as it may."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription is to be; None leaves it as it was."""

    url: str | None = None
    kinds: list[str] | None = None
    description: str | None = None
    enabled: bool | None = None
    personal: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return it as the arguments of a statement."""
        return {
            "url": self.url, "kinds": self.kinds, "description": self.description, "enabled": self.enabled,
            "personal": self.personal,
        }  # fmt: skip


class Endpoints:
    """One operator's changes to a brokerage's subscriptions; `by` is the key that says so."""

    def __init__(self, connection: Connection[Any], secrets: EndpointSecrets, brokerage_id: UUID, by: str) -> None:
        self._connection, self._secrets = connection, secrets
        self._brokerage_id, self._by = brokerage_id, by

    def create(self, wanted: Wanted, secret: str) -> UUID:
        """Add one, told what happens from now on, and return its id. Raises TooManySubscriptions."""
        endpoint_id = uuid4()
        sealed = self._secrets.seal(self._brokerage_id, endpoint_id, secret)
        given = {**wanted.given(), **self._who(endpoint_id), "secret": sealed, "most": MOST}
        with self._connection.transaction():
            self._connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"subscriptions/{self._brokerage_id}",)
            )
            if self._connection.execute(ADD, given).rowcount != 1:
                raise TooManySubscriptions(f"a brokerage has at most {MOST}")
        return endpoint_id

    def change(self, endpoint_id: UUID, wanted: Wanted) -> bool:
        """Change what is given and return whether there is such a one; enabled or moved, what waits goes at once."""
        with self._connection.transaction():
            given = {**wanted.given(), **self._who(endpoint_id)}
            found = self._connection.execute(CHANGE, given).fetchone() is not None
            if found and (wanted.enabled or wanted.url is not None):
                self._connection.execute(SET_FREE, (self._brokerage_id, str(endpoint_id)))
        return found

    def rotate(self, endpoint_id: UUID, secret: str, overlap: timedelta) -> datetime | None:
        """Give a new secret and return until when the old one signs as well; None where there is no such one."""
        sealed = self._secrets.seal(self._brokerage_id, endpoint_id, secret)
        given = {**self._who(endpoint_id), "secret": sealed, "overlap": overlap.total_seconds()}
        row = self._connection.execute(ROTATE, given).fetchone()
        return row[0] if row else None

    def delete(self, endpoint_id: UUID) -> bool:
        """Delete one with its log and return whether there was such a one; what waits is settled by the worker."""
        place = (self._brokerage_id, endpoint_id)
        with self._connection.transaction():
            found = self._connection.execute(DELETE, place).rowcount == 1
            self._connection.execute(DELETE_ATTEMPTS, {"brokerage_id": place[0], "id": place[1]})
            self._connection.execute(DELETE_DELIVERIES, place)
        return found

    def replay(self, endpoint_id: UUID, delivery_id: UUID | None = None) -> int:
        """Send a settled delivery again, or all that failed or were dropped, oldest first; return how many."""
        given = {
            **self._who(endpoint_id), "delivery": delivery_id, "lasts": LASTS.total_seconds(), "most": MOST_REPLAYED
        }  # fmt: skip
        now = time_of(self._connection)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            rows = cursor.execute(AGAIN, given).fetchall()
            add_messages(cursor, [
                message_of(delivery, endpoint_id, self._brokerage_id, position, correlation_id, now, rounds)
                for delivery, position, correlation_id, rounds in rows
            ])  # fmt: skip
        return len(rows)

    def known(self, endpoint_id: UUID) -> tuple[str, tuple[str, ...]] | None:
        """Return the address of one and its secrets, newest first; None where there is no such one."""
        row = self._connection.execute(FIND, (self._brokerage_id, endpoint_id)).fetchone()
        return (row[0], self._secrets.open(self._brokerage_id, endpoint_id, row[1:])) if row else None

    def tested(self, endpoint_id: UUID, delivery_id: UUID, at: datetime, reply: Reply) -> None:
        """Log an attempt that an operator made."""
        message = Leased(delivery_id, self._brokerage_id, TEST, None, delivery_id, None, 1, 0, {}, at)
        letter = Letter(message, delivery_id, TEST, at, {}, 0, at, at)
        whose = Subscriber(endpoint_id, self._brokerage_id, "", True, False, ())
        with self._connection.transaction():
            self._connection.execute(TESTED, (delivery_id, self._brokerage_id, endpoint_id, TEST, at + LASTS))
            write(self._connection, whose, Told(letter, outcome_of(reply), at, reply))

    def _who(self, endpoint_id: UUID) -> dict[str, Any]:
        return {"id": endpoint_id, "brokerage_id": self._brokerage_id, "by": self._by}
