"""Keys are made, shown once, and revoked; what is kept of them is a hash."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection

from api.auth.origins import read_origin

KeyKind = Literal["producer", "reader", "operator", "browser"]
Scope = Literal["ingest", "read", "operate", "browse"]

SCOPES: dict[str, frozenset[str]] = {
    "producer": frozenset({"ingest"}),
    "reader": frozenset({"read"}),
    "operator": frozenset({"read", "operate"}),
    "browser": frozenset({"browse"}),
}
IN_BROWSERS = "browser:"
"""Before the producer's name of a browser key, so that no browser can take the ids of a server's touchpoints."""
ADD = """
INSERT INTO auth.keys (key_id, brokerage_id, kind, producer, secret_hash, origins) VALUES (%s, %s, %s, %s, %s, %s)
"""
REVOKE = "UPDATE auth.keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL"


class BadKey(ValueError):
    """A key cannot be made so; the message says why."""


def create_key(
    connection: Connection[Any], brokerage_id: UUID, kind: KeyKind, producer: str, origins: Sequence[str] = ()
) -> str:
    """Store a new key and return its text, which nobody can get again.

    `producer` names who sends with it: a new key of the same producer goes on with the same ids. `origins` are the
    sites of a browser key, as `read_origin` takes them. Raises BadKey and BadOrigin.
    """
    if (kind == "browser") != bool(origins):
        raise BadKey("a key for browsers names the origins of its sites, and no other kind of key does")
    if producer.startswith(IN_BROWSERS):
        raise BadKey(f"a producer's name must not begin with {IN_BROWSERS!r}")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32).replace("_", "-")
    sites = sorted({read_origin(one) for one in origins})
    name = IN_BROWSERS + producer if kind == "browser" else producer
    connection.execute(ADD, (key_id, brokerage_id, kind, name, sha256(secret.encode()).digest(), sites))
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
