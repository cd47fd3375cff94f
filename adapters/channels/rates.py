"""Keeps sends within the platforms' rates: shared through Redis, or within this process where there is none.

Source: Meta, *Cloud API: throughput, pair rate limits* and *Messenger Platform: rate limits*, checked in November 2026.
A turn is taken from two buckets that fill steadily (GCRA): the account's, and the one of the pair of account and
customer. Who finds one empty is given a place in a queue: a thousand waiting sends do not come back all at once.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import redis
import structlog

from adapters.redis.client import redis_client
from application.ports.channels import Shaper
from domain.shared.fact import Channel

log = structlog.get_logger("masar.rates")


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket: `every_s` seconds for each turn, and as many at once as `burst`."""

    every_s: float
    burst: int

    @property
    def ahead_s(self) -> float:
        """How far ahead of a steady pace the bucket may be: a burst of one is not ahead at all."""
        return self.every_s * (self.burst - 1)


@dataclass(frozen=True, slots=True)
class ChannelRate:
    """The buckets of a channel. `heavy` is of audio and video; `pair` of one customer, None where there is none."""

    account: Rate
    pair: Rate | None = None
    heavy: Rate | None = None


@dataclass(frozen=True, slots=True)
class ChannelRates:
    """What one account may send in a second, by channel."""

    whatsapp_per_s: float = 80
    messenger_per_s: float = 300
    instagram_per_s: float = 100


def steady(per_second: float) -> Rate:
    """Return a bucket that in any second gives less than the platform allows.

    A sixteenth of it at once and four fifths of it steadily: what is sent at even times arrives at uneven ones.
    """
    return Rate(1 / (per_second * 0.8), max(1, int(per_second / 16)))


# fmt: off
PAIR: Final = Rate(6.1, 40)      # Meta: one per 6 s, of which up to 45 may be borrowed at once
AWAY_S: Final = 5.0              # how long Redis is left alone that does not answer
KEPT_S: Final = 900              # a bucket not asked for is full again by then
MOST_KEPT: Final = 50_000        # buckets of one process
AMONG: Final = 4                 # processes that a rate is divided among while Redis is away
# fmt: on


def rates_of(rates: ChannelRates) -> dict[Channel, ChannelRate]:
    """Return the buckets of all channels."""
    return {
        "whatsapp": ChannelRate(steady(rates.whatsapp_per_s), pair=PAIR),
        "messenger": ChannelRate(steady(rates.messenger_per_s), heavy=steady(10)),
        "instagram": ChannelRate(steady(rates.instagram_per_s), heavy=steady(10)),
    }


def divided(rates: dict[Channel, ChannelRate], among: int = AMONG) -> dict[Channel, ChannelRate]:
    """Return the buckets of one of so many processes that cannot ask each other: its part of the rate, and no burst.

    No burst, since what others took just before is not known either.
    """

    def part(rate: Rate | None) -> Rate | None:
        return Rate(rate.every_s * among, 1) if rate else None

    return {
        channel: ChannelRate(Rate(own.account.every_s * among, 1), part(own.pair), part(own.heavy))
        for channel, own in rates.items()
    }


# KEYS: held account, held thread, account, heavy, pair, tail of the account's queue, tail of the pair's.
# ARGV: three pairs of (every, ahead) in microseconds, 0 for no such bucket; how long to keep them in milliseconds.
# Returns 0 where the turn is taken, else the wait in microseconds.
TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local wait = 0
for i = 1, 2 do
  local held = tonumber(redis.call('GET', KEYS[i]) or '0')
  if held - now > wait then wait = held - now end
end
if wait > 0 then return wait end
local due, short = {}, 0
for i = 1, 3 do
  local every, ahead = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  if every > 0 then
    local at = math.max(tonumber(redis.call('GET', KEYS[2 + i]) or '0'), now)
    if at - now > ahead then
      wait = math.max(wait, at - now - ahead)
      short = i
    end
    due[i] = at + every
  end
end
if wait == 0 then
  for i, at in pairs(due) do
    redis.call('SET', KEYS[2 + i], string.format('%.0f', at), 'PX', ARGV[7])
  end
  return 0
