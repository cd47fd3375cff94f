"""Seals what our own rules decided about a person, with that person's key."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from adapters.postgres.mapper import context
from adapters.postgres.registry import Registry
from adapters.sealing import MasterKey, seal
from domain.shared.personal import Sealed


class SubjectSeals:
    """The Seals of a connection as `masar_registry`; remembers no key."""

    def __init__(self, line: Callable[[], Connection[Any]], master: MasterKey) -> None:
        self._line, self._master = line, master

    def seal(self, subject_id: UUID, stream_id: UUID, field: str, plain: Any) -> Sealed | None:
        """Return a JSON value sealed for a field of the first fact of a stream; None where the key is gone."""
        key = Registry(self._line(), self._master).keys([subject_id]).get(subject_id)
        if key is None:
            return None
        return Sealed(seal(key, subject_id, orjson.dumps(plain), context(stream_id, 1, field)), stream_id, 1, field)
