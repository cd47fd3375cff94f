"""What one address may ask: floods and failures are cut off, and whoever can prove who it is goes on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from adapters.embedded.redis import EmbeddedRedis, find_redis
from adapters.redis.shared_amounts import SharedAmounts
from api.addresses import household_of
from api.limits import AddressLimits
from api.rates import MOST_KEPT, Rates
from api.settings import Settings
from api.shared_limits import Sharing
from tests.api.hooks import Door, door_of, number, signature, text, written
from tests.api.served import served
from tests.api.stage import Stage, problem_of
from tests.patience import eventually

READ = "/api/people"
UNKNOWN = "Bearer masar_reader_ffffffffffff_secret"
SOMEBODY, NEIGHBOUR = "203.0.113.7", "203.0.113.8"


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# Whose limits.


def connection(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return {"type": "http", "client": (peer, 4711) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "whose"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_an_ipv4_address_or_an_ipv6_network(peer: str | None, whose: str) -> None:
    assert household_of(connection(peer), 0) == whose


@pytest.mark.parametrize(
    ("hops", "forwarded", "whose"),
    [
        (0, ("198.51.100.1",), "203.0.113.7"),
        (1, ("198.51.100.1",), "198.51.100.1"),
        (1, ("198.51.100.66, 198.51.100.1",), "198.51.100.1"),
        (1, ("198.51.100.66", "198.51.100.1"), "198.51.100.1"),
        (2, ("198.51.100.66, 198.51.100.1, 10.0.0.1",), "198.51.100.1"),
        (2, ("198.51.100.1",), "203.0.113.7"),
        (1, ("nonsense",), "203.0.113.7"),
        (1, ("[2001:db8::1]:4711",), "2001:db8::/64"),
        (1, (), "203.0.113.7"),
    ],
)
def test_only_what_our_own_proxies_tell_is_believed(hops: int, forwarded: tuple[str, ...], whose: str) -> None:
    assert household_of(connection("203.0.113.7", *forwarded), hops) == whose


# The buckets.


def limits(clock: Clock, total: int = 1_000, strangers: int = 1_000, failures: int = 1_000) -> AddressLimits:
    return AddressLimits(Rates(total, clock), Rates(strangers, clock), Rates(failures, clock))


def test_everything_counts_towards_the_widest_limit() -> None:
    clock = Clock()
    own = limits(clock, total=60)
    assert [own.over(SOMEBODY) for _ in range(61)] == [None] * 60 + ["every"]
    assert own.over(NEIGHBOUR) is None
    clock.now += 1
    assert [own.over(SOMEBODY) for _ in range(2)] == [None, "every"]


def test_failures_are_cut_off_and_forgiven_with_time() -> None:
    clock = Clock()
    own = limits(clock, failures=60)
    for _ in range(60):
        assert own.over(SOMEBODY) is None
        own.unproven(SOMEBODY, 401)
    assert own.over(SOMEBODY) == "failures"
    assert own.over(NEIGHBOUR) is None
    clock.now += 1
    assert own.over(SOMEBODY) is None
    own.unproven(SOMEBODY, 403)
    assert own.over(SOMEBODY) == "failures"


@pytest.mark.parametrize("status", [200, 204, 400, 404, 405, 413, 503])
def test_what_no_key_was_shown_for_counts_and_is_no_failure(status: int) -> None:
    own = limits(Clock(), strangers=2, failures=1)
    for _ in range(2):
        assert own.over(SOMEBODY) is None
        own.unproven(SOMEBODY, status)
    assert own.over(SOMEBODY) == "strangers"


def test_many_addresses_take_no_more_room_than_is_set_aside() -> None:
    clock = Clock()
    rates = Rates(1, clock)
    for nth in range(MOST_KEPT + 10):
        rates.take(str(nth))
    assert not rates.dry("0")  # it made room
    assert rates.dry(str(MOST_KEPT + 9))


def test_a_refusal_tells_when_to_come_again() -> None:
    refusal = limits(Clock(), failures=6).refusal("failures")
    assert (refusal.status, refusal.headers) == (429, {"Retry-After": "10"})


def test_by_default_failures_are_few_and_a_platform_is_not_held_up() -> None:
    own = Settings()
    assert own.trusted_proxies == 0
    assert own.address_failures_per_minute <= 600
    assert own.address_total_per_minute >= 10_000 * 60  # more than a process serves: 10,000 a second


# Several processes.


class Together:
    """Adds up for all processes, in memory."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, str], int] = {}

    def add(self, taken: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        for place, amount in taken.items():
            self.sums[place] = self.sums.get(place, 0) + amount
        return {place: self.sums[place] for place in taken}


def meet(amounts: Any, *processes: Sharing) -> None:
    """Let processes exchange what they took, twice: whoever is told first hears of the others the second time."""
    for _ in range(2):
        for one in processes:
            if taken := one.taken():
                one.learn(taken, amounts.add(taken))


@pytest.fixture(params=["in memory", "in Redis"])
def amounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "in memory":
        yield Together()
        return
    if find_redis() is None:
        pytest.skip("no Redis server on this machine")
    with EmbeddedRedis(tmp_path / "redis") as server:
        shared = SharedAmounts(server.url(), b"k" * 32)
        yield shared
        with redis.Redis.from_url(server.url()) as client:
            names = [name.decode() for name in client.keys("*")]
            assert names
            assert not [name for name in names if SOMEBODY in name or NEIGHBOUR in name]
            assert all(0 < client.ttl(name) <= 120 for name in names)
        shared.close()


def test_what_one_process_allowed_the_other_does_not_allow_again(amounts: Any) -> None:
    clock = Clock()
    first, second = Rates(100, clock), Rates(100, clock)
    one, other = Sharing({"failures": first}, amounts), Sharing({"failures": second}, amounts)
    first.take(SOMEBODY)
    second.take(SOMEBODY)
    meet(amounts, one, other)
    for _ in range(60):
        first.take(SOMEBODY)
    second.take(SOMEBODY)
    second.take(NEIGHBOUR)
    meet(amounts, one, other)
    for _ in range(100 - 60 - 2):
        assert not second.dry(SOMEBODY)
        second.take(SOMEBODY)
    assert second.dry(SOMEBODY)
    assert not second.dry(NEIGHBOUR)


def test_a_sum_that_was_forgotten_is_no_debt() -> None:
    clock, amounts = Clock(), Together()
    rates = Rates(100, clock)
    own = Sharing({"failures": rates}, amounts)
    for _ in range(50):
        rates.take(SOMEBODY)
    meet(amounts, own)
    amounts.sums.clear()
    rates.take(SOMEBODY)
    meet(amounts, own)
    assert not rates.dry(SOMEBODY)


def test_what_was_taken_long_before_a_process_began_is_not_held_against_anybody() -> None:
    amounts = Together()
    amounts.sums["failures", SOMEBODY] = 1_000_000
    rates = Rates(100, Clock())
    own = Sharing({"failures": rates}, amounts)
    rates.take(SOMEBODY)
    meet(amounts, own)
    assert not rates.dry(SOMEBODY)


# Over HTTP.


def limited(ask: Any, most: int = 50) -> httpx.Response:
    """Ask until the answer is 429, and return it."""
    for _ in range(most):
        response: httpx.Response = ask()
        if response.status_code == 429:
            return response
    raise AssertionError(f"not limited in {most} requests: {response.status_code}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str | None]:
    """The address of a Redis server, None where there is none on this machine."""
    if find_redis() is None:
        yield None
        return
    with EmbeddedRedis(tmp_path / "redis") as running:
        yield running.url()


def test_wrong_keys_are_cut_off_and_good_ones_of_the_same_address_go_on(
    stage: Stage, server: str | None, tmp_path: Path
) -> None:
    nile = stage.brokerage()
    door, raw = door_of(stage, nile), b"{}"
    path = f"/api/webhooks/meta/{door.app}"
    shared = {"redis_url": server} if server else {}
    with served(stage.url, tmp_path / "api.log", address_failures_per_minute=3, **shared) as base:
        good = stage.client(nile.keys["reader"], base)
        assert good.get(READ).status_code == 200
        stranger = stage.client(base=base)
        response = limited(lambda: stranger.get(READ, headers={"authorization": UNKNOWN}))
        assert problem_of(response)["title"] == "Too many requests"
        assert response.headers["retry-after"] == "20"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert limited(lambda: stranger.post(path, content=raw))
        assert limited(lambda: stranger.post(path, content=raw, headers={"x-hub-signature-256": "sha256=00"}))
        forged = {"x-forwarded-for": "198.51.100.1", "authorization": UNKNOWN}
        assert limited(lambda: stranger.get(READ, headers=forged))
        assert good.get(READ).status_code == 200
        assert signed(stranger, door).status_code == 200
        assert good.post("/api/touchpoints", json=[]).status_code in (403, 429)
        assert 'masar_http_limited_total{limit="failures"}' in good.get("/metrics").text
        if server:
            with redis.Redis.from_url(server) as client:
                eventually(lambda: client.keys("masar:taken:failures:*"))


def signed(client: httpx.Client, door: Door) -> httpx.Response:
    """Post a webhook of the platform."""
    raw = written(door.body(text(number())))
    return client.post(
        f"/api/webhooks/meta/{door.app}", content=raw, headers={"x-hub-signature-256": signature(raw, door.secret)}
    )
