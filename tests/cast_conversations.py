"""Conversations, ready-made: what is tracked in them, how they end, and what an analysis finds."""

from typing import Any
from uuid import UUID, uuid5

from domain.conversations.analysis import Analysis
from domain.conversations.events import (
    ConversationAnalysed,
    ConversationCompleted,
    ConversationEnded,
    ConversationEventTracked,
    ConversationMilestone,
    ConversationMilestoneReached,
    ConversationStarted,
    Tracked,
)
from domain.shared.personal import Sealed
from tests.cast import ANNA, STREAMS, at

TALK, TALK_2 = "talk-1", "talk-2"
WORDS = Sealed(f"1:{ANNA.subject_id.hex}:AAAA", str(ANNA.subject_id), 1, "transcript")
"""A transcript as the log holds it."""


def began(talk: str = TALK, when: float = 0, home: str | None = None, **more: Any) -> ConversationStarted:
    return ConversationStarted(session_id=talk, property_id=home, occurred_at=at(when), **more)


def noted(event: Tracked, talk: str = TALK, when: float = 0, **more: Any) -> ConversationEventTracked:
    return ConversationEventTracked(session_id=talk, event=event, occurred_at=at(when), **more)


def agreed(
    milestone: ConversationMilestone, talk: str = TALK, when: float = 0, **more: Any
) -> ConversationMilestoneReached:
    return ConversationMilestoneReached(session_id=talk, milestone=milestone, occurred_at=at(when), **more)


def hung_up(talk: str = TALK, when: float = 600, home: str | None = None, **more: Any) -> ConversationCompleted:
    return ConversationCompleted(session_id=talk, property_id=home, occurred_at=at(when), **more)


def judged(talk: str = TALK, when: float = 600, home: str | None = None, **found: Any) -> ConversationCompleted:
    """A conversation that came with its analysis."""
    return hung_up(talk, when, home, analysis=Analysis(**found))


def written_down(talk: str = TALK, when: float = 600, **more: Any) -> ConversationCompleted:
    """A conversation that came with its words."""
    return hung_up(talk, when, transcript=WORDS, **more)


def analysed(transcript: UUID | str, talk: str = TALK, when: float = 600, **found: Any) -> ConversationAnalysed:
    """What was found in a transcript, by its log entry or by the name of the entry's stream."""
    entry = uuid5(STREAMS, transcript) if isinstance(transcript, str) else transcript
    return ConversationAnalysed(
        session_id=talk, transcript_event_id=entry, analysis=Analysis(**found), analyser="builtin@1",
        occurred_at=at(when),
    )  # fmt: skip


def silent(talk: str = TALK, when: float = 600) -> ConversationEnded:
    return ConversationEnded(session_id=talk, occurred_at=at(when))
