"""What we told Meta of an audience, kept in Postgres: rows hashed and sealed, gone once Meta took them off."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from adapters.sealing import MasterKey, seal, unseal
from application.ports.audiences import SyncUnderWay
from domain.audiences.difference import Listed, Row

LIST = "SELECT list_id FROM audiences.lists WHERE brokerage_id = %s AND audience_id = %s"
CREATED = "INSERT INTO audiences.lists (brokerage_id, audience_id, list_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
LISTED = "SELECT person_id, sealed, sure FROM audiences.members WHERE brokerage_id = %s AND audience_id = %s"
ADDING = """
INSERT INTO audiences.members (brokerage_id, audience_id, person_id, sealed, sure)
SELECT %s, %s, person_id, sealed, false FROM unnest(%s::text[], %s::bytea[]) AS t (person_id, sealed)
ON CONFLICT (brokerage_id, audience_id, person_id) DO UPDATE SET sealed = excluded.sealed, sure = false, at = now()
"""
ADDED = """
UPDATE audiences.members SET sure = true, at = now()
 WHERE brokerage_id = %s AND audience_id = %s AND person_id = ANY(%s)
"""
REMOVED = "DELETE FROM audiences.members WHERE brokerage_id = %s AND audience_id = %s AND person_id = ANY(%s)"
LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 7246114094))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 7246114094))"


@contextmanager
def alone(connection: Connection[Any], audience_id: UUID) -> Iterator[None]:
    """Hold an audience for one synchronisation. Raises SyncUnderWay."""
    row = connection.execute(LOCK, (str(audience_id),)).fetchone()
    if not (row and row[0]):
        raise SyncUnderWay(str(audience_id))
    try:
        yield
    finally:
        connection.execute(UNLOCK, (str(audience_id),))


class PostgresAudiences:
    """The AudienceMemory of one brokerage; the connection is an autocommit one as `masar_projector`."""

    def __init__(self, connection: Connection[Any], master: MasterKey, brokerage_id: UUID) -> None:
        self._connection, self._brokerage_id = connection, brokerage_id
        self._key = master.derive(f"audiences/{brokerage_id}")

    def list_id(self, audience_id: UUID) -> str | None:
        """Return Meta's id of the list, None before there is one."""
        row = self._connection.execute(LIST, (self._brokerage_id, audience_id)).fetchone()
        return str(row[0]) if row else None

    def created(self, audience_id: UUID, list_id: str) -> None:
        """Remember Meta's id of the list."""
        self._connection.execute(CREATED, (self._brokerage_id, audience_id, list_id))

    def listed(self, audience_id: UUID) -> Mapping[str, Listed]:
        """Return by person what may be on the list."""
        rows = self._connection.execute(LISTED, (self._brokerage_id, audience_id)).fetchall()
        return {person: Listed(self._opened(audience_id, person, bytes(sealed)), sure) for person, sealed, sure in rows}

    def adding(self, audience_id: UUID, rows: Mapping[str, Row]) -> None:
        """Remember rows about to be sent."""
        sealed = [
            seal(self._key, self._brokerage_id, orjson.dumps(row), _place(audience_id, person)).encode()
            for person, row in rows.items()
        ]
        self._connection.execute(ADDING, (self._brokerage_id, audience_id, list(rows), sealed))

    def added(self, audience_id: UUID, people: Sequence[str]) -> None:
        """Remember that Meta took the rows of these people."""
        self._connection.execute(ADDED, (self._brokerage_id, audience_id, list(people)))

    def removed(self, audience_id: UUID, people: Sequence[str]) -> None:
        """Forget the rows of these people."""
        self._connection.execute(REMOVED, (self._brokerage_id, audience_id, list(people)))

    def _opened(self, audience_id: UUID, person: str, sealed: bytes) -> Row:
        plain = unseal(self._key, sealed.decode(), _place(audience_id, person))
        if plain is None:
            raise ValueError(f"a row of audience {audience_id} does not open with this master key")
        return tuple(orjson.loads(plain))


def _place(audience_id: UUID, person: str) -> str:
    return f"{audience_id}|{person}|row"
