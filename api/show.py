"""Facts, conversions and people as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import MARK, is_sealed
from domain.people.contact import Held
from domain.shared.personal import Erased, Sealed

EVENT_COLUMNS_SHOWN = ("recorded_at", "occurred_at", "cause_id", "correlation_id", "subject_id")
SEALED = {"sealed": True}
ERASED = {"erased": True}


def event(row: Mapping[str, Any], opened: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a row of the log as shown; personal fields say that they are sealed unless `opened` has them."""
    fields = orjson.loads(row["state"])
    fields.pop("occurred_at", None)
    shown = {name: (opened or {}).get(name, SEALED) if is_sealed(value) else value for name, value in fields.items()}
    return {
        "id": event_id(row["originator_id"], row["originator_version"]),
        "kind": row["topic"],
        "position": row["notification_id"],
        **{name: row[name] for name in EVENT_COLUMNS_SHOWN},
        "fields": shown,
    }


def event_id(stream_id: UUID, version: int) -> str:
    """Return the public id of a fact: its stream's, with the version where the stream is longer than one."""
    return str(stream_id) if version == 1 else f"{stream_id}.{version}"


def sealed_fields(row: Mapping[str, Any]) -> dict[str, Sealed]:
    """Return the sealed values of a row of the log, by field."""
    return {
        name: Sealed(value[MARK], str(row["originator_id"]), row["originator_version"], name)
        for name, value in orjson.loads(row["state"]).items()
        if is_sealed(value)
    }


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
    return {kind: _hint(kind, value) for (kind, _), value in zip(held, values, strict=True)}


def _hint(kind: str, value: Any) -> Any:
    return value.get(kind) if isinstance(value, dict) else _plain(value)


def _plain(value: Any) -> Any:
    return ERASED if isinstance(value, Erased) else value
