"""Files of messages: fetched, looked at, kept sealed, each outcome a fact; over real HTTP and a stand-in for clamd."""

import errno
import hashlib
import os
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from adapters.media.clamav import ClamAV
from adapters.media.platforms import PlatformFiles, _platforms_own, allowing
from adapters.media.sealed_file import PIECE, BrokenFile
from adapters.media.vault import FolderVault, place_of
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from application.fetch_media import LIMITS, WAITS, FetchMedia
from application.ports.channels import Account
from application.ports.media import ErasedPerson, Scanner
from application.ports.outbox import Entry, Leased
from domain.messaging.events import MediaSettled
from domain.shared.personal import ERASED
from tests.media.eicar import EICAR, clamd
from tests.media.platform import Platform

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 40
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BROKERAGE, SUBJECT = uuid4(), uuid4()


@dataclass
class Bench:
    """The use case with one person's key, a folder, and what was recorded."""

    platform: Platform
    folder: Path
    scanner: Scanner | None = None
    key: bytes | None = b"k" * 32
    content: Any = None
    entries: list[Entry] = field(default_factory=list)

    def open_all(self, _values: Any) -> list[Any]:
        return [self.content]

    def record(self, entry: Entry) -> None:
        self.entries.append(entry)

    @property
    def vault(self) -> FolderVault:
        return FolderVault(self.folder, lambda _subject: self.key, self.scanner)

    def fetch(
        self, media: Any, *, attempts: int = 1, token: str | None = "EAAtoken", secrets: tuple[str, ...] = (),
        content: Any = None, **payload: Any,
    ) -> Entry:  # fmt: skip
        """Have a message's file fetched; return what was recorded."""
        self.content = content or ({"media": media} if isinstance(media, dict) else media)
        source = PlatformFiles(
            GuardedClient(allowing(Rules(), [self.platform.url])),
            lambda _, channel, own: Account(channel, own, "meta", token, app_secrets=secrets) if token else None,
            graph=f"{self.platform.url}/v26.0", dialog360=self.platform.url,
        )  # fmt: skip
        told = {
            "thread_id": str(uuid4()), "ref": str(uuid4()), "channel": "whatsapp", "account_id": "1065",
            "provider": "meta", "subject_id": str(SUBJECT), "message_type": "image",
            "content": {"token": f"1:{SUBJECT.hex}:x", "stream_id": str(uuid4()), "version": 1, "field": "content"},
        }  # fmt: skip
        message = Leased(
            uuid4(), BROKERAGE, "fetch_media", None, uuid4(), None, attempts, 1, told | payload, NOW
        )  # fmt: skip
        FetchMedia(self, self, source, self.vault, lambda: NOW).run(message)
        return self.entries[-1]

    def outcome(self, media: Any, **payload: Any) -> MediaSettled:
        """Return the fact of a file that is settled."""
        entry = self.fetch(media, **payload)
        (fact,), (settled,) = [new.fact for new in entry.facts], entry.settled
        assert settled.state == "done"
        assert isinstance(fact, MediaSettled)
        return fact

    def kept(self, name: UUID | None) -> bytes:
        assert name is not None
        return b"".join(self.vault.open(BROKERAGE, SUBJECT, name))


@pytest.fixture
def bench(platform: Platform, tmp_path: Path) -> Bench:
    return Bench(platform, tmp_path)


def announce(platform: Platform, body: bytes, media_id: str = "881") -> dict[str, str]:
    """A file of WhatsApp: its id leads to an address that holds it."""
    platform.files[f"/v26.0/{media_id}"] = (200, orjson.dumps({"url": f"{platform.url}/files/{media_id}?ext=1"}))
    platform.files[f"/files/{media_id}"] = (200, body)
    return {"id": media_id}


def test_a_file_of_whatsapp_is_kept_sealed_under_our_name(bench: Bench, platform: Platform) -> None:
    digest = b64encode(hashlib.sha256(JPEG).digest()).decode()
    fact = bench.outcome(announce(platform, JPEG) | {"sha256": digest, "mime_type": "image/png"})
    assert (fact.outcome, fact.mime_type, fact.size, fact.scanned) == ("kept", "image/jpeg", len(JPEG), False)
    assert bench.kept(fact.name) == JPEG
    assert [key for _, key in platform.asked] == ["Bearer EAAtoken"] * 2
    assert fact.name is not None
    stored = place_of(bench.folder, BROKERAGE, fact.name).read_bytes()
    assert b"JFIF" not in stored
    assert [one.name for one in bench.folder.rglob("*") if one.is_file()] == [fact.name.hex]


