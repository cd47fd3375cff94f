"""Reads a tour or conversation together with whether the log is ahead of what was read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from adapters.postgres.work import as_app
from application.ports.sessions import SessionNow
from domain.catalogue import kind_of
from projections.projection import Projection

FAR_BEHIND = 20_000
"""Positions; beyond, the log is not searched for one session: the model has to catch up first."""

# One statement, hence one moment: a page folded in between cannot hide.
LOOK = """
WITH build AS (
  SELECT position, (SELECT coalesce(max(notification_id), 0) FROM log.masar_events) AS newest
    FROM projection.builds WHERE name = %(name)s AND status = 'live'
)
SELECT b.newest - b.position > %(far)s OR EXISTS (
         SELECT FROM log.masar_events e
          WHERE e.brokerage_id = %(brokerage_id)s AND e.topic = ANY(%(kinds)s) AND e.notification_id > b.position
            AND convert_from(e.state, 'UTF8')::jsonb ->> 'session_id' = %(session_id)s),
       coalesce(s.closed_by IS NOT NULL, false), s.property_id, s.subject_id, s.last_at, s.arrived_at
  FROM build b
  LEFT JOIN read_models.{model} s ON s.brokerage_id = %(brokerage_id)s AND s.key = %(session_id)s
"""


class QuietSessions:
    """The Sessions of a worker's connection, as one read model keeps them; reads as the brokerage.

    The model has `closed_by`, `property_id`, `subject_id`, `last_at` and `arrived_at`, and sessions for keys.
    """

    def __init__(self, line: Callable[[], Connection[Any]], model: Projection[Any]) -> None:
        self._line = line
        self._name = model.name
        self._kinds = sorted(kind_of(fact) for fact in model.handles)
        self._look = sql.SQL(LOOK).format(model=sql.Identifier(model.name))

    def look(self, brokerage_id: UUID, session_id: str) -> SessionNow:
        """Return the session at one moment, with whether the log is ahead of it."""
        asked = {
            "brokerage_id": brokerage_id, "session_id": session_id, "kinds": self._kinds, "far": FAR_BEHIND,
            "name": self._name,
        }  # fmt: skip
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            row = connection.execute(self._look, asked).fetchone()
        if row is None:
            return SessionNow(behind=True)
        behind, closed, property_id, subject_id, last_at, arrived_at = row
        return SessionNow(behind, closed, property_id or "", subject_id, last_at, arrived_at)
