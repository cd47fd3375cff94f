"""Several files in one message of Messenger, from the platform's webhook to what is kept and told of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.media.platforms import PlatformFiles, allowing
from adapters.media.vault import FolderVault
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.simulator.webhooks import page_file
from application.fetch_media import FetchMedia
from domain.messaging.events import MessageReceived
from domain.people.hints import PersonHints
from tests.assistant.stage import ACCOUNTS, Talk
from tests.conftest import MakeDatabase
from tests.delivery.stage import Database
from tests.media.platform import Platform
from tests.webhooks.reading import only
from tests.webhooks.test_pages import from_mona

PNG, PDF = b"\x89PNG\r\n\x1a\n" + bytes(64), b"%PDF-1.7\n" + bytes(range(256))
FETCHES = "SELECT id FROM outbox.messages WHERE brokerage_id = %s AND kind = 'fetch_media'"
SHOWN = "SELECT file ->> 'state', more -> 'further_files' FROM read_models.messages WHERE brokerage_id = %s"


@pytest.fixture(scope="module")
def database(new_database: MakeDatabase) -> Iterator[Database]:
    database = Database(new_database())
    yield database
    database.close()


@pytest.fixture
def talk(database: Database) -> Iterator[Talk]:
    talk = Talk(database, channel="messenger", hints={"psid": "7001001"})
    yield talk
    talk.close()


def received(talk: Talk, *attachments: tuple[str, str]) -> MessageReceived:
    """What the platform's webhook tells of a message with these attachments: (type, address)."""
    told: dict[str, Any] = page_file("m_1", *attachments[0])
    told["message"]["attachments"] += [{"type": kind, "payload": {"url": url}} for kind, url in attachments[1:]]
    fact = only(from_mona(told), MessageReceived)
    own = {"account_id": ACCOUNTS["messenger"], "hints": PersonHints(**talk.hints), "occurred_at": talk.now}
    return fact.model_copy(update=own)


def fetch_all(talk: Talk, platform: Platform, vault: FolderVault) -> None:
    files = GuardedClient(allowing(Rules(), [platform.url]))
    source = PlatformFiles(files, lambda *_: None, graph=platform.url, dialog360=platform.url)
    for (message_id,) in talk.db.rows(FETCHES, talk.brokerage_id):
        leased = talk.work.lease_one(message_id)
        assert leased is not None
        FetchMedia(talk.ring, talk.work, source, vault).run(leased)
        talk.work.forget()


def test_every_file_is_kept_and_one_that_is_gone_harms_no_other(talk: Talk, platform: Platform, tmp_path: Path) -> None:
    platform.files |= {"/1": (200, PNG), "/3": (200, PDF)}
    kinds = ("image", "/1"), ("video", "/2"), ("file", "/3")
    talk.came(received(talk, *((kind, platform.url + path) for kind, path in kinds)))
    vault = FolderVault(tmp_path, talk.ring.key_of)
    fetch_all(talk, platform, vault)
    told = {one.get("nth", 0): one for one in talk.facts("messaging.media_settled.v1")}
    assert {nth: one["outcome"] for nth, one in told.items()} == {0: "kept", 1: "failed", 2: "kept"}
    assert sorted(path for path, _ in platform.asked) == ["/1", "/2", "/3"]
    talk.db.project("messages")
    ((first, further),) = talk.db.rows(SHOWN, talk.brokerage_id)
    assert (first, [(one["nth"], one["state"], one["mime_type"]) for one in further]) == (
        "kept", [(1, "failed", None), (2, "kept", "application/pdf")],
    )  # fmt: skip
