"""Which address a request came from, as far as anybody may be believed about it."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from fastapi import Request
from starlette.types import Scope

FORWARDED = b"x-forwarded-for"
NETWORK = 64
"""Bits of an IPv6 address that name a household; the rest it chooses itself."""
NOBODY = "unknown"


def client_address(request: Request) -> str | None:
    """Return the address that the request came from, None where nobody can tell."""
    return address_of(request.scope, request.app.state.trusted_proxies)


def household(request: Request) -> str:
    """Return whose limits a request of this address counts towards."""
    return household_of(request.scope, request.app.state.trusted_proxies)


def address_of(scope: Scope, hops: int) -> str | None:
    """Return the address that a connection came from, None where nobody can tell.

    Each of `hops` trusted proxies appends to X-Forwarded-For who called it; what came before those entries anybody
    could have written. A request that did not pass all of them is known by who called us.
    """
    if hops:
        told = _told(scope["headers"])
        if len(told) >= hops and (address := _address(told[-hops])):
            return address
    return _address(_peer(scope))


def household_of(scope: Scope, hops: int) -> str:
    """Return the IPv4 address or the IPv6 network of a connection; `unknown` for what has none."""
    if not hops:
        return _household(_peer(scope))
    return _household(address_of(scope, hops) or "")


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _told(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    return ",".join(value.decode("latin-1") for name, value in headers if name == FORWARDED).split(",")


@lru_cache(maxsize=16_384)
def _household(text: str) -> str:
    address = _address(text)
    if address is None or ":" not in address:
        return address or NOBODY
    return str(ipaddress.ip_network((address, NETWORK), strict=False))


def _address(text: str) -> str | None:
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
