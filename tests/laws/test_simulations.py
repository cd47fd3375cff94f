"""Laws of a simulation: the policy that always held gives what was decided; nothing is touched; memory is bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from application.ports.simulations import Progress, Window
from application.simulate_policy import simulate
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.scoring.policy import Bands, Policy, Value
from domain.shared.fact import Recorded
from tests.cast import (
    ANNA,
    BASEM,
    OPEN_HOUSE,
    VISITOR,
    acted,
    activated,
    at,
    completed,
    connected,
    form,
    linked,
    registered,
    room,
)  # fmt: skip
from tests.laws.histories import deliveries, histories, in_order, links, told_by_people
from tests.laws.simulating import MemoryPast, decided_rows, result_of

SINCE = int(at(-86_400).timestamp())
ALWAYS = BRIEF.model_copy(update={"effective_from_s": SINCE})


POLICIES = {"brief": BRIEF, "plain": PLAIN, "since yesterday": ALWAYS}


@st.composite
def under_one_policy(draw: st.DrawFn) -> tuple[list[Recorded], str]:
    """A past in which one policy held from the start; datasets and the default of consent come and go."""
    name = draw(st.sampled_from(sorted(POLICIES)))
    rules = st.one_of(
        st.builds(connected, st.sampled_from(["1234567890123456", "9876543210987654"])),
        st.builds(lambda ask: registered(ask_first=ask), st.booleans()),
    )
    body = draw(st.lists(st.one_of([told_by_people] * 6 + [deliveries, rules, links]), min_size=12, max_size=40))
    return in_order([registered(), activated(POLICIES[name]), connected(), *body]), name


@settings(max_examples=60)
@given(told=under_one_policy())
def test_the_policy_that_always_held_decides_what_was_decided(told: tuple[list[Recorded], str]) -> None:
    log, policy = told[0], POLICIES[told[1]]
    past = MemoryPast(log, policy)
    decided = sorted((one for part in past.parts() for one in part.would), key=lambda one: -one[0])
    would = {one.id: one for _, _, one in decided}  # of what two people's pasts decide, the first
    assert would == {one.id: one for one in past.decided()}
    result = result_of(MemoryPast(log, policy))
    assert result["conversions"] == {
        "same": sum(one.withheld is None for one in would.values()), "other_value": 0, "no_longer": 0, "newly": 0,
    }  # fmt: skip
    assert result["bands"]["changed"] == 0
    assert all(line["would"] == line["was"] for line in result["by_event_and_week"])


@settings(max_examples=40)
@given(log=histories(), policy=st.sampled_from(["brief", "plain"]))
def test_any_history_can_be_simulated_whatever_policies_held(log: list[Recorded], policy: str) -> None:
    past = MemoryPast(log, POLICIES[policy])
    result = result_of(past)
    decided = [one for one in decided_rows(past.live) if one["withheld"] is None]
    told = result["conversions"]
    assert told["same"] + told["other_value"] + told["no_longer"] == len(decided)
    assert result["facts"] == past.facts()
    for line in result["by_event_and_week"]:
        assert line["difference"]["count"] == line["would"]["count"] - line["was"]["count"]


# Told by hand.

PAST = [
    *OPEN_HOUSE,
    ANNA.did(form(0)),
    ANNA.did(room("salon", 700, "s1", when=10)),  # 25 + 25 for ten minutes, 10 for looking slowly
    ANNA.did(completed("s1", when=800)),
    BASEM.did(form(7 * 86_400)),
]


def test_another_value_is_counted_by_event_and_week() -> None:
    rows = tuple(
        row.model_copy(update={"value": Value(fixed=1_000)}) if row.slot == "lead_form" else row
        for row in BRIEF.conversions
    )
    dear = BRIEF.model_copy(update={"name": "dear", "conversions": rows})
    result = result_of(MemoryPast(in_order(PAST), dear))
    leads = {one["week"]: one for one in result["by_event_and_week"] if one["event_name"] == "Lead"}
    assert [(week, one["would"]["value"], one["was"]["count"]) for week, one in leads.items()] == [
        ("2026-W09", 1_000, 1), ("2026-W10", 1_000, 1),
    ]  # fmt: skip
    assert (result["conversions"]["other_value"], result["conversions"]["newly"]) == (2, 0)
    (total,) = result["totals"]
    assert total["currency"] == "EGP"
    assert total["difference"]["value"] == sum(one["difference"]["value"] for one in leads.values())


def test_who_changes_quality_band_is_shown_with_both_scores() -> None:
    strict = BRIEF.model_copy(update={"bands": Bands(hot=90, warm=80)})
    result = result_of(MemoryPast(in_order(PAST), strict))
    shown = {one["person_id"]: one for one in result["bands"]["shown"]}
    anna = shown[str(ANNA.subject_id)]
    assert anna["before"]["score"] == anna["after"]["score"] == 60
    assert (anna["before"]["quality"], anna["after"]["quality"]) == ("warm", "cold")
    assert {one["rule"] for one in anna["after"]["reasons"]} == {
        "long_look",
        "very_long_look",
        "slow_look",
    }
    assert {"from": "warm", "to": "cold", "people": 1} in result["bands"]["moves"]


def test_a_row_that_never_fired_is_named_and_one_that_did_is_not() -> None:
    rows = (
        *BRIEF.conversions,
        BRIEF.conversions[0].model_copy(update={"slot": "never", "when": ({"fact": "shares", "above": 9},)}),
    )
    candidate = Policy.model_validate(BRIEF.model_copy(update={"conversions": rows}).model_dump())
    never = result_of(MemoryPast(in_order(PAST), candidate))["never_fired"]
    assert f"conversions[{len(rows) - 1}] never" in never
    assert "scores[0] tours.long_look" not in never
    assert "scores[0] tours.came_back" in never
    (form_row,) = [nth for nth, row in enumerate(rows) if row.slot == "lead_form"]
    assert f"conversions[{form_row}] lead_form" not in never


def test_links_and_partings_are_honoured() -> None:
    visits = [VISITOR.did(acted("share", session="s1")), linked(VISITOR, ANNA), ANNA.did(acted("share", session="s1"))]
    result = result_of(MemoryPast(in_order([*OPEN_HOUSE, *visits]), BRIEF))
    assert result["bands"]["people"] == 1
    assert (result["conversions"]["other_value"], result["conversions"]["newly"]) == (0, 0)


def test_a_window_counts_what_was_recorded_within_and_knows_what_came_before() -> None:
    week_later = at(6 * 86_400)
    log = in_order(PAST)
    late = result_of(MemoryPast(log, BRIEF, Window(since=week_later)))
    early = result_of(MemoryPast(log, BRIEF, Window(until=week_later)))
    assert [one["week"] for one in late["by_event_and_week"]] == ["2026-W10"]
    assert {one["week"] for one in early["by_event_and_week"]} == {"2026-W09"}
    assert (late["bands"]["people"], early["bands"]["people"]) == (2, 1)


def test_what_happened_before_the_first_policy_was_in_force_earns_nothing_under_another_either() -> None:
    later = BRIEF.model_copy(update={"effective_from_s": int(at(3_600).timestamp())})
    log = in_order([registered(), connected(), activated(later), ANNA.did(form(0)), BASEM.did(form(7_200))])
    (line,) = result_of(MemoryPast(log, PLAIN))["by_event_and_week"]
    assert (line["would"]["count"], line["would"]["withheld"]) == (1, {"before_policy": 1})


def test_progress_is_told_at_the_beginning_once_a_second_and_at_the_end() -> None:
    past, seen, now = MemoryPast(in_order(PAST), BRIEF), [], iter(range(100))
    simulate(past, BRIEF, Window(), seen.append, lambda: float(next(now)))
    assert seen[0] == Progress(0, 4, 0, None)
    assert [one.folded for one in seen] == sorted(one.folded for one in seen)
    assert (seen[-1].folded, seen[-1].target, seen[-1].left_s) == (4, 4, 0)
    assert len(seen) >= 3
