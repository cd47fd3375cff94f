"""How much one address may ask of this API: everything together, without proof of who it is, and refused.

A request proves who it is with a key of ours or a platform's signature. Floods come without one, or with a wrong one,
and cost least when they are refused before anything is read. Whoever shares an address with them (an office, a carrier,
a platform that serves us and others) and can prove who it is goes on.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs

import structlog
from prometheus_client import Counter
from redis import RedisError
from starlette.types import Scope

from adapters.redis.shared_amounts import SharedAmounts
from api.auth.keys import Doorkeeper, shown_key
from api.errors import Refusal
from api.rates import Rates
from api.settings import Settings

log = structlog.get_logger("masar.limits")

LIMITED = Counter("masar_http_limited", "Requests refused for their address", ["limit"])
FAILURES = (401, 403)
WEBHOOKS = ("/api/webhooks/", "/webhooks/")
# fmt: off
PROOFS = frozenset({
    b"authorization", b"x-hub-signature-256", b"x-360dialog-signature", b"x-webhook-secret", b"x-masar-secret",
    b"webhook-signature",
})
# fmt: on
PROOFS_IN_QUERY = (b"hmac=", b"hub.verify_token=")
"""Where a platform shows that a call of it is genuine."""


@dataclass(frozen=True, slots=True)
class AddressLimits:
    """The buckets of addresses, each by household."""

    every: Rates
    """Whatever an address asks."""
    strangers: Rates
    """What it asked without proving who it is."""
    failures: Rates
    """What it was refused for a key or signature that is missing or wrong."""

    @classmethod
    def of(cls, settings: Settings) -> "AddressLimits":
        """Return the buckets that the settings want."""
        return cls(
            Rates(settings.address_total_per_minute),
            Rates(settings.address_strangers_per_minute),
            Rates(settings.address_failures_per_minute),
        )

    def by_name(self) -> dict[str, Rates]:
        """Return each bucket by its name, as other processes know it."""
        return {"every": self.every, "strangers": self.strangers, "failures": self.failures}

    def over(self, whose: str) -> str | None:
        """Take one request of an address into account; return the limit that it is over, None where it is within all.

        Over `strangers` and `failures` only those are who cannot prove who they are.
        """
        if not self.every.allow(whose):
            return "every"
        if self.failures.dry(whose):
            return "failures"
        return "strangers" if self.strangers.dry(whose) else None

    def unproven(self, whose: str, status: int) -> None:
        """Take an answer into account that was given to somebody who did not prove who they are."""
        self.strangers.take(whose)
        if status in FAILURES:
            self.failures.take(whose)

    def refusal(self, limit: str) -> Refusal:
        """Return the refusal of a request over a limit, which is counted."""
        LIMITED.labels(limit).inc()
        wait = str(self.by_name()[limit].wait_s)
        return Refusal(429, "Too many requests", "too many from this address", headers={"Retry-After": wait})


def may_prove(scope: Scope, doorkeeper: Doorkeeper) -> bool:
    """Tell whether a request is worth checking from an address over its limits: a webhook that shows a signature, or a
    key that opened this process's door before, which costs no look at the database.
    """
    query: bytes = scope["query_string"]
    if scope["path"].startswith(WEBHOOKS):
        return any(name in PROOFS for name, _ in scope["headers"]) or any(one in query for one in PROOFS_IN_QUERY)
    shown = [value for name, value in scope["headers"] if name == b"authorization"]
    if shown:
        return doorkeeper.remembers(shown_key(shown[0].decode("latin-1")))
    keys = parse_qs(query.decode("latin-1")).get("key", []) if b"key=" in query else []
    return any(map(doorkeeper.remembers, keys[:1]))


class Amounts(Protocol):
    """Adds up what all processes took."""

    def add(self, taken: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """Return the sums, with what was taken here added."""


EVERY_S, LATER_S = 1.0, 10.0
"""Between two exchanges with the other processes; after one that failed."""
MOST_TOLD = 1_000
"""Buckets told at a time, those most was taken from: the small ones harm nobody."""
MOST_REMEMBERED = 20_000


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
