"""Live updates of messaging: server-sent events that go on from a cursor after any break, missing nothing."""

import asyncio
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Annotated, Any
from uuid import UUID

import psycopg
import structlog
from fastapi import APIRouter, Query, Request, Response
from psycopg_pool import PoolTimeout
from starlette.types import Receive, Scope, Send

from adapters.postgres.live import KINDS, PAGE, TYPES, Live, LiveEvent, Subscription
from api.auth.keys import Doorkeeper, Principal
from api.docs import given_as
from api.errors import Refusal
from api.reading import Word, caller, decode_cursor, encode_cursor, services
from application.ports.touchpoints import Problem

router = APIRouter(tags=["conversations"])

HEARTBEAT_S = 10.0
"""Between signs of life where nothing happens; each names the place reached."""
CHECK_S = 2.0
"""Between looks at whether the key still holds."""
STUCK_S = 30.0
"""A subscriber that takes nothing for so long is cut off; it comes again with its cursor."""
MOST_PER_KEY = 20
"""Streams that one key may hold open in one process."""
RETRY_MS = 1_000
"""How soon a browser connects again."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "content-type": "text/event-stream; charset=utf-8"}

_open: Counter[str] = Counter()

log = structlog.get_logger("masar.stream")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asked for."""

    conversation_id: UUID | None
    types: frozenset[str]

    @property
    def kinds(self) -> list[str]:
        """The kinds of facts that can match."""
        return [kind for kind, name in KINDS.items() if not self.types or name in self.types]

    def takes(self, event: LiveEvent) -> bool:
        """Tell whether an event is one of those."""
        return (not self.types or event.type in self.types) and self.conversation_id in (None, event.thread_id)


@router.get("/api/conversations/stream", response_class=Response, responses=given_as("text/event-stream"))
async def stream_conversations(
    request: Request,
    conversation_id: UUID | None = None,
    types: Annotated[list[Word] | None, Query(description="Types of events; several by commas or repeated.")] = None,
    cursor: Annotated[str | None, Query(description="As `Last-Event-ID`: go on after this event.")] = None,
) -> Response:
    """Stream what happens in conversations as server-sent events, from now or from a cursor, without a gap.

    Every event's `id` is a cursor; one that was missed for any reason comes again with `Last-Event-ID` or `cursor`.
    Types: message_received, message_echoed, receipt_received, message_changed, signal_received, send_requested,
    send_settled, holder_changed, state_changed, thread_rated, media_settled, notice_received, template_synced.
    """
    principal = await caller(request, "read")
    live = services(request).live
    place = decode_cursor(request.headers.get("last-event-id") or cursor, int)
    wanted = Wanted(conversation_id, _types(types or ()))
    if _open[principal.key_id] >= MOST_PER_KEY:
        raise Refusal(
            429, "Too many streams", f"this key has {MOST_PER_KEY} streams open", headers={"Retry-After": "5"}
        )  # fmt: skip
    if place and place[0] > await live.reader.newest(principal.brokerage_id):
        raise Refusal(422, "Invalid request", errors=[Problem("cursor", "lies ahead of the log: begin without one")])
    return EventStream(live, services(request).doorkeeper, request, principal, wanted, place[0] if place else None)


def end_with_process(live: Live) -> None:
    """Have open streams end as soon as the process is told to stop; the server would wait for them else."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _both(before, loop, live))


def _both(
    before: Callable[[int, FrameType | None], Any], loop: asyncio.AbstractEventLoop, live: Live
) -> Callable[[int, FrameType | None], None]:
    def told(number: int, frame: FrameType | None) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(live.stop)
        before(number, frame)

    return told


def _types(asked: Sequence[str]) -> frozenset[str]:
    named = frozenset(word.strip() for one in asked for word in one.split(",") if word.strip())
    if unknown := sorted(named - TYPES):
        raise Refusal(422, "Invalid request", errors=[Problem("types", f"{one!r} is no type") for one in unknown])
    return named


def encoded(event: LiveEvent) -> bytes:
    """Return an event in the form of a stream of events; its data is one line of JSON."""
    head = f"id: {encode_cursor(event.position)}\nevent: {event.type}\ndata: "
    return head.encode() + event.data + b"\n\n"


def place_reached(position: int) -> bytes:
    """Return a sign of life that moves a client's cursor and is no event for it."""
    return f"id: {encode_cursor(position)}\n: still here\n\n".encode()


class EventStream(Response):
    """The open answer of one subscriber; it ends with the client, the key, or the process."""

    def __init__(
        self, live: Live, doorkeeper: Doorkeeper, request: Request, principal: Principal, wanted: Wanted,
        after: int | None,
    ) -> None:  # fmt: skip
        super().__init__(None, 200)
        self._live, self._doorkeeper, self._principal, self._wanted = live, doorkeeper, principal, wanted
        self._authorization = request.headers.get("authorization")
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until something ends it."""
        headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        _open[self._principal.key_id] += 1
        subscription: Subscription | None = None
        ending = [asyncio.create_task(one) for one in (_gone(receive), self._revoked(), self._live.closing.wait())]
        try:
            subscription = await self._live.join(self._principal.brokerage_id)
            sending = asyncio.create_task(self._send(subscription, send))
            ending.append(sending)
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not sending.cancelled():
                log.warning("stream_cut", error=type(sending.exception()).__name__, key_id=self._principal.key_id)
        finally:
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
            if subscription is not None:
                self._live.leave(subscription)
            _open[self._principal.key_id] -= 1
            if _open[self._principal.key_id] <= 0:
                del _open[self._principal.key_id]
        with suppress(Exception):
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, subscription: Subscription, send: Send) -> None:
        after = subscription.joined_at if self._after is None else self._after
        await self._put(send, f"retry: {RETRY_MS}\n".encode() + place_reached(after))
        async for chunk in self._chunks(subscription, after):
            await self._put(send, chunk)

    async def _put(self, send: Send, chunk: bytes) -> None:
        async with asyncio.timeout(STUCK_S):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _chunks(self, subscription: Subscription, after: int) -> AsyncIterator[bytes]:
        """Give what lies before the tail page by page, then what the tail brings; back to pages where it was slow."""
        while True:
            while after < subscription.joined_at:
                page = await self._page(after)
                body = b"".join(encoded(one) for one in page if self._wanted.takes(one))
                after = page[-1].position if page else after
                if len(page) < PAGE:  # all that was committed has been read
                    after = max(after, subscription.joined_at)
                if body:
                    yield body
            while not subscription.behind:
                taken, seen = list(subscription.events), subscription.seen
                subscription.events.clear()
                subscription.bell.clear()
                body = b"".join(encoded(one) for one in taken if one.position > after and self._wanted.takes(one))
                after = max(after, seen)
                if body:
                    yield body
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await subscription.bell.wait()
                except TimeoutError:
                    yield place_reached(after)
            self._live.rejoin(subscription)

    async def _page(self, after: int) -> list[LiveEvent]:
        while True:
            try:
                return await self._live.reader.page(self._principal.brokerage_id, after, self._wanted.kinds)
            except (psycopg.OperationalError, PoolTimeout):
                await asyncio.sleep(1)

    async def _revoked(self) -> None:
        """Return once the key no longer holds; an outage of the database is waited out."""
        while True:
            await asyncio.sleep(CHECK_S)
            try:
                await self._doorkeeper.principal(self._authorization, "read")
            except Refusal:
                return
            except (psycopg.OperationalError, PoolTimeout):
                continue


async def _gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