def test_each_file_of_a_message_is_fetched_for_itself(bench: Bench, platform: Platform) -> None:
    pdf = b"%PDF-1.7\n" + bytes(range(256))
    platform.files |= {"/cdn/1": (200, JPEG), "/cdn/2": (200, pdf)}
    told = {"media": {"url": f"{platform.url}/cdn/1"}, "files": [{"type": "document", "url": f"{platform.url}/cdn/2"}]}
    first = bench.outcome(None, content=told, channel="messenger")
    second = bench.outcome(None, content=told, channel="messenger", nth=1)
    assert [(one.nth, one.outcome, one.mime_type) for one in (first, second)] == [
        (0, "kept", "image/jpeg"), (1, "kept", "application/pdf"),
    ]  # fmt: skip
    assert (bench.kept(first.name), bench.kept(second.name)) == (JPEG, pdf)


def test_a_file_that_the_message_does_not_have_is_nothing(bench: Bench, platform: Platform) -> None:
    entry = bench.fetch({"url": f"{platform.url}/cdn/1"}, channel="messenger", nth=3)
    assert ([one.state for one in entry.settled], list(entry.facts)) == (["done"], [])


def test_a_file_of_instagram_comes_from_its_address_without_our_token(bench: Bench, platform: Platform) -> None:
    platform.files["/cdn/1"] = (200, JPEG)
    fact = bench.outcome({"url": f"{platform.url}/cdn/1"}, channel="instagram")
    assert fact.outcome == "kept"
    assert platform.asked == [("/cdn/1", None)]


def test_360dialog_passes_files_on_under_its_own_host_and_key(bench: Bench, platform: Platform) -> None:
    elsewhere = "https://lookaside.example/whatsapp_business/attachments/?mid=7"
    platform.files["/7"] = (200, orjson.dumps({"url": elsewhere}))
    platform.files["/whatsapp_business/attachments/"] = (200, JPEG)
    assert bench.outcome({"id": "7"}, provider="360dialog", token="d360").outcome == "kept"
    assert platform.asked == [("/7", "d360"), ("/whatsapp_business/attachments/?mid=7", "d360")]


@pytest.mark.parametrize(("body", "kind", "why"), [
    (b"MZ\x90\x00", "document", "it is a program for Windows"),
    (b"<svg xmlns='x'></svg>", "image", "it is a page or drawing that can run scripts"),
    (b"%PDF-1.7", "image", "it is said to be image and is application/pdf"),
])  # fmt: skip
def test_what_is_not_taken_is_refused_with_the_reason(
    bench: Bench, platform: Platform, body: bytes, kind: str, why: str
) -> None:
    fact = bench.outcome(announce(platform, body), message_type=kind)
    assert (fact.outcome, fact.reason) == ("refused", why)
    assert not [one for one in bench.folder.rglob("*") if one.is_file()]


@pytest.mark.parametrize(("over", "outcome"), [(0, "kept"), (1, "refused")])
def test_a_limit_holds_to_the_byte(bench: Bench, platform: Platform, over: int, outcome: str) -> None:
    body = JPEG + bytes(LIMITS["sticker"] - len(JPEG) + over)
    assert bench.outcome(announce(platform, body), message_type="sticker").outcome == outcome


def test_an_address_of_our_own_network_is_not_called(bench: Bench, platform: Platform) -> None:
    for url in ("http://169.254.169.254/latest", "http://127.0.0.1:1/x", "file:///etc/passwd"):
        assert bench.outcome({"url": url}, channel="messenger").outcome == "failed"
    assert platform.asked == []


def test_what_may_be_better_later_is_tried_again_and_then_has_failed(bench: Bench, platform: Platform) -> None:
    platform.files["/v26.0/5"] = (500, b"")
    for attempt, wait in enumerate(WAITS, 1):
        entry = bench.fetch({"id": "5"}, attempts=attempt)
        assert [(one.state, one.due_at) for one in entry.settled] == [("waiting", NOW + wait)]
        assert not entry.facts
    assert bench.outcome({"id": "5"}, attempts=len(WAITS) + 1).outcome == "failed"
    assert sum(WAITS, timedelta()) > timedelta(minutes=30)


def test_a_file_that_is_gone_or_without_a_token_has_failed_at_once(bench: Bench, platform: Platform) -> None:
    assert bench.outcome({"id": "gone"}).outcome == "failed"
    fact = bench.outcome(announce(platform, JPEG), token=None)
    assert (fact.outcome, fact.reason) == ("failed", "no token is set for this account")


