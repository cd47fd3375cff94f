"""The live tail of messaging: what was committed after a position, read once per brokerage and process for all."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.postgres.connections import as_brokerage, conninfo
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import MARK, is_sealed
from domain.catalogue import BY_KIND
from domain.messaging.threads import thread_of
from domain.shared.personal import Erased, Sealed

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

PAGE = 500
"""Facts read at once; fewer than this means that the end was reached."""
MOST_QUEUED = 1_000
"""Events that wait for one subscriber; one that is slower reads for itself from where it stands."""
BREATH_S = 0.02
"""Between two looks of a tail, however often it is woken: the log is written for much else as well."""
LOOK_S = 5.0
"""Between looks where no notice came."""
AWAY_S = 0.5
"""How long a database that does not answer is left alone."""

KINDS: Mapping[str, str] = {
    kind: kind.removeprefix("messaging.").rsplit(".", 1)[0] for kind in BY_KIND if kind.startswith("messaging.")
}
"""Kind of a fact → type of its event; a newer version of a kind keeps its type."""
TYPES = frozenset(KINDS.values())
OPENED = ("text", "content", "emoji")
"""Personal fields that an event shows."""
HIDDEN = frozenset({
    "hints", "hint_kinds", "platform_id", "page_url", "utm", "listing", "browser_event", "unverified", "occurred_at",
    "channel", "account_id", "thread_id", "test", "origin",
})  # fmt: skip
"""Fields that an event shows elsewhere or not at all."""

# One look per kind by the index (brokerage, kind, position); a single condition over all kinds would sort them all.
READ = """
SELECT e.* FROM unnest(%(kinds)s::text[]) AS wanted (topic)
 CROSS JOIN LATERAL (
   SELECT notification_id, originator_id, originator_version, topic, state, subject_id, occurred_at, recorded_at
     FROM log.masar_events
    WHERE brokerage_id = %(brokerage_id)s AND topic = wanted.topic AND notification_id > %(after)s
    ORDER BY notification_id LIMIT %(limit)s) e
 ORDER BY e.notification_id LIMIT %(limit)s
"""
NEWEST = """
SELECT coalesce(max(e.notification_id), 0) AS position FROM unnest(%(kinds)s::text[]) AS wanted (topic)
 CROSS JOIN LATERAL (
   SELECT notification_id FROM log.masar_events
    WHERE brokerage_id = %(brokerage_id)s AND topic = wanted.topic ORDER BY notification_id DESC LIMIT 1) e
"""
HAS_MESSAGES = "SELECT to_regclass('read_models.messages') IS NOT NULL AS there"
THREADS_OF = "SELECT ref, thread_id FROM read_models.messages WHERE ref = ANY(%s) AND thread_id IS NOT NULL"

log = structlog.get_logger("masar.live")


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One fact of messaging as subscribers see it; `data` is JSON, `thread_id` None for what concerns no thread."""

    position: int
    type: str
    thread_id: UUID | None
    data: bytes


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscriber's share of a tail; nothing in it is lost silently: `behind` says that events went by."""

    brokerage_id: UUID
    joined_at: int
    events: deque[LiveEvent] = field(default_factory=deque)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    behind: bool = False
    seen: int = 0

    def put(self, events: Sequence[LiveEvent], seen: int) -> None:
        """Take what the tail read, which has seen all up to a position; what does not fit is left to be read later."""
        if not self.behind and len(self.events) + len(events) > MOST_QUEUED:
            self.events.clear()
            self.behind = True
        if not self.behind:
            self.events.extend(events)
            self.seen = seen
        if events or self.behind:
            self.bell.set()


