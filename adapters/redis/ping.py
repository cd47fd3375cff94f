"""Asks Redis whether it is there."""

import redis


def redis_answers(url: str) -> bool:
    """Tell whether Redis answers within a second."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