def test_another_file_than_was_announced_is_not_kept(bench: Bench, platform: Platform) -> None:
    entry = bench.fetch(announce(platform, JPEG) | {"sha256": hashlib.sha256(b"other").hexdigest()})
    assert [one.state for one in entry.settled] == ["waiting"]
    assert not [one for one in bench.folder.rglob("*") if one.is_file()]


def test_a_virus_is_kept_apart_and_never_given_out(bench: Bench, platform: Platform) -> None:
    with clamd() as address:
        bench.scanner = ClamAV(address)
        clean = bench.outcome(announce(platform, JPEG))
        found = bench.outcome(announce(platform, EICAR), message_type="document")
    assert (clean.outcome, clean.scanned) == ("kept", True)
    assert (found.outcome, found.reason) == ("infected", "the virus check found Eicar-Test-Signature")
    with pytest.raises(FileNotFoundError):
        bench.kept(found.name)
    assert len([one for one in (bench.folder / "quarantine").rglob("*") if one.is_file()]) == 1


def test_without_its_scanner_nothing_is_kept_unscanned(bench: Bench, platform: Platform) -> None:
    with clamd() as address:
        pass
    bench.scanner = ClamAV(address)
    assert [one.state for one in bench.fetch(announce(platform, JPEG)).settled] == ["waiting"]


def test_what_is_too_large_to_scan_is_refused(bench: Bench, platform: Platform) -> None:
    with clamd(most=1000) as address:
        bench.scanner = ClamAV(address)
        fact = bench.outcome(announce(platform, JPEG + bytes(500_000)))
    assert (fact.outcome, fact.reason) == ("refused", "it is too large for the virus check")


def test_of_the_erased_nothing_is_kept(bench: Bench, platform: Platform) -> None:
    assert bench.outcome(ERASED).reason == "the person was erased"
    bench.key = None
    assert bench.outcome(announce(platform, JPEG)).reason == "the person was erased"
    assert not [one for one in bench.folder.rglob("*") if one.is_file()]


def test_with_the_key_destroyed_a_kept_file_is_noise(bench: Bench, platform: Platform) -> None:
    name = bench.outcome(announce(platform, JPEG)).name
    bench.key = None
    with pytest.raises(ErasedPerson):
        bench.kept(name)
    bench.key = b"another key".ljust(32)
    with pytest.raises(BrokenFile):
        bench.kept(name)


@pytest.mark.parametrize("size", [1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_of_any_size_comes_back_whole(bench: Bench, platform: Platform, size: int) -> None:
    body = b"\xff\xd8\xff" + os.urandom(size)
    assert bench.kept(bench.outcome(announce(platform, body)).name) == body


def test_a_file_that_was_cut_or_changed_does_not_open(bench: Bench, platform: Platform) -> None:
    name = bench.outcome(announce(platform, JPEG + bytes(3 * PIECE))).name
    assert name is not None
    place = place_of(bench.folder, BROKERAGE, name)
    whole = place.read_bytes()
    for changed in (whole[: 24 + PIECE + 16], whole[:-1], whole[:40] + b"x" + whole[41:]):
        place.write_bytes(changed)
        with pytest.raises(BrokenFile):
            bench.kept(name)


def test_deleted_files_are_gone(bench: Bench, platform: Platform) -> None:
    name = bench.outcome(announce(platform, JPEG)).name
    assert name is not None
    assert bench.vault.destroy(BROKERAGE, [name]) == 1
    with pytest.raises(FileNotFoundError):
        bench.kept(name)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", True),
        ("https://graph.facebook.com/v26.0/1", True),
        ("https://files.example/1", False),
        ("https://facebook.com.example/1", False),
        ("https://notfbsbx.com/1", False),
    ],
)
def test_our_token_goes_to_the_platforms_own_hosts_only(url: str, trusted: bool) -> None:
    assert _platforms_own(url, "https://graph.facebook.com/v26.0") is trusted


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("call", ["mkdir", "open", "fsync"])
def test_on_a_full_disk_a_file_waits_and_nothing_half_stays(
    bench: Bench, platform: Platform, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    told = {"id": "881"}
    announce(platform, JPEG)
    with monkeypatch.context() as broken:
        broken.setattr(Path if call == "mkdir" else os, call, full)
        entry = bench.fetch(told)
    (settled,) = entry.settled
    assert (settled.state, len(entry.facts), "No space left" in str(settled.error)) == ("waiting", 0, True)
    assert [one for one in bench.folder.rglob("*") if one.is_file()] == []
    assert bench.kept(bench.outcome(told).name) == JPEG, "once there is room it is kept"
