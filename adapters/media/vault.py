"""The folder of files that customers sent: under our own names, each encrypted with its person's key."""

import hashlib
import hmac
import os
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import UUID

from adapters.media.sealed_file import BrokenFile, SealedWriter, pieces
from adapters.media.types import HEAD, RefusedType, sniff
from application.fetch_media import ELSEWHERE, LIMITS
from application.ports.media import ErasedPerson, FileToGive, KeptFile, NoFile, Scanner, WantedFile

KeyOf = Callable[[UUID], bytes | None]
"""Returns the data key of a subject, None once it is destroyed."""
QUARANTINE = "quarantine"


class FolderVault:
    """The FileVault in a folder that all processes of a brokerage's machine share."""

    def __init__(self, folder: Path, key_of: KeyOf, scanner: Scanner | None = None) -> None:
        self._folder, self._key_of, self._scanner = folder, key_of, scanner

    def keep(
        self, wanted: WantedFile, subject_id: UUID, name: UUID, family: str, chunks: Iterator[bytes]
    ) -> KeptFile:  # fmt: skip
        """Look at a file while it comes, and keep it whole or not at all. Raises NoFile, ErasedPerson."""
        key = self._key_of(subject_id)
        if key is None:
            raise ErasedPerson
        place = place_of(self._folder, wanted.brokerage_id, name)
        coming = place.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept = self._receive(wanted, family, chunks, coming, key, name)
            if kept.virus is not None:
                place = place_of(self._folder / QUARANTINE, wanted.brokerage_id, name)
                place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            coming.replace(place)
            return kept
        except OSError as full:
            raise NoFile(f"it cannot be stored: {full.strerror or 'the disk says no'}", passing=True) from full
        finally:
            with suppress(OSError):
                coming.unlink(missing_ok=True)

    def _receive(
        self, wanted: WantedFile, family: str, chunks: Iterator[bytes], coming: Path, key: bytes, name: UUID
    ) -> KeptFile:  # fmt: skip
        limit = ELSEWHERE if wanted.channel != "whatsapp" else LIMITS[family]
        digest, size = hashlib.sha256(), 0
        with ExitStack() as stack:
            out = stack.enter_context(os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"))
            head, rest = _head(chunks)
            mime_type = _type(head, family)
            scan = stack.enter_context(self._scanner.scanning()) if self._scanner else None
            writer = SealedWriter(out, key, name)
            for chunk in rest:
                size += len(chunk)
                if size > limit:
                    raise NoFile(f"it is larger than {limit} bytes", refused=True)
                digest.update(chunk)
                writer.write(chunk)
                if scan is not None:
                    scan.feed(chunk)
            virus = scan.virus() if scan is not None else None
            _check(digest.digest(), wanted.media.sha256)
            writer.finish()
            out.flush()
            os.fsync(out.fileno())
        return KeptFile(mime_type, size, scanned=self._scanner is not None, virus=virus)

    def open(self, brokerage_id: UUID, subject_id: UUID, name: UUID) -> Iterator[bytes]:
        """Return the plain pieces of a kept file; the first is opened at once.

        Raises ErasedPerson, FileNotFoundError, and BrokenFile, which may come later too.
        """
        key = self._key_of(subject_id)
        if key is None:
            raise ErasedPerson
        return _opened(place_of(self._folder, brokerage_id, name), key, name)

    def has(self, brokerage_id: UUID, name: UUID) -> bool:
        """Tell whether a file of a brokerage is kept under a name, whoever's it is."""
        return place_of(self._folder, brokerage_id, name).exists()

    def read(self, brokerage_id: UUID, subject_id: UUID, name: UUID, family: str) -> FileToGive:
        """Return a kept file, whole, and its type as its bytes tell it. Raises NoFile, ErasedPerson."""
        try:
            content = b"".join(self.open(brokerage_id, subject_id, name))
        except FileNotFoundError:
            raise NoFile("there is no such file of this customer") from None
        except BrokenFile:
            raise NoFile("there is no such file of this customer, or it is damaged") from None
        return FileToGive(content, _type(content[:HEAD], family))

    def destroy(self, brokerage_id: UUID, names: Iterator[UUID] | list[UUID]) -> int:
        """Delete files, those in quarantine too; return how many there were."""
        gone = 0
        for name in names:
            for folder in (self._folder, self._folder / QUARANTINE):
                with suppress(FileNotFoundError):
                    place_of(folder, brokerage_id, name).unlink()
                    gone += 1
        return gone


def place_of(folder: Path, brokerage_id: UUID, name: UUID) -> Path:
    """Return where a file lies; nothing in it comes from outside."""
    return folder / brokerage_id.hex / name.hex[:2] / name.hex


def _opened(place: Path, key: bytes, name: UUID) -> Iterator[bytes]:
    source = place.open("rb")
    plain = pieces(source, key, name)
    try:
        first = next(plain)
    except BrokenFile:
        source.close()
        raise

    def all_pieces() -> Iterator[bytes]:
        with source:
            yield first
            yield from plain

    return all_pieces()


def _head(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and everything."""
    head = bytearray()
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    if not head:
        raise NoFile("it is empty", passing=True)

    def everything() -> Iterator[bytes]:
        yield bytes(head)
        yield from chunks

    return bytes(head[:HEAD]), everything()


def _type(head: bytes, family: str) -> str:
    try:
        return sniff(head, family)
    except RefusedType as refused:
        raise NoFile(str(refused), refused=True) from None


def _check(digest: bytes, told: str | None) -> None:
    """Compare with the platform's SHA-256, in hex or base64; what is neither is passed over."""
    if told is None:
        return
    expected: bytes | None = None
    with suppress(ValueError):
        expected = bytes.fromhex(told) if len(told) == 64 else b64decode(told, validate=True)
    if expected is not None and len(expected) == 32 and not hmac.compare_digest(digest, expected):
        raise NoFile("it is not the file that the platform announced", passing=True)
