"""Conversations found by the words in them, of one's own brokerage, without readable words anywhere."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.rows import dict_row

from adapters.postgres.connections import as_brokerage, connect, pool
from adapters.postgres.queries.search import thread_ids
from adapters.postgres.search import SearchFeed, forget_threads, search_key
from adapters.sealing import MasterKey
from domain.messaging.content import Content, Media
from domain.messaging.events import MessageChanged, SendRequested
from domain.people.hints import PersonHints
from tests.api.served import MASTER_KEY
from tests.conftest import ConnectAs, MakeDatabase
from tests.live.talk import ACCOUNT, Talk, talking

MASTER = MasterKey.parse(MASTER_KEY)
NILE, DELTA = uuid4(), uuid4()


@pytest.fixture(scope="module")
def url(new_database: MakeDatabase) -> str:
    return new_database()


@pytest.fixture
def mona(url: str) -> Iterator[Talk]:
    with talking(url, NILE, phone=f"+2010{uuid4().int % 10**8:08d}") as talk:
        yield talk


@pytest.fixture
def feed(url: str) -> Iterator[Any]:
    """Reads the log to its end when called."""
    feed = SearchFeed(url, MASTER)
    with connect(url, "masar_projector") as connection:

        def read() -> None:
            while feed.step(connection):
                pass

        yield read


async def _find(url: str, brokerage_id: UUID, q: str) -> list[UUID]:
    async with pool(url) as connections, as_brokerage(connections, brokerage_id) as connection:
        return await thread_ids(connection, brokerage_id, q, search_key(MASTER, brokerage_id))


def found(url: str, q: str, brokerage_id: UUID = NILE) -> list[UUID]:
    return asyncio.run(_find(url, brokerage_id, q))


def test_a_thread_is_found_by_words_of_several_of_its_messages(url: str, mona: Talk, feed: Any) -> None:
    mona.says("عايزة فيلا كبيرة في التجمع")
    mona.says("الميزانية ٩ مليون")
    feed()
    assert found(url, "فيلا ميزانيه") == [mona.thread_id]
    assert found(url, "فيلا قصر") == []


def test_it_is_found_by_the_name_of_a_file_and_by_the_number(url: str, mona: Talk, feed: Any) -> None:
    mona.says(content=Content(media=Media(id="1", filename="kitchen-plan.pdf")), kind="document")
    feed()
    assert found(url, "kitchen plan") == [mona.thread_id]
    assert found(url, mona.phone) == [mona.thread_id]
    assert found(url, mona.phone[-6:]) == [mona.thread_id]


def test_another_brokerage_finds_nothing_even_with_the_same_words(url: str, mona: Talk, feed: Any) -> None:
    mona.says("unmistakable")
    feed()
    assert found(url, "unmistakable", DELTA) == []
    assert found(url, "unmistakable") == [mona.thread_id]


def test_what_was_edited_is_found_by_its_new_words_and_what_was_taken_back_no_more(
    url: str, mona: Talk, feed: Any
) -> None:
    first, second = mona.says("sycamore"), mona.says("tamarisk")
    feed()
    changed = {
        "occurred_at": datetime.now(UTC), "channel": "whatsapp", "account_id": ACCOUNT,
        "hints": PersonHints(phone=mona.phone),
    }  # fmt: skip
    mona.observe("edit|1", MessageChanged(change="edited", ref=first, text="jacaranda", **changed))
    mona.observe("revoke|1", MessageChanged(change="revoked", ref=second, **changed))
    feed()
    assert [found(url, word) for word in ("sycamore", "jacaranda", "tamarisk")] == [[], [mona.thread_id], []]


def test_read_again_it_adds_nothing_and_an_erased_thread_is_found_no_more(
    url: str, mona: Talk, feed: Any, connect_as: ConnectAs
) -> None:
    mona.says("oleander")
    feed()
    owner = connect_as(url, "masar_owner")
    before = owner.execute("SELECT count(*) FROM messaging.words").fetchone()
    owner.execute("UPDATE messaging.words_read SET position = 0")
    feed()
    assert owner.execute("SELECT count(*) FROM messaging.words").fetchone() == before
    forget_threads(connect_as(url, "masar_projector"), NILE, [mona.thread_id])
    assert found(url, "oleander") == []


def test_words_of_the_erased_are_not_read_again(url: str, mona: Talk, feed: Any, connect_as: ConnectAs) -> None:
    mona.says("wisteria")
    owner = connect_as(url, "masar_owner")
    owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (mona.subject_id,))
    feed()
    assert found(url, "wisteria") == []


def test_no_word_lies_readable_in_the_index(url: str, mona: Talk, feed: Any, connect_as: ConnectAs) -> None:
    mona.says("bougainvillea")
    feed()
    rows = connect_as(url, "masar_owner").cursor(row_factory=dict_row).execute("SELECT * FROM messaging.words")
    assert b"bougainvillea" not in b"".join(bytes(row["hash"]) for row in rows)


def test_what_we_send_is_found_too(url: str, mona: Talk, feed: Any) -> None:
    mona.says("hi")
    mona.decide(
        SendRequested(
            thread_id=mona.thread_id, channel="whatsapp", account_id=ACCOUNT, author="agent",
            message_type="text", text="the keys are with Hassan", occurred_at=datetime.now(UTC),
        )
    )  # fmt: skip
    feed()
    assert found(url, "hassan keys") == [mona.thread_id]
