"""Around every request: its id, its log line, its measurements, and the security headers."""

import time
from functools import cache
from uuid import UUID, uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
)


def headers_of(scope: Scope, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers to add to an answer: those it has not set itself, and which page may read it."""
    set_already = {name.lower() for name, _ in given}
    added = [(name, value) for name, value in HEADERS if name not in set_already]
    if site := scope.get("readable_by"):
        added += [
            (b"access-control-allow-origin", site.encode("latin-1")),
            (b"access-control-expose-headers", b"retry-after"),
            (b"vary", b"origin"),
        ]
    return added


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
    return uuid4()


class Around:
    """The one middleware, plain ASGI: request id in, log line and figures out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = identity = request_id(scope)
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = list(message["headers"])
                message["headers"] = [*given, *headers_of(scope, given), (b"x-request-id", str(identity).encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            took = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "none")
            _count(route, str(status)).inc()
            _time(route).observe(took)
            log.info(
                "answered", request_id=str(identity), method=scope["method"], route=route, status=status,
                ms=round(took * 1000, 2), **scope.get("seen", {}),
            )  # fmt: skip
