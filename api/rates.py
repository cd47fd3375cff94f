"""How often a key may ask: a bucket that fills steadily and holds a minute's worth."""

import time
from collections.abc import Callable

MOST_KEPT = 10_000


class Rates:
    """One bucket per key, in this process. The `limits` library starts a timer thread per window: too dear here."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._full, self._clock = per_minute / 60, float(per_minute), clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def allow(self, key: str) -> bool:
        """Take one from a key's bucket; False when it is empty."""
        now = self._clock()
        left, at = self._buckets.get(key, (self._full, now))
        left = min(self._full, left + (now - at) * self._per_second)
        if left < 1:
            return False
        if len(self._buckets) >= MOST_KEPT:
            self._buckets.clear()
        self._buckets[key] = (left - 1, now)
        return True
