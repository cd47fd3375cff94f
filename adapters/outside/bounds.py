"""Bounds on what a platform answers: neither endless nor slower than anybody waits for.

A client's own timeout is about one read. An answer that comes drop by drop would hold a worker for as long as it likes,
and a large one would fill its memory.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of an answer as it comes over the wire: a page of 200 templates is a tenth of it."""


class Bounded(httpx.SyncByteStream):
    """The bytes of an answer up to a bound, and for so many seconds from its headers on."""

    def __init__(self, inner: Any, request: httpx.Request, within_s: float, most_bytes: int) -> None:
        self._inner, self._request, self._most = inner, request, most_bytes
        self._until = time.monotonic() + within_s

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes. Raises httpx.ReadError above the bound, httpx.ReadTimeout when the time is over."""
        read = 0
        for chunk in self._inner:
            read += len(chunk)
            if read > self._most:
                raise httpx.ReadError(f"more than {self._most} bytes", request=self._request)
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the whole answer took too long", request=self._request)
            yield chunk

    def close(self) -> None:
        """Let the connection go; what was not read of it is never read."""
        self._inner.close()


def bounded(within_s: float, most_bytes: int = MOST_BYTES) -> dict[str, list[Callable[[httpx.Response], None]]]:
    """Return the event hooks of a client whose answers keep within bounds."""

    def bind(response: httpx.Response) -> None:
        response.stream = Bounded(response.stream, response.request, within_s, most_bytes)

    return {"response": [bind]}
