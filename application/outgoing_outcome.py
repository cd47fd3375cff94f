"""What becomes of a message of ours: what it waits for, and in the end a fact with its outcome and whose word it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from application.outgoing import settled_id_of
from application.ports.analysis import Seals
from application.ports.outbox import NewFact
from domain.messaging.events import Outcome, SendSettled

LONGEST_REASON: Final = 300
NO_CREDENTIALS: Final = "no credentials for"
FORBIDDEN: Final = "not allowed with this token"
"""How the reason begins of what goes only once somebody brings a token that works."""
ITS_TURN: Final = "waits for its turn: the platform's rate"
By = Literal["answer", "receipt", "echo", "takeover", "newer_message", "window", "agent", "worker"]
WaitsFor = Literal["token", "turn", "another_try"]
"""What a message waits for: a token that works, its turn within the platform's rate, the next try after a failure."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is not sent yet, and what it waits for since it was asked for.

    It goes by itself once that is there: a token that is stored ends the wait at once.
    """

    on: WaitsFor
    why: str
    since: datetime
    next_try_at: datetime | None = None

    def shown(self) -> dict[str, Any]:
        """Return it for JSON."""
        says = f"waiting for {'a token' if self.on == 'token' else self.on.replace('_', ' ')}"
        return {"for": self.on, "says": says, "why": self.why, "since": self.since, "next_try_at": self.next_try_at}


def waiting_of(why: str | None, since: datetime, next_try_at: datetime | None = None) -> Waiting | None:
    """Return what a message waits for by the last word on it, None where nothing keeps it."""
    if why is None:
        return None
    if why.startswith((NO_CREDENTIALS, FORBIDDEN)):
        return Waiting("token", why, since, next_try_at)
    return Waiting("turn" if why.startswith(ITS_TURN) else "another_try", why, since, next_try_at)


def settlement(
    seals: Seals, brokerage_id: UUID, thread: Mapping[str, Any], send_id: UUID, outcome: Outcome, by: By,
    now: datetime, *, reason: str | None = None, code: int | None = None, ref: UUID | None = None,
    platform_id: str | None = None, cause_id: UUID | None = None, correlation_id: UUID | None = None,
) -> NewFact:  # fmt: skip
    """Return the fact that tells what became of a send; `thread` holds thread_id, channel, account_id, subject_id.

    The same outcome told twice by one source is one fact.
    """
    settled_id, subject_id = settled_id_of(send_id, outcome, by), UUID(str(thread["subject_id"]))
    sealed = seals.seal(subject_id, settled_id, "platform_id", platform_id) if platform_id else None
    fact = SendSettled.model_validate(
        {
            "occurred_at": now,
            "thread_id": thread["thread_id"],
            "channel": thread["channel"],
            "account_id": thread["account_id"],
            "send_id": send_id,
            "outcome": outcome,
            "by": by,
            "ref": ref,
            "platform_id": sealed,
            "code": code,
            "reason": reason[:LONGEST_REASON] if reason else None,
        }
    )
    return NewFact(settled_id, brokerage_id, fact, subject_id, cause_id, correlation_id)
