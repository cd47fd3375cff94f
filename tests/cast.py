"""A few named people, their brokerage, and the things they do, ready-made."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.ads.events import ConversionsSent
from domain.brokerage.events import BrokerageRegistered, DatasetConnected, PolicyActivated
from domain.leads.events import LeadFormSubmitted
from domain.people.events import ConsentGiven, ConsentWithdrawn, Purpose, SubjectsLinked
from domain.properties.events import PropertySaved
from domain.scoring.brief import BRIEF
from domain.scoring.policy import Policy
from domain.shared.fact import Fact, Recorded, Touchpoint
from domain.shared.personal import Sealed
from domain.tours.events import (
    Milestone,
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourStarted,
)

NILE_HOMES = UUID("0a11ce00-0000-4000-8000-000000000001")
"""The brokerage of most stories."""
DELTA_HOMES = UUID("0a11ce00-0000-4000-8000-000000000002")
"""Another brokerage, which must not see anything of the first."""

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VILLA, FLAT = "villa-7", "flat-12"
TOUR, TOUR_2 = "tour-1", "tour-2"
PIXEL = "1234567890123456"
STREAMS = UUID("5d5f5a0e-7d5b-5b39-9a5e-0d8f3a3c4f10")


@dataclass(frozen=True)
class Told:
    """A fact with who did it, and how many seconds after it happened we learned of it."""

    fact: Fact
    subject_id: UUID | None = None
    learned_s: float = 1
    name: str | None = None  # the producer's id, where a story repeats one

    def late(self, **ago: float) -> "Told":
        """Return the same, learned later than it happened."""
        return replace(self, learned_s=timedelta(**ago).total_seconds())


@dataclass(frozen=True)
class Person:
    """Somebody who leaves `hint_kinds` of themselves with every touchpoint."""

    name: str
    subject_id: UUID
    hint_kinds: tuple[str, ...] = ()

    def did(self, fact: Fact) -> Told:
        """Return a fact as this person's, with their hints sealed as the log holds them."""
        if isinstance(fact, Touchpoint) and self.hint_kinds:
            sealed = Sealed(f"1:{self.subject_id.hex}:AAAA", str(self.subject_id), 1, "hints")
            fact = fact.model_copy(update={"hints": sealed, "hint_kinds": self.hint_kinds})
        return Told(fact, self.subject_id)


ANNA = Person("Anna", UUID("a0000000-0000-4000-8000-000000000001"), ("email", "phone"))
BASEM = Person("Basem", UUID("b0000000-0000-4000-8000-000000000001"), ("phone",))
VISITOR = Person("a visitor", UUID("c0000000-0000-4000-8000-000000000001"), ("fbp",))
NOBODY = Person("nobody", UUID("d0000000-0000-4000-8000-000000000001"))
"""Left nothing with which anyone could be found."""


def recorded(told: Told, position: int, brokerage_id: UUID = NILE_HOMES) -> Recorded:
    """Return a fact with its place in the log."""
    return Recorded(
        position=position,
        stream_id=uuid5(STREAMS, told.name or str(position)),
        version=1,
        brokerage_id=brokerage_id,
        subject_id=told.subject_id,
        recorded_at=told.fact.occurred_at + timedelta(seconds=told.learned_s),
        cause_id=None,
        correlation_id=None,
        fact=told.fact,
    )


def at(seconds: float = 0) -> datetime:
    """Return a moment after noon of the first of March."""
    return NOON + timedelta(seconds=seconds)


def started(session: str = TOUR, home: str = VILLA, when: float = 0, **more: Any) -> TourStarted:
    return TourStarted(session_id=session, property_id=home, occurred_at=at(when), **more)


def room(
    name: str, dwell_s: float, session: str = TOUR, home: str = VILLA, when: float = 0, **more: Any
) -> TourRoomVisited:
    return TourRoomVisited(
        session_id=session, property_id=home, room=name, dwell_s=dwell_s, occurred_at=at(when), **more
    )


def acted(
    action: str, inside: str | None = None, session: str = TOUR, home: str = VILLA, when: float = 0, **more: Any
) -> TourActed:
    return TourActed(
        session_id=session, property_id=home, action=action, room=inside, occurred_at=at(when), **more
    )  # fmt: skip


def reached(
    milestone: Milestone, session: str = TOUR, home: str = VILLA, when: float = 0, **more: Any
) -> TourMilestoneReached:
    return TourMilestoneReached(session_id=session, property_id=home, milestone=milestone, occurred_at=at(when), **more)


def completed(session: str = TOUR, home: str = VILLA, when: float = 900, **more: Any) -> TourCompleted:
    return TourCompleted(session_id=session, property_id=home, occurred_at=at(when), **more)


def ended(session: str = TOUR, home: str = VILLA, when: float = 900) -> TourEnded:
    return TourEnded(session_id=session, property_id=home, occurred_at=at(when))


def saved(home: str = VILLA, when: float = 0, **more: Any) -> PropertySaved:
    return PropertySaved(property_id=home, occurred_at=at(when), **more)


def form(when: float = 0, **answers: Any) -> LeadFormSubmitted:
    return LeadFormSubmitted(occurred_at=at(when), **answers)


def allowed(purpose: Purpose = "meta_tracking", when: float = 0) -> ConsentGiven:
    return ConsentGiven(purpose=purpose, occurred_at=at(when))


def forbade(purpose: Purpose = "meta_tracking", when: float = 0) -> ConsentWithdrawn:
    return ConsentWithdrawn(purpose=purpose, occurred_at=at(when))


def linked(joins: Person, into: Person, when: float = 0) -> Told:
    fact = SubjectsLinked(subject_id=joins.subject_id, into_subject_id=into.subject_id, occurred_at=at(when))
    return Told(fact, joins.subject_id)


def registered(**settings: Any) -> Told:
    return Told(BrokerageRegistered(name="Nile Homes", occurred_at=at(-7 * 86_400), **settings))


def connected(dataset_id: str = PIXEL, **settings: Any) -> Told:
    return Told(DatasetConnected(dataset_id=dataset_id, occurred_at=at(-7 * 86_400), **settings))


def activated(policy: Policy = BRIEF, revision: int = 1, when: float = -86_400) -> Told:
    return Told(PolicyActivated(policy=policy, revision=revision, occurred_at=at(when)))


def sent(*conversion_ids: UUID, outcome: str = "accepted", when: float = 0, **more: Any) -> Told:
    fact = {"dataset_id": PIXEL, "conversion_ids": conversion_ids, "outcome": outcome, "occurred_at": at(when)}
    return Told(ConversionsSent.model_validate(fact | more))


OPEN_HOUSE = (registered(), connected(), activated())
"""A brokerage with the shipped policy and one dataset."""
