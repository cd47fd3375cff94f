"""Keys are made, shown once, and revoked; what is kept of them is a hash."""

import secrets
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

KeyKind = Literal["producer", "reader", "operator"]
Scope = Literal["ingest", "read", "operate"]

SCOPES: dict[str, frozenset[str]] = {
    "producer": frozenset({"ingest"}),
    "reader": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
}
ADD = "INSERT INTO auth.keys (key_id, brokerage_id, kind, producer, secret_hash) VALUES (%s, %s, %s, %s, %s)"
REVOKE = "UPDATE auth.keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL"


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
