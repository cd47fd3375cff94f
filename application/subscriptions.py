"""Telling subscribers what happened: signed as Standard Webhooks has it, tried for a day, no one in another's way."""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from random import SystemRandom
from typing import Any
from uuid import UUID

from application.clock import Clock, utc_now
from application.ports.outbox import Leased
from application.ports.subscriptions import Letter, Outcome, Postman, Reply, Subscriber, Subscribers, Told
from application.ports.touchpoints import Problem
from application.waits import doubled_s

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_S = 300
"""How far a signed time may be from ours. Source: Standard Webhooks, *Verifying webhook authenticity*."""
LASTS = timedelta(hours=24)
"""How long a letter is tried."""
FIRST_S, TIMES, LONGEST_S = 20, 3, 8 * 3600
"""The bound of the first wait in seconds, by what it grows, and what it never exceeds: about twelve tries in a day."""
FAILURES_TOLERATED = 3
"""Failures in a row before a subscriber is left alone for a while, whatever waits for it."""
HELD_S, LONGEST_HELD_S = 5, 600
BATCH = 10
GONE = 410

MOST_PATTERNS = 50
EVERYTHING = "*"
TEST = "subscription.test"

Chance = Callable[[float, float], float]
"""Returns a number between two, every one as likely."""


def new_secret() -> str:
    """Return a new secret of a subscriber: `whsec_` and 32 random bytes as base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, at_s: int, body: bytes) -> str:
    """Return one signature of a message: `v1,` and the HMAC-SHA256 of `id.timestamp.body` as base64.

    Source: Standard Webhooks, *Signature scheme*. Raises ValueError for what is no secret.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is whsec_ and base64") from error
    content = f"{message_id}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, sha256).digest()).decode()


