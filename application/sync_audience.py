"""Brings Meta's list of an audience in line with ours, by difference; what was not confirmed is done again."""

import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from application.clock import Clock, utc_now
from application.delivery_rules import retry_after_s, throttle_s
from application.ports.audiences import (
    MOST_SYNCED,
    AudienceMemory,
    AudiencePlace,
    AudienceWork,
    Batch,
    Progress,
    SyncUnderWay,
)  # fmt: skip
from application.ports.conversions import NotAccepted, Throttled, Transient, Unanswered
from application.ports.outbox import Entry, Leased, NewFact, Records, Settled
from domain.audiences.difference import MOST_ROWS, Row, batches, difference
from domain.audiences.events import AudienceDefined, AudienceSynced, Outcome

LONGEST_MESSAGE = 400
MOST_FAILURES = 8
"""Moments of weakness in a row, up to a quarter of an hour of them, before a synchronisation says that it failed."""
LONGEST_RUN_S = 60.0
"""After that long a worker lets the message go, so that others have their turn; the next one goes on from there."""
LOOK_AGAIN_S = 1.0
NO_TOKEN = "no token is stored for this ad account, nor for a dataset of the brokerage"  # noqa: S105 - a sentence
TOO_LARGE = f"is of more than {MOST_SYNCED} people: narrow it down"


def new_session() -> int:
    """Return a number for a session: no two of an ad account may be alike."""
    return secrets.randbits(53) + 1


class CreationUnanswered(Exception):
    """Nobody knows whether Meta made the list: asked again by itself, it might make a second one."""

    def __init__(self, no: NotAccepted) -> None:
        super().__init__(str(no))
        self.no = no


@dataclass(frozen=True, slots=True)
class SyncAudience:
    """Makes the changes. `session_id` gives numbers that were never used before; `ask` hears before each request."""

    place: AudiencePlace
    memory: AudienceMemory
    most_rows: int = MOST_ROWS
    session_id: Callable[[], int] = new_session
    ask: Callable[[Progress], None] = lambda _: None
    progress: Progress = field(default_factory=Progress)

    def change(self, defined: AudienceDefined, wanted: Mapping[str, Row]) -> Outcome:
        """Remove, then add; return `done`, or `too_small` where nobody may be added.

        Raises NotAccepted, and CreationUnanswered. What Meta took until then is remembered.
        """
        audience_id, progress = defined.audience_id, self.progress
        change = difference(wanted, self.memory.listed(audience_id))
        progress.to_remove, progress.to_add = len(change.remove), len(change.add)
        list_id = self.memory.list_id(audience_id)
        if list_id is None and change.add:
            list_id = self._create(defined)
        if list_id is not None:
            self._remove(audience_id, list_id, change.remove)
            self._add(audience_id, list_id, change.add)
        return "too_small" if change.too_small else "done"

    def _create(self, defined: AudienceDefined) -> str:
        self.ask(self.progress)
        try:
            list_id = self.place.create(defined.ad_account_id, defined.name)
        except Unanswered as no:
            raise CreationUnanswered(no) from None
        self.memory.created(defined.audience_id, list_id)
        return list_id

    def _remove(self, audience_id: UUID, list_id: str, rows: Mapping[str, Row]) -> None:
        parts, session, progress = batches(rows, self.most_rows), self.session_id(), self.progress
        for number, part in enumerate(parts, start=1):
            self.ask(progress)
            batch = Batch(session, number, number == len(parts), len(rows), list(part.values()))
            progress.invalid += self.place.remove(list_id, batch)
            self.memory.removed(audience_id, list(part))
            progress.removed += len(part)
            progress.to_remove -= len(part)
            progress.failures = 0

    def _add(self, audience_id: UUID, list_id: str, rows: Mapping[str, Row]) -> None:
        """Add rows; each is remembered before it is sent, so that nobody can be on the list without our knowing."""
        parts, session, progress = batches(rows, self.most_rows), self.session_id(), self.progress
        for number, part in enumerate(parts, start=1):
            self.ask(progress)
            self.memory.adding(audience_id, part)
            batch = Batch(session, number, number == len(parts), len(rows), list(part.values()))
            progress.invalid += self.place.add(list_id, batch)
            self.memory.added(audience_id, list(part))
            progress.added += len(part)
            progress.to_add -= len(part)
            progress.failures = 0


