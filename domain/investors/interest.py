"""What a person looked at, saved and let show as a buyer or an investor, in whatever order it arrives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from domain.brokerage.rulebook import House
from domain.investors.events import InvestorMilestoneReached, InvestorSignalObserved
from domain.properties.events import PropertySaved, PropertyViewed
from domain.shared.changed import changed
from domain.shared.clock import millis
from domain.shared.fact import Fact, Recorded
from domain.web.events import WebPageViewed

HANDLES: frozenset[type[Fact]] = frozenset(
    {PropertyViewed, PropertySaved, WebPageViewed, InvestorSignalObserved, InvestorMilestoneReached}
)
"""The facts that are folded here."""

MOST_KEPT = 500
"""Views kept, and occurrences of one signal: the first ones, whenever they arrive."""
MOST_RANGES = 10
"""Price ranges kept: the last ones stated."""

PAGE = "page:"
PAGES = frozenset({"calculator", "market_report", "price_history"})
"""Pages whose opening shows an investor; kept like a signal, under their name after `PAGE`."""

Mark = tuple[int, str]
"""When (unix ms), and in which log entry."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """A look at a property: when (unix ms), in which log entry."""

    at_ms: int
    event: str
    property_id: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A property on somebody's list: first saved when (unix ms), from which page, in which log entry.

    `revision` is the policy activation that the save is scored by.
    """

    at_ms: int
    event: str
    saved_from: str
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """Something stated: when (unix ms), in which log entry, and what."""

    at_ms: int
    event: str
    word: str


@dataclass(frozen=True, slots=True)
class Money:
    """Amounts stated, in minor units of the currency, None for the brokerage's; a budget has only a `high`."""

    at_ms: int
    event: str
    low_minor: int | None
    high_minor: int | None
    currency: str | None


W = TypeVar("W", Money, Word)


@dataclass(frozen=True)
class Interest:
    """Properties viewed and saved, signals and milestones with their marks, and what was stated last."""

    views: tuple[Viewed, ...] = ()
    saved: Mapping[str, Saved] = field(default_factory=dict)
    signals: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    milestones: Mapping[str, Mark] = field(default_factory=dict)
    largest_inquiry: tuple[int, str] | None = None  # units, log entry
    budget: Money | None = None
    ranges: tuple[Money, ...] = ()
    timeline: Word | None = None
    financing: Word | None = None


def evolve(state: Interest, recorded: Recorded, house: House) -> Interest:
    """Take one more fact into account; of several saves of one property the first counts."""
    fact = recorded.fact
    at, event = millis(fact.occurred_at), str(recorded.stream_id)
    match fact:
        case PropertyViewed():
            return changed(state, views=_with_view(state.views, Viewed(at, event, fact.property_id)))
        case PropertySaved():
            return _saved(state, fact.property_id, Saved(at, event, fact.saved_from, house.revision))
        case WebPageViewed() if fact.page in PAGES:
            return _marked(state, PAGE + fact.page, (at, event))
        case InvestorSignalObserved():
            return _stated(_marked(state, fact.signal, (at, event)), fact, at, event)
        case InvestorMilestoneReached():
            first = min(state.milestones.get(fact.milestone, (at, event)), (at, event))
            return changed(state, milestones={**state.milestones, fact.milestone: first})
        case _:
            return state


def _with_view(views: tuple[Viewed, ...], view: Viewed) -> tuple[Viewed, ...]:
    """Return the views in order of time with one more, the first `MOST_KEPT` of them."""
    if views and _order(view) < _order(views[-1]):
        return tuple(sorted((*views, view), key=_order)[:MOST_KEPT])
    return (*views, view) if len(views) < MOST_KEPT else views


def _order(view: Viewed) -> Mark:
    return view.at_ms, view.event


def _saved(state: Interest, home: str, save: Saved) -> Interest:
    before = state.saved.get(home)
    if before is not None and (before.at_ms, before.event) <= (save.at_ms, save.event):
        return state
    return changed(state, saved={**state.saved, home: save})


def _marked(state: Interest, signal: str, mark: Mark) -> Interest:
    marks = tuple(sorted((*state.signals.get(signal, ()), mark))[:MOST_KEPT])
    return changed(state, signals={**state.signals, signal: marks})


def _stated(state: Interest, fact: InvestorSignalObserved, at: int, event: str) -> Interest:
    """Keep what a signal states: the newest budget, timeline and financing, the largest inquiry, the last ranges."""
    changes: dict[str, object] = {}
    if fact.units is not None:
        changes["largest_inquiry"] = max(state.largest_inquiry or (0, ""), (fact.units, event))
    if fact.budget_minor is not None:
        budget = Money(at, event, None, fact.budget_minor, fact.currency)
        changes["budget"] = _newer(state.budget, budget)
    if fact.price_min_minor is not None or fact.price_max_minor is not None:
        told = Money(at, event, fact.price_min_minor, fact.price_max_minor, fact.currency)
        ranges = sorted((*state.ranges, told), key=lambda one: (one.at_ms, one.event))
        changes["ranges"] = tuple(ranges[-MOST_RANGES:])
    if fact.timeline is not None:
        changes["timeline"] = _newer(state.timeline, Word(at, event, fact.timeline))
    if fact.financing is not None:
        changes["financing"] = _newer(state.financing, Word(at, event, fact.financing))
    return changed(state, **changes) if changes else state


def _newer(before: W | None, told: W) -> W:
    return told if before is None else max(before, told, key=lambda one: (one.at_ms, one.event))
