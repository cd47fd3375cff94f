"""Writes a batch of webhooks: their facts, the deliveries as they came, and the desks of their threads, together."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg import Connection

from adapters.postgres.arrays import Array, Blobs, Ids, Integers, Texts, Times
from adapters.postgres.mapper import StoredFact
from adapters.postgres.recorder import (
    APPEND_TOUCHPOINTS,
    RECEIVE_AND_FLUSH,
    Appended,
    appended,
    touchpoint_columns,
)
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey, keyed_uuid, seal, unseal
from application.ports.touchpoints import Problem, Verdict
from application.ports.webhooks import Delivery, Item, RefOf
from domain.messaging.desk import effects_of
from domain.messaging.events import PlatformTouchpoint
from domain.messaging.threads import thread_of
from domain.shared.fact import Channel, Touchpoint

PACKED, PLAIN = b"z", b"-"
"""How a body begins that is compressed, and one that is not: those up to MOST_UNPACKED bytes are not worth it."""
MOST_UNPACKED = 2_000

DESK = (Ids, Ids, Ids, Ids, Texts, Texts, Times, Times, Integers)
"""Columns of what is done to desks: entry, thread, brokerage, subject, channel, account, when, arrived, effects."""

Became = tuple[Item, StoredFact | Problem | None]
"""An item of a delivery, and the fact that it is or why the log refuses it; None for one that was not read."""


class DeliveryWriter:
    """Writes deliveries through a Writer's pipeline. Not thread-safe."""

    def __init__(self, writer: Writer, master: MasterKey) -> None:
        self._writer, self._master = writer, master

    def write(self, batch: Sequence[Delivery]) -> list[list[Verdict]]:
        """Return the verdicts of each delivery's facts once all is durable.

        Raises psycopg.OperationalError when the database cannot say what became of them.
        """
        batch_facts = [delivery.facts for delivery in batch]
        store = _Store(batch, self._master)
        verdicts = iter(self._writer.write([one for facts in batch_facts for one in facts], store.append))
        return [[next(verdicts) for _ in facts] for facts in batch_facts]

    def close(self) -> None:
        """Close the connections."""
        self._writer.close()


class _Store:
    """Stores the facts of one batch of deliveries with everything that belongs to them."""

    def __init__(self, batch: Sequence[Delivery], master: MasterKey) -> None:
        self._batch, self._master = batch, master

    def append(
        self, connection: Connection[Any], stored: Sequence[StoredFact], places: Sequence[int]
    ) -> list[Appended | Problem]:
        """Store all; a value that the database refuses costs its own item only."""
        try:
            return [*self._store(connection, stored, places)]
        except (psycopg.DataError, psycopg.IntegrityError):
            became = [_refusal(connection, fact) or fact for fact in stored]
            results = iter(self._store(connection, became, places))
            return [one if isinstance(one, Problem) else next(results) for one in became]

    def _store(
        self, connection: Connection[Any], became: Sequence[StoredFact | Problem], places: Sequence[int]
    ) -> list[Appended]:
        stored = [one for one in became if isinstance(one, StoredFact)]
        following = iter(places)
        items: list[list[Became]] = [
            [(item, became[next(following)] if item.observed else None) for item in delivery.items]
            for delivery in self._batch
        ]
        arguments = (*touchpoint_columns(stored), *self._desks(items), *self._deliveries(items))
        return appended(connection.execute(RECEIVE_AND_FLUSH, arguments, binary=True).fetchone(), stored)

    def _desks(self, items: Sequence[Sequence[Became]]) -> tuple[Array, ...]:
        """Return what the facts do to desks, once each however often the batch brings them."""
        rows: dict[int, tuple[Any, ...]] = {}
        for delivery, own in zip(self._batch, items, strict=True):
            for item, fact in own:
                if item.observed and isinstance(fact, StoredFact):
                    row = _desk_row(item.observed.fact, fact, delivery.received_at)
                    if row:
                        rows.setdefault(id(fact), row)
        columns = zip(*rows.values(), strict=True) if rows else ((),) * len(DESK)
        return tuple(kind(column) for kind, column in zip(DESK, columns, strict=True))

    def _deliveries(self, items: Sequence[Sequence[Became]]) -> tuple[Array, ...]:
        batch = self._batch
        return (
            Ids(one.id for one in batch),
            Ids(one.brokerage_id for one in batch),
            Texts(one.source for one in batch),
            Texts(one.app for one in batch),
            Times(one.received_at for one in batch),
            Integers(len(one.raw) for one in batch),
            Texts(_json(dict(one.headers)) for one in batch),
            Texts(one.verified_by for one in batch),
            Texts(_json([_told(item, fact) for item, fact in own]) for own in items),
            Texts(_subjects(own) for own in items),
            Blobs(seal_raw(self._master, one.brokerage_id, one.id, one.raw) for one in batch),
        )


