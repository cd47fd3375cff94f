"""The real application on a real Postgres, with a projector beside it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.api.served import environment, served
from tests.api.stage import Brokerage, Stage
from tests.conftest import MakeDatabase
from tests.embedded.processes import ROOT
from tests.patience import PATIENCE_S


@pytest.fixture(scope="session")
def stage(new_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The application with everything that reads and writes behind it.

    The projector is a process of its own: it outlives modules, some of which replace read models in ours for a while,
    and it would build those.
    """
    url, log = new_database(), tmp_path_factory.mktemp("api") / "api.log"
    with log.with_name("projector.log").open("wb") as said:
        projector = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "projector"], env=environment(url), cwd=ROOT, stdout=said, stderr=said
        )
        try:
            with served(url, log) as base:
                stage = Stage(base, url, log)
                yield stage
                stage.close()
        finally:
            projector.terminate()
            projector.wait(timeout=PATIENCE_S)


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
