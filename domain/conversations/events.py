"""Facts of conversations with the assistant or an agent: voice, avatar, phone, web chat and text threads."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from domain.conversations.analysis import Analysis, AnalysisNotes, Count, Rating, Said, Specialist, Topic, Transcript
from domain.shared.fact import Fact, Label, Ref, Seconds, Touchpoint
from domain.shared.personal import Open, Personal

ConversationKind = Literal["voice", "avatar", "phone", "web_chat", "text_thread"]
ConversationMilestone = Literal[
    "budget_discussed", "financing_inquiry", "viewing_requested", "contact_shared", "objection_resolved",
    "follow_up_agreed",
]  # fmt: skip
Tracked = Literal[
    "customer_turn", "our_turn", "question_asked", "price_asked", "financing_asked", "viewing_asked",
    "contact_given", "budget_mentioned", "topic_raised", "objection_raised", "follow_up_asked", "meeting_scheduled",
]  # fmt: skip
"""What may be noted while people talk. `our_turn` is the assistant's or an agent's."""
Detail = Literal[
    "budget_figure", "budget_range", "budget_vague", "district", "city", "now", "within_3_months", "within_a_year",
    "just_looking", "name", "email", "second_phone", "financing_need", "purpose", "type", "size",
]  # fmt: skip
"""What a turn may have told of what the customer looks for, and of themselves."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]
"""A name out of a program: a model, a version of a prompt."""
Tokens = Annotated[int, Field(ge=0, le=10**9)]


class ConversationTouchpoint(Touchpoint):
    """What every touchpoint of a conversation names: its session, and the property talked about where known."""

    session_id: Open[Ref]
    property_id: Open[Ref | None] = None
    conversation_kind: Open[ConversationKind | None] = None


class ConversationStarted(ConversationTouchpoint):
    """A person began to talk with the assistant or an agent.

    Source: the voice, avatar or chat widget, the phone provider, or the first message of a thread.
    """

    kind: Open[Literal["conversations.started.v1"]] = "conversations.started.v1"


class ConversationEventTracked(ConversationTouchpoint):
    """Something was said or asked in a conversation.

    Source: `POST /api/conversations/track-event`. `told` names what the turn told; the words themselves are personal.
    """

    kind: Open[Literal["conversations.event_tracked.v1"]] = "conversations.event_tracked.v1"
    event: Open[Tracked]
    topic: Open[Topic | None] = None
    told: Open[Annotated[tuple[Detail, ...], Field(max_length=20)]] = ()
    text: Personal[Said | None] = None


class ConversationMilestoneReached(ConversationTouchpoint):
    """A conversation reached a milestone; it shares its slot with the one that we derive.

    Source: `POST /api/conversations/track-event` with `milestone`.
    """

    kind: Open[Literal["conversations.milestone_reached.v1"]] = "conversations.milestone_reached.v1"
    milestone: Open[ConversationMilestone]


class ConversationCompleted(ConversationTouchpoint):
    """A conversation came to its end, with its analysis or its words where the producer has them.

    Source: `POST /api/conversations/{session_id}/complete`. Without an analysis a transcript is analysed by us.
    """

    kind: Open[Literal["conversations.completed.v1"]] = "conversations.completed.v1"
    status: Open[Literal["completed", "abandoned"]] = "completed"
    started_at: Open[AwareDatetime | None] = None
    ended_at: Open[AwareDatetime | None] = None
    duration_s: Open[Seconds | None] = None
    analysis: Open[Analysis | None] = None
    analysis_notes: Personal[AnalysisNotes | None] = None
    transcript: Personal[Transcript | None] = None
    customer_turns: Open[Count | None] = None
    our_turns: Open[Count | None] = None
    rating: Open[Rating | None] = None
    follow_up_requested: Open[bool | None] = None
    meeting_scheduled: Open[bool | None] = None
    specialist: Open[Specialist | None] = None

    @model_validator(mode="after")
    def _ended_after_starting(self) -> Self:
        if self.started_at and self.ended_at and self.ended_at < self.started_at:
            raise ValueError("ended_at must not be before started_at")
        return self


class ConversationAnalysed(Fact):
    """What an analyser made of a conversation's transcript; `occurred_at` is the end of the conversation.

    Source: the message that a transcript leaves in the outbox. `analyser` is a model's name or `builtin@<version>`;
    `instead_of` names the model that failed before it. Cost in millionths of a US dollar, None where no price is known.
    """

    kind: Open[Literal["conversations.analysed.v1"]] = "conversations.analysed.v1"
    session_id: Open[Ref]
    property_id: Open[Ref | None] = None
    transcript_event_id: Open[UUID]  # the log entry that holds what was analysed
    analysis: Open[Analysis]
    notes: Personal[AnalysisNotes | None] = None
    analyser: Open[Word]
    prompt_version: Open[Word | None] = None
    tokens_in: Open[Tokens | None] = None
    tokens_out: Open[Tokens | None] = None
    latency_ms: Open[Tokens | None] = None
    cost_usd_micros: Open[Tokens | None] = None
    instead_of: Open[Word | None] = None
    failure: Open[Label | None] = None  # why that one's answer was not to be had
    unreadable: Open[bool] = False  # the words were erased before they were read


class ConversationEnded(Fact):
    """Nothing came from a conversation for thirty minutes, so our rules ended it; `occurred_at` is its last activity.

    Source: the reminder that a conversation's first touchpoint sets.
    """

    kind: Open[Literal["conversations.ended.v1"]] = "conversations.ended.v1"
    session_id: Open[Ref]
    property_id: Open[Ref | None] = None
