"""How fast one may send: so many messages in any second per account, and one customer's share of them."""

from collections import deque

PAIR_EVERY_S = 6.0
"""A customer may be sent one message in so many seconds …"""
PAIR_BURST = 45
"""… and this many at once, borrowed from the time that follows."""


class Rates:
    """Counts what was taken; what was refused counts for nothing. Times are unix seconds."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}
        self._free_at: dict[tuple[str, str], float] = {}

    def forget(self) -> None:
        """Start over."""
        self._taken.clear()
        self._free_at.clear()

    def account_is_full(self, account_id: str, per_second: int, now: float) -> bool:
        """Say whether one message more would be too many within the last second."""
        taken = self._taken.setdefault(account_id, deque())
        while taken and taken[0] <= now - 1:
            taken.popleft()
        return len(taken) >= per_second

    def pair_is_full(self, account_id: str, customer: str, now: float) -> bool:
        """Say whether this customer has had their burst, and the seconds borrowed for it are not over."""
        borrowed_until = self._free_at.get((account_id, customer), now)
        return borrowed_until - now > (PAIR_BURST - 1) * PAIR_EVERY_S + 1e-6

    def take(self, account_id: str, customer: str, now: float) -> None:
        """Count one message."""
        self._taken.setdefault(account_id, deque()).append(now)
        pair = (account_id, customer)
        self._free_at[pair] = max(self._free_at.get(pair, now), now) + PAIR_EVERY_S
