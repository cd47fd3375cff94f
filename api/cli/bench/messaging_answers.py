"""From the last of a few quick messages to the one answer, through every process."""

import asyncio
import time
from collections import Counter
from datetime import datetime

import httpx

from api.cli.bench.ground import BenchFailed, wait_until
from api.cli.bench.messaging_ground import LINE, House, Platform
from api.cli.bench.rows import Row, percentile
from api.cli.bench.sizes import Sizes

BURST = ("Hello", "Is the flat in Maadi still there?", "And what does it cost?")
GAP_S = 0.3
"""Between the messages of a burst."""
BURSTS_PER_S = 4.0
FIRST_PHONE = 201_300_000_000


def burst_rows(house: House, sizes: Sizes, platform: Platform) -> list[Row]:
    """Have customers write three messages each; measure from the last one until the platform has our answer.

    Projector, relay and workers have to run. Raises BenchFailed where a burst did not get exactly one answer.
    """
    _followed(house, platform, 1, FIRST_PHONE - 1)  # the first one finds everything cold
    took_ms = _followed(house, platform, sizes.bursts, FIRST_PHONE)
    return [
        Row("burst_to_answer_p50_ms", round(percentile(took_ms, 0.5)), "ms"),
        Row("burst_to_answer_p95_ms", round(percentile(took_ms, 0.95)), "ms"),
    ]


def _followed(house: House, platform: Platform, bursts: int, first: int) -> list[float]:
    """Return, for each burst, the time in ms from its last message until the platform has our answer."""
    phones = [str(first + nth) for nth in range(bursts)]
    last_at = asyncio.run(_say(platform.address, phones))
    wait_until(lambda: _answered(platform, phones) >= len(phones), f"{bursts} answers")
    wait_until(house.rests, "nothing left to be answered")
    answers = Counter(one["customer"] for one in platform.messages())
    if wrong := {phone: answers[phone] for phone in phones if answers[phone] != 1}:
        raise BenchFailed(f"bursts that did not get exactly one answer, but so many: {wrong}")
    received = {
        one["customer"]: datetime.fromisoformat(one["received_at"]).timestamp() for one in platform.messages()
    }  # fmt: skip
    return [(received[phone] - last_at[phone]) * 1000 for phone in phones]


def _answered(platform: Platform, phones: list[str]) -> int:
    return len({one["customer"] for one in platform.messages()} & set(phones))


async def _say(address: str, phones: list[str]) -> dict[str, float]:
    """Have each customer write a burst, one starting after another; return when each wrote last (unix seconds)."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:

        async def burst(nth: int, phone: str) -> float:
            await asyncio.sleep(nth / BURSTS_PER_S)
            for place, words in enumerate(BURST):
                await asyncio.sleep(GAP_S if place else 0)
                at = time.time()
                told = {"channel": "whatsapp", "account": LINE.account_id, "user": phone, "text": words}
                answer = (await client.post("/_simulator/customers/say", json=told)).raise_for_status().json()
                if answer["webhook"]["status"] != 200:
                    raise BenchFailed(f"a webhook was answered {answer['webhook']}")
            return at

        moments = await asyncio.gather(*(burst(nth, phone) for nth, phone in enumerate(phones)))
    return dict(zip(phones, moments, strict=True))
