"""One database and one stand-in for all tests of delivery; each test has a brokerage of its own."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.simulator.app import create_app
from tests.delivery.stage import Database, Meta, Stage
from tests.patience import PATIENCE_S
from tests.simulator.server import running


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("delivery")
    with EmbeddedPostgres(folder, durable=False) as server:
        url = server.url("masar_owner")
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def _served() -> Iterator[Meta]:
    with running(create_app()) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        yield Meta(url, http)


@pytest.fixture
def meta(_served: Meta) -> Meta:
    _served.http.post("/_simulator/reset").raise_for_status()
    return _served


@pytest.fixture
def stage(database: Database, meta: Meta) -> Iterator[Stage]:
    """A brokerage with a good token. What a test leaves behind is no work for the workers of the next."""
    stage = Stage(database, meta)
    stage.store_token()
    yield stage
    database.owner.execute("UPDATE outbox.messages SET state = 'done' WHERE state <> 'done'")
    database.owner.execute("DELETE FROM outbox.circuits")
