"""Dramatiq as a carrier of hints: what it loses is found again in the outbox."""

from collections.abc import Callable

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, TimeLimit

from adapters.postgres.outbox import Hint
from adapters.redis.client import redis_client

QUEUE = "outbox"

MINUTE_MS = 60_000
MAX_AGE_MS = 15_000
"""A hint older than this is skipped: the relay has repeated it since."""
TIME_LIMIT_MS = 5 * MINUTE_MS
"""Nothing we do takes this long; what does is broken off, and its lease runs out."""
HEARTBEAT_MS = 10_000
MAINTENANCE_CHANCE = 200_000
"""Per million commands. The default of 1,000 leaves the messages of a killed worker lying for minutes."""


def make_broker(redis_url: str | None) -> dramatiq.Broker:
    """Return a broker on Redis, or within this process where there is none. Nothing is connected yet.

    No retries (the outbox has its own), no results, no metrics server.
    """
    middleware = [AgeLimit(max_age=MAX_AGE_MS), TimeLimit(time_limit=TIME_LIMIT_MS)]
    if redis_url is None:
        return StubBroker(middleware=middleware)
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=redis_client(redis_url),
        middleware=middleware,
        namespace="masar",
        maintenance_chance=MAINTENANCE_CHANCE,
        heartbeat_timeout=HEARTBEAT_MS,
        dead_message_ttl=MINUTE_MS,
    )


def declare_actors(
    broker: dramatiq.Broker, *, drain: Callable[[str, str, str], None], run_one: Callable[[str], None]
) -> None:
    """Make a process able to take hints: `drain(brokerage_id, kind, batch_by)` and `run_one(id)`."""
    dramatiq.actor(actor_name="drain", broker=broker, queue_name=QUEUE)(drain)
    dramatiq.actor(actor_name="run_one", broker=broker, queue_name=QUEUE)(run_one)


def send_hint(broker: dramatiq.Broker, hint: Hint) -> None:
    """Tell some worker that something is due. Raises redis.RedisError where Redis does not take it."""
    lane = (str(hint.brokerage_id), hint.kind, str(hint.batch_by))
    name, arguments = ("run_one", (str(hint.id),)) if hint.id is not None else ("drain", lane)
    broker.enqueue(
        dramatiq.Message(queue_name=QUEUE, actor_name=name, args=arguments, kwargs={}, options={"max_age": MAX_AGE_MS})
    )