class _Enough(Exception):
    """The worker was at it long enough."""


@dataclass(frozen=True, slots=True)
class CarryOutSync:
    """The use case behind the message `sync_audience`: `payload` holds the definition, who asked, and the progress."""

    work: AudienceWork
    records: Records
    clock: Clock = utc_now
    steady: Callable[[], float] = time.monotonic
    most_rows: int = MOST_ROWS
    longest_run_s: float = LONGEST_RUN_S

    def run(self, message: Leased) -> None:
        """Synchronise, and settle the message: done with the fact of it, or waiting to go on. Raises LeaseLost."""
        defined = AudienceDefined.model_validate(message.payload["defined"])
        progress = Progress.of(message.payload.get("progress"))
        try:
            with self.work.alone(defined.audience_id):
                outcome, said = self._try(message, defined, progress)
        except SyncUnderWay:
            self._later(message, LOOK_AGAIN_S, "another synchronisation of this audience is under way")
        except _Enough:
            self._later(message, 0, None)
        except (Transient, Throttled, Unanswered) as no:
            self._later(message, _wait_s(no, progress.failures), words_of(no))
        else:
            self._done(message, defined, progress, outcome, said)

    def _try(self, message: Leased, defined: AudienceDefined, progress: Progress) -> tuple[Outcome, str | None]:
        """Return the outcome and what is to be said of it. Raises what is worth trying again."""
        wanted = self.work.wanted(message.brokerage_id, defined.segment)
        if wanted is None:
            return "failed", f"the segment {TOO_LARGE}"
        with self.work.place(message.brokerage_id, defined.ad_account_id) as place:
            if place is None:
                return "failed", NO_TOKEN
            ask = self._asking(message)
            sync = SyncAudience(
                place, self.work.memory(message.brokerage_id), self.most_rows, ask=ask, progress=progress
            )  # fmt: skip
            try:
                return sync.change(defined, wanted), None
            except CreationUnanswered as unknown:
                return "failed", words_of(unknown.no)
            except NotAccepted as no:
                progress.failures += 1
                if isinstance(no, Transient | Throttled | Unanswered) and progress.failures < MOST_FAILURES:
                    self.work.about_to_ask(message, progress)
                    raise
                return "failed", words_of(no)

    def _asking(self, message: Leased) -> Callable[[Progress], None]:
        began = self.steady()

        def ask(progress: Progress) -> None:
            self.work.about_to_ask(message, progress)
            if self.steady() - began > self.longest_run_s:
                raise _Enough

        return ask

    def _later(self, message: Leased, wait_s: float, error: str | None) -> None:
        due_at = self.clock() + timedelta(seconds=wait_s)
        self.records.record(Entry([Settled(message, "waiting", due_at, error)]))

    def _done(
        self, message: Leased, defined: AudienceDefined, progress: Progress, outcome: Outcome, said: str | None
    ) -> None:  # fmt: skip
        memory, audience_id = self.work.memory(message.brokerage_id), defined.audience_id
        fact = AudienceSynced(
            audience_id=audience_id, version=defined.version, outcome=outcome,
            meta_audience_id=memory.list_id(audience_id), size=len(memory.listed(audience_id)), added=progress.added,
            removed=progress.removed, invalid=progress.invalid, message=said and said[:LONGEST_MESSAGE],
            by=message.payload.get("by"), occurred_at=self.clock(),
        )  # fmt: skip
        new = NewFact(message.id, message.brokerage_id, fact, correlation_id=message.correlation_id)
        self.records.record(Entry([Settled(message, "done")], [new]))


def words_of(no: NotAccepted) -> str:
    """Return what Meta said, its codes first."""
    code = "/".join(str(one) for one in (no.answer.code, no.answer.subcode) if one is not None)
    return f"{code}: {no.answer.message or 'no answer'}"[:LONGEST_MESSAGE]


def _wait_s(no: NotAccepted, failures: int) -> float:
    chance = random.random()  # noqa: S311 - jitter
    if isinstance(no, Throttled):
        return throttle_s(no.answer.wait_s, chance)
    return retry_after_s(failures + 4, 0.5 + chance / 2)
