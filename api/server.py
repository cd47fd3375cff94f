"""The server's side of a connection: what is slow, endless or too large ends by itself.

uvicorn waits for ever for the head of a request, for the rest of a body that nobody reads, and for a client that does
not read its answer; it takes a head of any size. Deadlines are looked at once a second for all connections together,
so that they cost a request no more than a note of the time.
"""

import asyncio
import resource
import sys
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar, cast

import httptools
import orjson
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.errors import document
from api.middleware import HEADERS
from application.ids import new_id

MOST_FILES = 65_536
"""Connections and files that a process opens at most, where the machine lets it."""
STARTUP_FAILED = 3


class Breach(Exception):
    """A request that is not read to its end: the status that answers it, and why."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Gathering:
    """The writing side of a connection: what is written within one turn of the loop goes out together.

    uvicorn writes the head of an answer, then its body, and each would be a packet of its own.
    """

    MOST_HELD: ClassVar[int] = 65_536
    """Bytes; with more they go out at once, so that a client who does not read is noticed."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Tell whether the connection is, or will be, closed."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write at the end of this turn."""
        self._held.append(data)
        self._size += len(data)
        if self._size > self.MOST_HELD:
            self._let_go()
        elif len(self._held) == 1:
            self._loop.call_soon(self._let_go)

    def close(self) -> None:
        """Write what is held, then close."""
        self._let_go()
        self._transport.close()

    def _let_go(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))


class GuardedProtocol(HttpToolsProtocol):
    """A connection with deadlines and sizes."""

    HEAD_S: ClassVar[float] = 10.0
    """From the connection, or from an answer, to the end of the next request's head."""
    BODY_S: ClassVar[float] = 30.0
    """From the head to the end of the body."""
    UNREAD_S: ClassVar[float] = 60.0
    """How long a client may leave an answer unread."""
    LONGEST_TARGET: ClassVar[int] = 16_384
    """Bytes of path and query."""
    LARGEST_HEAD: ClassVar[int] = 65_536
    """Bytes of a request's headers."""
    MOST_HEADERS: ClassVar[int] = 100
    MOST_AHEAD: ClassVar[int] = 64
    """Requests that a client may send before the first is answered."""
    most_waiting: ClassVar[int] = 4_096
    """Connections that owe us a request or the rest of one; the one that owes longest makes room."""

    _waiting: ClassVar[dict["GuardedProtocol", None]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, Gathering(transport, self.loop))
        self._over = False  # nothing more is read
        self._breach: Breach | None = None
        self._head = 0  # bytes that came while a head was awaited
        self._due: float | None = None
        self._unread_since: float | None = None
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that grows without end is refused before it is whole."""
        if self._over:
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # we speak no other protocol: this request is the last
            self._over = True
            self.on_message_complete()
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(self._breach or Breach(HTTPStatus.BAD_REQUEST, "this is not HTTP"))
        else:
            if self._in_head and self._head > self.LARGEST_HEAD:
                self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        """Note that a request begins, be it before the last one is answered."""
        super().on_message_begin()
        if not self._in_head:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target. Raises Breach for one that is too long."""
        super().on_url(url)
        if len(self.url) > self.LONGEST_TARGET:
            most = f"path and query must not exceed {self.LONGEST_TARGET} bytes"
            raise self._remembered(Breach(HTTPStatus.REQUEST_URI_TOO_LONG, most))

    def on_headers_complete(self) -> None:
        """Take a whole head. Raises Breach for one that is too large, or sent too far ahead."""
        if len(self.headers) > self.MOST_HEADERS:
            most = f"a request must not have more than {self.MOST_HEADERS} headers"
            raise self._remembered(Breach(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, most))
        if self._head > self.LARGEST_HEAD and sum(len(n) + len(v) for n, v in self.headers) > self.LARGEST_HEAD:
            raise self._remembered(self._too_large())
        if len(self.pipeline) >= self.MOST_AHEAD:
            raise self._remembered(Breach(HTTPStatus.TOO_MANY_REQUESTS, "too many requests ahead of their answers"))
        self._in_head, self._head, self._due = False, 0, self.loop.time() + self.BODY_S
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is whole: the client owes nothing."""
        self._due = None
        self._waiting.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of one that was answered before it was whole."""
        further = bool(self.pipeline)
        super().on_response_complete()
        if self._due is None and not further and not self.transport.is_closing():
            self._wait_for_head()

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does."""
        self._unread_since = None
        super().resume_writing()

    def look(self, now: float) -> None:
        """End what is overdue at this time of the loop's clock."""
        if self._unread_since is not None and now - self._unread_since > self.UNREAD_S:
            self.transport.abort()
        elif self._due is None or now < self._due or self.transport.is_closing():
            return
        elif self.flow.read_paused or (self._in_head and self._answering()):
            self._due = now + self.BODY_S  # we did not read, or it is our turn: the client is not to blame
        elif self._in_head and self._head:
            self._refuse(Breach(HTTPStatus.REQUEST_TIMEOUT, f"no whole request after {self.HEAD_S:g} seconds"))
        elif self._answering():
            self._refuse(Breach(HTTPStatus.REQUEST_TIMEOUT, f"the body was not whole after {self.BODY_S:g} seconds"))
        else:
            self.transport.close()

    def _wait_for_head(self) -> None:
        self._in_head, self._due = True, self.loop.time() + self.HEAD_S
        waiting = self._waiting
        waiting.pop(self, None)
        waiting[self] = None
        if len(waiting) > self.most_waiting:
            longest = next(iter(waiting))
            del waiting[longest]
            longest.transport.abort()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _too_large(self) -> Breach:
        most = f"the headers of a request must not exceed {self.LARGEST_HEAD} bytes"
        return Breach(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, most)

    def _remembered(self, breach: Breach) -> Breach:
        self._breach = breach  # the parser keeps what its callbacks raise to itself
        return breach

    def _refuse(self, breach: Breach) -> None:
        """Answer a request that is not read to its end, where that cannot be taken for another's answer, and end."""
        self._over, self._due = True, None
        if self._answering() and (self._in_head or self.pipeline):
            self.cycle.keep_alive = False  # the answer that is under way is the last
        elif self._answering() and self.cycle.response_started:
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(answer_to(breach, self.server_state.default_headers))
            self.transport.close()


