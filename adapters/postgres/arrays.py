"""Columns of a batch as Postgres takes them: arrays of one type, packed in one go.

psycopg looks through a list for its type, asks its own dumper for every element, and sends one without elements, or
with none but NULL, as text. Here the type is told, so that a statement is the same whatever a batch holds.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

NULL = b"\xff\xff\xff\xff"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Where Postgres's times begin."""
MICROSECOND = timedelta(microseconds=1)

_head = struct.Struct("!iiIii").pack
"""Dimensions, whether any is NULL, type of the elements, how many, the first one's place."""
_length = struct.Struct("!i").pack
_long = struct.Struct("!iq").pack
_short = struct.Struct("!ii").pack
_flag = struct.Struct("!i?").pack
_id_length = _length(16)


class Array(list[Any]):
    """A column of a batch; None is NULL."""

    element: ClassVar[str]
    """Postgres's name of the elements' type."""

    @staticmethod
    def packed(one: Any, /) -> bytes:
        """Return an element's length and content."""
        raise NotImplementedError


class Ids(Array):
    """Of UUIDs."""

    element = "uuid"

    @staticmethod
    def packed(one: UUID) -> bytes:
        """Return a UUID's 16 bytes."""
        return _id_length + one.int.to_bytes(16)


class Texts(Array):
    """Of texts."""

    element = "text"

    @staticmethod
    def packed(one: str) -> bytes:
        """Return a text in UTF-8. Raises UnicodeEncodeError for half a character."""
        raw = one.encode()
        return _length(len(raw)) + raw


class Blobs(Array):
    """Of bytes."""

    element = "bytea"

    @staticmethod
    def packed(one: bytes) -> bytes:
        """Return bytes as they are."""
        return _length(len(one)) + one


class Times(Array):
    """Of times."""

    element = "timestamptz"

    @staticmethod
    def packed(one: datetime) -> bytes:
        """Return an aware time's microseconds. Raises TypeError for a naive one."""
        return _long(8, (one - EPOCH) // MICROSECOND)


class Integers(Array):
    """Of numbers of 32 bits."""

    element = "int4"

    @staticmethod
    def packed(one: int) -> bytes:
        """Return a number. Raises struct.error for one that is too large."""
        return _short(4, one)


class Longs(Array):
    """Of numbers of 64 bits."""

    element = "int8"

    @staticmethod
    def packed(one: int) -> bytes:
        """Return a number. Raises struct.error for one that is too large."""
        return _long(8, one)


class Flags(Array):
    """Of truths."""

    element = "bool"

    @staticmethod
    def packed(one: bool) -> bytes:
        """Return a truth."""
        return _flag(1, one)


def _dumper(kind: type[Array]) -> type[Dumper]:
    info = psycopg.adapters.types[kind.element]
    packed = kind.packed

    class Packed(Dumper):
        format = Format.BINARY
        oid = info.array_oid

        def dump(self, obj: Array) -> bytes:
            if not obj:
                return _head(0, 0, info.oid, 0, 0)[:12]
            items = [NULL if one is None else packed(one) for one in obj]
            return _head(1, NULL in items, info.oid, len(items), 1) + b"".join(items)

    return Packed


for _kind in (Ids, Texts, Blobs, Times, Integers, Longs, Flags):
    psycopg.adapters.register_dumper(_kind, _dumper(_kind))
