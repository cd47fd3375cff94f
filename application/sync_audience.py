"""Brings Meta's list of an audience in line with ours, by difference; what was not confirmed is done again."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from application.ports.audiences import AudienceMemory, AudiencePlace, Batch
from application.ports.conversions import NotAccepted
from domain.audiences.difference import MOST_ROWS, Row, batches, difference
from domain.audiences.events import AudienceDefined, AudienceSynced, Outcome

LONGEST_MESSAGE = 400


def new_session() -> int:
    """Return a number for a session: no two of an ad account may be alike."""
    return secrets.randbits(53) + 1


@dataclass(slots=True)
class _Done:
    added: int = 0
    removed: int = 0
    invalid: int = 0


@dataclass(frozen=True, slots=True)
class SyncAudience:
    """The use case. `session_id` gives numbers that were never used before."""

    place: AudiencePlace
    memory: AudienceMemory
    most_rows: int = MOST_ROWS
    session_id: Callable[[], int] = new_session

    def sync(self, defined: AudienceDefined, wanted: Mapping[str, Row], by: str, now: datetime) -> AudienceSynced:
        """Remove, then add; return the fact of what was done. Never raises what Meta says: the fact tells it."""
        audience_id, done = defined.audience_id, _Done()
        outcome: Outcome = "done"
        message: str | None = None
        try:
            if self._change(defined, wanted, done):
                outcome = "too_small"
        except NotAccepted as no:
            code = "/".join(str(one) for one in (no.answer.code, no.answer.subcode) if one is not None)
            outcome, message = "failed", f"{code}: {no.answer.message or 'no answer'}"[:LONGEST_MESSAGE]
        return AudienceSynced(
            audience_id=audience_id, version=defined.version, outcome=outcome,
            meta_audience_id=self.memory.list_id(audience_id), size=len(self.memory.listed(audience_id)),
            added=done.added, removed=done.removed, invalid=done.invalid, message=message, by=by, occurred_at=now,
        )  # fmt: skip

    def _change(self, defined: AudienceDefined, wanted: Mapping[str, Row], done: _Done) -> bool:
        """Make the changes and tell whether the audience is too small to be added to. Raises NotAccepted."""
        audience_id = defined.audience_id
        change = difference(wanted, self.memory.listed(audience_id))
        list_id = self.memory.list_id(audience_id)
        if list_id is None and change.add:
            list_id = self.place.create(defined.ad_account_id, defined.name)
            self.memory.created(audience_id, list_id)
        if list_id is not None:
            self._remove(audience_id, list_id, change.remove, done)
            self._add(audience_id, list_id, change.add, done)
        return change.too_small

    def _remove(self, audience_id: UUID, list_id: str, rows: Mapping[str, Row], done: _Done) -> None:
        parts, session = batches(rows, self.most_rows), self.session_id()
        for number, part in enumerate(parts, start=1):
            batch = Batch(session, number, number == len(parts), len(rows), list(part.values()))
            done.invalid += self.place.remove(list_id, batch)
            self.memory.removed(audience_id, list(part))
            done.removed += len(part)

    def _add(self, audience_id: UUID, list_id: str, rows: Mapping[str, Row], done: _Done) -> None:
        """Add rows; each is remembered before it is sent, so that nobody can be on the list without our knowing."""
        parts, session = batches(rows, self.most_rows), self.session_id()
        for number, part in enumerate(parts, start=1):
            self.memory.adding(audience_id, part)
            batch = Batch(session, number, number == len(parts), len(rows), list(part.values()))
            done.invalid += self.place.add(list_id, batch)
            self.memory.added(audience_id, list(part))
            done.added += len(part)
