"""One database for all tests of the assistant; each test has a brokerage of its own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.assistant.stage import Talk
from tests.conftest import MakeDatabase
from tests.delivery.stage import Database


@pytest.fixture(scope="session")
def database(new_database: MakeDatabase) -> Iterator[Database]:
    database = Database(new_database())
    yield database
    database.close()


@pytest.fixture
def talking(database: Database) -> Iterator[Any]:
    """Gives talks of customers, each of a brokerage of its own."""
    talks: list[Talk] = []

    def start(**more: Any) -> Talk:
        talks.append(Talk(database, **more))
        return talks[-1]

    yield start
    for talk in talks:
        talk.close()
    database.owner.execute("UPDATE outbox.messages SET state = 'done' WHERE state <> 'done'")


@pytest.fixture
def talk(talking: Any) -> Talk:
    """A customer on WhatsApp whose number is known."""
    talk: Talk = talking()
    return talk