end
local tail = KEYS[short == 3 and 7 or 6]
local every = tonumber(ARGV[2 * short - 1])
local place = math.max(tonumber(redis.call('GET', tail) or '0'), now + wait)
redis.call('SET', tail, string.format('%.0f', place + every), 'PX', ARGV[7])
return math.ceil(place - now)
"""
HOLD: Final = """
local t = redis.call('TIME')
local till = t[1] * 1000000 + t[2] + tonumber(ARGV[1])
if till > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.0f', till), 'PX', math.ceil(tonumber(ARGV[1]) / 1000) + 1000)
end
return 0
"""


@dataclass(slots=True)
class Here:
    """Buckets of this process alone; the same rule as the script's. Thread-safe."""

    rates: dict[Channel, ChannelRate]
    clock: Callable[[], float] = time.monotonic
    _at: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, account: str, thread: str, channel: Channel, *, heavy: bool = False) -> float:
        """Take a turn: 0 where it may go now, else the seconds to wait."""
        with self._lock:
            now = self.clock()
            held = max(self._at.get(f"held/{account}", now), self._at.get(f"held/{thread}", now)) - now
            if held > 0:
                return held
            buckets = self._buckets(account, thread, channel, heavy)
            waits = [(max(self._at.get(key, now), now) - now - rate.ahead_s, key, rate) for key, rate in buckets]
            wait, key, rate = max(waits, key=lambda one: one[0])
            if wait <= 0:
                for name, one in buckets:
                    self._at[name] = max(self._at.get(name, now), now) + one.every_s
                self._forget(now)
                return 0.0
            place = max(self._at.get(f"tail/{key}", now), now + wait)
            self._at[f"tail/{key}"] = place + rate.every_s
            return place - now

    def hold(self, scope: str, seconds: float) -> None:
        """Let nothing go within a scope for so long."""
        with self._lock:
            till = self.clock() + seconds
            self._at[f"held/{scope}"] = max(self._at.get(f"held/{scope}", till), till)

    def _buckets(self, account: str, thread: str, channel: Channel, heavy: bool) -> list[tuple[str, Rate]]:
        own = self.rates[channel]
        found = [(f"account/{account}", own.account)]
        if heavy and own.heavy:
            found.append((f"heavy/{account}", own.heavy))
        if own.pair:
            found.append((f"pair/{account}/{thread}", own.pair))
        return found

    def _forget(self, now: float) -> None:
        if len(self._at) > MOST_KEPT:
            self._at = {name: at for name, at in self._at.items() if at > now}


class Shared:
    """Buckets that all processes share in Redis, by Redis's own clock. Thread-safe.

    While Redis is away this process keeps to a part of the rates, `divided` among as many as AMONG that do the same:
    slower than could be, but within the platforms' limits.
    """

    def __init__(self, client: redis.Redis, rates: dict[Channel, ChannelRate], alone: Here | None = None) -> None:
        self._rates, self._alone = rates, alone or Here(divided(rates))
        self._take, self._hold = client.register_script(TAKE), client.register_script(HOLD)
        self._away_until = float("-inf")

    def take(self, account: str, thread: str, channel: Channel, *, heavy: bool = False) -> float:
        """Take a turn: 0 where it may go now, else the seconds to wait."""
        own = self._rates[channel]
        keys = [
            f"held/{account}", f"held/{thread}", f"account/{account}", f"heavy/{account}", f"pair/{account}/{thread}",
            f"tail/{account}", f"tail/{account}/{thread}",
        ]  # fmt: skip
        arguments = [*_micros(own.account), *_micros(own.heavy if heavy else None), *_micros(own.pair), KEPT_S * 1000]
        wait = self._asked(self._take, [f"masar:rates:{one}" for one in keys], arguments)
        if wait is None:
            return self._alone.take(account, thread, channel, heavy=heavy)
        return wait / 1_000_000

    def hold(self, scope: str, seconds: float) -> None:
        """Let nothing go within a scope for so long."""
        self._alone.hold(scope, seconds)
        self._asked(self._hold, [f"masar:rates:held/{scope}"], [int(seconds * 1_000_000)])

    def _asked(self, script: Any, keys: list[str], arguments: list[int]) -> int | None:
        """Return what Redis says, None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return int(script(keys=keys, args=arguments))
        except redis.RedisError as away:
            log.warning("redis_away", error=type(away).__name__)
            self._away_until = time.monotonic() + AWAY_S
            return None


def make_shaper(redis_url: str | None, rates: ChannelRates) -> Shaper:
    """Return what keeps the rates: in Redis where there is one, else within this process."""
    buckets = rates_of(rates)
    return Shared(redis_client(redis_url), buckets) if redis_url else Here(buckets)


def _micros(rate: Rate | None) -> tuple[int, int]:
    return (int(rate.every_s * 1_000_000), int(rate.ahead_s * 1_000_000)) if rate else (0, 0)
