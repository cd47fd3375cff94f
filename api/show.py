"""Facts, conversions and people as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.postgres.keyring import KeyRing
from adapters.postgres.shown import ERASED, SEALED, event, event_id, sealed_fields
from domain.people.contact import Held
from domain.shared.personal import Erased

__all__ = ["ERASED", "SEALED", "contact", "event", "event_id", "hint", "open_events", "sealed_fields"]


def open_events(rows: Sequence[Mapping[str, Any]], keyring: KeyRing) -> list[dict[str, Any]]:
    """Return rows of the log as shown, their personal fields opened, in one look-up of keys."""
    sealed = [sealed_fields(row) for row in rows]
    values = iter(keyring.open_all([one for fields in sealed for one in fields.values()]))
    opened = [{name: _plain(next(values)) for name in fields} for fields in sealed]
    return [event(row, fields) for row, fields in zip(rows, opened, strict=True)]


def contact(newest: Mapping[str, Held], keyring: KeyRing) -> dict[str, Any]:
    """Return the newest value of each hint of a person, opened."""
    held = list(newest.items())
    values = keyring.open_all([one.sealed for _, one in held])
    return {kind: hint(kind, value) for (kind, _), value in zip(held, values, strict=True)}


def hint(kind: str, value: Any) -> Any:
    """Return one hint out of an opened value that may hold several."""
    return value.get(kind) if isinstance(value, dict) else _plain(value)


def _plain(value: Any) -> Any:
    return ERASED if isinstance(value, Erased) else value
