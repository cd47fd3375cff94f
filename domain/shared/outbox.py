"""What has to happen outside: one message of the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

MessageKind = Literal[
    "conversion", "close_tour", "close_conversation", "analyse_conversation", "fit_value_model", "record_value_change",
    "simulate_policy", "sync_audience",
    "answer_thread", "send_message", "reconcile_send", "quiet_thread", "fetch_media", "sync_templates",
    "notify_subscriber", "tell_agents", "tell_agent", "tell_new_fit",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """An effect to be carried out once, by a worker, not before `due_at`.

    `id` is derived from its cause, so that deciding twice writes once; `also_unique` is a second key of the same
    kind. Messages with one `ordering_key` run one at a time in order; those with one `batch_by` run together.
    After `expires_at` it would come too late. The payload holds personal values only sealed.
    """

    id: UUID
    brokerage_id: UUID
    kind: MessageKind
    due_at: datetime
    payload: Mapping[str, Any]
    cause_id: UUID
    position: int
    correlation_id: UUID | None = None
    also_unique: str | None = None
    ordering_key: str | None = None
    batch_by: str | None = None
    expires_at: datetime | None = None