def answer_to(breach: Breach, usual: list[tuple[bytes, bytes]]) -> bytes:
    """Return the whole answer to a request that no application sees; `usual` are the server's headers."""
    identity = str(new_id(datetime.now(UTC)))
    body = orjson.dumps(document(breach.status, breach.status.phrase.capitalize(), breach.detail, identity))
    headers = [
        *usual, *HEADERS, (b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body)),
        (b"x-request-id", identity.encode()), (b"connection", b"close"),
    ]  # fmt: skip
    head = b"".join(b"%s: %s\r\n" % one for one in headers)
    return STATUS_LINE[breach.status] + head + b"\r\n" + body


class GuardedServer(uvicorn.Server):
    """A server that ends what is overdue."""

    async def on_tick(self, counter: int) -> bool:
        """Look after the connections once a second, and do what uvicorn does."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for one in list(self.server_state.connections):
                if isinstance(one, GuardedProtocol):
                    one.look(now)
        return await super().on_tick(counter)


def configuration(
    app: FastAPI, host: str, port: int, protocol: type[GuardedProtocol] = GuardedProtocol
) -> uvicorn.Config:
    """Return how the API is served."""
    return uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, loop="uvloop", http=protocol, ws="none",
        timeout_graceful_shutdown=20, server_header=False, backlog=2048, lifespan="on",
        proxy_headers=False,  # who called is judged by MASAR_TRUSTED_PROXIES alone
    )  # fmt: skip


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until told to stop; exits where it cannot start."""
    files = _more_files()
    GuardedProtocol.most_waiting = max(64, min(GuardedProtocol.most_waiting, files // 2))
    server = GuardedServer(configuration(app, host, port))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)


def _more_files() -> int:
    """Raise how many files this process may open as far as it may; return how many."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    if now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return max(now, wanted)
