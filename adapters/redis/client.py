"""The connection to Redis: a carrier of hints, allowed to be slow, full or gone."""

import redis

CONNECT_S, ANSWER_S = 2, 5
"""How long anything may wait for Redis, in seconds."""


def redis_client(url: str) -> redis.Redis:
    """Return a client that gives up soon; nothing is connected yet."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_S, socket_timeout=ANSWER_S, health_check_interval=30
    )
