"""What several processes took from buckets of the same name, added up in Redis."""

from collections.abc import Mapping
from hashlib import blake2b

from adapters.redis.client import redis_client

KEPT_S = 120
"""A sum that nobody adds to is forgotten after so long: every bucket is full again by then."""
PREFIX = "masar:taken:"


class SharedAmounts:
    """Sums by the bucket's name and whose it is; who that is cannot be read in Redis."""

    def __init__(self, url: str, key: bytes) -> None:
        """Take the address of Redis and the key, up to 64 bytes, that names are hashed with."""
        self._redis, self._key = redis_client(url), key

    def add(self, taken: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """Add what was taken from each bucket and whose; return the sums of all processes. Raises RedisError."""
        with self._redis.pipeline(transaction=False) as pipe:
            for (bucket, whose), amount in taken.items():
                name = self._name(bucket, whose)
                pipe.incrby(name, amount)
                pipe.expire(name, KEPT_S)
            sums = pipe.execute()[::2]
        return dict(zip(taken, map(int, sums), strict=True))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _name(self, bucket: str, whose: str) -> str:
        return f"{PREFIX}{bucket}:{blake2b(whose.encode(), key=self._key, digest_size=16).hexdigest()}"
