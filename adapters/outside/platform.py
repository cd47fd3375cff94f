"""The HTTP client of a platform that our own settings name. Addresses from others go through the guarded one."""

import ssl
from functools import cache
from typing import Final

import httpx

from adapters.outside.bounds import bounded

CONNECT_S: Final = 3.0
"""For a connection: who does not take one within it is not there."""


def platform_client(base_url: str, timeout_s: float, limits: httpx.Limits | None = None) -> httpx.Client:
    """Return a client of a platform's host that waits `timeout_s` seconds for an answer, which is bounded.

    Redirects are not followed, since they would carry the token elsewhere; proxies of the environment are honoured.
    """
    return httpx.Client(
        base_url=base_url,
        timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
        limits=limits or httpx.Limits(),
        follow_redirects=False,
        event_hooks=bounded(timeout_s),
        verify=_certificates(),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read the authorities we believe once for all clients: they take a megabyte and a good moment each time."""
    return httpx.create_ssl_context()
