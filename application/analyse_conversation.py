"""Analyse the transcript of a conversation: by the model where there is one, else by our own rules; once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from application.ports.analysis import ConversationAnalyser, MadeBy, NoReading, Reading, Seals
from application.ports.conversions import Keys
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from domain.conversations.analysis import Analysis, AnalysisNotes, Transcript, Turn
from domain.conversations.events import ConversationAnalysed
from domain.conversations.transcript import turns_of
from domain.shared.personal import Erased, Sealed

ANALYSES = UUID("0c9a1a6e-4a3f-5d27-b6e0-52c8e5f0a9b3")
"""Namespace of the streams of analyses: one per transcript, so that a second one changes nothing."""

NOTHING = Reading(Analysis(), AnalysisNotes(), MadeBy("builtin@1"))
"""What is found in words that were erased before they were read."""


@dataclass(frozen=True, slots=True)
class AnalyseConversation:
    """The use case behind the message `analyse_conversation`.

    `model` is asked first where there is one; what it cannot answer, `builtin` does.
    """

    keys: Keys
    seals: Seals
    records: Records
    builtin: ConversationAnalyser
    model: ConversationAnalyser | None = None

    def run(self, message: Leased) -> None:
        """Record the analysis and settle the message, in one go. Raises LeaseLost."""
        payload = message.payload
        (plain,) = self.keys.open_all([Sealed(**payload["transcript"])])
        unreadable = isinstance(plain, Erased)
        reading, failed = (NOTHING, None) if unreadable else self._read(turns_of(Transcript.model_validate(plain)))
        subject_id = UUID(payload["subject_id"]) if payload["subject_id"] else None
        stream_id = uuid5(ANALYSES, f"{message.brokerage_id}|{message.cause_id}")
        made = reading.made_by
        fact = ConversationAnalysed(
            session_id=payload["session_id"],
            property_id=payload["property_id"],
            occurred_at=datetime.fromisoformat(payload["ended_at"]),
            transcript_event_id=message.cause_id,
            analysis=reading.analysis,
            notes=self._sealed(reading.notes, subject_id, stream_id),
            analyser=made.analyser,
            prompt_version=made.prompt_version,
            tokens_in=made.tokens_in,
            tokens_out=made.tokens_out,
            latency_ms=made.latency_ms,
            cost_usd_micros=made.cost_usd_micros,
            instead_of=failed.analyser if failed else None,
            failure=failed.why if failed else None,
            unreadable=unreadable,
        )
        new = NewFact(stream_id, message.brokerage_id, fact, subject_id, message.cause_id, message.correlation_id)
        self.records.record(Entry([Settled(message, "done")], [new]))

    def _read(self, turns: Sequence[Turn]) -> tuple[Reading, NoReading | None]:
        if self.model is None:
            return self.builtin.analyse(turns), None
        try:
            return self.model.analyse(turns), None
        except NoReading as failed:
            return self.builtin.analyse(turns), failed

    def _sealed(self, notes: AnalysisNotes, subject_id: UUID | None, stream_id: UUID) -> Sealed | None:
        plain = notes.model_dump(mode="json", exclude_defaults=True)
        return self.seals.seal(subject_id, stream_id, "notes", plain) if plain and subject_id else None
