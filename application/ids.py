"""Ids that are made here."""

import random
from datetime import datetime
from uuid import UUID


def new_id(now: datetime) -> UUID:
    """Return a UUID of version 7: a later one is larger, to the millisecond (RFC 9562). Not a secret."""
    chance = random.getrandbits(74)
    high, low = chance >> 62, chance & (1 << 62) - 1
    return UUID(int=int(now.timestamp() * 1000) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
