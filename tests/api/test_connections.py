"""Connections over real sockets: who is slow, endless or too large is shown the door, and others are served."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar

import pytest
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from api.server import GuardedProtocol, GuardedServer, configuration
from tests.patience import eventually

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1"
WHOLE = GET + b"\r\n"


class Patient(GuardedProtocol):
    """Waits for ever, so that nothing but sizes counts."""

    HEAD_S = BODY_S = UNREAD_S = 3_600.0


class Hasty(GuardedProtocol):
    """Waits for nothing."""

    HEAD_S = BODY_S = UNREAD_S = 0.0
    looked: ClassVar[set[float]] = set()

    def look(self, now: float) -> None:
        """Note the time of each look."""
        self.looked.add(now)
        super().look(now)


class Crowded(Patient):
    """Has few places to wait in."""

    most_waiting = 8
    _waiting = {}  # noqa: RUF012 - of its own


class Ended:
    """Whether the stream that nobody reads has ended."""

    def __init__(self) -> None:
        self.event = threading.Event()


def application(ended: Ended | None = None) -> FastAPI:
    """Return an application that answers at once, reads a body, or streams for ever."""
    app = FastAPI()

    @app.get("/")
    async def hello() -> Response:
        return Response("hello")

    @app.post("/answers")
    async def answers() -> Response:
        return Response("no need to read")

    @app.post("/reads")
    async def reads(request: Request) -> Response:
        return Response(await request.body())

    @app.get("/waits")
    async def waits() -> Response:
        looks = len(Hasty.looked)
        while len(Hasty.looked) < looks + 2:
            await asyncio.sleep(0.01)
        return Response("waited")

    @app.get("/streams")
    async def streams() -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1_000_000)
                    await asyncio.sleep(0)  # others have their turn
            finally:
                if ended:
                    ended.event.set()

        return StreamingResponse(pieces())

    return app


@contextmanager
def serving(protocol: type[GuardedProtocol], app: FastAPI | None = None) -> Iterator[Callable[[], socket.socket]]:
    """Yield what makes a connection to a running server."""
    server = GuardedServer(configuration(app or application(), "127.0.0.1", 0, protocol))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    opened: list[socket.socket] = []

    def connection() -> socket.socket:
        opened.append(socket.create_connection(server.servers[0].sockets[0].getsockname()[:2], timeout=60))
        return opened[-1]

    try:
        eventually(lambda: server.started)
        yield connection
    finally:
        for one in opened:
            one.close()
        server.should_exit = True
        thread.join(timeout=30)


@pytest.fixture(scope="module")
def patient() -> Iterator[Callable[[], socket.socket]]:
    with serving(Patient) as connect:
        yield connect


@pytest.fixture(scope="module")
def hasty() -> Iterator[Callable[[], socket.socket]]:
    with serving(Hasty) as connect:
        yield connect


def sent(connection: socket.socket, data: bytes) -> bytes:
    """Send as much as is taken; return all that comes until the connection ends."""
    with suppress(ConnectionError):
        connection.sendall(data)
    return rest(connection)


def rest(connection: socket.socket) -> bytes:
    """Return all that comes until the connection ends."""
    came = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            came += piece
    return came


def told(connect: Callable[[], socket.socket], data: bytes) -> bytes:
    """Return the answer to this; who is slow to send it may be shut out before, and tries again."""
    return eventually(lambda: sent(connect(), data), "an answer")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def answered(connection: socket.socket) -> bool:
    """Tell whether a whole request is answered on a connection that goes on."""
    connection.sendall(WHOLE)
    return b"hello" in connection.recv(65_536)


# What does not come.


def test_a_connection_that_says_nothing_ends(hasty: Callable[[], socket.socket]) -> None:
    assert rest(hasty()) == b""


def test_a_head_that_does_not_come_is_told_so(hasty: Callable[[], socket.socket]) -> None:
    answer = told(hasty, GET)
    assert status(answer) == 408
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"connection: close" in head
    assert json.loads(body)["title"] == "Request timeout"


def test_a_body_that_does_not_come_is_told_so(hasty: Callable[[], socket.socket]) -> None:
    answer = told(hasty, POST % b"reads")
    assert status(answer) == 408
    assert b"connection: close" in answer
    assert b"the body was not whole" in answer


def test_a_body_that_nobody_waits_for_ends_the_connection(hasty: Callable[[], socket.socket]) -> None:
    assert b"no need" in told(hasty, POST % b"answers")


def test_empty_lines_keep_no_connection(hasty: Callable[[], socket.socket]) -> None:
    assert status(told(hasty, b"\r\n\r\n")) == 408


def test_an_answer_under_way_is_not_cut_by_half_a_further_request(hasty: Callable[[], socket.socket]) -> None:
    answer = told(hasty, b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\nGET /half")
    assert status(answer) == 200
    assert b"waited" in answer


def test_who_does_not_read_the_answer_is_left() -> None:
    ended = Ended()
    with serving(Hasty, application(ended)) as connect:

        def asked() -> bool:
            connect().sendall(b"GET /streams HTTP/1.1\r\nHost: x\r\n\r\n")
            return ended.event.wait(5)

        assert eventually(asked, "the end of what nobody reads", despite=(ConnectionError,))


# What is too much.


def headers(number: int) -> bytes:
    return b"".join(b"x-%d: y\r\n" % nth for nth in range(number))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /?" + b"a=%00&" * 20_000, 414),
        (b"GET /" + b"a" * 3_000_000, 414),
        (GET + headers(99) + b"Connection: close\r\n\r\n", 431),
        (GET + headers(98) + b"Connection: close\r\n\r\n", 200),
        (GET + b"x: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (GET + b"x: " + b"y" * 3_000_000, 431),
        (GET + b"".join(b"x-%d: %s\r\n" % (nth, b"y" * 5_000) for nth in range(20)) + b"\r\n", 431),
        (GET + headers(1_000_000), 431),
        (GET + b"x: " + b"y" * 50_000 + b"\r\nConnection: close\r\n\r\n", 200),
        (b"\x16\x03\x01\x02\x00", 400),
        (b"GET\r\n\r\n", 400),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
    ids=str,
)
def test_what_is_too_much_or_no_http_is_refused(
    patient: Callable[[], socket.socket], data: bytes, expected: int
) -> None:
    answer = sent(patient(), data)
    if answer or len(data) < 1_000_000:  # a reset may overtake the answer to who goes on sending
        assert status(answer) == expected
    assert answered(patient())


def test_another_protocol_is_not_spoken(patient: Callable[[], socket.socket]) -> None:
    upgrade = GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = sent(patient(), upgrade + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert status(answer) == 200
    assert answer.count(b"HTTP/1.1") == 1


def test_who_sends_far_ahead_gets_what_was_taken_and_no_more(patient: Callable[[], socket.socket]) -> None:
    answer = sent(patient(), WHOLE * 1_000)
    assert 1 <= answer.count(b"hello") <= Patient.MOST_AHEAD + 1
    assert answer.count(b"HTTP/1.1 200") == answer.count(b"hello")


def test_a_crowd_of_slow_connections_leaves_room_for_others() -> None:
    with serving(Crowded) as connect:
        crowd = [connect() for _ in range(40)]
        for one in crowd:
            one.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        one = connect()
        assert answered(one)
        assert answered(one)
        assert rest(crowd[0]) == b""
