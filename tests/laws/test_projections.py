"""Laws of every read model: how the log is cut, resumed or read again does not matter."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ads.events import ConversionsSent
from domain.brokerage import rulebook
from domain.brokerage.rulebook import Rulebook
from domain.people import links
from domain.people.events import SubjectsLinked, SubjectsParted
from domain.shared.fact import Fact, Recorded
from projections import runner as runner_module
from projections.catalogue import PROJECTIONS
from projections.conversions import CONVERSIONS
from projections.deliveries import DELIVERIES
from projections.people import PEOPLE
from projections.projection import Column, Projection
from projections.runner import Runner
from projections.storage import Key, LostLeadership, Unreadable, Unwritable
from projections.timeline import Timeline
from projections.tour_sessions import TOUR_SESSIONS
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
    at,
    completed,
    connected,
    linked,
    recorded,
    room,
    saved,
    sent,
)
from tests.laws.histories import CAST, as_one_person, histories, in_order
from tests.memory import Entry, MemoryStorage

every_projection = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)
some = settings(max_examples=40)


def unreadable(log: list[Recorded], nth: int) -> list[Entry]:
    """Return a log with one entry that this release cannot read."""
    entries: list[Entry] = [*log]
    if nth < len(entries):
        entries[nth] = Unreadable(log[nth].position, NILE_HOMES, "unknown kind")
    return entries


@every_projection
@pytest.mark.parametrize("page_size", [1, 2, 7])
@some
@given(log=histories(), restart=st.booleans(), broken=st.integers(3, 60))
def test_batch_size_does_not_matter(
    projection: Projection[Any], page_size: int, log: list[Recorded], restart: bool, broken: int
) -> None:
    entries = unreadable(log, broken)
    at_once = MemoryStorage(projection, entries).run()
    in_pages = MemoryStorage(projection, entries, page_size).run(restart=restart)
    assert in_pages.outcome() == at_once.outcome()
    assert in_pages.position == at_once.position == log[-1].position


@every_projection
@pytest.mark.parametrize("most_cached", [0, 2, 50_000])
@some
@given(log=histories(), page_size=st.sampled_from([1, 3, 10]), broken=st.integers(3, 60))
def test_what_is_kept_in_memory_and_how_late_it_is_written_does_not_matter(
    projection: Projection[Any], most_cached: int, log: list[Recorded], page_size: int, broken: int
) -> None:
    entries = unreadable(log, broken)
    at_once = MemoryStorage(projection, entries).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner_module, "MOST_CACHED", most_cached)
        behind = MemoryStorage(projection, entries, page_size).run_behind()
    assert behind.outcome() == at_once.outcome()


@every_projection
@some
@given(log=histories(), cuts=st.lists(st.integers(0, 45), max_size=5))
def test_live_equals_rebuild(projection: Projection[Any], log: list[Recorded], cuts: list[int]) -> None:
    live: MemoryStorage[Any] = MemoryStorage(projection, [])
    timeline = Timeline()
    runner = Runner(projection, live, timeline, 0)
    for cut in [*sorted(cuts), len(log)]:
        live.log = log[:cut]
        while runner.step():
            pass
    rebuild = MemoryStorage(projection, log, emit_from=None).run()
    assert (live.all_states(), live.rows, live.decided) == (rebuild.all_states(), rebuild.rows, rebuild.decided)
    assert live.aliases == rebuild.aliases


@every_projection
@some
@given(log=histories(), emit_from=st.integers(0, 120))
def test_a_rebuild_emits_nothing_and_the_live_one_only_what_is_new(
    projection: Projection[Any], log: list[Recorded], emit_from: int
) -> None:
    assert MemoryStorage(projection, log, emit_from=None).run().messages == {}
    everything = MemoryStorage(projection, log).run().messages
    later = MemoryStorage(projection, log, emit_from=emit_from).run().messages
    assert later == {key: one for key, one in everything.items() if one.position > emit_from}


def test_the_histories_do_reach_messages() -> None:
    told = [*OPEN_HOUSE, *(ANNA.did(fact) for fact in (acted("share"), completed()))]
    reminders = MemoryStorage(TOUR_SESSIONS, in_order(told)).run().messages
    sendings = MemoryStorage(CONVERSIONS, in_order(told)).run().messages
    assert [{one.kind for one in messages.values()} for messages in (reminders, sendings)] == [
        {"close_tour"},
        {"conversion"},
    ]


def _anonymous(states: dict[Key, Any]) -> dict[Key, Any]:
    """Leave out which of the person's subjects came first to a session: the only thing a link keeps apart."""
    return {key: _without_subjects(state) for key, state in states.items()}


