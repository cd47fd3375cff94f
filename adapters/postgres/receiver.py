"""Writes a batch of webhooks: their facts, the deliveries as they came, and the desks of their threads, together."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
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
from application.ports.touchpoints import Observed, Problem, Verdict
from application.ports.webhooks import Delivery, Item, RefOf
from domain.messaging.desk import effects_of
from domain.messaging.events import PlatformTouchpoint
from domain.messaging.threads import thread_of
from domain.shared.fact import Channel

PACKED, PLAIN = b"z", b"-"
"""How a body begins that is compressed, and one that is not: those up to MOST_UNPACKED bytes are not worth it."""
MOST_UNPACKED = 2_000

DESK = (Ids, Ids, Ids, Ids, Texts, Texts, Times, Times, Integers)
"""Columns of what is done to desks: entry, thread, brokerage, subject, channel, account, when, arrived, effects."""


@dataclass(frozen=True, slots=True)
class _Seat:
    """What a fact does to a desk."""

    channel: Channel
    account_id: str
    effects: int
    arrived: datetime


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
        self._refused: dict[UUID, Problem] = {}
        self._ids: dict[int, UUID] = {}
        self._seats: dict[UUID, _Seat] = {}

    def append(self, connection: Connection[Any], stored: Sequence[StoredFact]) -> list[Appended | Problem]:
        """Store all; a value that the database refuses costs its own item only.

        `stored` are the batch's facts in their order, each name once.
        """
        self._match(stored)
        try:
            results = iter(self._store(connection, stored))
        except (psycopg.DataError, psycopg.IntegrityError):
            self._refused = {fact.originator_id: why for fact in stored if (why := _refusal(connection, fact))}
            good = [fact for fact in stored if fact.originator_id not in self._refused]
            results = iter(self._store(connection, good))
        return [self._refused.get(fact.originator_id) or next(results) for fact in stored]

    def _match(self, stored: Sequence[StoredFact]) -> None:
        """Note which entry each touchpoint has, and what it does to a desk."""
        following = iter(stored)
        known: dict[tuple[UUID, str, str], UUID] = {}
        for delivery in self._batch:
            for observed in delivery.facts:
                name = (observed.brokerage_id, observed.producer, observed.item_id)
                if name not in known:
                    known[name] = entry = next(following).originator_id
                    if (seat := _seat(observed, delivery.received_at)) is not None:
                        self._seats[entry] = seat
                self._ids[id(observed)] = known[name]

    def _store(self, connection: Connection[Any], stored: Sequence[StoredFact]) -> list[Appended]:
        by_id = {fact.originator_id: fact for fact in stored}
        arguments = (*touchpoint_columns(stored), *self._desks(stored), *self._deliveries(by_id))
        return appended(connection.execute(RECEIVE_AND_FLUSH, arguments, binary=True).fetchone(), stored)

    def _desks(self, stored: Sequence[StoredFact]) -> tuple[Array, ...]:
        rows = [
            (
                fact.originator_id, thread_of(fact.brokerage_id, seat.channel, seat.account_id, fact.subject_id),
                fact.brokerage_id, fact.subject_id, seat.channel, seat.account_id, fact.occurred_at, seat.arrived,
                seat.effects,
            )
            for fact in stored
            if (seat := self._seats.get(fact.originator_id)) is not None and fact.subject_id is not None
        ]  # fmt: skip
        columns = zip(*rows, strict=True) if rows else ((),) * len(DESK)
        return tuple(kind(column) for kind, column in zip(DESK, columns, strict=True))

    def _deliveries(self, stored: dict[UUID, StoredFact]) -> tuple[Array, ...]:
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
            Texts(_json([self._told(item, stored) for item in one.items]) for one in batch),
            Texts(self._subjects(one, stored) for one in batch),
            Blobs(seal_raw(self._master, one.brokerage_id, one.id, one.raw) for one in batch),
        )

    def _told(self, item: Item, stored: dict[UUID, StoredFact]) -> dict[str, Any]:
        """Return what is kept of an item beside the body; never the platform's id, which holds phone numbers."""
        told: dict[str, Any] = {"path": item.path, "account": item.account}
        if item.observed is None:
            told["problem"] = item.problem
            return told
        entry = self._ids[id(item.observed)]
        told["kind"] = item.observed.fact.kind
        if (refused := self._refused.get(entry)) is not None:
            told["problem"] = refused.message
        else:
            fact = stored[entry]
            told["event_id"], told["subject_id"] = entry, fact.subject_id
            told["content"] = fact.fingerprint.hex() if fact.fingerprint else None
        return told

    def _subjects(self, delivery: Delivery, stored: dict[UUID, StoredFact]) -> str:
        entries = (self._ids[id(one)] for one in delivery.facts)
        found = {fact.subject_id for one in entries if (fact := stored.get(one)) is not None}
        return "{" + ",".join(sorted(map(str, found))) + "}"


def _refusal(connection: Connection[Any], fact: StoredFact) -> Problem | None:
    """Return why the log would refuse a fact, None where it would take it; nothing is stored."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(APPEND_TOUCHPOINTS, touchpoint_columns([fact]), binary=True)
    except (psycopg.DataError, psycopg.IntegrityError) as refusal:
        return Problem("item", f"the log refuses it: {refusal.diag.message_primary or 'bad value'}")
    return None


def _seat(observed: Observed, arrived: datetime) -> _Seat | None:
    """Return what a fact means to its thread's desk, None for nothing."""
    fact = observed.fact
    effects = effects_of(fact)
    if not effects or not isinstance(fact, PlatformTouchpoint):
        return None
    return _Seat(fact.channel, fact.account_id, effects, arrived)


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
