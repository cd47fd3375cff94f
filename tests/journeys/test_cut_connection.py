"""The connection to the database is cut around COMMIT: what was not acknowledged is sent again, and stored once."""

import asyncio
import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.batcher import Batcher
from adapters.postgres.on_loop import connect_on_loop
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.ports.touchpoints import Busy, Observed, Verdict
from domain.people.hints import PersonHints
from domain.tours.events import TourRoomVisited

MASTER = MasterKey(b"c" * 32)
BROKERAGE = UUID("11111111-2222-4333-8444-555555555555")
APPEND = b"append_and_flush"
When = Literal["before", "after"]


class Cutter:
    """Stands between us and Postgres and cuts a connection at its append.

    "before": the server never has it. "after": the server has done it, and nobody hears so.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        login = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self._listener.getsockname()[1]}"))
        self.when: When | None = None
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                deaf = threading.Event()
                threading.Thread(target=self._upstream, args=(client, server, deaf), daemon=True).start()
                threading.Thread(target=self._downstream, args=(client, server, deaf), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self.when is not None and APPEND in data:
                    when, self.when = self.when, None
                    self.cuts += 1
                    if when == "before":
                        break
                    deaf.set()
                server.sendall(data)
        _hang_up(client, server)

    def _downstream(self, client: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if deaf.is_set():
                    break
                client.sendall(data)
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


def room(nth: int) -> Observed:
    fact = TourRoomVisited(
        session_id=f"s{nth}", property_id="p", room="hall", dwell_s=3.0, occurred_at=datetime.now(UTC),
        hints=PersonHints(email=f"guest{nth}@mail.example"),
    )  # fmt: skip
    return Observed(BROKERAGE, "player", f"room-{nth}", fact, f"body {nth}".encode(), uuid4(), "EG", 300)


async def insist(batcher: Batcher, touchpoints: list[Observed]) -> tuple[list[Verdict], int]:
    """Send as a producer does: again and again until there is an answer; return it and how often it was refused."""
    for refused in range(50):
        with suppress(Busy):
            return await batcher.append(touchpoints), refused
    raise AssertionError("no answer after 50 tries")


@pytest.mark.parametrize(("when", "status"), [("before", "accepted"), ("after", "duplicate")])
def test_a_cut_append_is_refused_and_its_repeat_is_stored_once(own_url: str, when: When, status: str) -> None:
    cutter = Cutter(own_url)

    async def story() -> list[tuple[list[Verdict], int]]:
        batcher = Batcher(lambda: Writer(cutter.url, MASTER, connect_on_loop))
        answers = []
        for nth in range(5):
            cutter.when = when
            answers.append(await insist(batcher, [room(2 * nth), room(2 * nth + 1)]))
        await batcher.close()
        return answers

    answers = asyncio.run(story())
    cutter.close()
    assert cutter.cuts == 5
    assert [refused for _, refused in answers] == [1] * 5, "nobody was told that it was stored before it was known"
    assert {verdict.status for verdicts, _ in answers for verdict in verdicts} == {status}
    with psycopg.connect(own_url) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT originator_id) FROM log.masar_events").fetchone()
        people = connection.execute("SELECT count(*) FROM registry.identities WHERE hint = 'email'").fetchone()
    assert row == (10, 10)
    assert people == (10,), "a repeat finds the person of the first try"
