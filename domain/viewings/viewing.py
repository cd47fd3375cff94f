"""What is known of a person's viewings, folded in whatever order the facts arrive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.brokerage.rulebook import House
from domain.properties.listing import Currency
from domain.scoring.policy import FactValue
from domain.shared.changed import changed
from domain.shared.clock import millis, moment
from domain.shared.fact import Channel, Fact, Origin, Recorded
from domain.viewings.events import (
    Assigned,
    Outcome,
    ViewingBooked,
    ViewingCancelled,
    ViewingCompleted,
    ViewingConfirmed,
    ViewingFollowedUp,
    ViewingMissed,
    ViewingRequested,
    ViewingStep,
    ViewingType,
)
from domain.viewings.hours import on_weekend

HANDLES: frozenset[type[Fact]] = frozenset({
    ViewingRequested, ViewingBooked, ViewingConfirmed, ViewingCompleted, ViewingMissed, ViewingCancelled,
    ViewingFollowedUp,
})  # fmt: skip
"""The facts that are folded here."""

Status = Literal["scheduled", "confirmed", "completed", "cancelled", "no_show"]
STATUSES: tuple[tuple[type[ViewingStep], Status], ...] = (
    (ViewingCancelled, "cancelled"),
    (ViewingMissed, "no_show"),
    (ViewingCompleted, "completed"),
    (ViewingConfirmed, "confirmed"),
)
"""Which status each step gives; of several steps the first of these says it."""
NOT_SEEN: frozenset[Status] = frozenset({"cancelled", "no_show"})
"""Viewings after which the person has not seen the property, nor is going to."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Step:
    """When something happened (unix ms), and the log entry that says so."""

    at_ms: int
    event: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What a person said afterwards; ordered by time, then log entry."""

    at_ms: int
    event: str
    outcome: Outcome


@dataclass(frozen=True)
class Viewing:
    """One viewing. Times in unix milliseconds; `revision` is the policy activation that held when it was booked."""

    viewing_id: str = ""
    property_id: str = ""
    broker_id: str = ""
    booked: Step | None = None
    starts_ms: int = 0
    ends_ms: int = 0
    party_size: int = 1
    viewing_type: ViewingType = "in_person"
    asked_for_broker: bool = False
    assigned: Assigned = "asked"
    confirmation_code: str = ""
    price_minor: int | None = None
    currency: Currency | None = None
    origin: Origin = "website"
    channel: Channel | None = None
    unverified: bool = False
    test: bool = False
    revision: int = 0
    steps: Mapping[Status, Step] = field(default_factory=dict)
    followed: FollowUp | None = None  # the newest

    @property
    def status(self) -> Status:
        """What became of it."""
        return next((status for _, status in STATUSES if status in self.steps), "scheduled")

    @property
    def seen(self) -> bool:
        """Whether the person has seen the property by it, or is going to."""
        return self.status not in NOT_SEEN


@dataclass(frozen=True, slots=True)
class Asked:
    """When a person first and last asked to see a property (unix ms), and the log entry of the first time."""

    first_ms: int
    event: str
    last_ms: int


@dataclass(frozen=True)
class Viewings:
    """A person's viewings by id, and the requests for them by property."""

    booked: Mapping[str, Viewing] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)


def evolve(state: Viewings, recorded: Recorded, house: House) -> Viewings:
    """Take one more fact into account."""
    fact = recorded.fact
    if isinstance(fact, ViewingRequested):
        return changed(state, asked={**state.asked, fact.property_id: _asked(state, recorded, fact)})
    if not isinstance(fact, ViewingStep):
        return state
    key = str(fact.viewing_id)
    after = evolve_one(state.booked.get(key, Viewing()), recorded, house)
    return changed(state, booked={**state.booked, key: after})


def evolve_one(viewing: Viewing, recorded: Recorded, house: House) -> Viewing:
    """Take one more fact of a viewing into account; of the same step told twice the first counts."""
    fact, step = recorded.fact, Step(millis(recorded.fact.occurred_at), str(recorded.stream_id))
    if isinstance(fact, ViewingStep) and not viewing.viewing_id:
        named = {"viewing_id": str(fact.viewing_id), "property_id": fact.property_id, "broker_id": fact.broker_id}
        viewing = changed(viewing, **named)
    match fact:
        case ViewingBooked():
            return viewing if viewing.booked and _order(viewing.booked) <= _order(step) else _with(
                viewing, fact, step, house.revision
            )  # fmt: skip
        case ViewingFollowedUp():
            told = FollowUp(step.at_ms, step.event, fact.outcome)
            before = viewing.followed
            newer = before is None or (before.at_ms, before.event) < (told.at_ms, told.event)
            return changed(viewing, followed=told) if newer else viewing
        case ViewingStep():
            status = dict(STATUSES)[type(fact)]
            first = min(step, viewing.steps.get(status, step), key=_order)
            return changed(viewing, steps={**viewing.steps, status: first})
        case _:
            return viewing


