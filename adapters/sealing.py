"""Keys and seals: what is personal is encrypted per subject, what identifies is hashed per brokerage."""

import hmac
import os
import struct
import threading
from base64 import b64decode, b64encode
from binascii import b2a_base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORMAT = "1"
"""Format of sealed tokens: AES-256-GCM, 12-byte nonce before the ciphertext, standard base64."""

NONCE = 12


DRAWN_AT_ONCE = 1024
"""Nonces drawn from the system in one go: each call to it lets go of the interpreter, and a busy process takes up to
half a millisecond to give it back."""


class _Nonces(threading.local):
    """Random bytes of each thread, every one of which is given out once."""

    def __init__(self) -> None:
        self._drawn: Iterator[tuple[bytes]] = iter(())

    def next(self) -> bytes:
        """Return a fresh nonce."""
        for (nonce,) in self._drawn:
            return nonce
        self._drawn = struct.iter_unpack(f"{NONCE}s", os.urandom(NONCE * DRAWN_AT_ONCE))
        return self.next()

    def forget(self) -> None:
        """Draw anew."""
        self._drawn = iter(())


_NONCES = _Nonces()
os.register_at_fork(after_in_child=_NONCES.forget)  # a forked process draws its own


class BadMasterKey(ValueError):
    """The master key is not 32 bytes of base64."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The one secret that everything else is derived from or wrapped by."""

    secret: bytes

    @classmethod
    def parse(cls, text: str) -> "MasterKey":
        """Read 32 bytes of base64; raises BadMasterKey."""
        try:
            secret = b64decode(text.strip(), validate=True)
        except ValueError as error:
            raise BadMasterKey("MASAR_MASTER_KEY must be base64") from error
        if len(secret) != 32:
            raise BadMasterKey(f"MASAR_MASTER_KEY must hold 32 bytes, not {len(secret)}")
        return cls(secret)

    @staticmethod
    def generate() -> str:
        """Return a new master key as base64."""
        return b64encode(os.urandom(32)).decode()

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key of one purpose (HKDF-SHA256)."""
        return _derive(self.secret, purpose)

    def for_brokerage(self, brokerage_id: UUID) -> bytes:
        """Return the key that a brokerage's identifiers and stream ids are hashed with."""
        return _identity_key(self.secret, brokerage_id)

    def wrap(self, key: bytes, subject_id: UUID) -> bytes:
        """Encrypt a subject's data key for storage, bound to the subject."""
        nonce = _NONCES.next()
        return nonce + _cipher(self.derive("wrap")).encrypt(nonce, key, subject_id.bytes)

    def unwrap(self, wrapped: bytes, subject_id: UUID) -> bytes:
        """Decrypt a stored data key; raises InvalidTag under another master key."""
        return _cipher(self.derive("wrap")).decrypt(wrapped[:NONCE], wrapped[NONCE:], subject_id.bytes)


@lru_cache(maxsize=4096)
def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"masar", info=purpose.encode()).derive(secret)


@lru_cache(maxsize=4096)
def _identity_key(secret: bytes, brokerage_id: UUID) -> bytes:
    return _derive(secret, f"identity/{brokerage_id}")


@lru_cache(maxsize=65_536)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def mac(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256.

    `hmac.digest` lets go of the interpreter each time, and a busy process takes up to half a millisecond to give it
    back; an HMAC object does so for long messages only.
    """
    return hmac.new(key, message, "sha256").digest()


def keyed_hash(key: bytes, *parts: str) -> bytes:
    """Return HMAC-SHA256 over length-prefixed parts, so that no two lists of parts collide."""
    message = b"".join([len(raw := part.encode("utf-8", "surrogatepass")).to_bytes(4) + raw for part in parts])
    return mac(key, message)


VERSION_BITS, VERSION_8 = 0xF << 76 | 0b11 << 62, 0x8 << 76 | 0b10 << 62
"""Where a UUID says how it was made, and what it says there of one made as nobody else does (RFC 9562)."""


def keyed_uuid(key: bytes, *parts: str) -> UUID:
    """Return a version-8 UUID from a keyed hash: stable, and not guessable without the key."""
    return UUID(int=int.from_bytes(keyed_hash(key, *parts)[:16]) & ~VERSION_BITS | VERSION_8)


def fingerprint(key: bytes, body: bytes) -> bytes:
    """Return 16 bytes that tell whether a repeat has the same content, useless without the subject's key."""
    return mac(key, body)[:16]


def seal(key: bytes, key_id: UUID, plain: bytes, context: str) -> str:
    """Encrypt a value; `context` is its place (stream id, version, stored field) and must match on opening."""
    nonce = _NONCES.next()
    sealed = b2a_base64(nonce + _cipher(key).encrypt(nonce, plain, context.encode()), newline=False)
    return f"{FORMAT}:{key_id.hex}:{sealed.decode()}"


def key_id_of(token: str) -> UUID:
    """Return the key that a token was sealed with; raises ValueError for what is no token."""
    form, key_id, _ = token.split(":", 2)
    if form != FORMAT:
        raise ValueError(f"unknown format of sealed value: {form!r}")
    return UUID(hex=key_id)


def unseal(key: bytes, token: str, context: str) -> bytes | None:
    """Decrypt a token; None where it does not open with this key in this place."""
    sealed = b64decode(token.split(":", 2)[2])
    try:
        return _cipher(key).decrypt(sealed[:NONCE], sealed[NONCE:], context.encode())
    except InvalidTag:
        return None
