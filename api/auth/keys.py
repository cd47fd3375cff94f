"""Keys of producers, readers and operators: shown once, kept as a hash, revocable."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from api.errors import Refusal

KeyKind = Literal["producer", "reader", "operator"]
Scope = Literal["ingest", "read", "operate"]

SCOPES: dict[str, frozenset[str]] = {
    "producer": frozenset({"ingest"}),
    "reader": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
}
REMEMBERED_S = 2.0
"""How long a looked-up key is trusted without asking again, and so how soon a revocation holds."""
MOST_REMEMBERED = 10_000

ADD = "INSERT INTO auth.keys (key_id, brokerage_id, kind, producer, secret_hash) VALUES (%s, %s, %s, %s, %s)"
FIND = "SELECT key_id, brokerage_id, kind, producer, secret_hash FROM auth.find_key(%s)"
REVOKE = "UPDATE auth.keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: a key of one brokerage, and what it may do."""

    key_id: str
    brokerage_id: UUID
    kind: KeyKind
    producer: str

    def may(self, scope: Scope) -> bool:
        """Tell whether this kind of key has the scope."""
        return scope in SCOPES[self.kind]


def create_key(connection: Connection[Any], brokerage_id: UUID, kind: KeyKind, producer: str) -> str:
    """Store a new key and return its text, which nobody can get again.

    `producer` names who sends with it: a new key of the same producer goes on with the same ids.
    """
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32).replace("_", "-")
    connection.execute(ADD, (key_id, brokerage_id, kind, producer, sha256(secret.encode()).digest()))
    return f"masar_{kind}_{key_id}_{secret}"


def revoke_key(connection: Connection[Any], key_id: str) -> bool:
    """Revoke a key; False where there was none to revoke."""
    return connection.execute(REVOKE, (key_id,)).rowcount == 1


def split_key(text: str) -> tuple[str, bytes] | None:
    """Return a key's id and the hash of its secret; None for what is no key of ours."""
    parts = text.split("_", 3)
    if len(parts) != 4 or parts[0] != "masar" or parts[1] not in SCOPES or not parts[2].isalnum() or len(text) > 200:
        return None
    return parts[2], sha256(parts[3].encode("utf-8", "surrogatepass")).digest()


class Doorkeeper:
    """Says who is calling; remembers the answer for a moment."""

    def __init__(
        self, pool: AsyncConnectionPool[AsyncConnection[DictRow]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool, self._clock = pool, clock
        self._known: dict[str, tuple[float, bytes, Principal]] = {}

    async def principal(self, authorization: str | None, scope: Scope) -> Principal:
        """Return whose key it is. Raises Refusal 401 for no or a wrong key, 403 for one without the scope."""
        key = split_key(authorization[7:].strip()) if authorization and authorization[:7].lower() == "bearer " else None
        entry = await self._entry(key[0]) if key else None
        if key is None or entry is None or not hmac.compare_digest(entry[1], key[1]):
            raise Refusal(401, "Not authenticated", "a valid key is needed", headers={"WWW-Authenticate": "Bearer"})
        if not entry[2].may(scope):
            raise Refusal(403, "Not allowed", f"this key may not {scope}")
        return entry[2]

    async def _entry(self, key_id: str) -> tuple[float, bytes, Principal] | None:
        entry = self._known.get(key_id)
        if entry is not None and entry[0] >= self._clock():
            return entry
        async with self._pool.connection() as connection:
            row = await (await connection.execute(FIND, (key_id,))).fetchone()
        if row is None:
            self._known.pop(key_id, None)
            return None
        principal = Principal(row["key_id"], row["brokerage_id"], row["kind"], row["producer"])
        entry = (self._clock() + REMEMBERED_S, bytes(row["secret_hash"]), principal)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key_id] = entry
        return entry
