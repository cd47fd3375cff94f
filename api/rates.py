"""How often somebody may ask: a bucket that fills steadily and holds a minute's worth."""

import math
import time
from collections.abc import Callable

MOST_KEPT = 10_000
"""Buckets; the one not asked for longest makes room, so that many strangers do not fill everybody's anew."""


class Rates:
    """One bucket per key or address, in this process.

    The `limits` library starts a timer thread per window: too dear here.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._full, self._clock = per_minute / 60, float(per_minute), clock
        self._buckets: dict[str, tuple[float, float]] = {}  # the one asked for longest ago is the first
        self.wait_s = math.ceil(60 / per_minute)

    def allow(self, key: str) -> bool:
        """Take one from a bucket; False when it is empty. Whoever was refused finds one again after `wait_s`."""
        now = self._clock()
        left, at = self._buckets.pop(key, (self._full, now))
        left = min(self._full, left + (now - at) * self._per_second)
        allowed = left >= 1
        if len(self._buckets) >= MOST_KEPT:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = (left - allowed, now)
        return allowed
