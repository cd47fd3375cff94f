"""The library's own recorder and projection runner, at the same work: what ours is compared with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from adapters.postgres.connections import connect
from adapters.postgres.log import library_environment
from adapters.postgres.mapper import Envelope
from domain.brokerage.rulebook import DEFAULTS
from domain.shared.fact import Recorded
from domain.tours import session as tour
from domain.tours.events import TourTouchpoint
from domain.tours.session import TourSession
from projections.tour_sessions import TOUR_SESSIONS

SCHEMA = "bench"
AT_ONCE = 100
NAMES = [column.name for column in TOUR_SESSIONS.columns]
FIND = "SELECT state FROM bench.sessions WHERE brokerage_id = %s AND key = %s"
KEEP = (
    f"INSERT INTO bench.sessions (brokerage_id, key, state, {', '.join(NAMES)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join(['%s'] * (3 + len(NAMES)))}) ON CONFLICT (brokerage_id, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("state", *NAMES))
)
FACTS = """
SELECT originator_id, originator_version, topic, state FROM log.masar_events WHERE topic LIKE 'tours.%%'
 ORDER BY notification_id LIMIT %s
"""


@contextmanager
def recorder(url: str, writers: int) -> Iterator[PostgresApplicationRecorder]:
    """Give the library's recorder on a table of its own."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    datastore = PostgresDatastore(
        str(parts["dbname"]), str(parts["host"]), str(parts["port"]), str(parts["user"]), str(parts["password"]),
        pool_size=writers, max_overflow=4, schema=SCHEMA,
    )  # fmt: skip
    try:
        own = PostgresApplicationRecorder(datastore, events_table_name="library_appended")
        own.create_table()
        yield own
    finally:
        datastore.close()


class Library(Application[UUID]):
    """The library's application over a copy of our facts."""

    name = "library"


class Sessions(PostgresTrackingRecorder):
    """A materialised view as the library's documentation has them: rows and position in one transaction."""

    codec: ClassVar[TypeAdapter[TourSession]] = TypeAdapter(TourSession)

    def take(self, recorded: Recorded, session_id: str, tracking: Tracking) -> None:
        """Fold one fact into its session."""
        with self.datastore.transaction(commit=True) as cursor:
            place = (recorded.brokerage_id, session_id)
            found = cursor.execute(FIND, place).fetchone()
            before = self.codec.validate_json(found["state"]) if found else TourSession()
            after = tour.evolve(before, recorded)
            row = [Jsonb(one) if isinstance(one, list | dict) else one for one in TOUR_SESSIONS.row(after, DEFAULTS)]
            cursor.execute(KEEP, (*place, self.codec.dump_json(after), *row))
            self._insert_tracking(cursor, tracking)


class TourScores(Projection[Sessions]):
    """The score projection, one fact to a transaction."""

    name = "tourscores"
    taken_at: ClassVar[list[float]] = []

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take one fact in."""
        if isinstance(domain_event, Envelope) and isinstance(domain_event.fact, TourTouchpoint):
            fact = domain_event.fact
            recorded = Recorded(
                tracking.notification_id, domain_event.originator_id, domain_event.originator_version,
                domain_event.brokerage_id, None, fact.occurred_at, None, None, fact,
            )  # fmt: skip
            self.view.take(recorded, fact.session_id, tracking)
            self.taken_at.append(time.perf_counter())


def environment(url: str) -> dict[str, str]:
    """Return the library's settings with its own recorder and tables; only the mapper is ours, to read our facts."""
    own = library_environment(url) | {"CREATE_TABLE": "y", "POSTGRES_SCHEMA": SCHEMA}
    return {name: value for name, value in own.items() if name != "APPLICATION_RECORDER_TOPIC"}


def copy_facts(url: str, facts: int) -> int:
    """Put our first facts into a log of the library's, make the table of its view; return its last position."""
    with connect(url, "masar_owner", name="bench") as owner:
        owner.execute("CREATE TABLE bench.sessions (LIKE read_models.tour_sessions_v1 INCLUDING ALL)")
    with connect(url, "masar_projector", name="bench") as connection:
        rows = connection.execute(FACTS, (facts,), binary=True).fetchall()
    app = Library(env=environment(url))
    try:
        stored = [StoredEvent(*row) for row in rows]
        for start in range(0, len(stored), AT_ONCE):
            app.recorder.insert_events(stored[start : start + AT_ONCE])
        return app.recorder.max_notification_id() or 0
    finally:
        app.close()


def runner(url: str) -> ProjectionRunner[Library, Sessions]:
    """Start the library's projection runner; the caller closes it."""
    return ProjectionRunner(
        application_class=Library, projection_class=TourScores, view_class=Sessions, env=environment(url)
    )