def headers_of(known: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a message, signed with every secret that the subscriber may know."""
    at_s = int(at.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signature(one, message_id, at_s, body) for one in known),
    }


def is_signed(known: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Tell whether a message bears a signature of one of these secrets, of no more than five minutes ago or ahead."""
    message_id, told = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not told.isascii() or not told.isdigit() or len(told) > 12:
        return False
    if abs(now.timestamp() - int(told)) > TOLERANCE_S:
        return False
    shown = [one.encode() for one in headers.get("webhook-signature", "").split(" ")]
    wanted = [signature(one, message_id, int(told), body).encode() for one in known]
    return any([hmac.compare_digest(ours, theirs) for ours in wanted for theirs in shown])  # noqa: C419 - all are compared


def matches(patterns: Iterable[str], kind: str) -> bool:
    """Tell whether a kind is one that was asked for: by its name, by `context.*`, or by `*`."""
    return any(one in (kind, EVERYTHING) or (one.endswith(".*") and kind.startswith(one[:-1])) for one in patterns)


def wrong_patterns(patterns: Sequence[str], kinds: Iterable[str]) -> list[Problem]:
    """Return what is wrong with patterns: each must stand for at least one of the kinds there are."""
    known = list(kinds)
    rule = "must be a kind of fact such as messaging.message_received.v1, a group such as messaging.*, or *"
    return [
        Problem(f"kinds.{place}", rule)
        for place, one in enumerate(patterns)
        if not any(matches([one], kind) for kind in known)
    ]


def body_of(kind: str, occurred_at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return the body of a message: `type`, `timestamp` of what happened, `data`. The same however often it is sent."""
    told = {"type": kind, "timestamp": occurred_at.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_plain).encode("utf-8", "replace")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def wait_s(attempts: int, chance: Chance) -> float:
    """Return how long to wait after so many attempts, in seconds: anything up to a bound that grows threefold.

    Source: full jitter, so that what failed together does not come back together.
    """
    return max(1.0, chance(0, min(LONGEST_S, FIRST_S * TIMES ** (attempts - 1))))


def asked_to_wait_s(retry_after: str | None, now: datetime) -> float:
    """Return the wait that a subscriber asks for, in seconds, 0 where none can be read; it tells seconds or a date."""
    if retry_after is None:
        return 0
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 9:
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())


class NotifySubscriber:
    """Sends what waits for one subscriber. What fails waits on, and a subscriber that fails in a row is left alone.

    A letter keeps its id over all its attempts; order is not promised.
    """

    def __init__(
        self,
        subscribers: Subscribers,
        postman: Postman,
        *,
        clock: Clock = utc_now,
        chance: Chance = SystemRandom().uniform,
    ) -> None:
        self._subscribers, self._postman = subscribers, postman
        self._clock, self._chance = clock, chance

    def run(self, brokerage_id: UUID, subscriber_id: UUID, go_on: Callable[[], bool]) -> bool:
        """Send one handful of what is due; return whether there may be more."""
        subscriber = self._subscribers.subscriber(brokerage_id, subscriber_id)
        if subscriber is not None and self._held(subscriber):
            return False
        messages = self._subscribers.lease(brokerage_id, subscriber_id, BATCH)
        if subscriber is None:  # what was written while it was deleted: told nobody
            subscriber = Subscriber(subscriber_id, brokerage_id, "", False, False, ())
            orphans = self._subscribers.letters(subscriber, messages)
            self._subscribers.record(subscriber, [self._one(subscriber, one, ()) for one in orphans])
            return bool(messages)
        letters = self._subscribers.letters(subscriber, messages)
        while letters:
            told = self._one(subscriber, letters[0], letters[1:])
            self._subscribers.record(subscriber, [told])
            letters = letters[1:]
            subscriber = self._subscribers.subscriber(brokerage_id, subscriber_id)
            if letters and (subscriber is None or told.held_until or not go_on()):
                self._put_off(letters, told.held_until)
                return False
            if subscriber is None:
                return False
        return len(messages) == BATCH

    def _held(self, subscriber: Subscriber) -> bool:
        until = subscriber.held_until
        held = subscriber.enabled and until is not None and until > self._clock()
        if held and until is not None:
            self._subscribers.hold_back(subscriber, until)
        return held

    def _put_off(self, letters: Sequence[Letter], until: datetime | None) -> None:
        messages: list[Leased] = [one.message for one in letters]
        self._subscribers.later(messages, until or self._clock(), "the subscriber is left alone for a while")

    def _one(self, subscriber: Subscriber, letter: Letter, others: Sequence[Letter]) -> Told:
        now = self._clock()
        if not subscriber.enabled:
            return Told(letter, "dropped", now, Reply(why="the subscription is disabled"))
        if letter.data is None:
            return Told(letter, "dropped", now, Reply(why="there is no such fact any more"))
        body = body_of(letter.kind, letter.occurred_at, letter.data)
        self._subscribers.about_to_ask(letter.message, [one.message for one in others])
        headers = headers_of(subscriber.secrets, str(letter.delivery_id), now, body)
        return self._judged(subscriber, letter, self._postman.post(subscriber.url, headers, body))

    def _judged(self, subscriber: Subscriber, letter: Letter, reply: Reply) -> Told:
        now = self._clock()
        if reply.status is not None and 200 <= reply.status < 300:
            return Told(letter, "delivered", now, reply)
        if reply.status == GONE:
            return Told(letter, "failed", now, reply, disable="the receiver answered 410: it wants no more")
        if now >= letter.until:
            silent = subscriber.last_success_at is None or subscriber.last_success_at < letter.since
            why = f"nothing was taken for {LASTS.total_seconds() / 3600:.0f} hours: {_words(reply)}"
            return Told(letter, "failed", now, reply, disable=why if silent else None)
        wait = max(wait_s(letter.attempts + 1, self._chance), asked_to_wait_s(reply.retry_after, now))
        next_at = min(now + timedelta(seconds=min(wait, LASTS.total_seconds())), letter.until)
        return Told(letter, "again", now, reply, next_at=next_at, held_until=self._hold(subscriber, reply, now))

    def _hold(self, subscriber: Subscriber, reply: Reply, now: datetime) -> datetime | None:
        asked = asked_to_wait_s(reply.retry_after, now) if reply.status in (429, 503) else 0
        over = subscriber.failures + 1 - FAILURES_TOLERATED
        own = self._chance(0.5, 1) * doubled_s(HELD_S, LONGEST_HELD_S, over + 1) if over >= 0 else 0
        held = max(own, min(asked, 3600))
        return now + timedelta(seconds=held) if held else None


def _words(reply: Reply) -> str:
    return reply.why or f"status {reply.status}"


def outcome_of(reply: Reply) -> Outcome:
    """Return the outcome of an attempt that is made once."""
    return "delivered" if reply.status is not None and 200 <= reply.status < 300 else "failed"
