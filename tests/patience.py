"""Waiting for what happens in its own time: the one way in which tests wait."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

PATIENCE_S: Final = 180.0
"""How long anything may take before it counts as not coming, in seconds: far more than a slow, busy machine needs.

It costs nothing where all is well. What must be quick is measured by `./masar bench`, never by a test.
"""
LOOK_EVERY_S: Final = 0.02
T = TypeVar("T")


def eventually(
    condition: Callable[[], T | None],
    what: str = "what was waited for",
    *,
    within_s: float = PATIENCE_S,
    despite: tuple[type[Exception], ...] = (),
) -> T:
    """Return the condition's first true answer; fail, naming `what`, if it gives none in time.

    An error out of `despite` is an answer that is not there yet; the last one is told with the failure.
    """
    deadline, last = time.monotonic() + within_s, None
    while True:
        try:
            if answer := condition():
                return answer
        except despite as error:
            last = error
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what} did not come within {within_s:g} s") from last
        time.sleep(LOOK_EVERY_S)


def run(story: Coroutine[Any, Any, None]) -> None:
    """Play a story on an event loop of its own; raises TimeoutError where it does not end in time."""

    async def patiently() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story

    asyncio.run(patiently())
