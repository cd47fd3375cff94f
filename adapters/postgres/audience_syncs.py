"""Synchronisations of audiences: asked for through the outbox, how far they are, and what a worker needs for one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow

from adapters.meta.audiences import MetaAudiences, row_of
from adapters.postgres.audiences import PostgresAudiences, alone
from adapters.postgres.clock import time_of
from adapters.postgres.connections import connect
from adapters.postgres.houses import house_of
from adapters.postgres.outbox import LEASE_SECONDS, add_messages, note_request
from adapters.postgres.positions import newest_position
from adapters.postgres.queries.audiences import people_of
from adapters.postgres.secrets import ACCOUNT_SECRET, ACCOUNT_TOKEN, SecretStore
from adapters.postgres.work import as_app
from adapters.sealing import MasterKey
from application.ports.audiences import MOST_SYNCED, Progress, SyncUnderWay
from application.ports.conversions import Credentials, Keys
from application.ports.outbox import Lane, Leased, LeaseLost
from domain.audiences.difference import Row
from domain.audiences.events import AudienceDefined
from domain.audiences.segment import Segment
from domain.people.contact import Held
from domain.shared.outbox import OutboxMessage

ASKING = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7246114095))"
OPEN = "state IN ('waiting', 'leased', 'parked')"
"""As the indexes on open messages and on dead ones have it: what is done is not looked through."""
NEWEST = f"""
SELECT DISTINCT ON (ordering_key)
       id, state, due_at, created_at, last_error, convert_from(payload, 'UTF8')::jsonb AS payload
  FROM (
    SELECT * FROM outbox.messages WHERE brokerage_id = %(whose)s AND ordering_key = ANY(%(orders)s) AND {OPEN}
    UNION ALL
    SELECT * FROM outbox.messages
     WHERE brokerage_id = %(whose)s AND ordering_key = ANY(%(orders)s) AND state = 'dead' AND kind = 'sync_audience'
  ) found
 ORDER BY ordering_key, created_at DESC
