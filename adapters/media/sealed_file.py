"""Files encrypted with a person's key, piece by piece: once the key is destroyed they are noise.

Form: `MASARF1` and a zero, 16 bytes of salt, then pieces of AES-256-GCM over PIECE bytes each, the last one shorter.
The key of a file is a keyed hash of salt and name under the person's key; the nonce of a piece is its number and
whether it is the last, so pieces cannot be dropped, swapped or moved to another file.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sealing import mac

MAGIC = b"MASARF1\0"
SALT, TAG = 16, 16
PIECE = 64 * 1024


class BrokenFile(Exception):
    """A file does not open with this key: another key, or it was changed."""


def _cipher(key: bytes, salt: bytes, name: UUID) -> AESGCM:
    return AESGCM(mac(key, b"masar media" + salt + name.bytes))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + bytes([last])


class SealedWriter:
    """Writes one file; `finish` makes it whole."""

    def __init__(self, out: BinaryIO, key: bytes, name: UUID) -> None:
        salt = os.urandom(SALT)
        self._out, self._cipher = out, _cipher(key, salt, name)
        self._waiting, self._number = bytearray(), 0
        out.write(MAGIC + salt)

    def write(self, data: bytes) -> None:
        """Take more of the file."""
        self._waiting += data
        while len(self._waiting) > PIECE:
            self._put(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    def finish(self) -> None:
        """Write the last piece, which may be empty."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), piece, None))
        self._number += 1


def pieces(source: BinaryIO, key: bytes, name: UUID) -> Iterator[bytes]:
    """Yield the plain pieces of a file. Raises BrokenFile at the first that does not open."""
    head = source.read(len(MAGIC) + SALT)
    if len(head) < len(MAGIC) + SALT or not head.startswith(MAGIC):
        raise BrokenFile("it is no file of ours")
    cipher, number = _cipher(key, head[len(MAGIC) :], name), 0
    piece = source.read(PIECE + TAG)
    while True:
        following = source.read(PIECE + TAG)
        try:
            yield cipher.decrypt(_nonce(number, not following), piece, None)
        except InvalidTag:
            raise BrokenFile("it does not open") from None
        if not following:
            return
        piece, number = following, number + 1
