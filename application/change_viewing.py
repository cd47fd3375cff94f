"""Takes a step of a viewing that is booked: confirmed, completed, missed, cancelled, followed up."""

from dataclasses import dataclass
from uuid import UUID

from application.book_viewing import KEPT, MOST_TRIES, Asking, NoSuchViewing, calendar_stream, step_stream
from application.clock import Clock, utc_now
from application.ports.calendars import Appending, Calendars, Moved
from application.ports.touchpoints import Busy
from domain.viewings.events import SlotFreed, ViewingCancelled, ViewingStep
from domain.viewings.steps import TakeStep, decide


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, by the id of its fact; `fresh` where it was taken just now."""

    event_id: UUID
    fact: ViewingStep
    fresh: bool


@dataclass(frozen=True, slots=True)
class ChangeViewings:
    """The use case."""

    calendars: Calendars
    clock: Clock = utc_now

    async def take(self, viewing_id: UUID, step: TakeStep, asking: Asking) -> Taken:
        """Take a step; told again it gets the first answer. Raises NoSuchViewing, StepRefused, KnownOtherwise, Busy."""
        for _ in range(MOST_TRIES):
            told = await self.calendars.told(asking.brokerage_id, viewing_id)
            if told is None or not told.steps:
                raise NoSuchViewing(str(viewing_id))
            fact = decide(step, [one for _, one in told.steps])
            known = next((event_id for event_id, one in told.steps if one is fact), None)
            if known is not None:
                return Taken(known, fact, fresh=False)
            event_id = step_stream(viewing_id, len(told.steps) + 1)
            entries = [Appending(event_id, 1, fact, told.subject_id, viewing_id)]
            if isinstance(fact, ViewingCancelled):
                entries.append(await self._freed(fact, event_id, asking))
            try:
                await self.calendars.append(asking.brokerage_id, entries, asking.correlation_id)
            except Moved:
                continue
            return Taken(event_id, fact, fresh=True)
        raise Busy("the viewing keeps changing")

    async def _freed(self, fact: ViewingCancelled, event_id: UUID, asking: Asking) -> Appending:
        calendar = await self.calendars.calendar(asking.brokerage_id, fact.broker_id, self.clock() - KEPT)
        freed = SlotFreed(broker_id=fact.broker_id, viewing_id=fact.viewing_id, occurred_at=fact.occurred_at)
        stream = calendar_stream(asking.brokerage_id, fact.broker_id)
        return Appending(stream, calendar.version + 1, freed, cause_id=event_id)
