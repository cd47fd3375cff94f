"""The one client for addresses that others gave us: media, receivers of webhooks. It reaches the public internet only.

A name is looked up once and the connection goes to an address that was checked, so a name that changes its mind
changes nothing. The certificate is checked for the name. No proxies of the environment, no cookies, no unpacking: an
answer is what came over the wire. Every call has a bound on its time and on its size.
"""

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urljoin

import httpcore
import httpx

from adapters.outside.addresses import Place, Rules, place_of
from adapters.outside.errors import NotReached
from adapters.outside.network import CONNECT_S, CheckedAddresses, Deadline, Resolve, look_up, system_resolve

MOST_HOPS = 3
WITHIN_S = 30.0
EXCERPT_BYTES = 2_000
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key", "d360-api-key"})
"""Headers that stay with the origin they were meant for."""
OURS = {"User-Agent": "Masar/1", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched: its bytes, and its type in lower case without parameters, "" where none was told."""

    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What a receiver said: its status, headers in lower case, the beginning of its body, and how long it took."""

    status: int
    headers: Mapping[str, str]
    excerpt: bytes
    duration_ms: int


class Streamed:
    """An answer on its way: its type, its length where it was told, and its bytes, up to a bound."""

    def __init__(self, answer: httpcore.Response, content_type: str, most_bytes: int) -> None:
        self.content_type = content_type
        self._answer, self._most = answer, most_bytes
        told = _headers(answer).get("content-length", "")
        self.length = int(told) if told.isascii() and told.isdigit() else None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. Raises NotReached above the bound, when the time is over, or where it breaks off."""
        read = 0
        with _as_not_reached():
            for chunk in self._answer.iter_stream():
                read += len(chunk)
                if read > self._most:
                    raise NotReached("too_large", f"more than {self._most} bytes")
                yield chunk


class GuardedClient:
    """Calls addresses that others gave us. Keeps nothing between calls; to be used from any thread.

    `context` and `resolve` are the system's unless a test says otherwise.
    """

    def __init__(
        self, rules: Rules = Rules(), *, context: ssl.SSLContext | None = None, resolve: Resolve = system_resolve
    ) -> None:
        self._rules, self._context, self._resolve = rules, context, resolve

    def check(self, url: str, within_s: float = 5.0) -> None:
        """Look whether an address may be called, without calling it. Raises NotReached."""
        look_up(place_of(url, self._rules), self._rules, Deadline(within_s), self._resolve)

    def fetch(
        self, url: str, *, headers: Mapping[str, str] | None = None, most_bytes: int,
        types: Iterable[str] | None = None, within_s: float = WITHIN_S,
    ) -> Fetched:  # fmt: skip
        """Return what an address holds: at most `most_bytes`, of one of `types` such as "image/*"; None for any.

        Follows at most three redirects, each checked like the first; credentials stay with their origin.
        Raises NotReached.
        """
        with self.stream(url, headers=headers, most_bytes=most_bytes, types=types, within_s=within_s) as streamed:
            return Fetched(b"".join(streamed.chunks()), streamed.content_type)

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, most_bytes: int,
        types: Iterable[str] | None = None, within_s: float = WITHIN_S,
    ) -> Iterator[Streamed]:  # fmt: skip
        """Give the same piece by piece, for what is larger than one would hold; to be read within the block."""
        deadline, allowed = Deadline(within_s), None if types is None else tuple(types)
        sent = {"Accept": ", ".join(allowed or ("*/*",)), **(headers or {})}
        place, hops = place_of(url, self._rules), 0
        while True:
            with self._exchange("GET", place, sent, b"", deadline) as answer:
                if answer.status not in REDIRECTS:
                    yield _wanted(answer, allowed, most_bytes)
                    return
                following = self._next(url, answer, hops)
            url, hops = following, hops + 1
            before, place = place, place_of(url, self._rules)
            if place.origin != before.origin:
                sent = {name: value for name, value in sent.items() if name.lower() not in CREDENTIALS}

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, within_s: float) -> Answered:
        """Send a body and return the answer, whatever its status; redirects are not followed. Raises NotReached."""
        deadline, started = Deadline(within_s), time.monotonic()
        place = place_of(url, self._rules)
        with self._exchange("POST", place, headers, body, deadline) as answer:
            excerpt = bytearray()
            with _as_not_reached():
                for chunk in answer.iter_stream():
                    excerpt += chunk
                    if len(excerpt) >= EXCERPT_BYTES:
                        break  # what it says beyond that is not waited for
        took_ms = round(1000 * (time.monotonic() - started))
        return Answered(answer.status, _headers(answer), bytes(excerpt[:EXCERPT_BYTES]), took_ms)

    @contextmanager
    def _exchange(
        self, method: str, place: Place, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> Iterator[httpcore.Response]:
        addresses = look_up(place, self._rules, deadline, self._resolve)
        context = (self._context or _context()) if place.scheme == "https" else None
        sent = [*_told(OURS | {"Host": _host(place)} | dict(headers)), *_length(method, body)]
        origin = httpcore.Origin(place.scheme.encode(), place.host.encode(), place.port)
        url = httpcore.URL(
            scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
        )
        connection = httpcore.HTTPConnection(
            origin, ssl_context=context, network_backend=CheckedAddresses(addresses, deadline)
        )
        try:
            with _as_not_reached():
                answer = connection.handle_request(httpcore.Request(
                    method, url, headers=sent, content=body, extensions={"timeout": {"connect": CONNECT_S}}
                ))  # fmt: skip
            yield answer
        finally:
            connection.close()

    def _next(self, url: str, answer: httpcore.Response, hops: int) -> str:
        if hops >= MOST_HOPS:
            raise NotReached("redirect", f"more than {MOST_HOPS} times")
        location = _headers(answer).get("location")
        if not location:
            raise NotReached("redirect", "without saying where", answer.status)
        return urljoin(url, location)


def _wanted(answer: httpcore.Response, types: tuple[str, ...] | None, most_bytes: int) -> Streamed:
    if not 200 <= answer.status < 300:
        raise NotReached("status", str(answer.status), answer.status)
    told = _headers(answer).get("content-type", "").partition(";")[0].strip().lower()
    if types is not None and not any(_matches(told, one.lower()) for one in types):
        raise NotReached("wrong_type", told or "none told")
    streamed = Streamed(answer, told, most_bytes)
    if streamed.length is not None and streamed.length > most_bytes:
        raise NotReached("too_large", f"more than {most_bytes} bytes")
    return streamed


def _matches(told: str, allowed: str) -> bool:
    return told == allowed or (allowed.endswith("/*") and told.startswith(allowed[:-1])) or allowed == "*/*"


def _host(place: Place) -> str:
    usual = {"http": 80, "https": 443}[place.scheme]
    return place.authority.removesuffix(f":{usual}") if place.port == usual else place.authority


def _length(method: str, body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Length", str(len(body)).encode())] if method == "POST" else []


def _told(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def _headers(answer: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}


@cache
def _context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


@contextmanager
def _as_not_reached() -> Iterator[None]:
    """Say in our words what the library raises."""
    try:
        yield
    except httpcore.TimeoutException:
        raise NotReached("timeout") from None
    except httpcore.ConnectError as refused:
        raise _connecting(refused) from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise NotReached("broken") from None


def _connecting(refused: httpcore.ConnectError) -> NotReached:
    causes = (refused, refused.__cause__, refused.__context__)
    tls = any(isinstance(one, ssl.SSLError) for one in causes)
    return NotReached("tls") if tls else NotReached("unreachable")