class Reader:
    """Reads and opens pages of messaging facts of one brokerage."""

    def __init__(self, pool: Pool, keyring: KeyRing) -> None:
        self._pool, self._keyring = pool, keyring
        self._has_messages = False

    async def newest(self, brokerage_id: UUID) -> int:
        """Return the last committed position of messaging in a brokerage, 0 before any."""
        asked = {"brokerage_id": brokerage_id, "kinds": list(KINDS)}
        async with as_brokerage(self._pool, brokerage_id) as connection:
            row = await (await connection.execute(NEWEST, asked)).fetchone()
        return int(row["position"]) if row else 0

    async def page(self, brokerage_id: UUID, after: int, kinds: Sequence[str] | None = None) -> list[LiveEvent]:
        """Return up to PAGE events after a position, in order."""
        asked = {"brokerage_id": brokerage_id, "after": after, "kinds": list(kinds or KINDS), "limit": PAGE}
        async with as_brokerage(self._pool, brokerage_id) as connection:
            rows = await (await connection.execute(READ, asked)).fetchall()
            threads = await self._threads(connection, rows)
        return await asyncio.to_thread(self._shown, brokerage_id, rows, threads) if rows else []

    async def _threads(self, connection: AsyncConnection[DictRow], rows: Sequence[DictRow]) -> dict[UUID, UUID]:
        """Return the threads of receipts that do not name theirs, where the message that they speak of is known."""
        refs = []
        for row in rows:
            if row["topic"].startswith("messaging.receipt_received."):
                state = orjson.loads(row["state"])
                if "thread_id" not in state and "ref" in state:
                    refs.append(UUID(state["ref"]))
        if not refs:
            return {}
        if not self._has_messages:
            found = await (await connection.execute(HAS_MESSAGES)).fetchone()
            self._has_messages = bool(found and found["there"])
        if not self._has_messages:
            return {}
        known = await (await connection.execute(THREADS_OF, (refs,))).fetchall()
        return {UUID(str(row["ref"])): UUID(str(row["thread_id"])) for row in known}

    def _shown(self, brokerage_id: UUID, rows: Sequence[DictRow], threads: Mapping[UUID, UUID]) -> list[LiveEvent]:
        states = [orjson.loads(row["state"]) for row in rows]
        sealed = [
            (at, name, Sealed(state[name][MARK], row["originator_id"], row["originator_version"], name))
            for at, (row, state) in enumerate(zip(rows, states, strict=True))
            for name in OPENED
            if is_sealed(state.get(name))
        ]
        for (at, name, _), value in zip(sealed, self._keyring.open_all([one[2] for one in sealed]), strict=True):
            states[at][name] = {"erased": True} if isinstance(value, Erased) else shown_content(name, value)
        return [
            event_of(brokerage_id, row, state, threads) for row, state in zip(rows, states, strict=True)
        ]  # fmt: skip


def shown_content(name: str, value: Any) -> Any:
    """Return an opened field as it is shown: of a file its name and type, not where the platform keeps it."""
    if name != "content" or not isinstance(value, dict):
        return value
    media = value.get("media")
    if isinstance(media, dict):
        value["media"] = _of_file(media)
    if isinstance(value.get("files"), list):
        value["files"] = [_of_file(one) for one in value["files"]]
    return value


def _of_file(media: Mapping[str, Any]) -> dict[str, Any]:
    return {key: media[key] for key in ("type", "mime_type", "filename", "animated") if media.get(key)}


def event_of(
    brokerage_id: UUID, row: Mapping[str, Any], state: dict[str, Any], threads: Mapping[UUID, UUID]
) -> LiveEvent:
    """Return a fact as an event; `threads` has those of receipts that name none, by ref."""
    thread_id = _thread(brokerage_id, row, state, threads)
    version = row["originator_version"]
    name = str(row["originator_id"]) if version == 1 else f"{row['originator_id']}.{version}"
    shown = {key: value for key, value in state.items() if key not in HIDDEN and not is_sealed(value)}
    document = {
        "type": KINDS[row["topic"]], "id": name, "position": row["notification_id"], "thread_id": thread_id,
        "channel": state.get("channel"), "account_id": state.get("account_id"),
        "occurred_at": row["occurred_at"], "recorded_at": row["recorded_at"], **shown,
    }  # fmt: skip
    return LiveEvent(row["notification_id"], KINDS[row["topic"]], thread_id, orjson.dumps(document))


