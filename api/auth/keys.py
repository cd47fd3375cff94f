"""Keys of producers, readers, operators and browsers: shown once, kept as a hash, revocable."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from api.auth.issuing import SCOPES, KeyKind, Scope, split_key
from api.errors import Refusal

REMEMBERED_S = 2.0
"""How long a looked-up key is trusted without asking again, and so how soon a revocation holds."""
MOST_REMEMBERED = 10_000

FIND = "SELECT key_id, brokerage_id, kind, producer, secret_hash, origins FROM auth.find_key(%s)"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a key of one brokerage, and what it may do; a browser's only from pages of its `origins`."""

    key_id: str
    brokerage_id: UUID
    kind: KeyKind
    producer: str
    origins: tuple[str, ...] = ()

    def may(self, scope: Scope) -> bool:
        """Tell whether this kind of key has the scope."""
        return scope in SCOPES[self.kind]


def shown_key(authorization: str | None) -> str | None:
    """Return the key of an Authorization header, None where it shows none."""
    return authorization[7:].strip() if authorization and authorization[:7].lower() == "bearer " else None


class Doorkeeper:
    """Says who is calling; remembers the answer for a moment."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[DictRow]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool, self._clock = pool, clock
        self._known: dict[str, tuple[float, bytes, Principal]] = {}

    async def principal(self, authorization: str | None, scope: Scope) -> Principal:
        """Return whose key the header shows. Raises Refusal as `holder`."""
        return await self.holder(shown_key(authorization), scope)

    async def holder(self, text: str | None, scope: Scope) -> Principal:
        """Return whose key it is. Raises Refusal 401 for no or a wrong key, 403 for one without the scope."""
        key = split_key(text) if text else None
        entry = await self._entry(key[0]) if key else None
        if key is None or entry is None or not hmac.compare_digest(entry[1], key[1]):
            raise Refusal(401, "Not authenticated", "a valid key is needed", headers={"WWW-Authenticate": "Bearer"})
        if not entry[2].may(scope):
            raise Refusal(403, "Not allowed", f"this key may not {scope}")
        return entry[2]

    def remembers(self, text: str | None) -> bool:
        """Tell whether a key opened a door of this process before, as far as it remembers; nobody is asked."""
        key = split_key(text) if text else None
        entry = self._known.get(key[0]) if key else None
        return key is not None and entry is not None and hmac.compare_digest(entry[1], key[1])

    async def _entry(self, key_id: str) -> tuple[float, bytes, Principal] | None:
        entry = self._known.get(key_id)
        if entry is not None and entry[0] >= self._clock():
            return entry
        async with self._pool.connection() as connection:
            row = await (await connection.execute(FIND, (key_id,))).fetchone()
        if row is None:
            self._known.pop(key_id, None)
            return None
        principal = Principal(row["key_id"], row["brokerage_id"], row["kind"], row["producer"], tuple(row["origins"]))
        entry = (self._clock() + REMEMBERED_S, bytes(row["secret_hash"]), principal)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key_id] = entry
        return entry
