"""Names looked up once, and connections to the very address that was looked at, all within one deadline."""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from ipaddress import ip_address
from typing import Any

import httpcore

from adapters.outside.addresses import Address, Place, Rules, not_public
from adapters.outside.errors import NotReached

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host, best first. Raises OSError."""

LOOK_UP_S = 5.0
CONNECT_S = 5.0
_LOOKING_UP = ThreadPoolExecutor(16, thread_name_prefix="look-up")
"""The system's resolver knows no time limit: a name that hangs costs one of these threads, not ours."""


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Deadline:
    """How much time a call has left, in all its parts together."""

    def __init__(self, within_s: float) -> None:
        self._until = time.monotonic() + within_s

    def left_s(self, most_s: float | None = None) -> float:
        """Return the seconds left, at most `most_s`. Raises NotReached where there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise NotReached("timeout")
        return left if most_s is None else min(left, most_s)


def look_up(place: Place, rules: Rules, deadline: Deadline, resolve: Resolve = system_resolve) -> list[Address]:
    """Return the addresses of a place, each of them public. Raises NotReached.

    One refused address among several refuses the name: who mixes them wants us to pick the wrong one.
    """
    literal = place.literal()
    found = [literal] if literal is not None else _resolved(place, deadline, resolve)
    if not rules.excepts(place):
        for address in found:
            if (why := not_public(address)) is not None:
                raise NotReached("refused_address", why)
    return found


def _resolved(place: Place, deadline: Deadline, resolve: Resolve) -> list[Address]:
    asked = _LOOKING_UP.submit(resolve, place.host, place.port)
    try:
        texts = asked.result(timeout=deadline.left_s(LOOK_UP_S))
    except NotInTime:
        asked.cancel()
        raise NotReached("timeout", "its name could not be looked up") from None
    except (OSError, UnicodeError):
        raise NotReached("unknown_host", place.host) from None
    try:
        found = [ip_address(one) for one in texts]
    except ValueError:  # an address with a zone: link-local
        raise NotReached("refused_address", "link-local") from None
    if not found:
        raise NotReached("unknown_host", place.host)
    return found


class BoundedStream(httpcore.NetworkStream):
    """A connection whose every read and write ends with the deadline of the whole call."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read some bytes."""
        return self._inner.read(max_bytes, self._deadline.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all bytes."""
        self._inner.write(buffer, self._deadline.left_s(timeout))

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted, the certificate checked for the name that was asked for."""
        left = self._deadline.left_s(timeout)
        return BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._inner.get_extra_info(info)


class CheckedAddresses(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and never looks a name up again: it may answer otherwise by then."""

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._addresses, self._deadline = addresses, deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Connect to the first address that answers, whatever the name. Raises httpcore.ConnectError."""
        last: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            left = self._deadline.left_s(CONNECT_S if timeout is None else timeout)
            try:
                inner = self._backend.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                last = refused
            else:
                return BoundedStream(inner, self._deadline)
        raise last

    def connect_unix_socket(
        self, path: str, timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Never."""
        raise NotReached("refused_address", "a socket of this machine")
