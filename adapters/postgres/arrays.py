"""Columns of a batch as Postgres takes them: arrays of one type, packed in one go.

psycopg looks through a list for its type, asks its own dumper for every element, and sends one without elements, or
with none but NULL, as text. Here the type is told, so that a statement is the same whatever a batch holds.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

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


class Ids(Array):
    """Of UUIDs."""

    element = "uuid"


class Texts(Array):
    """Of texts; UnicodeEncodeError is raised for half a character."""

    element = "text"


class Blobs(Array):
    """Of bytes."""

    element = "bytea"


class Times(Array):
    """Of aware times, to the microsecond; TypeError is raised for a naive one."""

    element = "timestamptz"


class Integers(Array):
    """Of numbers of 32 bits; struct.error is raised for one that is too large."""

    element = "int4"


class Longs(Array):
    """Of numbers of 64 bits; struct.error is raised for one that is too large."""

    element = "int8"


class Flags(Array):
    """Of truths."""

    element = "bool"


# fmt: off
PACKED: dict[type[Array], Callable[[Array], list[bytes]]] = {
    Ids:      lambda column: [NULL if one is None else _id_length + one.int.to_bytes(16) for one in column],
    Texts:    lambda column: [NULL if one is None else _length(len(raw := one.encode())) + raw for one in column],
    Blobs:    lambda column: [NULL if one is None else _length(len(one)) + one for one in column],
    Times:    lambda column: [NULL if one is None else _long(8, (one - EPOCH) // MICROSECOND) for one in column],
    Integers: lambda column: [NULL if one is None else _short(4, one) for one in column],
    Longs:    lambda column: [NULL if one is None else _long(8, one) for one in column],
    Flags:    lambda column: [NULL if one is None else _flag(1, one) for one in column],
}
"""The elements of each as they go over the wire: its length, then its content."""
# fmt: on


def _dumper(kind: type[Array], packed: Callable[[Array], list[bytes]]) -> type[Dumper]:
    info = psycopg.adapters.types[kind.element]

    class Packed(Dumper):
        format = Format.BINARY
        oid = info.array_oid

        def dump(self, obj: Array) -> bytes:
            if not obj:
                return _head(0, 0, info.oid, 0, 0)[:12]
            items = packed(obj)
            return _head(1, NULL in items, info.oid, len(items), 1) + b"".join(items)

    return Packed


for _kind, _packed in PACKED.items():
    psycopg.adapters.register_dumper(_kind, _dumper(_kind, _packed))
