"""Files as the stand-in for the platforms gives them: by id and a short-lived address, with the account's own token."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from adapters.media.platforms import PlatformFiles, allowing
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.simulator.app import create_app
from application.ports.channels import Account
from application.ports.media import NoFile, WantedFile
from domain.messaging.content import Media
from domain.messaging.events import Provider
from tests.patience import PATIENCE_S
from tests.simulator.server import running

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(2_000)


@pytest.fixture(scope="module")
def meta() -> Iterator[str]:
    with running(create_app()) as url:
        httpx.put(
            f"{url}/_simulator/accounts/1001", json={"channel": "whatsapp", "token": "EAAgood"}, timeout=PATIENCE_S
        ).raise_for_status()
        yield url


def uploaded(meta: str) -> str:
    answer = httpx.post(
        f"{meta}/v26.0/1001/media", headers={"authorization": "Bearer EAAgood"},
        data={"messaging_product": "whatsapp", "type": "image/jpeg"}, files={"file": ("a.jpg", JPEG, "image/jpeg")},
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def fetched(
    meta: str, media_id: str, token: str, provider: Provider = "meta", secrets: tuple[str, ...] = ()
) -> bytes:  # fmt: skip
    account = Account("whatsapp", "1001", provider, token, app_secrets=secrets)
    source = PlatformFiles(
        GuardedClient(allowing(Rules(), [meta])), lambda *_: account, graph=f"{meta}/v26.0", dialog360=meta
    )
    wanted = WantedFile(uuid4(), "whatsapp", "1001", provider, Media(id=media_id), 10_000)
    with source.open(wanted) as chunks:
        return b"".join(chunks)


def test_a_file_comes_whole(meta: str) -> None:
    assert fetched(meta, uploaded(meta), "EAAgood") == JPEG


def test_with_another_token_it_does_not_come(meta: str) -> None:
    with pytest.raises(NoFile) as none:
        fetched(meta, uploaded(meta), "EAAother")
    assert not none.value.passing


@pytest.mark.parametrize("secrets", [("new", "the app's"), ("the app's", "old")])
def test_an_app_that_demands_the_proof_gives_the_file_whichever_secret_is_the_one(
    meta: str, secrets: tuple[str, ...]
) -> None:
    media_id = uploaded(meta)
    told = {"channel": "whatsapp", "token": "EAAgood"}
    httpx.put(
        f"{meta}/_simulator/accounts/1001", json={**told, "app_secret": "the app's"}, timeout=PATIENCE_S
    ).raise_for_status()
    try:
        assert fetched(meta, media_id, "EAAgood", secrets=secrets) == JPEG
        with pytest.raises(NoFile):
            fetched(meta, media_id, "EAAgood", secrets=("another",))
    finally:
        httpx.put(f"{meta}/_simulator/accounts/1001", json=told, timeout=PATIENCE_S).raise_for_status()
