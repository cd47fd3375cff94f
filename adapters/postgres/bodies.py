"""The bodies of requests: kept outside the log, compressed and sealed with a key of their brokerage."""

import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from adapters.sealing import MasterKey, seal, unseal


def seal_body(master: MasterKey, brokerage_id: UUID, request_id: UUID, content: Mapping[str, Any]) -> bytes:
    """Return a body as it is stored."""
    plain = zlib.compress(orjson.dumps(dict(content)), level=1)
    return seal(_key(master, brokerage_id), brokerage_id, plain, _place(request_id)).encode()


def open_body(master: MasterKey, brokerage_id: UUID, request_id: UUID, sealed: bytes) -> dict[str, Any] | None:
    """Return a stored body, None where it does not open with this key in this place."""
    plain = unseal(_key(master, brokerage_id), sealed.decode(), _place(request_id))
    if plain is None:
        return None
    content: dict[str, Any] = orjson.loads(zlib.decompress(plain))
    return content


def _key(master: MasterKey, brokerage_id: UUID) -> bytes:
    return master.derive(f"bodies/{brokerage_id}")


def _place(request_id: UUID) -> str:
    return f"{request_id}|body"
