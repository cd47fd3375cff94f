"""One database for all tests here; each has a brokerage and a receiver of its own."""

from collections.abc import Iterator

import pytest

from tests.conftest import MakeDatabase
from tests.outside.receiver import Receiver, receiver
from tests.postgres.stage import Stage
from tests.subscriptions.stage import Subscribed


@pytest.fixture(scope="module")
def house(new_database: MakeDatabase) -> Iterator[Stage]:
    stage = Stage(new_database())
    yield stage
    stage.close()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def own(house: Stage, there: Receiver) -> Subscribed:
    """A brokerage that subscribed to its tours."""
    return Subscribed(house, there)
