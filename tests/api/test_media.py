"""Files that customers sent: given out to the brokerage's own, safely named, never shown; retried once they failed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.media.vault import FolderVault
from application.ports.media import WantedFile
from domain.messaging.content import Content, FurtherFile, Media
from domain.messaging.events import MediaSettled
from tests.api.served import served
from tests.api.stage import Brokerage, Stage, problem_of
from tests.live.talk import ACCOUNT, Talk, talking

DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id, inbound, last_inbound_at,
                             last_arrived_at, waiting_since)
VALUES (%s, %s, %s, 'whatsapp', %s, 1, now(), now(), now()) ON CONFLICT DO NOTHING
"""
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 1000
NAMED = Media(id="881", filename="عقد الإيجار.pdf", mime_type="text/html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def base(stage: Stage, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API of its own, which keeps files in a folder of the test."""
    with served(stage.url, tmp_path_factory.mktemp("api") / "media.log", media_dir=str(folder)) as base:
        yield base


@pytest.fixture
def mona(stage: Stage, nile: Brokerage) -> Iterator[Talk]:
    with talking(stage.url, nile.brokerage_id) as talk:
        yield talk


@pytest.fixture
def reader(stage: Stage, nile: Brokerage, base: str) -> httpx.Client:
    return stage.client(nile.keys["reader"], base)


@pytest.fixture
def operator(stage: Stage, nile: Brokerage, base: str) -> httpx.Client:
    return stage.client(nile.keys["operator"], base)


def path(talk: Talk, ref: UUID) -> str:
    return f"/api/conversations/{talk.thread_id}/messages/{ref}/media"


def settled(talk: Talk, ref: UUID, outcome: str, **more: object) -> None:
    """Say what became of a message's file, as the worker does."""
    fact = MediaSettled.model_validate({
        "thread_id": talk.thread_id, "channel": "whatsapp", "account_id": ACCOUNT, "ref": ref, "outcome": outcome,
        "occurred_at": datetime.now(UTC), **more,
    })  # fmt: skip
    talk.decide(fact, cause_id=ref)


def kept(talk: Talk, folder: Path) -> UUID:
    """The customer sends a file and it is kept; return the message."""
    ref, name = talk.says(content=Content(media=NAMED), kind="document"), uuid4()
    vault = FolderVault(folder, lambda _: talk.key())
    wanted = WantedFile(talk.brokerage_id, "whatsapp", ACCOUNT, "meta", NAMED, 10**6)
    assert talk.subject_id is not None
    vault.keep(wanted, talk.subject_id, name, "document", iter([PDF]))
    settled(talk, ref, "kept", name=name, mime_type="application/pdf", size=len(PDF))
    return ref


def test_a_file_is_saved_under_its_name_and_never_shown(mona: Talk, reader: httpx.Client, folder: Path) -> None:
    answer = reader.get(path(mona, kept(mona, folder)))
    assert (answer.status_code, answer.content) == (200, PDF)
    headers = answer.headers
    assert (headers["content-type"], headers["content-length"]) == ("application/pdf", str(len(PDF)))
    assert headers["content-disposition"].startswith("attachment; ")
    assert headers["content-disposition"].endswith(
        "filename*=UTF-8''%D8%B9%D9%82%D8%AF%20%D8%A7%D9%84%D8%A5%D9%8A%D8%AC%D8%A7%D8%B1.pdf"
    )
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (headers["x-content-type-options"], headers["accept-ranges"]) == ("nosniff", "none")


def test_each_file_of_a_message_is_given_out_and_told_of(
    stage: Stage, mona: Talk, reader: httpx.Client, operator: httpx.Client, folder: Path
) -> None:
    further = FurtherFile(type="image", url="https://cdn.example.com/2", filename="sea.png")
    content = Content(media=NAMED, files=(further, further))
    ref, name = mona.says(content=content, kind="document", more_files=2), uuid4()
    wanted = WantedFile(mona.brokerage_id, "whatsapp", ACCOUNT, "meta", further, 10**6)
    assert mona.subject_id is not None
    png = b"\x89PNG\r\n\x1a\n" + bytes(100)
    FolderVault(folder, lambda _: mona.key()).keep(wanted, mona.subject_id, name, "image", iter([png]))
    settled(mona, ref, "kept", nth=1, name=name, mime_type="image/png", size=len(png))
    settled(mona, ref, "failed", nth=2, reason="gone")
    given = reader.get(path(mona, ref), params={"nth": 1})
    assert (given.status_code, given.content, "sea.png" in given.headers["content-disposition"]) == (200, png, True)
    assert reader.get(path(mona, ref)).json()["media"] == "under way"
    assert reader.get(path(mona, ref), params={"nth": 3}).status_code == 404
    again = operator.post(f"{path(mona, ref)}/retry", params={"nth": 2})
    assert (again.status_code, again.json()["nth"]) == (202, 2)
    stage.settled()
    (message,) = reader.get(f"/api/conversations/{mona.thread_id}/messages").json()["items"]
    assert [(one["nth"], one["state"]) for one in message["files"]] == [(0, "waiting"), (1, "kept"), (2, "failed")]


def test_many_ranges_get_the_whole_file_once(mona: Talk, reader: httpx.Client, folder: Path) -> None:
    ranges = "bytes=" + ",".join("0-" for _ in range(500))
    answer = reader.get(path(mona, kept(mona, folder)), headers={"range": ranges})
    assert (answer.status_code, len(answer.content)) == (200, len(PDF))


def test_others_do_not_get_it(
    stage: Stage, nile: Brokerage, delta: Brokerage, mona: Talk, base: str, folder: Path
) -> None:
    ref = kept(mona, folder)
    for key, status in ((None, 401), (nile.keys["producer"], 403), (delta.keys["reader"], 404)):
        assert stage.client(key, base).get(path(mona, ref)).status_code == status


def test_a_file_belongs_to_its_conversation_alone(mona: Talk, reader: httpx.Client, folder: Path) -> None:
    ref = kept(mona, folder)
    assert reader.get(f"/api/conversations/{uuid4()}/messages/{ref}/media").status_code == 404
    assert reader.get(path(mona, mona.says("no file here"))).status_code == 404
    assert reader.get(path(mona, uuid4())).status_code == 404


def test_once_the_person_is_erased_it_is_gone(stage: Stage, mona: Talk, reader: httpx.Client, folder: Path) -> None:
    ref = kept(mona, folder)
    assert reader.get(path(mona, ref)).status_code == 200
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (mona.subject_id,))
    answer = reader.get(path(mona, ref))
    assert (answer.status_code, problem_of(answer)["title"]) == (410, "Erased")