def _desk_row(fact: Touchpoint, stored: StoredFact, arrived: datetime) -> tuple[Any, ...] | None:
    """Return what a fact does to its thread's desk, None for nothing."""
    effects, subject_id = effects_of(fact), stored.subject_id
    if not effects or not isinstance(fact, PlatformTouchpoint) or subject_id is None:
        return None
    return (
        stored.originator_id, thread_of(stored.brokerage_id, fact.channel, fact.account_id, subject_id),
        stored.brokerage_id, subject_id, fact.channel, fact.account_id, stored.occurred_at, arrived, effects,
    )  # fmt: skip


def _told(item: Item, became: StoredFact | Problem | None) -> dict[str, Any]:
    """Return what is kept of an item beside the body; never the platform's id, which holds phone numbers."""
    told: dict[str, Any] = {"path": item.path, "account": item.account}
    if item.observed is not None:
        told["kind"] = item.observed.fact.kind
    if isinstance(became, StoredFact):
        told["event_id"], told["subject_id"] = became.originator_id, became.subject_id
        told["content"] = became.fingerprint.hex() if became.fingerprint else None
    else:
        told["problem"] = became.message if became else item.problem
    return told


def _subjects(items: Sequence[Became]) -> str:
    """Return whose facts a delivery brought, as Postgres writes a list."""
    found = {str(fact.subject_id) for _, fact in items if isinstance(fact, StoredFact)}
    return "{" + ",".join(sorted(found)) + "}"


def _refusal(connection: Connection[Any], fact: StoredFact) -> Problem | None:
    """Return why the log would refuse a fact, None where it would take it; nothing is stored."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(APPEND_TOUCHPOINTS, touchpoint_columns([fact]), binary=True)
    except (psycopg.DataError, psycopg.IntegrityError) as refusal:
        return Problem("item", f"the log refuses it: {refusal.diag.message_primary or 'bad value'}")
    return None


def _json(document: Any) -> str:
    """Return JSON as Postgres takes it: no NUL, no half characters."""
    return orjson.dumps(document).decode().replace("\\u0000", "\\ufffd")


def entry_of(master: MasterKey, brokerage_id: UUID, producer: str, name: str) -> UUID:
    """Return the log entry's id of what a producer names so."""
    return keyed_uuid(master.for_brokerage(brokerage_id), str(brokerage_id), producer, name)


def names_of(master: MasterKey, brokerage_id: UUID, channel: Channel) -> RefOf:
    """Return how the things of a brokerage's channel are named in the log."""
    return lambda name: entry_of(master, brokerage_id, channel, name)


def seal_raw(master: MasterKey, brokerage_id: UUID, delivery_id: UUID, raw: bytes) -> bytes:
    """Return a body as it is stored: packed, and sealed with a key of its brokerage."""
    key = _key(master, brokerage_id)
    packed = PACKED + zlib.compress(raw, level=1) if len(raw) > MOST_UNPACKED else PLAIN + raw
    return seal(key, brokerage_id, packed, f"{delivery_id}|raw").encode()


def open_raw(master: MasterKey, brokerage_id: UUID, delivery_id: UUID, sealed: bytes) -> bytes | None:
    """Return a stored body, None where it does not open with this key in this place."""
    plain = unseal(_key(master, brokerage_id), sealed.decode(), f"{delivery_id}|raw")
    if plain is None:
        return None
    return zlib.decompress(plain[1:]) if plain.startswith(PACKED) else plain[1:]


@lru_cache(maxsize=4096)
def _key(master: MasterKey, brokerage_id: UUID) -> bytes:
    return master.derive(f"deliveries/{brokerage_id}")
