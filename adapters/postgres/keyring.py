"""Opens sealed values: the one way back to what is personal."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.mapper import open_sealed
from adapters.postgres.registry import Registry
from adapters.sealing import MasterKey, key_id_of
from domain.shared.personal import Sealed

MOST_CACHED = 20_000


class KeyRing:
    """The data keys of subjects, read as `masar_registry`. Thread-safe; a lost connection is opened again."""

    def __init__(self, url: str, master: MasterKey) -> None:
        self._url, self._master = url, master
        self._connection: Connection[Any] | None = None
        self._lock = Lock()
        self._keys: OrderedDict[UUID, bytes] = OrderedDict()

    def open_all(self, values: Iterable[Sealed]) -> list[Any]:
        """Return the plain values, ERASED where a key is gone. One query for all keys not yet at hand."""
        sealed = list(values)
        wanted = {key_id_of(one.token) for one in sealed}
        keys = self._keys_of(wanted)
        return [open_sealed(one, lambda token: keys.get(key_id_of(token))) for one in sealed]

    def key_of(self, subject_id: UUID) -> bytes | None:
        """Return a subject's data key as it is stored now; None once it is destroyed."""
        self.forget(subject_id)
        return self._keys_of({subject_id}).get(subject_id)

    def forget(self, subject_id: UUID) -> None:
        """Drop a key that was destroyed."""
        with self._lock:
            self._keys.pop(subject_id, None)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _keys_of(self, wanted: set[UUID]) -> dict[UUID, bytes]:
        with self._lock:
            have = {subject: self._keys[subject] for subject in wanted if subject in self._keys}
            missing = list(wanted - have.keys())
            if missing:
                fetched = self._registry().keys(missing)
                have |= {subject: key for subject, key in fetched.items() if key is not None}
                self._keys.update(have)
                while len(self._keys) > MOST_CACHED:
                    self._keys.popitem(last=False)
            return have

    def _registry(self) -> Registry:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url, "masar_registry", name="keyring")
        return Registry(self._connection, self._master)
