"""Every conversation with its scores; the reminder to close it when it goes quiet, and transcripts to be analysed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.brokerage.rulebook import House
from domain.conversations import conversation as talk
from domain.conversations.conversation import HANDLES, OF_A_CONVERSATION, Conversation
from domain.conversations.events import ConversationCompleted
from domain.messaging.threads import thread_of_session
from domain.scoring.policy import Score
from domain.shared.clock import moment
from domain.shared.fact import Recorded
from domain.shared.outbox import MessageKind, OutboxMessage
from domain.shared.personal import Sealed
from domain.shared.quiet import quiet_after_s
from projections.projection import Column, Effects, Projection

MESSAGES = UUID("7c0a4a55-6d53-5f8b-8d5a-1e9f4c2b7a66")
"""Namespace of the ids of reminders and of transcripts to be analysed."""

# fmt: off
COLUMNS = (
    Column("property_id", "text"),       Column("subject_id", "uuid"),       Column("conversation_kind", "text"),
    Column("channel", "text"),           Column("started_at", "timestamptz"), Column("last_at", "timestamptz"),
    Column("arrived_at", "timestamptz"), Column("total_time_s", "float8"),   Column("turns", "int4"),
    Column("questions", "int4"),         Column("engagement", "float8"),     Column("sentiment", "float8"),
    Column("rating", "int4"),            Column("specialist", "text"),       Column("topics", "jsonb"),
    Column("status", "text"),            Column("score", "int4"),            Column("quality", "text"),
    Column("policy", "text"),            Column("reasons", "jsonb"),         Column("qualification", "int4"),
    Column("milestones", "jsonb"),       Column("lead_score", "int4"),       Column("lead_quality", "text"),
    Column("lead_reasons", "jsonb"),     Column("analysed_by", "uuid"),      Column("closed_by", "uuid"),
    Column("late", "int4"),
)
# fmt: on


@dataclass(frozen=True)
class ConversationSession:
    """A conversation, and the subject of its first touchpoint."""

    conversation: Conversation = field(default_factory=Conversation)
    subject_id: str | None = None


def _key(recorded: Recorded) -> Iterable[str]:
    fact = recorded.fact
    return (fact.session_id,) if isinstance(fact, OF_A_CONVERSATION) else ()


def _react(
    session: ConversationSession, recorded: Recorded, house: House, key: str
) -> tuple[ConversationSession, Effects]:
    before = session.conversation
    after = talk.with_fact(before, recorded, house.revision)
    whose = session.subject_id or (str(recorded.subject_id) if recorded.subject_id else None)
    messages = []
    opened = before.touchpoints == 0 and after.touchpoints and after.over_by is None
    if opened and thread_of_session(key) is None:  # a thread closes its own
        messages.append(_reminder(recorded, key))
    if (fact := _to_be_analysed(recorded)) is not None:
        messages.append(_analysis(recorded, fact, after))
    return ConversationSession(after, whose), ((), messages)


def _reminder(recorded: Recorded, session_id: str) -> OutboxMessage:
    quiet = timedelta(seconds=quiet_after_s(recorded.fact.occurred_at, recorded.recorded_at))
    return _message(recorded, "close_conversation", session_id, quiet, {"session_id": session_id})


def _to_be_analysed(recorded: Recorded) -> Sealed | None:
    """Return the sealed words of a conversation that came without an analysis."""
    fact = recorded.fact
    if isinstance(fact, ConversationCompleted) and fact.analysis is None and isinstance(fact.transcript, Sealed):
        return fact.transcript
    return None


def _analysis(recorded: Recorded, transcript: Sealed, after: Conversation) -> OutboxMessage:
    payload = {
        "session_id": after.session_id,
        "property_id": after.property_id or None,
        "subject_id": str(recorded.subject_id) if recorded.subject_id else None,
        "ended_at": recorded.fact.occurred_at.isoformat(),
        "transcript": {
            "token": transcript.token, "stream_id": str(transcript.stream_id), "version": transcript.version,
            "field": transcript.field,
        },
    }  # fmt: skip
    return _message(recorded, "analyse_conversation", str(recorded.stream_id), timedelta(0), payload)


def _message(
    recorded: Recorded, kind: MessageKind, about: str, after: timedelta, payload: dict[str, Any]
) -> OutboxMessage:
    return OutboxMessage(
        id=uuid5(MESSAGES, f"{recorded.brokerage_id}|{kind}|{about}"),
        brokerage_id=recorded.brokerage_id,
        kind=kind,
        due_at=recorded.recorded_at + after,
        payload=payload,
        cause_id=recorded.stream_id,
        position=recorded.position,
        correlation_id=recorded.correlation_id,
    )


def _row(session: ConversationSession, house: House) -> tuple[Any, ...]:
    one = session.conversation
    facts, scored, lead = talk.facts_of(one, house), talk.score_of(one, house), talk.lead_score_of(one, house)
    found = one.found.analysis if one.found else None
    return (
        one.property_id, session.subject_id, one.conversation_kind,
        one.channel, moment(one.first_ms), moment(one.last_ms),
        moment(one.arrived_ms), one.total_ms / 1000, facts["turns"],
        facts["questions"], facts["engagement"], found.sentiment if found else None,
        one.rating or (found.rating if found else None), one.specialist or (found.specialist if found else None),
        talk.topics_of(one), talk.status_of(one), scored.score if scored else None, scored.quality if scored else None,
        scored.policy if scored else None, _reasons(scored), talk.qualification(one, scored) if scored else None,
        talk.milestones_of(one, house), lead.score if lead else None, lead.quality if lead else None,
        _reasons(lead), one.found.event if one.found else None, one.over_by,
        one.late,
    )  # fmt: skip


def _reasons(scored: Score | None) -> list[dict[str, Any]]:
    return [reason.model_dump(mode="json") for reason in scored.reasons] if scored else []


CONVERSATION_SESSIONS: Projection[ConversationSession] = Projection(
    name="conversation_sessions",
    version=1,
    handles=tuple(sorted(HANDLES, key=lambda fact: str(fact.model_fields["kind"].default))),
    key=_key,
    initial=ConversationSession(),
    columns=COLUMNS,
    row=_row,
    react=_react,
)
