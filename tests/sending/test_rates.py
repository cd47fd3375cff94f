"""The rates of a platform are kept at any load: in one process, and shared by many through Redis."""

import threading
import time
from collections import deque
from dataclasses import dataclass

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from adapters.channels.rates import ChannelRates, Here, Shared, divided, rates_of
from adapters.simulator.messages.rates import Rates
from domain.shared.fact import Channel

RATES = rates_of(ChannelRates())


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 0.05)), min_size=100, max_size=600))
def test_no_second_has_more_than_the_account_may_send_and_no_pair_more_than_its_burst(
    asked: list[tuple[int, float]],
) -> None:
    clock, platform = Clock(), Rates()
    here = Here(RATES, clock)
    for customer, pause_s in asked:
        clock.now += pause_s
        if here.take("whatsapp/1", str(customer), "whatsapp") == 0:
            assert not platform.account_is_full("1", 80, clock.now)
            assert not platform.pair_is_full("1", str(customer), clock.now)
            platform.take("1", str(customer), clock.now)


def test_ten_times_the_load_is_sent_at_four_fifths_of_the_rate_without_one_refusal() -> None:
    """Each comes back when it was told to: 800 at once need little more than the time that the rate allows."""
    clock, platform = Clock(), Rates()
    here = Here(RATES, clock)
    waiting = deque((clock.now, nth) for nth in range(800))
    looks = 0
    while waiting:
        at, nth = waiting.popleft()
        clock.now = max(clock.now, at)
        looks += 1
        wait_s = here.take("whatsapp/1", f"customer {nth}", "whatsapp")
        if wait_s == 0:
            assert not platform.account_is_full("1", 80, clock.now)
            platform.take("1", f"customer {nth}", clock.now)
        else:
            waiting.append((clock.now + wait_s, nth))
            waiting = deque(sorted(waiting))
    assert clock.now - 1_000 < 800 / (80 * 0.8) + 1
    assert looks <= 2 * 800


def test_one_customer_gets_a_burst_and_then_one_in_six_seconds() -> None:
    clock = Clock()
    here = Here(RATES, clock)
    sent = 0
    while clock.now < 1_060:
        sent += here.take("whatsapp/1", "mona", "whatsapp") == 0
        clock.now += 0.1
    assert 40 <= sent <= 50


def test_another_customer_does_not_wait_for_one_who_has_had_enough() -> None:
    clock = Clock()
    here = Here(RATES, clock)
    while here.take("whatsapp/1", "mona", "whatsapp") == 0 or clock.now < 1_030:
        clock.now += 0.05
    clock.now += 1
    assert here.take("whatsapp/1", "basem", "whatsapp") == 0


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_sound_and_pictures_have_a_rate_of_their_own(channel: Channel) -> None:
    clock = Clock()
    here = Here(RATES, clock)
    took = [here.take(f"{channel}/1", str(nth), channel, heavy=True) == 0 for nth in range(10)]
    assert sum(took) == 1
    assert here.take(f"{channel}/1", "words", channel) == 0


def test_what_is_held_waits_as_long_as_it_was_told() -> None:
    clock = Clock()
    here = Here(RATES, clock)
    here.hold("whatsapp/1", 60)
    assert here.take("whatsapp/1", "mona", "whatsapp") == 60
    assert here.take("whatsapp/2", "mona", "whatsapp") == 0
    clock.now += 60
    assert here.take("whatsapp/1", "mona", "whatsapp") == 0


# Shared through Redis


def test_many_processes_share_one_rate(redis_url: str) -> None:
    took: list[float] = []

    def work() -> None:
        shared = Shared(redis.Redis.from_url(redis_url), RATES)
        took.extend(shared.take("whatsapp/shared", f"{threading.get_ident()} {nth}", "whatsapp") for nth in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    began = time.monotonic()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    seconds = time.monotonic() - began
    sent, waits = sum(one == 0 for one in took), sorted(one for one in took if one)
    assert sent <= 5 + 64 * seconds + 1, "a sixteenth of 80 at once, then four fifths of it in each second"
    assert waits == pytest.approx(sorted(set(waits)))  # each was given a place of its own


def test_a_pair_and_a_hold_are_shared(redis_url: str) -> None:
    one, other = (Shared(redis.Redis.from_url(redis_url), RATES) for _ in range(2))
    took = [shared.take("whatsapp/pair", "mona", "whatsapp") for _ in range(30) for shared in (one, other)]
    assert sum(wait == 0 for wait in took) <= 45
    one.hold("whatsapp/held", 60)
    assert 30 < other.take("whatsapp/held", "basem", "whatsapp") <= 60


def test_while_redis_is_away_four_processes_together_stay_within_the_rate() -> None:
    """None knows of the others, nor of what was sent just before: a second's worth, and one customer's burst."""
    clock, platform = Clock(), Rates()
    before = Here(RATES, clock)
    for nth in range(100):
        if before.take("whatsapp/1", "mona" if nth < 40 else str(nth), "whatsapp") == 0:
            platform.take("1", "mona" if nth < 40 else str(nth), clock.now)
        clock.now += 1 / 64
    away = redis.Redis.from_url("redis://127.0.0.1:9")
    four = [Shared(away, RATES, Here(divided(RATES), clock)) for _ in range(4)]
    sent = 0
    for nth in range(400):
        clock.now += 0.005
        for shared in four:
            customer = "mona" if nth % 2 else f"{nth} {id(shared)}"
            if shared.take("whatsapp/1", customer, "whatsapp") == 0:
                assert not platform.account_is_full("1", 80, clock.now)
                assert not platform.pair_is_full("1", customer, clock.now)
                platform.take("1", customer, clock.now)
                sent += 1
    assert sent > 100  # and nothing stands still


def test_a_process_without_redis_has_a_part_of_the_rate_by_itself() -> None:
    shared = Shared(redis.Redis.from_url("redis://127.0.0.1:9"), RATES)
    took = [shared.take("whatsapp/1", str(nth), "whatsapp") for nth in range(3)]
    assert (took[0], took[1] > 0.05) == (0, True)
