"""Rebuilds several read models in one reading of the log; each is compared and swapped for itself."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self

from adapters.postgres.connections import connect
from adapters.postgres.facts import read_page
from adapters.postgres.rebuild import Rebuild, RebuildFailed
from projections.runner import LARGEST_PAGE, uncollected


class OnePass:
    """Rebuilds side by side: a page is read and decoded once. One that fails does not cost the others."""

    def __init__(self, url: str, names: Sequence[str]) -> None:
        self._names = names
        self._failed: dict[str, str] = {}
        self._rebuilds: dict[str, Rebuild] = {}
        with ExitStack() as opened:
            self._connection = opened.enter_context(connect(url, "masar_projector", by_index=True, name="rebuild"))
            for name in names:
                try:
                    self._rebuilds[name] = opened.enter_context(Rebuild(url, name))
                except RebuildFailed as refusal:
                    self._failed[name] = str(refusal)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def target(self) -> int:
        """Return how far the log has to be read."""
        return max((rebuild.target() for rebuild in self._rebuilds.values()), default=0)

    def run(self) -> Iterator[int]:
        """Read the log once and feed every rebuild up to its live one's position; yields how far it was read."""
        with uncollected():
            yield from self._run()

    def _run(self) -> Iterator[int]:
        active, position = dict(self._rebuilds), 0
        while active:
            kinds = sorted({kind for rebuild in active.values() for kind in rebuild.kinds})
            page = read_page(self._connection, position, LARGEST_PAGE, kinds)
            if page.to <= position:
                return
            position = page.to
            for name, rebuild in list(active.items()):
                try:
                    going_on = rebuild.take(page)
                except Exception as error:
                    self._fail(name, error)
                    going_on = False
                if not going_on:
                    del active[name]
            yield position

    def finish(self, *, swap: bool) -> list[dict[str, Any]]:
        """Finish each rebuild in a transaction of its own.

        Returns, in the order of the names, what `Rebuild.finish` returns, or projection and error where one failed.
        """
        return [self._finished(name, swap=swap) for name in self._names]

    def _finished(self, name: str, *, swap: bool) -> dict[str, Any]:
        if name not in self._failed:
            try:
                return self._rebuilds[name].finish(swap=swap)
            except Exception as error:
                self._fail(name, error)
        return {"projection": name, "error": self._failed[name], "equal": False, "swapped": False}

    def _fail(self, name: str, error: Exception) -> None:
        known = isinstance(error, RebuildFailed)
        self._failed[name] = str(error) if known else f"{name}: {type(error).__name__}: {error}"
