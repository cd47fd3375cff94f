"""A row of the log as people and subscribers see it: open fields as they are, personal ones sealed or opened."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from adapters.postgres.mapper import MARK, is_sealed
from domain.shared.personal import Sealed

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
