"""One database and one stand-in for all tests of sending; each test has a brokerage and a customer of its own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from adapters.embedded.redis import EmbeddedRedis, find_redis
from adapters.simulator.app import create_app
from tests.conftest import MakeDatabase
from tests.delivery.stage import Database
from tests.patience import PATIENCE_S
from tests.sending.stage import Sending
from tests.simulator.server import running


@pytest.fixture(scope="session")
def database(new_database: MakeDatabase) -> Iterator[Database]:
    database = Database(new_database())
    yield database
    database.close()


@pytest.fixture(scope="session")
def _served() -> Iterator[httpx.Client]:
    with running(create_app()) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        yield http


@pytest.fixture
def platform(_served: httpx.Client) -> httpx.Client:
    _served.post("/_simulator/reset").raise_for_status()
    return _served


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_redis() is None:
        pytest.skip("no Redis server on this machine")
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url()


@pytest.fixture
def start(database: Database, platform: httpx.Client) -> Iterator[Any]:
    """Gives customers, each of a brokerage of its own."""
    made: list[Sending] = []

    def begin(**more: Any) -> Sending:
        made.append(Sending(database, platform=platform, **more))
        return made[-1]

    yield begin
    for one in made:
        one.close()
    database.owner.execute("UPDATE outbox.messages SET state = 'done' WHERE state <> 'done'")


@pytest.fixture
def talk(start: Any) -> Sending:
    """A customer on WhatsApp who wrote a minute ago."""
    talk: Sending = start()
    talk.wrote()
    return talk


@pytest.fixture
def page(start: Any) -> Sending:
    """A customer on Messenger who wrote a minute ago."""
    page: Sending = start(channel="messenger", hints={"psid": "7001001"})
    page.wrote()
    return page


@pytest.fixture
def gram(start: Any) -> Sending:
    """A customer on Instagram who wrote a minute ago."""
    gram: Sending = start(channel="instagram", hints={"igsid": "8001001"})
    gram.wrote()
    return gram
