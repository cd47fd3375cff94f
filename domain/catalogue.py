"""Every fact there is, by the kind it is stored under."""

from collections.abc import Callable
from typing import Any

from domain.ads.events import ConversionsSent
from domain.brokerage.events import BrokerageRegistered, DatasetConnected, PolicyActivated
from domain.leads.events import LeadFormSubmitted
from domain.people.events import ConsentGiven, ConsentWithdrawn, MergeProposed, SubjectsLinked
from domain.properties.events import PropertySaved
from domain.shared.fact import Fact, Touchpoint
from domain.tours.events import (
    TourActed,
    TourCompleted,
    TourEnded,
    TourMilestoneReached,
    TourRoomVisited,
    TourStarted,
)

FACTS: tuple[type[Fact], ...] = (
    TourStarted,
    TourRoomVisited,
    TourActed,
    TourMilestoneReached,
    TourCompleted,
    TourEnded,
    PropertySaved,
    LeadFormSubmitted,
    ConsentGiven,
    ConsentWithdrawn,
    SubjectsLinked,
    MergeProposed,
    BrokerageRegistered,
    DatasetConnected,
    PolicyActivated,
    ConversionsSent,
)


def kind_of(fact: type[Fact]) -> str:
    """Return the kind a class of facts is stored under, such as `tours.room_visited.v1`."""
    return str(fact.model_fields["kind"].default)


BY_KIND: dict[str, type[Fact]] = {kind_of(fact): fact for fact in FACTS}

TOUCHPOINTS: dict[str, type[Touchpoint]] = {
    kind: fact for kind, fact in BY_KIND.items() if issubclass(fact, Touchpoint)
}

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

UPCASTERS: dict[str, Upcaster] = {}
"""Kind of old → function from its stored state to (newer kind, state). Empty while every kind is at v1."""


def upcast(kind: str, state: dict[str, Any], upcasters: dict[str, Upcaster] = UPCASTERS) -> tuple[str, dict[str, Any]]:
    """Lift a stored state to the newest version of its kind, step by step."""
    while kind in upcasters:
        kind, state = upcasters[kind](state)
    return kind, state
