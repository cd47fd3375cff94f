"""How much one address may ask of this API: everything together, without proof of who it is, and refused.

A request proves who it is with a key of ours or a platform's signature. Floods come without one, or with a wrong one,
and cost least when they are refused before anything is read. Whoever shares an address with them (an office, a carrier,
a platform that serves us and others) and can prove who it is goes on.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs

from prometheus_client import Counter
from starlette.types import Scope

from api.auth.keys import Doorkeeper, shown_key
from api.errors import Refusal
from api.rates import Rates
from api.settings import Settings

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