def test_what_failed_says_why_and_is_tried_again_once(
    stage: Stage, mona: Talk, reader: httpx.Client, operator: httpx.Client
) -> None:
    ref = mona.says(content=Content(media=NAMED), kind="document")
    settled(mona, ref, "failed", reason="the answer is no: 404")
    answer = reader.get(path(mona, ref))
    assert (answer.status_code, answer.json()["media"], answer.json()["detail"]) == (
        409, "failed", "the answer is no: 404",
    )  # fmt: skip
    assert reader.post(f"{path(mona, ref)}/retry").status_code == 403
    assert [operator.post(f"{path(mona, ref)}/retry").status_code for _ in range(2)] == [202, 202]
    stage.settled()
    waiting = (
        "SELECT count(*) FROM outbox.messages WHERE kind = 'fetch_media' AND payload IS NOT NULL AND cause_id = %s"
    )
    first_and_again = stage.owner.execute(waiting, (ref,)).fetchone()
    assert first_and_again == (2,)


def test_what_is_under_way_kept_or_infected_is_not_tried_again(
    mona: Talk, reader: httpx.Client, operator: httpx.Client, folder: Path
) -> None:
    coming = mona.says(content=Content(media=NAMED), kind="document")
    infected = mona.says(content=Content(media=NAMED), kind="document")
    settled(mona, infected, "infected", name=uuid4(), reason="the virus check found Eicar")
    for ref, state in ((coming, "under way"), (infected, "infected"), (kept(mona, folder), "kept")):
        answer = operator.post(f"{path(mona, ref)}/retry")
        assert (answer.status_code, answer.json()["media"]) == (409, state)
    assert reader.get(path(mona, coming)).status_code == 409
    assert reader.get(path(mona, infected)).status_code == 409


def test_a_file_is_kept_to_be_sent_and_the_same_again_is_the_same(
    mona: Talk, operator: httpx.Client, reader: httpx.Client, delta: Brokerage, stage: Stage, base: str, folder: Path
) -> None:
    mona.says("send me the plan")
    url, asked = f"/api/conversations/{mona.thread_id}/media", {"type": "document", "filename": "plan.pdf"}
    stage.owner.execute(DESK, (mona.thread_id, mona.brokerage_id, mona.subject_id, ACCOUNT))
    first = operator.post(url, params=asked, content=PDF)
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["type"], told["mime_type"], told["size"]) == ("document", "application/pdf", len(PDF))
    assert operator.post(url, params=asked, content=PDF).json() == told
    vault = FolderVault(folder, lambda _: mona.key())
    assert mona.subject_id is not None
    assert b"".join(vault.open(mona.brokerage_id, mona.subject_id, UUID(told["media"]["file"]))) == PDF
    sent = operator.post(
        f"/api/conversations/{mona.thread_id}/messages", json={"type": "document", "media": told["media"]}
    )
    assert sent.status_code == 202, sent.text
    seen = reader.get(path(mona, UUID(sent.json()["send_id"])))
    assert (seen.status_code, seen.content, "plan.pdf" in seen.headers["content-disposition"]) == (200, PDF, True)
    missing = {"type": "image", "media": {"file": str(uuid4())}}
    refused = operator.post(f"/api/conversations/{mona.thread_id}/messages", json=missing)
    assert [one["field"] for one in refused.json()["errors"]] == ["media.file"]
    assert operator.post(url, params={"type": "image"}, content=PDF).json()["errors"][0]["field"] == "body"
    assert operator.post(url, params={"type": "document"}, content=b"").status_code == 422
    assert operator.post(url, params={"type": "document"}, content=b"MZ" + bytes(100)).status_code == 422
    assert operator.post(url, params={"type": "program"}, content=PDF).status_code == 422
    assert operator.post(url, content=PDF).json()["errors"][0]["field"] == "type"
    assert reader.post(url, params=asked, content=PDF).status_code == 403
    assert stage.client(delta.keys["operator"], base).post(url, params=asked, content=PDF).status_code == 404
