"""The real application on a real Postgres, with a projector beside it."""

import threading
from collections.abc import Iterator

import pytest

from adapters.postgres.projector import run_projector
from tests.api.served import served
from tests.api.stage import Brokerage, Stage
from tests.conftest import MakeDatabase


@pytest.fixture(scope="session")
def stage(new_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application with everything that reads and writes behind it."""
    url, log, stop = new_database(), tmp_path_factory.mktemp("api") / "api.log", threading.Event()
    projector = threading.Thread(target=run_projector, args=(url, stop))
    projector.start()
    try:
        with served(url, log) as base:
            stage = Stage(base, url, log)
            yield stage
            stage.close()
    finally:
        stop.set()
        projector.join()


@pytest.fixture
def nile(stage: Stage) -> Brokerage:
    """A brokerage to itself."""
    return stage.brokerage()


@pytest.fixture
def delta(stage: Stage) -> Brokerage:
    """Another brokerage, which must not see anything of the first."""
    return stage.brokerage()


@pytest.fixture(scope="module")
def busy(stage: Stage) -> Brokerage:
    """A brokerage for tests that do not mind what else was posted."""
    return stage.brokerage()
