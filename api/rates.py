"""How often somebody may ask: a bucket that fills steadily and holds a minute's worth."""

import math
import time
from collections.abc import Callable

MOST_KEPT = 10_000
"""Buckets; the one not asked for longest makes room, so that many strangers do not fill everybody's anew."""


class Rates:
    """One bucket per key or address, in this process; what is taken may be told to other processes.

    The `limits` library starts a timer thread per window: too dear here.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._full, self._clock = per_minute / 60, float(per_minute), clock
        self._buckets: dict[str, tuple[float, float]] = {}  # the one asked for longest ago is the first
        self._dry: set[str] = set()  # buckets that were found empty: nearly always none
        self._taken: dict[str, int] | None = None
        self.wait_s = math.ceil(60 / per_minute)

    def allow(self, key: str) -> bool:
        """Take one from a bucket; False when it is empty. Whoever was refused finds one again after `wait_s`."""
        now = self._clock()
        left, at = self._buckets.pop(key, (self._full, now))
        left = min(self._full, left + (now - at) * self._per_second)
        allowed = left >= 1
        self._keep(key, left - allowed, now)
        if allowed and self._taken is not None:
            self._taken[key] = self._taken.get(key, 0) + 1
        return allowed

    def take(self, key: str) -> None:
        """Take one for what is over, whether or not there is one."""
        self._drop(key, 1)
        if self._taken is not None:
            self._taken[key] = self._taken.get(key, 0) + 1

    def dry(self, key: str) -> bool:
        """Tell whether `take` has emptied a bucket and it holds nothing yet; costs next to nothing where it did not."""
        if key not in self._dry:
            return False
        self._drop(key, 0)
        return key in self._dry

    def share(self) -> None:
        """From now on, count what is taken, so that `told` can tell it."""
        self._taken = {}

    def told(self) -> dict[str, int]:
        """Return how much was taken from which bucket since this was asked last."""
        taken, self._taken = self._taken or {}, {}
        return taken

    def taken_elsewhere(self, key: str, amount: int) -> None:
        """Take what other processes allowed; a bucket holds nothing at least."""
        self._drop(key, amount)

    def _drop(self, key: str, amount: float) -> None:
        now = self._clock()
        left, at = self._buckets.pop(key, (self._full, now))
        left = max(0.0, min(self._full, left + (now - at) * self._per_second) - amount)
        self._keep(key, left, now)
        if left < 1:
            self._dry.add(key)
        else:
            self._dry.discard(key)

    def _keep(self, key: str, left: float, now: float) -> None:
        if len(self._buckets) >= MOST_KEPT:
            oldest = next(iter(self._buckets))
            del self._buckets[oldest]
            self._dry.discard(oldest)
        self._buckets[key] = (left, now)
