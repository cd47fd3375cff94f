"""Files that are kept here and sent: given to WhatsApp first, then named in the message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.media.vault import FolderVault
from application.outgoing import BadDraft
from application.ports.media import WantedFile
from domain.messaging.content import Content, Media
from tests.sending.stage import TOKEN, Sending

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 40
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(100)
PDF = b"%PDF-1.7\n" + bytes(range(256))
Keep = Callable[..., UUID]


def vault_of(talk: Sending, folder: Path) -> FolderVault:
    return FolderVault(folder, talk.ring.key_of)


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Keeps a file for a customer; returns our name of it."""

    def do(talk: Sending, content: bytes, family: str = "image") -> UUID:
        name, wanted = uuid4(), WantedFile(talk.brokerage_id, talk.channel, talk.account, "meta", Media(), 10**6)
        vault_of(talk, tmp_path).keep(wanted, talk.subject_id, name, family, iter([content]))
        return name

    return do


def sends(talk: Sending, folder: Path, name: UUID, kind: str = "image", **more: Any) -> UUID:
    """An agent sends a kept file, and a worker takes it; return the send."""
    content = Content(media=Media(file=name, filename="floor plan.pdf"))
    (send_id,) = talk.asks("the plan", message_type=kind, content=content, **more)
    talk.run(send_id, files=vault_of(talk, folder))
    return send_id


def given(talk: Sending, media_id: str) -> bytes:
    """What the platform has under its id of a file."""
    header = {"d360-api-key": TOKEN} if talk.provider == "360dialog" else {"authorization": f"Bearer {TOKEN}"}
    told = talk.platform.get(f"/{media_id}" if talk.provider == "360dialog" else f"/v26.0/{media_id}", headers=header)
    return talk.platform.get(told.json()["url"], headers=header).content


@pytest.mark.parametrize("provider", ["meta", "360dialog"])
def test_a_kept_file_is_given_to_the_platform_and_named_in_the_message(
    start: Any, keep: Keep, tmp_path: Path, provider: str
) -> None:
    talk: Sending = start(provider=provider)
    talk.wrote()
    send_id = sends(talk, tmp_path, keep(talk, PDF, "document"), "document")
    assert talk.outcomes(send_id) == [("accepted", "answer")]
    (document,) = [one["document"] for one in talk.received()]
    assert (document["filename"], document["caption"], "link" in document) == ("floor plan.pdf", "the plan", False)
    assert given(talk, document["id"]) == PDF


def test_an_app_that_demands_the_proof_takes_the_file_too(talk: Sending, keep: Keep, tmp_path: Path) -> None:
    talk.db.owner.execute("UPDATE channels.accounts SET app = 'main' WHERE account_id = %s", (talk.account,))
    talk.secrets.put(talk.brokerage_id, "app/main/secrets", '["new", "the app\'s"]')
    talk.control("PUT", f"accounts/{talk.account}", {"channel": "whatsapp", "token": TOKEN, "app_secret": "the app's"})
    assert talk.outcomes(sends(talk, tmp_path, keep(talk, JPEG))) == [("accepted", "answer")]


def test_a_file_of_somebody_else_is_not_sent(start: Any, keep: Keep, tmp_path: Path) -> None:
    other: Sending = start()
    other.wrote()
    theirs = keep(other, JPEG)
    talk: Sending = start()
    talk.wrote()
    send_id = sends(talk, tmp_path, theirs)
    assert talk.outcomes(send_id) == [("refused", "worker")]
    assert talk.settled(send_id)["reason"].startswith("the file cannot be sent: there is no such file")
    assert talk.received() == []


def test_a_file_that_is_no_image_is_not_sent_as_one(talk: Sending, keep: Keep, tmp_path: Path) -> None:
    send_id = sends(talk, tmp_path, keep(talk, PDF, "document"))
    assert talk.settled(send_id)["reason"] == "the file cannot be sent: it is said to be image and is application/pdf"


def test_what_the_platform_does_not_take_as_this_is_refused_in_its_words(
    talk: Sending, keep: Keep, tmp_path: Path
) -> None:
    send_id = sends(talk, tmp_path, keep(talk, WEBP))
    assert (talk.outcomes(send_id), talk.settled(send_id)["code"]) == ([("refused", "answer")], 131053)


def test_a_file_that_the_platform_did_not_take_for_a_moment_is_given_again_and_the_message_goes_once(
    talk: Sending, keep: Keep, tmp_path: Path
) -> None:
    talk.control("PUT", "faults", {"fail_next": ["server_error"]}, route="media")
    send_id = sends(talk, tmp_path, keep(talk, JPEG))
    state, why = talk.state(send_id)
    assert (state, (why or "").startswith("tried again")) == ("waiting", True)
    talk.run(send_id, files=vault_of(talk, tmp_path))
    assert (talk.outcomes(send_id), len(talk.received())) == ([("accepted", "answer")], 1)


def test_messenger_and_instagram_take_files_by_address(page: Sending, gram: Sending, keep: Keep) -> None:
    for talk in (page, gram):
        with pytest.raises(BadDraft) as bad:
            talk.asks(None, message_type="image", content=Content(media=Media(file=uuid4())))
        assert [one.field for one in bad.value.problems] == ["media.file"]