"""  # noqa: S608 - a condition of ours
UNDER_WAY = f"SELECT id FROM outbox.messages WHERE brokerage_id = %s AND ordering_key = %s AND {OPEN} LIMIT 1"  # noqa: S608
KEEP = "UPDATE outbox.messages SET payload = %s WHERE id = %s AND state = 'leased' AND lease = %s"
STATES = {"waiting": "waiting", "leased": "running", "parked": "waiting", "dead": "given_up"}


def ask(url: str, defined: AudienceDefined, brokerage_id: UUID, by: str, correlation_id: UUID | None) -> UUID:
    """Ask for a synchronisation; return its id, which its fact will have. Some worker begins it within seconds.

    Raises SyncUnderWay where one that was asked for before is not over.
    """
    sync_id, order = uuid4(), _order(defined.audience_id)
    payload = {"defined": defined.model_dump(mode="json"), "by": by}
    with connect(url, "masar_projector", name="audiences") as connection, connection.transaction():
        connection.execute(ASKING, (order,))
        if connection.execute(UNDER_WAY.encode(), (brokerage_id, order)).fetchone():
            raise SyncUnderWay(order)
        with connection.cursor(binary=True) as cursor:
            add_messages(cursor, [OutboxMessage(
                id=sync_id, brokerage_id=brokerage_id, kind="sync_audience", due_at=time_of(connection),
                payload=payload, cause_id=sync_id, position=newest_position(connection), correlation_id=correlation_id,
                ordering_key=order,
            )])  # fmt: skip
    return sync_id


async def under_way(
    connection: AsyncConnection[DictRow], brokerage_id: UUID, audience_ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:  # fmt: skip
    """Return by audience the synchronisation that was asked for and is not over: its state and how far it is.

    One that was given up, as worker after worker was lost over it, stays to be seen until another is asked for.
    """
    asked = {"whose": brokerage_id, "orders": [_order(one) for one in audience_ids]}
    rows = await (await connection.execute(NEWEST.encode(), asked)).fetchall()
    return {UUID(row["payload"]["defined"]["audience_id"]): _shown(row) for row in rows}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    payload = row["payload"]
    return {
        "id": row["id"], "state": STATES[row["state"]], "version": payload["defined"]["version"],
        "by": payload.get("by"), "asked_at": row["created_at"], "next_at": row["due_at"],
        "progress": Progress.of(payload.get("progress")).document(), "message": row["last_error"],
    }  # fmt: skip


def _order(audience_id: UUID) -> str:
    return f"audience|{audience_id}"


class PostgresAudienceWork:
    """The AudienceWork of one thread's connections; `line` is as `masar_projector`, `safe` reads secrets."""

    def __init__(
        self, line: Callable[[], Connection[Any]], keys: Keys, safe: SecretStore, master: MasterKey,
        graph_url: str, graph_version: str, lease_s: int = LEASE_SECONDS,
    ) -> None:  # fmt: skip
        self._line, self._keys, self._safe, self._master = line, keys, safe, master
        self._graph_url, self._graph_version, self._lease_s = graph_url, graph_version, lease_s

    def wanted(self, brokerage_id: UUID, segment: Segment) -> Mapping[str, Row] | None:
        """Return what Meta is to be told, by person; None where there are too many."""
        connection = self._line()
        with connection.transaction():
            as_app(connection, brokerage_id)
            house = house_of(connection, brokerage_id)
            people = people_of(connection, segment, house, MOST_SYNCED)
        return None if len(people) > MOST_SYNCED else self._rows(people, house.region)

    @contextmanager
    def place(self, brokerage_id: UUID, ad_account_id: str) -> Iterator[MetaAudiences | None]:
        """Open the ad account."""
        credentials = opening(self._safe, brokerage_id, ad_account_id)
        place = MetaAudiences(self._graph_url, credentials, self._graph_version) if credentials else None
        try:
            yield place
        finally:
            if place:
                place.close()

    def memory(self, brokerage_id: UUID) -> PostgresAudiences:
        """Return what was told of a brokerage's audiences."""
        return PostgresAudiences(self._line(), self._master, brokerage_id)

    @contextmanager
    def alone(self, audience_id: UUID) -> Iterator[None]:
        """Hold an audience for one synchronisation. Raises SyncUnderWay."""
        with alone(self._line(), audience_id):
            yield

    def about_to_ask(self, message: Leased, progress: Progress) -> None:
        """Keep how far it is, and note that a request goes out now. Raises LeaseLost."""
        payload = orjson.dumps({**message.payload, "progress": progress.document()})
        if self._line().execute(KEEP, (payload, message.id, message.lease)).rowcount == 0:
            raise LeaseLost("a lease ran out during a synchronisation")
        note_request(self._line(), [message], [], self._lease_s, once=False)

    def _rows(self, people: Mapping[str, Mapping[str, Held]], region: str) -> dict[str, Row]:
        """Return rows by person; people of whom no contact opens or is usable are left out."""
        sealed = [(person, kind, held) for person, contact in people.items() for kind, held in contact.items()]
        values = self._keys.open_all([held.sealed for _, _, held in sealed])
        opened: dict[str, dict[str, Any]] = {}
        for (person, kind, _), value in zip(sealed, values, strict=True):
            opened.setdefault(person, {})[kind] = value.get(kind) if isinstance(value, dict) else None
        rows = {one: row_of(one, told.get("email"), told.get("phone"), region) for one, told in opened.items()}
        return {person: row for person, row in rows.items() if row is not None}


def opening(safe: SecretStore, brokerage_id: UUID, ad_account_id: str) -> Credentials | None:
    """Return what opens an ad account: its own token, else that of a dataset, which a system user often shares."""
    token = safe.get(brokerage_id, ACCOUNT_TOKEN.format(ad_account_id))
    if token is not None:
        return Credentials(token, safe.get(brokerage_id, ACCOUNT_SECRET.format(ad_account_id)), None)
    datasets = [name.split("/")[1] for name in safe.names(brokerage_id) if name.startswith("dataset/")]
    known = (safe.credentials(Lane(brokerage_id, one)) for one in dict.fromkeys(datasets))
    return next((one for one in known if one is not None), None)
