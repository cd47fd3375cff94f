"""What analysing a conversation needs: somebody who understands it, and a way to seal the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.conversations.analysis import Analysis, AnalysisNotes, Turn
from domain.shared.personal import Sealed


@dataclass(frozen=True, slots=True)
class MadeBy:
    """Who made an analysis: a model's name or `builtin@<version>`, and what it took.

    Tokens and cost are None where there are none or nobody told them; cost in millionths of a US dollar.
    """

    analyser: str
    prompt_version: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: int | None = None
    cost_usd_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an analyser made of a conversation."""

    analysis: Analysis
    notes: AnalysisNotes
    made_by: MadeBy


class NoReading(Exception):
    """The analyser has no answer, or none that makes sense; `analyser` names it, `why` is a short word."""

    def __init__(self, analyser: str, why: str) -> None:
        super().__init__(f"{analyser}: {why}")
        self.analyser, self.why = analyser, why


class ConversationAnalyser(Protocol):
    """Understands a conversation in Arabic, English or Arabic in Latin letters."""

    def analyse(self, turns: Sequence[Turn]) -> Reading:
        """Return what the conversation tells. Raises NoReading; never anything else for what a customer may say."""


class Seals(Protocol):
    """The way in for what is personal and decided by us."""

    def seal(self, subject_id: UUID, stream_id: UUID, field: str, plain: Any) -> Sealed | None:
        """Return a JSON value sealed with a subject's key for a field of a stream's first fact; None without key."""