def _thread(
    brokerage_id: UUID, row: Mapping[str, Any], state: Mapping[str, Any], threads: Mapping[UUID, UUID]
) -> UUID | None:
    if named := state.get("thread_id"):
        return UUID(named)
    if (ref := state.get("ref")) and (known := threads.get(UUID(ref))):
        return known
    if row["subject_id"] and "channel" in state and "account_id" in state and "about" not in state:
        return thread_of(brokerage_id, state["channel"], state["account_id"], row["subject_id"])
    return None


class Tail:
    """Follows the log of one brokerage for all its subscribers in this process."""

    def __init__(self, reader: Reader, brokerage_id: UUID, position: int) -> None:
        self._reader, self._brokerage_id = reader, brokerage_id
        self.position = position
        self.subscribers: set[Subscription] = set()
        self.bell = asyncio.Event()

    async def run(self) -> None:
        """Read on whenever the bell rings; the position moves only past what was handed out."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.bell.wait(), LOOK_S)
            self.bell.clear()
            try:
                while len(await self.step()) == PAGE:
                    pass
            except (psycopg.OperationalError, PoolTimeout) as away:
                log.warning("database_away", error=type(away).__name__)
                await asyncio.sleep(AWAY_S)
                self.bell.set()
            except Exception:
                log.exception("tail_broke")
                await asyncio.sleep(LOOK_S)
                self.bell.set()
            await asyncio.sleep(BREATH_S)

    async def step(self) -> list[LiveEvent]:
        """Read one page and hand it out."""
        events = await self._reader.page(self._brokerage_id, self.position)
        if events:
            self.position = events[-1].position
        for one in list(self.subscribers):
            one.put(events, self.position)
        return events


class Live:
    """All tails of a process, woken by one LISTEN connection; a tail ends with its last subscriber."""

    def __init__(self, url: str, pool: Pool, keyring: KeyRing) -> None:
        self.reader = Reader(pool, keyring)
        self.closing = asyncio.Event()
        self._url = url
        self._tails: dict[UUID, Tail] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def join(self, brokerage_id: UUID) -> Subscription:
        """Return a subscription that gets everything after `joined_at`, which is committed."""
        if brokerage_id not in self._tails:
            position = await self.reader.newest(brokerage_id)
            if brokerage_id not in self._tails:
                tail = Tail(self.reader, brokerage_id, position)
                self._tails[brokerage_id] = tail
                self._tasks[brokerage_id] = asyncio.create_task(tail.run())
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        tail = self._tails[brokerage_id]
        tail.bell.set()
        joined = Subscription(brokerage_id, tail.position, seen=tail.position)
        tail.subscribers.add(joined)
        return joined

    def rejoin(self, subscription: Subscription) -> None:
        """Take part again after events went by: everything after the new `joined_at` comes."""
        subscription.events.clear()
        subscription.behind = False
        subscription.joined_at = subscription.seen = self._tails[subscription.brokerage_id].position

    def leave(self, subscription: Subscription) -> None:
        """End a subscription."""
        tail = self._tails.get(subscription.brokerage_id)
        if tail is None:
            return
        tail.subscribers.discard(subscription)
        if not tail.subscribers:
            del self._tails[subscription.brokerage_id]
            self._tasks.pop(subscription.brokerage_id).cancel()

    def stop(self) -> None:
        """Tell all subscribers that the process ends; to be called in the loop."""
        self.closing.set()

    async def close(self) -> None:
        """End everything."""
        self.closing.set()
        tasks = [one for one in (*self._tasks.values(), self._listening) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tails.clear()
        self._tasks.clear()

    async def _listen(self) -> None:
        """Ring all bells whenever facts were appended, and after every break of the connection."""
        while True:
            try:
                info = conninfo(self._url, "masar_app", name="live")
                async with await AsyncConnection.connect(info, autocommit=True) as connection:
                    await connection.execute("LISTEN masar_log")
                    self._ring()
                    async for _ in connection.notifies():
                        self._ring()
            except psycopg.Error as lost:
                log.warning("listen_lost", error=type(lost).__name__)
            await asyncio.sleep(AWAY_S)

    def _ring(self) -> None:
        for tail in self._tails.values():
            tail.bell.set()
