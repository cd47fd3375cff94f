"""How far people get in a funnel, and the figures that this makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from application.define_funnel import problems_of
from domain.funnels.funnel import Exclusion, Funnel, Match, Order, Step, value_of
from domain.funnels.progress import Event, Progress, progress
from domain.funnels.statistics import Bin, figures, histogram, seconds_between
from domain.scoring.policy import Condition

DAY = 86_400
KINDS = {
    "a": "tours.started.v1", "b": "properties.saved.v1", "c": "viewings.requested.v1", "x": "viewings.cancelled.v1",
}  # fmt: skip


def funnel(
    steps: str = "abc", order: Order = "ordered", window_s: int = DAY, out: tuple[int, int] | None = None
) -> Funnel:
    exclusions = (Exclusion(kinds=(KINDS["x"],), from_step=out[0], to_step=out[1]),) if out else ()
    made = tuple(Step(name=one, kinds=(KINDS[one],)) for one in steps)
    return Funnel(steps=made, order=order, window_s=window_s, exclusions=exclusions)


def told(one: Funnel, story: str) -> list[Event]:
    """Read "a0 b5 x7": what happened, and the second at which it did; what is no step still happened."""
    events = []
    for place, (what, second) in enumerate((word[0], int(word[1:])) for word in story.split()):
        kind = KINDS.get(what, "web.page_viewed.v1")
        steps = tuple(nth for nth, step in enumerate(one.steps) if step.matches(kind, {}))
        exclusions = tuple(nth for nth, out in enumerate(one.exclusions) if out.matches(kind, {}))
        events.append(Event(second * 1000, place, steps, exclusions))
    return events


def took(one: Funnel, story: str) -> list[int]:
    return [at // 1000 for at in progress(one, told(one, story)).times]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("a0 b5 c9", [0, 5, 9]),
        ("a0 w2 b5 w7 c9", [0, 5, 9]),  # other things may happen between
        ("b0 a1 c2", [1]),  # a step that came too soon counts for nothing
        ("c0 b1", []),
        (f"a0 b5 c{DAY}", [0, 5, DAY]),  # the window's last moment is within it
        (f"a0 b5 c{DAY + 1}", [0, 5]),
        (f"a0 a10 b20 c{DAY + 5}", [10, 20, DAY + 5]),  # a later first step begins an attempt of its own
        (f"a0 b5 a{2 * DAY}", [0, 5]),  # the best attempt counts
        (f"a0 b5 a{2 * DAY} b{2 * DAY + 1}", [0, 5]),  # of equal ones the first
        ("c3 b3 a3", [3, 3, 3]),  # the same instant counts in step order
    ],
)
def test_in_order_the_best_attempt_counts(story: str, expected: list[int]) -> None:
    assert took(funnel(), story) == expected


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("a0 b5 c9", [0, 5, 9]),
        ("a0 w2 b5", [0]),
        ("a0 a1 b2", [1, 2]),
        ("a0 c1 b2", [0]),
        ("a0 w1 a2 b3 c4", [2, 3, 4]),
    ],
)
def test_strictly_nothing_may_come_between(story: str, expected: list[int]) -> None:
    assert took(funnel(order="strict"), story) == expected


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("c0 a3 b5", [0, 3, 5]),
        ("c0 c1 a3", [0, 3]),  # a step is filled once
        (f"b0 a1 c{DAY + 1}", [0, 1]),
        (f"b0 a5 c{DAY + 1} b{DAY + 2}", [5, DAY + 1, DAY + 2]),
        ("w1", []),
    ],
)
def test_in_any_order_the_fullest_window_counts(story: str, expected: list[int]) -> None:
    assert took(funnel(order="any"), story) == expected


def test_one_event_fills_one_step() -> None:
    assert took(funnel("aa"), "a0") == [0]
    assert took(funnel("aa"), "a0 a1") == [0, 1]
    assert took(funnel("aa", order="any"), "a0") == [0]
    assert took(funnel("aab", order="any"), "b0 a1 a2") == [0, 1, 2]


def test_in_any_order_an_event_makes_room_for_another() -> None:
    either = Step(name="either", kinds=(KINDS["a"], KINDS["b"]))
    one = Funnel(steps=(either, Step(name="a", kinds=(KINDS["a"],))), order="any")
    assert took(one, "a0 b1") == [0, 1]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("a0 x1 b5 c9", Progress(excluded=True)),
        ("x0 a1 b5 c9", Progress((1000, 5000, 9000))),
        ("a0 b5 x6 c9", Progress((0, 5000, 9000))),  # it lies behind the second step
        ("a0 b5 c9 x10", Progress((0, 5000, 9000))),
        ("a0 x1 a2 b5", Progress((2000, 5000))),  # a later attempt that nothing spoilt
        (f"a0 x{DAY + 1}", Progress((0,))),
    ],
)
def test_an_exclusion_spoils_the_attempts_that_stand_between_its_steps(story: str, expected: Progress) -> None:
    one = funnel(out=(1, 2))
    assert progress(one, told(one, story)) == expected


stories = st.lists(st.tuples(st.sampled_from("abcxw"), st.integers(0, 12)), max_size=9).map(
    lambda words: " ".join(f"{what}{second}" for what, second in words)
)
orders: st.SearchStrategy[Order] = st.sampled_from(["ordered", "strict", "any"])


@given(stories, orders, st.randoms(use_true_random=False))
def test_what_is_told_in_another_order_is_the_same_story(story: str, order: Order, chance: object) -> None:
    one = funnel(order=order, window_s=6, out=(1, 3))
    events = told(one, story)
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert progress(one, shuffled) == progress(one, events)


@given(stories, orders)
def test_steps_are_taken_in_time_within_the_window_and_a_longer_one_is_never_worse(story: str, order: Order) -> None:
    short, long = funnel(order=order, window_s=4), funnel(order=order, window_s=40)
    found = progress(short, told(short, story))
    assert list(found.times) == sorted(found.times)
    assert not found.times or found.times[-1] - found.times[0] <= 4000
    assert progress(long, told(long, story)).reached >= found.reached


@given(stories)
def test_strict_never_gets_further_than_ordered_and_ordered_never_further_than_any(story: str) -> None:
    orders: tuple[Order, ...] = ("strict", "ordered", "any")
    funnels = [funnel(order=order, window_s=6) for order in orders]
    strict, ordered, in_any = (progress(one, told(one, story)).reached for one in funnels)
    assert strict <= ordered <= in_any


# Figures.


def test_figures_count_people_and_seconds_per_step() -> None:
    people = [
        Progress((0, 4000, 5000)),
        Progress((0, 2000)),
        Progress((0, 9000)),
        Progress((0,)),
        Progress(excluded=True),
    ]
    first, second, third = figures(3, people)
    assert (first.people, first.from_first, first.dropped, first.mean_s) == (4, 1.0, 0, None)
    assert (second.people, second.from_first, second.from_previous, second.dropped) == (3, 0.75, 0.75, 1)
    assert (second.mean_s, second.median_s) == (5.0, 4.0)
    assert (third.people, third.from_first, third.from_previous, third.dropped) == (1, 0.25, 0.3333, 2)


def test_figures_of_nobody_are_none_and_not_wrong() -> None:
    assert [(one.people, one.from_first, one.mean_s) for one in figures(2, [])] == [(0, None, None)] * 2
    assert histogram([]) == []


def test_durations_are_put_in_bins_by_the_cube_root_of_their_number() -> None:
    assert histogram([3600, 2220, 82_800]) == [Bin(2220, 2), Bin(42_510, 0), Bin(82_800, 1)]
    assert histogram([10_800]) == [Bin(10_800, 1), Bin(10_860, 0)]
    assert [one.people for one in histogram([3600, 2220, 82_800], 7)] == [2, 0, 0, 0, 0, 0, 1, 0]


@given(st.lists(st.floats(0, 1e7), max_size=40), st.one_of(st.none(), st.integers(1, 90)))
def test_everybody_is_in_some_bin(seconds: list[float], bins: int | None) -> None:
    assert sum(one.people for one in histogram(seconds, bins)) == len(seconds)


def test_seconds_between_are_of_those_who_got_there() -> None:
    assert seconds_between([Progress((0, 2000, 9000)), Progress((0, 1000))], 2, 3) == [7.0]


# Definitions.


def test_a_condition_asks_for_a_field_of_the_fact() -> None:
    kitchen = Match(kinds=("tours.room_visited.v1",), when=(Condition(fact="dwell_s", at_least=30),))
    assert kitchen.matches("tours.room_visited.v1", {"dwell_s": 30})
    assert not kitchen.matches("tours.room_visited.v1", {"dwell_s": 29.9})
    assert not kitchen.matches("tours.room_visited.v1", {})
    assert not kitchen.matches("tours.started.v1", {"dwell_s": 30})
    assert value_of({"utm": {"campaign": "spring"}}, "utm.campaign") == "spring"
    assert value_of({"hints": {"sealed": "1:2:3"}}, "hints") is None


STEP = {"name": "s", "kinds": ["tours.started.v1"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": [STEP]}, {"steps": [STEP] * 21}, {"steps": [STEP, {**STEP, "kinds": []}]},
        {"steps": [STEP] * 2, "order": "loose"}, {"steps": [STEP] * 2, "window_s": 0},
        {"steps": [STEP] * 2, "exclusions": [{"kinds": STEP["kinds"], "from_step": 2, "to_step": 2}]},
        {"steps": [STEP] * 2, "exclusions": [{"kinds": STEP["kinds"], "from_step": 1, "to_step": 3}]},
    ],
)  # fmt: skip
def test_a_funnel_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Funnel.model_validate(wrong)


def test_unknown_kinds_and_personal_fields_are_named_with_their_place() -> None:
    asks = [{"fact": name, "equals": "x"} for name in ("hints.sealed", "page_url", "nothing", "utm.campaign")]
    made = Funnel.model_validate({"steps": [STEP, {**STEP, "when": asks}, {**STEP, "kinds": ["tours.flown.v1"]}]})
    assert [one.field for one in problems_of(made)] == [
        "steps.1.when.0.fact", "steps.1.when.1.fact", "steps.1.when.2.fact", "steps.2.kinds",
    ]  # fmt: skip
