"""Work written for a thread, done on the event loop: while it waits for Postgres the loop goes on.

A thread beside the loop would share the interpreter with it, and hand it over at every turn of either: at thousands of
requests a second that costs a tenth of them.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

from psycopg import Connection
from psycopg.waiting import wait_async
from sqlalchemy.util import await_only, greenlet_spawn

from adapters.postgres.connections import Connect, connect

Asked = ParamSpec("Asked")
Given = TypeVar("Given")


class LoopConnection(Connection[Any]):
    """A connection that is waited for on the loop."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Return what psycopg's steps return; the loop goes on while they wait."""
        return await_only(wait_async(gen, self.pgconn.socket, interval, timeout))


async def on_loop(work: Callable[Asked, Given], *args: Asked.args, **named: Asked.kwargs) -> Given:
    """Return what the work returns. Only what waits for a connection of `connect_on_loop` lets others go on."""
    return await greenlet_spawn(partial(work, *args, **named))


def in_thread(work: Callable[Asked, Given], *args: Asked.args, **named: Asked.kwargs) -> Given:
    """Return, to work on the loop, what this returns: it blocks, and so has a thread."""
    return await_only(asyncio.to_thread(work, *args, **named))


connect_on_loop: Connect = partial(in_thread, partial(connect, kind=LoopConnection))
"""Opens connections for work on the loop."""
