"""What is written in one turn of the loop goes out together; nothing waits for what may never come."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from fastapi import FastAPI
from starlette.responses import StreamingResponse

from api.server import Gathering
from tests.api.test_connections import GET, Patient, serving
from tests.patience import PATIENCE_S


class Wire:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "a closed transport takes nothing"
        self.pieces.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


def told(story: Callable[[Wire, Gathering], Awaitable[None]]) -> list[bytes]:
    """Return the pieces that went out by the end of the turn after a story."""

    async def whole() -> list[bytes]:
        wire = Wire()
        await story(wire, Gathering(cast(Any, wire), asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return wire.pieces

    return asyncio.run(whole())


def test_head_and_body_are_one_piece() -> None:
    async def story(wire: Wire, out: Gathering) -> None:
        out.write(b"head ")
        out.write(b"body")
        assert wire.pieces == []

    assert told(story) == [b"head body"]


def test_another_turn_is_another_piece() -> None:
    async def story(wire: Wire, out: Gathering) -> None:
        out.write(b"head")
        await asyncio.sleep(0)
        out.write(b"event")

    assert told(story) == [b"head", b"event"]


def test_what_is_large_goes_at_once() -> None:
    async def story(wire: Wire, out: Gathering) -> None:
        out.write(b"head ")
        out.write(bytes(Gathering.MOST_HELD))
        assert [len(one) for one in wire.pieces] == [5 + Gathering.MOST_HELD]
        out.write(b"more")

    assert told(story)[1:] == [b"more"]


def test_closing_writes_first() -> None:
    async def story(wire: Wire, out: Gathering) -> None:
        out.write(b"last words")
        out.close()
        assert wire.closed

    assert told(story) == [b"last words"]


def test_nothing_is_written_to_a_connection_that_ended() -> None:
    async def story(wire: Wire, out: Gathering) -> None:
        out.write(b"too late")
        out.abort()

    assert told(story) == []


def test_the_head_of_a_stream_does_not_wait_for_its_first_piece() -> None:
    app, read = FastAPI(), threading.Event()

    @app.get("/")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            assert await asyncio.to_thread(read.wait, PATIENCE_S)
            yield b"the first"

        return StreamingResponse(pieces())

    with serving(Patient, app) as connect:
        connection = connect()
        connection.sendall(GET + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        read.set()
        came = b""
        while not came.endswith(b"0\r\n\r\n"):
            came += connection.recv(65_536)
        assert b"the first" in came
