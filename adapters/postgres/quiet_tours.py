"""Reads a tour session together with whether the log is ahead of what was read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.postgres.work import as_app
from application.ports.tours import TourNow
from domain.catalogue import kind_of
from projections.tour_sessions import TOUR_SESSIONS

FAR_BEHIND = 20_000
"""Positions; beyond, the log is not searched for one session: the model has to catch up first."""

# One statement, hence one moment: a page folded in between cannot hide.
LOOK = """
WITH build AS (
  SELECT position, (SELECT coalesce(max(notification_id), 0) FROM log.masar_events) AS newest
    FROM projection.builds WHERE name = 'tour_sessions' AND status = 'live'
)
SELECT b.newest - b.position > %(far)s OR EXISTS (
         SELECT FROM log.masar_events e
          WHERE e.brokerage_id = %(brokerage_id)s AND e.topic = ANY(%(kinds)s) AND e.notification_id > b.position
            AND convert_from(e.state, 'UTF8')::jsonb ->> 'session_id' = %(session_id)s),
       coalesce(s.closed_by IS NOT NULL, false), s.property_id, s.subject_id, s.last_at, s.arrived_at
  FROM build b
  LEFT JOIN read_models.tour_sessions s ON s.brokerage_id = %(brokerage_id)s AND s.key = %(session_id)s
"""
KINDS = sorted(kind_of(fact) for fact in TOUR_SESSIONS.handles)


class QuietTours:
    """The Tours of a worker's connection; reads as the brokerage, row-level security in force."""

    def __init__(self, line: Callable[[], Connection[Any]]) -> None:
        self._line = line

    def look(self, brokerage_id: UUID, session_id: str) -> TourNow:
        """Return the session at one moment, with whether the log is ahead of it."""
        asked = {"brokerage_id": brokerage_id, "session_id": session_id, "kinds": KINDS, "far": FAR_BEHIND}
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            row = connection.execute(LOOK, asked).fetchone()
        if row is None:
            return TourNow(behind=True)
        behind, closed, property_id, subject_id, last_at, arrived_at = row
        return TourNow(behind, closed, property_id or "", subject_id, last_at, arrived_at)
