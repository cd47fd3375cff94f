"""Around every request: its id, its address's limits, its log line, its measurements, and the security headers."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.addresses import household_of
from api.errors import defect, problem
from api.limits import FAILURES, AddressLimits, may_prove
from application.ids import new_id

log = structlog.get_logger("masar.request")

REQUESTS = Counter("masar_http_requests", "Requests answered", ["route", "status"])
SECONDS = Histogram(
    "masar_http_seconds", "Time to answer", ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)  # fmt: skip

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
KEEP_TO_TLS = (b"strict-transport-security", b"max-age=31536000")


Headers = Sequence[tuple[bytes, bytes]]


def missing(usual: Headers, given: tuple[bytes, ...]) -> Headers:
    """Return those of the usual headers that an answer with headers of these names has not set itself."""
    set_already = {name.lower() for name in given}
    return [(name, value) for name, value in usual if name not in set_already]


def for_pages(site: str) -> Headers:
    """Return the headers by which a page of another site may read an answer."""
    return (
        (b"access-control-allow-origin", site.encode("latin-1")),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    )


@cache
def _count(route: str, status: str) -> Counter:
    return REQUESTS.labels(route, status)


@cache
def _time(route: str) -> Histogram:
    return SECONDS.labels(route)


def request_id(scope: Scope) -> UUID:
    """Return the caller's X-Request-ID where it is a UUID, else a new one; it becomes the correlation id."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            try:
                return UUID(value.decode("ascii"))
            except ValueError:
                break
    return new_id(datetime.now(UTC))


class Around:
    """The one middleware, plain ASGI: request id and limits in, log line and figures out."""

    def __init__(self, app: ASGIApp, limits: AddressLimits, trusted_proxies: int, behind_tls: bool) -> None:
        self._app, self._limits, self._hops = app, limits, trusted_proxies
        usual = (*HEADERS, KEEP_TO_TLS) if behind_tls else HEADERS
        self._missing = lru_cache(maxsize=1024)(partial(missing, usual))  # answers have few sets of names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id(scope)
        identity = str(scope["request_id"])
        started, status, begun, method = time.perf_counter(), 500, False, scope["method"]
        if method == "HEAD":
            scope, send = {**scope, "method": "GET"}, without_body(send)
        whose = household_of(scope, self._hops)
        over = self._limits.over(whose)

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                if "seen" not in scope and status != 429:
                    self._limits.unproven(whose, status)
                given = list(message["headers"])
                site = scope.get("readable_by")
                message["headers"] = [
                    *given, *self._missing(tuple([name for name, _ in given])), *(for_pages(site) if site else ()),
                    (b"x-request-id", identity.encode()),
                ]  # fmt: skip
            await send(message)

        try:
            if over is None:
                await self._app(scope, receive, sending)
            else:
                await self._over(over, scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            await defect(Request(scope), error)(scope, receive, sending)
        finally:
            took = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "none")
            _count(route, str(status)).inc()
            _time(route).observe(took)
            if over is None or status != 429:  # a flood must not fill the log: it is counted
                log.info(
                    "answered", request_id=identity, method=method, route=route, status=status,
                    ms=round(took * 1000, 2), **scope.get("seen", {}),
                )  # fmt: skip

    async def _over(self, limit: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of an address over a limit: only who can prove who it is, all others are refused."""
        refused = problem(Request(scope), self._limits.refusal(limit))
        if limit == "every" or not may_prove(scope, scope["app"].state.services.doorkeeper):
            await refused(scope, receive, send)
            return
        stopped = False

        async def unless_failed(message: Message) -> None:
            nonlocal stopped
            if message["type"] == "http.response.start" and message["status"] in FAILURES:
                stopped = True
                await refused(scope, receive, send)
            if not stopped:
                await send(message)

        await self._app(scope, receive, unless_failed)


def without_body(send: Send) -> Send:
    """Return what sends an answer's head, with which the answer to HEAD is over, and nothing after it."""

    async def head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return head
