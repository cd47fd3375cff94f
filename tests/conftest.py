"""One embedded Postgres for all tests of a run; databases are copies of a migrated one, made in a moment."""

import faulthandler
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import Connection, sql

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.connections import Role, connect
from adapters.postgres.migrate import migrate

# A busy machine is no defect: examples are counted, not timed. The same examples every time: what decides whether a
# change lands must not be luck. `./masar test --hypothesis-profile=exploring` looks for others, and many more of them.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("masar", PATIENT, derandomize=True)
settings.register_profile("exploring", PATIENT, max_examples=1_000)
settings.load_profile("masar")

LAST_S = 60
"""For a process to end once its tests are over: a thread left behind must not keep a run from ending."""


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process in any case, with all its stacks shown where it does not end by itself.

    A worker stays until all others are through; whoever started it ends it.
    """
    if not hasattr(config, "workerinput"):
        faulthandler.dump_traceback_later(LAST_S, exit=True)


MakeDatabase = Callable[[], str]
ConnectAs = Callable[..., Connection[Any]]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDatabase]:
    """Makes a fresh migrated database and returns its owner's URL."""
    numbers = itertools.count(1)
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        migrate(server.url("masar_owner"))

        def make() -> str:
            name = f"test_{next(numbers)}"
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE masar OWNER masar_owner").format(sql.Identifier(name))
            with psycopg.connect(server.url("masar_admin"), dbname="postgres", autocommit=True) as admin:
                admin.execute(copy)
            return f"{server.url('masar_owner').removesuffix('/masar')}/{name}"

        yield make


@pytest.fixture(scope="module")
def shared_url(new_database: MakeDatabase) -> str:
    """A database for the tests of one module that do not mind each other."""
    return new_database()


@pytest.fixture
def own_url(new_database: MakeDatabase) -> str:
    """A database for one test."""
    return new_database()


@pytest.fixture
def connect_as() -> Iterator[ConnectAs]:
    """Opens connections as a role and closes them after the test."""
    opened: list[Connection[Any]] = []

    def open_one(url: str, role: Role = "masar_owner") -> Connection[Any]:
        opened.append(connect(url, role))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()
