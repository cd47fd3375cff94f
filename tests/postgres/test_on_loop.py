"""Work on the event loop: whoever waits for Postgres lets others go on."""

import asyncio
import socket
from contextlib import closing
from typing import Any

import psycopg
import pytest

from adapters.postgres.on_loop import connect_on_loop, on_loop
from tests.patience import run

LOCK = "SELECT pg_advisory_lock(47)"


def asked(url: str, statement: str) -> Any:
    """Return the first row of an answer."""
    with closing(connect_on_loop(url, "masar_ingest")) as connection:
        return connection.execute(statement.encode()).fetchone()


def test_the_loop_goes_on_while_work_waits_for_postgres(shared_url: str) -> None:
    async def story() -> None:
        with psycopg.connect(shared_url, autocommit=True) as other:
            other.execute(LOCK)
            waiting = asyncio.create_task(on_loop(asked, shared_url, LOCK))
            while not other.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
                await asyncio.sleep(0.001)
            assert await on_loop(asked, shared_url, "SELECT 47") == (47,), "other work is not held up"
            assert not waiting.done()
            other.execute("SELECT pg_advisory_unlock(47)")
            assert await waiting == ("",)

    run(story())


def test_what_postgres_refuses_is_raised_where_it_was_asked(shared_url: str) -> None:
    def work() -> str:
        with closing(connect_on_loop(shared_url, "masar_ingest")) as connection:
            try:
                connection.execute("SELECT 1/0")
            except psycopg.errors.DivisionByZero:
                with connection.transaction():
                    connection.execute("SELECT 1")
                return "went on"
        return "was not told"

    async def story() -> None:
        assert await on_loop(work) == "went on"
        with pytest.raises(psycopg.errors.UndefinedTable):
            await on_loop(asked, shared_url, "SELECT FROM nowhere")

    run(story())


def test_a_database_that_does_not_answer_holds_up_nobody() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
            waiting = asyncio.create_task(on_loop(connect_on_loop, url, "masar_ingest"))
            came, _ = await asyncio.to_thread(silent.accept)
            assert not waiting.done()
            came.close()
        with pytest.raises(psycopg.OperationalError):
            await waiting

    run(story())