def _without_subjects(state: Any) -> Any:
    if hasattr(state, "person"):
        return replace(state, person=_without_subjects(state.person))
    return replace(state, tours={session: replace(one, subject_id=None) for session, one in state.tours.items()})


@pytest.mark.parametrize("projection", [PEOPLE, CONVERSIONS], ids=lambda one: one.name)
@some
@given(log=histories(with_links=False), places=st.lists(st.integers(3, 43), min_size=3, max_size=3), data=st.data())
def test_linking_equals_having_been_one_person_from_the_start(
    projection: Projection[Any], log: list[Recorded], places: list[int], data: st.DataObject
) -> None:
    log = [entry._replace(brokerage_id=NILE_HOMES) for entry in log]
    others = [person for person in CAST if person is not ANNA]
    told = [linked(who, data.draw(st.sampled_from([ANNA, *others[:nth]]))) for nth, who in enumerate(others)]
    spread = [entry._replace(position=entry.position * 10) for entry in log]
    # links in the order they were drawn, at places of the log: each joins somebody who is Anna, or will be
    for nth, (one, place) in enumerate(zip(told, sorted(places), strict=True)):
        before = spread[min(place, len(log)) - 1].position
        spread.append(recorded(one, before + 1 + nth))
    spread.sort(key=lambda entry: entry.position)
    linked_up: MemoryStorage[Any] = MemoryStorage(
        projection, spread, page_size=data.draw(st.sampled_from([1, 3, 100]))
    ).run()
    one_person = MemoryStorage(projection, as_one_person(spread, ANNA)).run()
    assert _anonymous(linked_up.all_states()) == _anonymous(one_person.all_states())
    assert linked_up.rows == one_person.rows


def test_a_link_tells_meta_nothing() -> None:
    past = [VISITOR.did(acted("share", session="s1")), ANNA.did(acted("share", session="s2"))]
    log = in_order([*OPEN_HOUSE, *past])
    linking = [*log, recorded(linked(VISITOR, ANNA), 99)]
    with_link, without = (MemoryStorage(CONVERSIONS, one).run() for one in (linking, log))
    assert with_link.messages == without.messages
    assert with_link.decided == without.decided
    assert len(with_link.stored) == 1


def test_a_linked_visitors_next_visit_is_the_persons() -> None:
    told = [VISITOR.did(room("salon", 700)), linked(VISITOR, ANNA), VISITOR.did(room("salon", 1))]
    people = MemoryStorage(PEOPLE, in_order([*OPEN_HOUSE, *told])).run()
    ((key, row),) = people.rows.items()
    assert key == (NILE_HOMES, str(ANNA.subject_id))
    assert shown(PEOPLE, row)["score"] == 75


# Two people again: what hangs together by the links that stand is one person, as if it had always been so.


