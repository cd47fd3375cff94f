"""Looks at the log and the backlog of the whole server, for the command line."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import dict_row

from adapters.postgres.mapper import is_sealed
from adapters.postgres.positions import newest_position

FACTS = """
SELECT notification_id AS position, originator_id AS id, originator_version AS version, topic AS kind, occurred_at,
       recorded_at, brokerage_id, subject_id, cause_id, correlation_id, state
  FROM log.masar_events
 WHERE notification_id > %(after)s
   AND (%(kind)s::text IS NULL OR topic = %(kind)s)
   AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
   AND (%(slug)s::text IS NULL OR brokerage_id = (SELECT brokerage_id FROM auth.brokerages WHERE slug = %(slug)s))
   AND (%(person)s::uuid IS NULL OR subject_id = %(person)s OR subject_id IN (
         SELECT a.subject_id FROM read_models.people_aliases a
          WHERE a.person_id = coalesce((SELECT o.person_id FROM read_models.people_aliases o
                                         WHERE o.subject_id = %(person)s LIMIT 1), %(person)s)))
 ORDER BY notification_id {direction} LIMIT %(limit)s
"""
BUILDS = """
SELECT b.name, b.build, b.status, %(newest)s - b.position AS behind,
       (SELECT count(*) FROM projection.set_aside s WHERE s.name = b.name AND s.build = b.build)::int AS set_aside
  FROM projection.builds b WHERE b.status <> 'retired' ORDER BY b.name, b.build
"""
ASIDE = """
SELECT s.name, s.build, s.position, e.topic AS kind, s.brokerage_id, s.error, s.at
  FROM projection.set_aside s
  JOIN projection.builds b ON b.name = s.name AND b.build = s.build AND b.status <> 'retired'
  LEFT JOIN log.masar_events e ON e.notification_id = s.position
 ORDER BY s.at DESC, s.position DESC LIMIT 100
"""
TROUBLED = """
SELECT kind, id::text, state, last_error AS error, attempts FROM outbox.messages
 WHERE state = 'dead' OR state = 'waiting' AND last_error LIKE 'the work broke%'
 ORDER BY state, coalesce(settled_at, due_at) DESC, id LIMIT 100
"""
RETRY_DEAD = """
UPDATE outbox.messages SET state = 'waiting', due_at = now(), crashes = 0, attempts = 0, settled_at = NULL
 WHERE state = 'dead' AND kind <> 'conversion'
"""
OUTBOX = """
SELECT kind, state, count(*)::int AS messages,
       extract(epoch FROM now() - min(due_at) FILTER (WHERE state IN ('waiting', 'parked') AND due_at < now()))::float8
         AS oldest_s
  FROM outbox.messages GROUP BY 1, 2 ORDER BY 1, 2
"""


def knows(connection: Connection[Any], slug: str) -> bool:
    """Tell whether there is a brokerage of this short name."""
    return connection.execute("SELECT 1 FROM auth.brokerages WHERE slug = %s", (slug,)).fetchone() is not None


class Watch:
    """Facts that match, page by page; `after` goes on where the last page ended."""

    def __init__(
        self, connection: Connection[Any], *, person: UUID | None, kind: str | None, since: datetime | None,
        brokerage: str | None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._wanted = {"person": person, "kind": kind, "since": since, "slug": brokerage}
        self._position = 0

    def newest(self, limit: int) -> list[dict[str, Any]]:
        """Return the last facts, the newest last."""
        self._position = newest_position(self._connection)
        return list(reversed(self._read("DESC", 0, limit)))

    def after(self) -> list[dict[str, Any]]:
        """Return the facts since the last call."""
        rows = self._read("ASC", self._position, 500)
        if rows:
            self._position = rows[-1]["position"]
        return rows

    def _read(self, direction: str, after: int, limit: int) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            statement = FACTS.format(direction=direction)
            rows = cursor.execute(statement, {**self._wanted, "after": after, "limit": limit}).fetchall()
        return [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    fields = orjson.loads(row.pop("state"))
    fields.pop("occurred_at", None)
    sealed = {name: "sealed" for name, value in fields.items() if is_sealed(value)}
    return {**row, "fields": fields | sealed}


def backlog(connection: Connection[Any]) -> dict[str, Any]:
    """Return what waits: facts per read model, the last 100 facts set aside, outbox messages by state and age.

    `troubled` are up to 100 messages that were given up, or on which the work breaks, each with its error.
    """
    newest = newest_position(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        builds = cursor.execute(BUILDS, {"newest": newest}).fetchall()
        aside = cursor.execute(ASIDE).fetchall()
        outbox = cursor.execute(OUTBOX).fetchall()
        troubled = cursor.execute(TROUBLED).fetchall()
    return {"newest": newest, "projections": builds, "set_aside": aside, "outbox": outbox, "troubled": troubled}


def retry_dead(connection: Connection[Any]) -> int:
    """Let what was given up wait again, and return how much; conversions are corrected and sent again one by one.

    The connection is an autocommit one as `masar_projector`.
    """
    return connection.execute(RETRY_DEAD).rowcount
