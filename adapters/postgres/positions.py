"""How far each build of each projection has come, and which one is live."""

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

BUILDS = "SELECT name, build, version, status, position, emit_from FROM projection.builds WHERE status <> 'retired'"
NEWEST = "SELECT coalesce(max(notification_id), 0) FROM log.masar_events"


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a projection: its own tables, its own position. `emit_from` is set on the live one only.

    `schema` holds its tables, `records` its position and what it sets aside: those of all builds, or temporary ones.
    """

    name: str
    build: str
    version: int
    status: str
    position: int
    emit_from: int | None
    schema: str = "read_models"
    records: str = "projection"

    def table(self, base: str) -> str:
        """Return the qualified name of one of the build's tables."""
        return f"{self.schema}.{base}_{self.build}"

    @property
    def lock(self) -> str:
        """The name of the advisory lock that makes one runner active."""
        return f"masar/{self.name}/{self.build}"


def builds(connection: Connection[Any]) -> list[Build]:
    """Return the live and building builds."""
    return [Build(*row) for row in connection.execute(BUILDS).fetchall()]


def newest_position(connection: Connection[Any]) -> int:
    """Return the position of the last fact in the log, 0 in an empty one."""
    row = connection.execute(NEWEST).fetchone()
    return int(row[0]) if row else 0
