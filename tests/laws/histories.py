"""Plausible pasts of a few people, for Hypothesis: several sessions, homes, kinds, links and policies."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.ads.events import ConversionsSent
from domain.funnels.events import FunnelStepCompleted
from domain.people.events import SubjectsLinked
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.shared.fact import BrowserEvent, Fact, Recorded
from domain.tours.events import Milestone
from tests.cast import (
    ANNA,
    BASEM,
    DELTA_HOMES,
    FLAT,
    NILE_HOMES,
    NOBODY,
    OPEN_HOUSE,
    PIXEL,
    VILLA,
    VISITOR,
    Person,
    Told,
    acted,
    activated,
    allowed,
    at,
    completed,
    connected,
    ended,
    forbade,
    form,
    linked,
    reached,
    recorded,
    registered,
    room,
    saved,
    started,
)
from tests.laws.interested import interested
from tests.laws.messaged import messaged
from tests.laws.rentals import rental_facts
from tests.laws.talked import talked
from tests.laws.viewed import viewed

CAST = (ANNA, BASEM, VISITOR, NOBODY)
ROOMS = ("salon", "kitchen", "Master bedroom", "bedroom 2", "hall", "terrace")
MILESTONES: tuple[Milestone, ...] = ("bedroom_focused", "kitchen_detailed", "multiple_visits", "shared_tour")
SENT = tuple(UUID(int=number) for number in range(4))

seconds = st.integers(-86_400, 86_400)
dwells = st.one_of(st.integers(0, 700), st.floats(0, 700, allow_nan=False))
people = st.sampled_from(CAST)
where = st.fixed_dictionaries({"session": st.sampled_from(["s1", "s2", "s3"]), "home": st.sampled_from([VILLA, FLAT])})
browser_events = st.builds(
    BrowserEvent, id=st.sampled_from(["px-1", "px-2"]), name=st.sampled_from(["Search", "AddToCart", "Lead"])
)
extras = st.fixed_dictionaries(
    {},
    optional={
        "browser_event": browser_events,
        "test": st.booleans(),
        "origin": st.sampled_from(["website", "app"]),
        "rooms_available": st.integers(1, 8),
    },
)


def _tour(make: Any, *values: SearchStrategy[Any]) -> SearchStrategy[Fact]:
    return st.builds(
        lambda arguments, place, when, more: make(*arguments, **place, when=when, **more),
        st.tuples(*values), where, seconds, extras,
    )  # fmt: skip


tour_touchpoints: SearchStrategy[Fact] = st.one_of(
    _tour(started),
    _tour(room, st.sampled_from(ROOMS), dwells),
    _tour(room, st.sampled_from(ROOMS), dwells),
    _tour(acted, st.sampled_from(["zoom", "measure", "share", "download"]), st.sampled_from([None, *ROOMS])),
    _tour(reached, st.sampled_from(MILESTONES)),
    _tour(completed),
)
tour_facts = st.one_of(
    tour_touchpoints,
    st.builds(lambda place, when: ended(**place, when=when), where, seconds),
)
other_facts: SearchStrategy[Fact] = st.one_of(
    rental_facts,
    talked,
    messaged,
    messaged,
    interested,
    viewed,
    st.builds(saved, st.sampled_from([VILLA, FLAT]), seconds),
    st.builds(lambda when: FunnelStepCompleted(funnel_id=SENT[0], step=1, occurred_at=at(when)), seconds),
    st.builds(
        lambda when, timeline, price: form(when, timeline=timeline, price_max_minor=price),
        seconds, st.sampled_from([None, "now", "within_a_year"]), st.one_of(st.none(), st.integers(0, 10**12)),
    ),
    st.builds(allowed, st.sampled_from(["meta_tracking", "profiling"]), seconds),
    st.builds(forbade, st.sampled_from(["meta_tracking", "profiling"]), seconds),
)  # fmt: skip

told_by_people: SearchStrategy[Told] = st.builds(
    lambda person, fact, days: person.did(fact).late(days=days, seconds=1),
    people, st.one_of(tour_facts, tour_facts, other_facts), st.sampled_from([0, 0, 0, 8]),
)  # fmt: skip
links = st.builds(linked, people, people)
POLICIES = (BRIEF, PLAIN, BRIEF.model_copy(update={"version": 2, "effective_from_s": int(at().timestamp())}))
rules = st.one_of(
    st.builds(lambda policy, revision: activated(policy, revision), st.sampled_from(POLICIES), st.integers(2, 4)),
    st.builds(connected, st.sampled_from([PIXEL, "9876543210987654"])),
    st.builds(lambda ask: registered(ask_first=ask), st.booleans()),
)
deliveries: SearchStrategy[Told] = st.builds(
    lambda ids, outcome, when: Told(
        ConversionsSent(dataset_id=PIXEL, conversion_ids=ids, outcome=outcome, message="m", occurred_at=at(when))
    ),
    st.lists(st.sampled_from(SENT), unique=True).map(tuple),
    st.sampled_from(["accepted", "rejected", "transient", "unknown"]),
    seconds,
)


def in_order(told: Sequence[Told], brokerages: Sequence[UUID] = (), gaps: Sequence[int] = ()) -> list[Recorded]:
    """Give facts their places in the log, by default one after the other in one brokerage."""
    places = accumulate(gaps or [1] * len(told))
    houses = brokerages or [NILE_HOMES] * len(told)
    return [recorded(one, place, house) for one, place, house in zip(told, places, houses, strict=True)]


@st.composite
def histories(draw: st.DrawFn, *, most: int = 40, with_links: bool = True) -> list[Recorded]:
    """A log of two brokerages with gaps in its positions."""
    choices = [told_by_people] * 6 + [deliveries, rules] + ([links] if with_links else [])
    least = draw(st.sampled_from([0, 12, 25]))  # left alone, Hypothesis rarely tells a long story
    body = draw(st.lists(st.one_of(choices), min_size=least, max_size=most))
    told = [*OPEN_HOUSE, *body]
    houses = [NILE_HOMES] * len(OPEN_HOUSE) + draw(
        st.lists(
            st.sampled_from([NILE_HOMES, NILE_HOMES, NILE_HOMES, DELTA_HOMES]),
            min_size=len(body), max_size=len(body),
        )
    )  # fmt: skip
    gaps = draw(st.lists(st.sampled_from([1, 1, 2, 5]), min_size=len(told), max_size=len(told)))
    return in_order(told, houses, gaps)


def as_one_person(log: Sequence[Recorded], person: Person) -> list[Recorded]:
    """Return the same past as if everyone had been this one person from the start."""
    return [
        entry._replace(subject_id=person.subject_id) if entry.subject_id else entry
        for entry in log
        if not isinstance(entry.fact, SubjectsLinked)
    ]
