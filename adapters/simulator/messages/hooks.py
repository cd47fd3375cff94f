"""The sender of webhooks: signs raw bodies as Meta does and posts them, with the disorder that is asked for.

Meta sends and signs JSON with every letter outside ASCII escaped in lower-case hex. 360dialog signs nothing and sends
the headers that were configured instead.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Literal, TypeAlias

import httpx
from pydantic import BaseModel, ConfigDict, Field

Body: TypeAlias = dict[str, Any]

KEPT = 10_000
"""Deliveries remembered, the newest."""
AT_ONCE = 32
TIMEOUT_S = 10.0
LONGEST_PAUSE_S = 10.0
"""Between two tries. Meta waits longer, and goes on for days."""


class Hook(BaseModel):
    """Where webhooks go, how they are signed, and what goes wrong on the way."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(default=None, pattern="^https?://")
    app_secret: str | None = Field(default=None, min_length=1)  # signs; without one nothing is signed
    headers: dict[str, str] = Field(default_factory=dict)  # along with each request: 360dialog's secret header
    statuses: tuple[Literal["sent", "delivered", "read"], ...] = ("sent", "delivered", "read")
    echoes: bool = True  # Messenger and Instagram
    order: Literal["natural", "reversed", "shuffled"] = "natural"  # of the statuses of one message
    before_answer: bool = False  # the first webhook arrives before the sender has the answer to its call
    delay_ms: float = Field(default=0, ge=0)  # before each request
    jitter_ms: float = Field(default=0, ge=0)  # plus a random part of this
    duplicates: int = Field(default=0, ge=0, le=20)  # more copies of each request
    together: bool = False  # all statuses of one message in one request
    bad_signature_share: float = Field(default=0, ge=0, le=1)  # a forged copy goes ahead
    fail_next: tuple[int, ...] = ()  # codes by which the next messages fail, one each; 0 lets one through
    tries: int = Field(default=20, ge=1, le=1_000)  # … until the answer is 2xx
    retry_ms: float = Field(default=200, ge=0)  # before the second try; twice as long before each further one
    seed: int | None = None


def escaped(body: Body) -> bytes:
    """Return the JSON of a body in the form that Meta signs and sends: ASCII, `\\u` with lower-case hex."""
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode()


def signature(secret: str, raw: bytes) -> str:
    """Return the value of `X-Hub-Signature-256` for a raw body."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


class Sender:
    """Posts bodies in the background, remembers what became of each, and can be waited for."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._http: httpx.AsyncClient | None = None
        self._limit: asyncio.Semaphore | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._random = random.Random()  # noqa: S311 - chance in a test, no secret
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.attempts = 0

    def seed(self, seed: int | None) -> None:
        """Start the random sequence over."""
        self._random = random.Random(seed)  # noqa: S311 - repeatable chance, no secret

    def forget(self) -> None:
        """Stop what is under way and drop what is remembered."""
        for task in self._running:
            task.cancel()
        self.deliveries.clear()
        self.attempts = 0

    async def close(self) -> None:
        """Stop what is under way and let go of the connections."""
        self.forget()
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def shuffled(self, bodies: Sequence[Body]) -> list[Body]:
        """Return the bodies in another order."""
        return self._random.sample(list(bodies), len(bodies))

    def chance(self, share: float) -> bool:
        """Say whether something that happens to this share of cases happens now."""
        return share > 0 and self._random.random() < share

    def later(self, hook: Hook, bodies: Sequence[Body]) -> None:
        """Post bodies one after the other in the background; without an address nothing is posted."""
        if hook.url is not None and bodies:
            self._behind(self._post_all(hook, tuple(bodies)))

    async def now(self, hook: Hook, body: Body, headers: dict[str, str] | None = None) -> dict[str, Any] | None:
        """Post one body and return what became of it; None without an address. Further tries go on behind."""
        if hook.url is None:
            return None
        raw = escaped(body)
        told = await self._first(hook, raw, headers)
        self._behind(self._rest(hook, raw, headers, told))
        return told

    async def verify(self, hook: Hook, token: str) -> bool:
        """Ask the address to verify a subscription as Meta does; say whether it gave the challenge back."""
        challenge = str(self._random.randrange(10**9))
        asked = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge}
        try:
            answer = await self._client().get(str(hook.url), params=asked)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.text == challenge

    async def drained(self, within_s: float) -> None:
        """Wait until nothing is under way, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._running:
                    await asyncio.wait(self._running)

    def waiting(self) -> int:
        """Return how many series of requests are under way."""
        return len(self._running)

    async def _post_all(self, hook: Hook, bodies: tuple[Body, ...]) -> None:
        for body in bodies:
            if pause := hook.delay_ms + (self._random.uniform(0, hook.jitter_ms) if hook.jitter_ms else 0):
                await asyncio.sleep(pause / 1_000)
            raw = escaped(body)
            await self._rest(hook, raw, None, await self._first(hook, raw, None))

    def _behind(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _first(self, hook: Hook, raw: bytes, headers: dict[str, str] | None) -> dict[str, Any]:
        if self.chance(hook.bad_signature_share):
            await self._once(hook, raw, {**(headers or {}), "x-hub-signature-256": "sha256=" + "0" * 64})
        return await self._once(hook, raw, headers)

    async def _rest(self, hook: Hook, raw: bytes, headers: dict[str, str] | None, told: dict[str, Any]) -> None:
        """Try until the webhook is taken, each time after a longer pause, and then send the copies asked for."""
        for number in range(hook.tries - 1):
            if told["status"] is not None and told["status"] < 300:
                break
            await asyncio.sleep(min(hook.retry_ms / 1_000 * 2 ** min(number, 20), LONGEST_PAUSE_S))
            told = await self._once(hook, raw, headers)
        for _ in range(hook.duplicates):
            await self._once(hook, raw, headers)

    async def _once(self, hook: Hook, raw: bytes, headers: dict[str, str] | None) -> dict[str, Any]:
        sent = {"content-type": "application/json", "user-agent": "facebookexternalua", **hook.headers}
        if hook.app_secret is not None:
            sent["x-hub-signature-256"] = signature(hook.app_secret, raw)
        told: dict[str, Any] = {"url": hook.url, "status": None, "error": None, "body": raw.decode()}
        if self._limit is None:
            self._limit = asyncio.Semaphore(AT_ONCE)
        async with self._limit:
            self.attempts += 1
            try:
                answer = await self._client().post(str(hook.url), content=raw, headers={**sent, **(headers or {})})
                told["status"] = answer.status_code
            except httpx.HTTPError as failed:
                told["error"] = type(failed).__name__
        self.deliveries.append(told)
        return told

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
            self._http = httpx.AsyncClient(
                transport=self._transport, timeout=TIMEOUT_S, limits=limits, follow_redirects=False, trust_env=False
            )
        return self._http
