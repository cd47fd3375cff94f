"""The same limits in several processes: each learns from the others what was taken."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import structlog
from redis import RedisError

from adapters.redis.shared_amounts import SharedAmounts
from api.rates import Rates
from api.settings import Settings

EVERY_S, LATER_S = 1.0, 10.0
"""Between two exchanges with the other processes; after one that failed."""
MOST_TOLD = 1_000
"""Buckets told at a time, those most was taken from: the small ones harm nobody."""
MOST_REMEMBERED = 20_000
"""Sums of buckets that are kept to compare with: the newest."""

log = structlog.get_logger("masar.limits")


class Amounts(Protocol):
    """Adds up what all processes took."""

    def add(self, taken: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """Return the sums, with what was taken here added."""


class Sharing:
    """Makes the same buckets of several processes one, about: each learns every second what the others took.

    No request waits for it; without Redis, or while it is away, each process counts for itself.
    """

    def __init__(self, rates: Mapping[str, Rates], amounts: Amounts) -> None:
        self._rates, self._amounts = rates, amounts
        self._sums: dict[tuple[str, str], int] = {}
        for one in rates.values():
            one.share()

    async def run(self) -> None:
        """Exchange for ever; ends by being cancelled."""
        away = False
        while True:
            await asyncio.sleep(LATER_S if away else EVERY_S)
            taken = self.taken()
            if not taken:
                continue
            try:
                sums = await asyncio.to_thread(self._amounts.add, taken)
            except RedisError as error:
                if not away:
                    log.warning("limits_not_shared", error=type(error).__name__)
                away = True
            else:
                away = False
                self.learn(taken, sums)

    def taken(self) -> dict[tuple[str, str], int]:
        """Return what was taken here since this was asked last, by bucket and whose."""
        taken = {(name, whose): n for name, one in self._rates.items() for whose, n in one.told().items()}
        if len(taken) <= MOST_TOLD:
            return taken
        return dict(sorted(taken.items(), key=lambda one: -one[1])[:MOST_TOLD])

    def learn(self, taken: Mapping[tuple[str, str], int], sums: Mapping[tuple[str, str], int]) -> None:
        """Take from our buckets what the others took since we last heard; of one never heard of, nothing."""
        for place, total in sums.items():
            before = self._sums.pop(place, None)
            if before is not None:
                elsewhere = total - taken[place] - (before if total >= before else 0)
                if elsewhere > 0:
                    self._rates[place[0]].taken_elsewhere(place[1], elsewhere)
            self._sums[place] = total
        while len(self._sums) > MOST_REMEMBERED:
            del self._sums[next(iter(self._sums))]


class Shared:
    """The sharing of a process while it runs."""

    def __init__(self, settings: Settings, rates: Mapping[str, Rates]) -> None:
        self._task: asyncio.Task[None] | None = None
        if settings.redis_url is not None:
            self._amounts = SharedAmounts(settings.redis_url, settings.master().derive("limits"))
            self._task = asyncio.create_task(Sharing(rates, self._amounts).run())

    async def close(self) -> None:
        """Stop sharing."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._amounts.close()