def shown(projection: Projection[Any], row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row by the names of its columns."""
    return dict(zip((column.name for column in projection.columns), row, strict=True))


def said(kind: str, one: Person, other: Person) -> Told:
    """Return a fact about two people: "met" by the ingest, "merged" or "parted" by a human."""
    if kind == "parted":
        fact: Fact = SubjectsParted(subject_id=one.subject_id, from_subject_id=other.subject_id, occurred_at=at())
    else:
        by = "k_agent" if kind == "merged" else None
        fact = SubjectsLinked(subject_id=one.subject_id, into_subject_id=other.subject_id, by=by, occurred_at=at())
    return Told(fact, one.subject_id)


everyone = st.sampled_from(CAST)
words = st.builds(said, st.sampled_from(["met", "met", "merged", "parted", "parted"]), everyone, everyone)


@st.composite
def changing_minds(draw: st.DrawFn) -> list[Recorded]:
    """A log in which people are linked and parted, again and again."""
    log = draw(histories(with_links=False))
    spread = [entry._replace(position=entry.position * 20) for entry in log]
    for nth, word in enumerate(draw(st.lists(words, min_size=3, max_size=14))):
        place = spread[draw(st.integers(0, len(log) - 1))].position + 1 + nth
        spread.append(recorded(word, place, draw(st.sampled_from([NILE_HOMES, NILE_HOMES, DELTA_HOMES]))))
    return sorted(spread, key=lambda entry: entry.position)


def pairs_that_stand(log: list[Recorded], brokerage_id: UUID) -> set[frozenset[UUID]]:
    """Return who is linked with whom at the end, by the rule as people would say it."""
    stand: set[frozenset[UUID]] = set()
    parted: set[frozenset[UUID]] = set()
    for entry in log:
        if entry.brokerage_id != brokerage_id:
            continue
        if isinstance(entry.fact, SubjectsParted):
            pair = frozenset((entry.fact.subject_id, entry.fact.from_subject_id))
            stand, parted = stand - {pair}, parted | {pair}
        elif isinstance(entry.fact, SubjectsLinked):
            pair = frozenset((entry.fact.subject_id, entry.fact.into_subject_id))
            if pair not in parted or entry.fact.by:
                stand, parted = stand | {pair}, parted - {pair}
    return stand


def hanging_together(pairs: set[frozenset[UUID]]) -> set[frozenset[UUID]]:
    """Return the groups of the cast's subjects that pairs hold together."""
    groups = {frozenset([person.subject_id]) for person in CAST}
    for pair in pairs:
        joined = frozenset().union(*(group for group in groups if group & pair))
        groups = {group for group in groups if not group & pair} | {joined}
    return groups


by_person = pytest.mark.parametrize("projection", [PEOPLE, CONVERSIONS], ids=lambda one: one.name)


@by_person
@settings(max_examples=80)
@given(log=changing_minds(), page_size=st.sampled_from([1, 3, 100]), behind=st.booleans())
def test_after_any_links_and_partings_each_person_is_as_if_they_had_always_been_so(
    projection: Projection[Any], log: list[Recorded], page_size: int, behind: bool
) -> None:
    storage: MemoryStorage[Any] = MemoryStorage(projection, log, page_size)
    storage = storage.run_behind() if behind else storage.run()
    timeline = Timeline()
    timeline.learn(log)
    states, rows = storage.all_states(), {}
    for house_id in (NILE_HOMES, DELTA_HOMES):
        for group in hanging_together(pairs_that_stand(log, house_id)):
            (person,) = {storage.aliases.get((house_id, subject), subject) for subject in group}
            assert person in group
            past = [
                entry
                for entry in log
                if isinstance(entry.fact, projection.handles) and (entry.brokerage_id, entry.subject_id in group)
                == (house_id, True)
            ]  # fmt: skip
            if not past:
                assert (house_id, str(person)) not in states
                continue
            state, house = projection.initial, None
            for entry in past:
                house = timeline.at(entry.position).house(house_id)
                state, _ = projection.step(state, entry, house, str(person))
            assert house is not None
            assert states.pop((house_id, str(person))) == state
            rows[house_id, str(person)] = projection.row(state, house)
    assert states == {}
    assert storage.rows == rows
    assert all(subject != person for (_, subject), person in storage.aliases.items())


@by_person
@some
@given(log=changing_minds(), page_size=st.sampled_from([1, 2, 7]), most_cached=st.sampled_from([0, 2, 50_000]))
def test_partings_neither_depend_on_pages_nor_on_what_is_kept_in_memory(
    projection: Projection[Any], log: list[Recorded], page_size: int, most_cached: int
) -> None:
    at_once = MemoryStorage(projection, log).run()
    restarted = MemoryStorage(projection, log, page_size).run(restart=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner_module, "MOST_CACHED", most_cached)
        behind = MemoryStorage(projection, log, page_size).run_behind()
    assert restarted.outcome() == at_once.outcome() == behind.outcome()


@some
@given(log=changing_minds())
def test_links_and_partings_tell_meta_nothing_of_the_past(log: list[Recorded]) -> None:
    words = [entry for entry in log if isinstance(entry.fact, SubjectsLinked | SubjectsParted)]
    told = [entry for entry in log if entry not in words]
    late = [entry._replace(position=log[-1].position + 1 + nth) for nth, entry in enumerate(words)]
    with_words, without = (MemoryStorage(CONVERSIONS, one).run() for one in ([*told, *late], told))
    assert with_words.messages == without.messages
    assert with_words.decided == without.decided


def people_after(*words: tuple[str, Person, Person]) -> dict[Person, Person]:
    """Return whose person each of the cast is after some words, each having saved a home before."""
    told = [*OPEN_HOUSE, *(person.did(saved()) for person in CAST), *(said(*word) for word in words)]
    aliases = MemoryStorage(PEOPLE, in_order(told)).run().aliases
    named = {person.subject_id: person for person in CAST}
    return {person: named[aliases.get((NILE_HOMES, person.subject_id), person.subject_id)] for person in CAST}


@pytest.mark.parametrize(
    ("words", "people"),
    [
        ([("met", VISITOR, ANNA), ("parted", VISITOR, ANNA)], {}),
        ([("met", VISITOR, ANNA), ("parted", ANNA, VISITOR)], {}),
        ([("met", VISITOR, ANNA), ("parted", VISITOR, ANNA), ("met", VISITOR, ANNA)], {}),
        ([("parted", VISITOR, ANNA), ("met", VISITOR, ANNA)], {}),
        ([("met", VISITOR, ANNA), ("parted", VISITOR, ANNA), ("met", VISITOR, BASEM)], {VISITOR: BASEM}),
        ([("met", VISITOR, ANNA), ("parted", VISITOR, ANNA), ("merged", VISITOR, ANNA)], {VISITOR: ANNA}),
        (
            [*(("merged", BASEM, ANNA), ("parted", BASEM, ANNA)) * 2, ("merged", ANNA, BASEM)],
            {ANNA: BASEM},
        ),
        # whoever hangs on the one who leaves, leaves too, and is theirs
        (
            [("met", VISITOR, BASEM), ("merged", BASEM, ANNA), ("met", NOBODY, ANNA), ("parted", BASEM, ANNA)],
            {VISITOR: BASEM, NOBODY: ANNA},
        ),
        # two ways to be one person: one of them alone does not part them
        ([("met", VISITOR, ANNA), ("met", VISITOR, BASEM), ("merged", BASEM, ANNA), ("parted", BASEM, ANNA)],
         {VISITOR: BASEM, ANNA: BASEM}),
    ],
)  # fmt: skip
def test_a_human_word_holds_and_takes_along_who_hangs_on_it(
    words: list[tuple[str, Person, Person]], people: dict[Person, Person]
) -> None:
    assert people_after(*words) == {person: person for person in CAST} | people


def test_the_person_joined_into_keeps_their_id_by_the_links_that_stand() -> None:
    joined = [("merged", ANNA, BASEM), ("merged", VISITOR, ANNA)]
    assert people_after(*joined) == {ANNA: BASEM, BASEM: BASEM, VISITOR: BASEM, NOBODY: NOBODY}
    assert people_after(*joined, ("parted", ANNA, BASEM)) == {ANNA: ANNA, BASEM: BASEM, VISITOR: ANNA, NOBODY: NOBODY}


def test_a_link_is_one_fact_until_it_is_parted_and_a_new_one_after() -> None:
    first = links.link_stream(VISITOR.subject_id, ANNA.subject_id)
    parting = links.parting_stream(first)
    second = links.link_stream(VISITOR.subject_id, ANNA.subject_id, parting)
    assert len({first, parting, second, links.parting_stream(second)}) == 4
    assert second == links.link_stream(VISITOR.subject_id, ANNA.subject_id, parting)


# What goes wrong with one fact costs that fact.


@every_projection
def test_a_fact_that_nobody_can_read_is_set_aside_and_the_rest_goes_on(projection: Projection[Any]) -> None:
    log = in_order([*OPEN_HOUSE, ANNA.did(acted("share")), ANNA.did(completed()), sent(ANNA.subject_id)])
    storage = MemoryStorage(projection, unreadable(log, 3)).run()
    assert storage.set_aside == {4: "unknown kind"}
    assert storage.position == log[-1].position
    assert bool(storage.stored) == any(isinstance(entry.fact, projection.handles) for entry in log)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_a_value_that_the_storage_refuses_is_found_and_set_aside(page_size: int, behind: bool) -> None:
    told = [*(sent(ANNA.subject_id, when=when) for when in range(9)), *OPEN_HOUSE]
    told.insert(4, sent(BASEM.subject_id, message="nul \x00"))
    told.insert(8, sent(VISITOR.subject_id, message="\x00"))
    storage = MemoryStorage(DELIVERIES, in_order(told), page_size)
    storage = storage.run_behind() if behind else storage.run()
    assert storage.set_aside.keys() == {5, 9}
    assert storage.all_states()[NILE_HOMES, str(ANNA.subject_id)].tries == 9
    assert {key for _, key in storage.stored} == {str(ANNA.subject_id)}


def _failing(*, in_row: bool) -> Projection[Any]:
    """The deliveries, with a fold or a row that cannot bear status 500."""

    def fail(status: int | None) -> None:
        if status == 500:
            raise ZeroDivisionError("five hundred")

    def evolve(state: Any, entry: Recorded, house: Any, key: str) -> Any:
        if isinstance(entry.fact, ConversionsSent) and not in_row:
            fail(entry.fact.status)
        return DELIVERIES.step(state, entry, house, key)[0]

    def row(state: Any, house: Any) -> tuple[Any, ...]:
        if in_row:
            for attempt in state.attempts:
                fail(attempt.status)
        return DELIVERIES.row(state, house)

    return Projection("deliveries", 1, DELIVERIES.handles, DELIVERIES.key, DELIVERIES.initial, (), row, evolve)


@pytest.mark.parametrize("in_row", [False, True])
def test_a_fact_that_the_fold_or_its_row_cannot_bear_is_set_aside(in_row: bool) -> None:
    told = [sent(ANNA.subject_id, status=status, when=status) for status in (200, 500, 200)]
    storage = MemoryStorage(_failing(in_row=in_row), in_order(told)).run()
    assert storage.set_aside.keys() == {2}
    assert "five hundred" in storage.set_aside[2]
    assert storage.all_states()[NILE_HOMES, str(ANNA.subject_id)].tries == 2


def _brittle(where: str) -> Projection[Any]:
    """The people, with a fold or a row that cannot bear villa-9, or a storage that refuses it."""

    def is_bad(entry: Recorded) -> bool:
        return getattr(entry.fact, "property_id", None) == "villa-9"

    def evolve(state: Any, entry: Recorded, house: Any, key: str) -> Any:
        if where == "fold" and is_bad(entry):
            raise ZeroDivisionError("villa-9")
        return (*state, getattr(entry.fact, "property_id", ""))

    def row(state: Any, _house: Any) -> tuple[Any, ...]:
        if where == "row" and "villa-9" in state:
            raise ZeroDivisionError("villa-9")
        return (len(state), "nul \x00" if where == "storage" and "villa-9" in state else "")

    columns = (Column("seen", "int4"), Column("text", "text"))
    return Projection("people", 1, PEOPLE.handles, "person", (), columns, row, evolve)


everywhere = pytest.mark.parametrize("where", ["fold", "row", "storage"])


@everywhere
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("page_size", [1, 2, 5, 100])
@pytest.mark.parametrize("bad", [[4], [4, 6], [4, 5], [0, 8], [8]])
def test_bad_facts_are_found_wherever_they_fail_and_only_they_are_set_aside(
    where: str, page_size: int, behind: bool, bad: list[int]
) -> None:
    told = [person.did(saved("villa-9" if nth in bad else VILLA)) for nth, person in enumerate([ANNA, BASEM, ANNA] * 3)]
    storage: MemoryStorage[Any] = MemoryStorage(_brittle(where), in_order(told), page_size)
    storage = storage.run_behind() if behind else storage.run()
    assert storage.set_aside.keys() == {nth + 1 for nth in bad}
    assert sum(seen for seen, _ in storage.rows.values()) == len(told) - len(bad)
    assert storage.position == len(told)


@everywhere
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_a_persons_refold_skips_what_was_set_aside(where: str, page_size: int, behind: bool) -> None:
    told = [
        VISITOR.did(saved(VILLA)), VISITOR.did(saved("villa-9")), ANNA.did(saved(FLAT)), said("met", VISITOR, ANNA),
        VISITOR.did(saved("villa-9")), ANNA.did(saved(VILLA)), said("parted", VISITOR, ANNA), VISITOR.did(saved(FLAT)),
    ]  # fmt: skip
    storage: MemoryStorage[Any] = MemoryStorage(_brittle(where), in_order(told), page_size)
    storage = storage.run_behind() if behind else storage.run()
    assert storage.set_aside.keys() == {2, 5}
    states = {key: state for (_, key), state in storage.all_states().items()}
    assert states == {str(VISITOR.subject_id): (VILLA, FLAT), str(ANNA.subject_id): (FLAT, VILLA)}


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_what_was_set_aside_stays_so_for_the_person_it_joins_whatever_they_could_bear(page_size: int) -> None:
    def evolve(state: Any, entry: Recorded, _house: Any, _key: str) -> Any:
        home = getattr(entry.fact, "property_id", "")
        if home == "villa-9" and not state:
            raise ZeroDivisionError("first of all")
        return (*state, home)

    homes = Projection("people", 1, PEOPLE.handles, "person", (), (), lambda _state, _house: (), evolve)
    told = [ANNA.did(saved(VILLA)), VISITOR.did(saved("villa-9")), said("met", VISITOR, ANNA), ANNA.did(saved(FLAT))]
    storage: MemoryStorage[Any] = MemoryStorage(homes, in_order(told), page_size).run()
    assert storage.set_aside.keys() == {2}
    assert storage.all_states() == {(NILE_HOMES, str(ANNA.subject_id)): (VILLA, FLAT)}


def test_what_was_set_aside_is_folded_again_by_a_build_of_a_new_version() -> None:
    log = in_order([ANNA.did(saved(VILLA)), ANNA.did(saved("villa-9"))])
    assert MemoryStorage(_brittle("fold"), log).run().set_aside.keys() == {2}
    mended = MemoryStorage(_brittle("nowhere"), log).run()
    assert mended.set_aside == {}
    assert [seen for seen, _ in mended.rows.values()] == [2]


def test_a_fact_that_one_of_its_keys_cannot_bear_is_folded_into_none() -> None:
    def evolve(state: int, entry: Recorded, _house: Any, key: str) -> int:
        if key == str(BASEM.subject_id) and isinstance(entry.fact, ConversionsSent) and entry.fact.status == 500:
            raise ZeroDivisionError
        return state + 1

    counts = Projection(
        "deliveries", 1, DELIVERIES.handles, DELIVERIES.key, 0, (), lambda state, _house: (state,), evolve
    )
    both = ANNA.subject_id, BASEM.subject_id
    storage = MemoryStorage(counts, in_order([sent(*both), sent(*both, status=500), sent(*both)])).run()
    assert {key: seen for (_, key), (seen,) in storage.rows.items()} == {str(one): 2 for one in both}
    assert storage.set_aside.keys() == {2}


def test_a_rule_that_cannot_be_taken_in_is_set_aside_and_the_rules_before_it_hold() -> None:
    log = in_order([*OPEN_HOUSE, connected("9876543210987654"), ANNA.did(acted("share"))])
    with pytest.MonkeyPatch.context() as patch:
        taken_in = rulebook.evolve

        def evolve(before: Rulebook, entry: Recorded) -> Rulebook:
            if entry.position == 4:
                raise ZeroDivisionError("a rule")
            return taken_in(before, entry)

        patch.setattr(rulebook, "evolve", evolve)
        storage = MemoryStorage(CONVERSIONS, log).run()
    assert storage.set_aside.keys() == {4}
    assert {message.batch_by for message in storage.messages.values()} == {PIXEL}


class Moody(MemoryStorage[Any]):
    """Refuses each page once, and takes it when it is asked again."""

    def commit(self, after: int, to: int, writes: Any) -> None:
        if (after, to) not in self.__dict__.setdefault("refused", set()):
            self.__dict__["refused"].add((after, to))
            raise Unwritable("not now")
        super().commit(after, to, writes)


@by_person
@some
@given(log=changing_minds(), page_size=st.sampled_from([1, 3, 100]))
def test_a_page_that_was_refused_is_folded_onto_what_was_written_and_nothing_else(
    projection: Projection[Any], log: list[Recorded], page_size: int
) -> None:
    at_once = MemoryStorage(projection, log).run()
    assert Moody(projection, log, page_size).run_behind().outcome() == at_once.outcome()


class Away(Exception):
    """The storage cannot be reached for a moment."""


class Flaky(MemoryStorage[Any]):
    def history(self, *_arguments: Any) -> list[Recorded]:
        raise Away


def test_a_storage_that_is_away_costs_no_fact() -> None:
    log = in_order([*OPEN_HOUSE, VISITOR.did(acted("share")), linked(VISITOR, ANNA)])
    flaky = Flaky(PEOPLE, log)
    with pytest.raises(Away):
        flaky.run()
    assert (flaky.position, flaky.set_aside) == (0, {})


def test_a_stale_leader_is_refused_and_forgets() -> None:
    log = in_order([*OPEN_HOUSE, ANNA.did(acted("share"))])
    storage = MemoryStorage(PEOPLE, log)
    first, second = storage.runner(), storage.runner()
    assert first.step() > 0
    before = storage.outcome()
    with pytest.raises(LostLeadership):
        second.step()
    assert storage.outcome() == before


def test_as_of_folds_up_to_a_position_and_no_further() -> None:
    log = in_order([*OPEN_HOUSE, *(ANNA.did(acted("zoom", when=when)) for when in range(9))])
    storage = MemoryStorage(PEOPLE, log)
    runner = storage.runner()
    while runner.step(up_to=7):
        pass
    assert storage.position == 7
    assert storage.rows == MemoryStorage(PEOPLE, log[:7]).run().rows


def test_a_new_rule_holds_from_its_place_in_the_log_also_in_a_later_page() -> None:
    told = [*OPEN_HOUSE[:1], OPEN_HOUSE[2], ANNA.did(acted("share")), OPEN_HOUSE[1], ANNA.did(acted("download"))]
    decided = MemoryStorage(CONVERSIONS, in_order(told), 1).run().decided
    datasets = [values[2] for values in decided.values()]
    assert datasets == ["", PIXEL]
    assert at() <= max(values[7] for values in decided.values())
