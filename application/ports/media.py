"""Files that messages bring: where they are fetched, looked at, and kept."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from domain.messaging.content import Media
from domain.messaging.events import Provider
from domain.shared.fact import Channel


class NoFile(Exception):
    """There is no file to keep, and why, in words for a person.

    `passing`: the same may do later. `refused`: the file is there, but none that we take.
    """

    def __init__(self, why: str, *, passing: bool = False, refused: bool = False) -> None:
        super().__init__(why)
        self.why, self.passing, self.refused = why, passing, refused


class ErasedPerson(Exception):
    """The key of the person is destroyed: nothing of theirs is kept or opened."""


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of a message: on whose account it came, what the platform says of it, how large it may be in bytes."""

    brokerage_id: UUID
    channel: Channel
    account_id: str
    provider: Provider
    media: Media
    most_bytes: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What was found in a file that is kept under our own name: its real type, bytes, and what the scanner said.

    `virus` is its name; such a file is kept apart and never given out.
    """

    mime_type: str
    size: int
    scanned: bool = False
    virus: str | None = None


class FileSource(Protocol):
    """The platforms' side of files."""

    def open(self, wanted: WantedFile) -> AbstractContextManager[Iterator[bytes]]:
        """Give the bytes of a file, piece by piece. Raises NoFile, while they are read as well."""


class FileVault(Protocol):
    """Keeps files encrypted with the key of the person whose they are."""

    def keep(
        self, wanted: WantedFile, subject_id: UUID, name: UUID, family: str, chunks: Iterator[bytes]
    ) -> KeptFile:  # fmt: skip
        """Look at a file and keep it under a name, whole or not at all; kept again it replaces.

        `family` is what the message says it is: image, video, audio, sticker or document. Raises NoFile, ErasedPerson.
        """


@dataclass(frozen=True, slots=True)
class FileToGive:
    """A file that is given to a platform: its bytes and real type, and what the customer sees it called."""

    content: bytes = field(repr=False)
    mime_type: str
    filename: str | None = field(default=None, repr=False)


class KeptFiles(Protocol):
    """Opens what the vault keeps."""

    def read(self, brokerage_id: UUID, subject_id: UUID, name: UUID, family: str) -> FileToGive:
        """Return a file that is kept for a person, whole. Raises NoFile, ErasedPerson.

        `family` is what it is to be sent as; a file of another kind is none.
        """


class Scanner(Protocol):
    """Looks for viruses."""

    def scanning(self) -> AbstractContextManager["Scan"]:
        """Begin to scan one file. Raises NoFile (passing) where the scanner is away."""


class Scan(Protocol):
    """One file being scanned."""

    def feed(self, chunk: bytes) -> None:
        """Give more of the file. Raises NoFile."""

    def virus(self) -> str | None:
        """Return the name of what was found once all is given, None where it is clean. Raises NoFile."""
