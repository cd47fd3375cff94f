"""Laws of every read model: how the log is cut, resumed or read again does not matter."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ads.events import ConversionsSent
from domain.people.profile import Profile
from domain.shared.fact import Recorded
from projections import runner as runner_module
from projections.catalogue import PROJECTIONS
from projections.conversions import CONVERSIONS
from projections.deliveries import DELIVERIES
from projections.people import PEOPLE
from projections.projection import Projection
from projections.runner import Runner
from projections.storage import Key, LostLeadership, Unreadable
from projections.timeline import Timeline
from projections.tour_sessions import TOUR_SESSIONS
from tests.cast import (
    ANNA,
    BASEM,
    NILE_HOMES,
    OPEN_HOUSE,
    PIXEL,
    VISITOR,
    acted,
    at,
    completed,
    linked,
    recorded,
    room,
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
    name = "tours" if isinstance(state, Profile) else "open_tours"
    tours = {session: replace(one, subject_id=None) for session, one in getattr(state, name).items()}
    return replace(state, **{name: tours})


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
    ((key, state),) = people.all_states().items()
    assert key == (NILE_HOMES, str(ANNA.subject_id))
    assert state.tour_scores["tour-1"].score == 75


# What goes wrong with one fact costs that fact.


@every_projection
def test_a_fact_that_nobody_can_read_is_set_aside_and_the_rest_goes_on(projection: Projection[Any]) -> None:
    log = in_order([*OPEN_HOUSE, ANNA.did(acted("share")), ANNA.did(completed()), sent(ANNA.subject_id)])
    storage = MemoryStorage(projection, unreadable(log, 3)).run()
    assert storage.set_aside == {4: "unknown kind"}
    assert storage.position == log[-1].position
    assert storage.stored


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
