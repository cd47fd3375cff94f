"""A stage to a module, and a stage to a test."""

from collections.abc import Iterator

import pytest

from tests.postgres.stage import Stage


@pytest.fixture
def stage(own_url: str) -> Iterator[Stage]:
    """A stage on a database of its own."""
    stage = Stage(own_url)
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def shared_stage(shared_url: str) -> Iterator[Stage]:
    """A stage for tests that bring ids of their own."""
    stage = Stage(shared_url)
    yield stage
    stage.close()