def _asked(state: Viewings, recorded: Recorded, fact: ViewingRequested) -> Asked:
    at, event = millis(fact.occurred_at), str(recorded.stream_id)
    before = state.asked.get(fact.property_id, Asked(at, event, at))
    first = min((before.first_ms, before.event), (at, event))
    return Asked(*first, max(before.last_ms, at))


def _with(viewing: Viewing, fact: ViewingBooked, step: Step, revision: int) -> Viewing:
    return changed(
        viewing, property_id=fact.property_id, broker_id=fact.broker_id, booked=step, revision=revision,
        starts_ms=millis(fact.starts_at), ends_ms=millis(fact.ends_at), party_size=fact.party_size,
        viewing_type=fact.viewing_type, asked_for_broker=fact.asked_for_broker, assigned=fact.assigned,
        confirmation_code=fact.confirmation_code, price_minor=fact.price_minor, currency=fact.currency,
        origin=fact.origin, channel=fact.channel, unverified=fact.unverified, test=fact.test,
    )  # fmt: skip


def _order(step: Step) -> tuple[int, str]:
    return step.at_ms, step.event


def count(state: Viewings) -> int:
    """Return how many viewings were booked."""
    return sum(one.booked is not None for one in state.booked.values())


def asked_for(state: Viewings, home: str) -> bool:
    """Tell whether the person ever asked to see a property."""
    return home in state.asked or any(one.property_id == home for one in state.booked.values())


def wanted(state: Viewings) -> bool:
    """Tell whether the person asked to see a property and no viewing of it was booked since the last time."""
    newest: dict[str, int] = {}
    for one in state.booked.values():
        if one.booked is not None:
            newest[one.property_id] = max(newest.get(one.property_id, 0), one.booked.at_ms)
    return any(asked.last_ms > newest.get(home, 0) for home, asked in state.asked.items())


def booked_since(state: Viewings, at_ms: int, home: str | None) -> bool:
    """Tell whether a viewing was booked at a moment (unix ms) or later: of a property, of any where None is named."""
    return any(
        one.booked is not None and one.booked.at_ms >= at_ms and home in (None, one.property_id)
        for one in state.booked.values()
    )


def outcome_missing(state: Viewings) -> bool:
    """Tell whether a viewing was completed and nobody noted what the person said."""
    return any(one.status == "completed" and one.followed is None for one in state.booked.values())


def earlier_viewings(state: Viewings, viewing_id: str) -> tuple[Viewing, ...]:
    """Return the person's viewings of the same property that were booked before, but those that they never saw."""
    own = state.booked[viewing_id]
    if own.booked is None:
        return ()
    return tuple(
        one
        for key, one in sorted(state.booked.items())
        if key != viewing_id and one.property_id == own.property_id and one.seen
        and one.booked is not None and _order(one.booked) < _order(own.booked)
    )  # fmt: skip


def facts_of(viewing: Viewing, house: House) -> dict[str, FactValue]:
    """Return the named facts that a viewing itself tells."""
    return {
        "viewing_id": viewing.viewing_id,
        "status": viewing.status,
        "viewing_type": viewing.viewing_type,
        "party_size": viewing.party_size,
        "asked_for_broker": viewing.asked_for_broker,
        "weekend": on_weekend(moment(viewing.starts_ms), house.region) if viewing.booked else None,
        "confirmed": "confirmed" in viewing.steps,
    }


def evidence_of(viewing: Viewing) -> dict[str, tuple[str, ...]]:
    """Return, for each named fact that a viewing itself tells, the log entries behind it."""
    booked = (viewing.booked.event,) if viewing.booked else ()
    step, confirmed = viewing.steps.get(viewing.status), viewing.steps.get("confirmed")
    return {
        **dict.fromkeys(("party_size", "asked_for_broker", "weekend", "viewing_type"), booked),
        "confirmed": (confirmed.event,) if confirmed else (),
        "status": (step.event,) if step else booked,
    }
