"""A/B tests are judged on enough people, evenly assigned; the arithmetic agrees with published values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.experiments.experiment import Experiment
from domain.experiments.results import Seen, results
from domain.experiments.statistics import (
    fisher,
    least_lift,
    newcombe,
    p_value,
    people_needed,
    sample_ratio_p,
    watched,
    wilson,
)

VARIANTS = [
    {"name": name, "kinds": ["web.page_viewed.v1"], "when": [{"fact": "utm.content", "equals": name}]}
    for name in ("old", "new")
]
DEFINED = {
    "variants": VARIANTS, "goal": {"kinds": ["leads.form_submitted.v1"]}, "starts_at": "2026-03-01T00:00:00Z",
    "baseline": 0.1, "least_lift": 1.0, "window_s": 60,
}  # fmt: skip
EXPERIMENT = Experiment.model_validate(DEFINED)
NEEDED = 195
"""People per variant to tell 10 % from 20 % (Cohen: h = 0.2838)."""


# Published values.


def test_wilson_and_newcombe_agree_with_published_intervals() -> None:
    assert wilson(10, 100) == pytest.approx((0.0552, 0.1744), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998
    assert newcombe((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # Newcombe 1998, example (a)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_fisher_agrees_with_the_lady_tasting_tea() -> None:
    assert fisher((3, 4), (1, 4)) == pytest.approx(34 / 70)
    assert fisher((4, 4), (0, 4)) == pytest.approx(2 / 70)
    assert p_value((4, 4), (0, 4)) == pytest.approx(2 / 70), "few people: the exact test"


def test_many_people_are_judged_by_the_z_test() -> None:
    # by hand: pooled 0.15, standard error 0.0159687, z = 0.05 / 0.0159687 = 3.1311, two-sided 0.00174
    assert p_value((125, 1000), (175, 1000)) == pytest.approx(0.00174, abs=2e-5)
    assert p_value((0, 50), (0, 50)) == p_value((0, 0), (1, 5)) == 1.0


@pytest.mark.parametrize(
    ("baseline", "other", "people"), [(0.05, 0.06, 8143), (0.02, 0.025, 13_768), (0.10, 0.12, 3835)]
)
def test_people_needed_agree_with_published_sizes(baseline: float, other: float, people: int) -> None:
    assert people_needed(baseline, other / baseline - 1) == people
    assert least_lift(baseline, people) == pytest.approx(other / baseline - 1, rel=1e-3)


def test_uneven_groups_are_noticed_by_the_chi_squared_test() -> None:
    assert sample_ratio_p([500, 500], [0.5, 0.5]) == 1.0
    assert sample_ratio_p([450, 550], [0.5, 0.5]) == pytest.approx(0.001565, abs=1e-6)  # x = 10, one degree
    assert sample_ratio_p([100, 100, 130], [1 / 3] * 3) == pytest.approx(0.065397, abs=1e-6)  # x = 60 / 11, two
    assert sample_ratio_p([25, 25, 25, 45], [0.25] * 4) == pytest.approx(0.018566, abs=1e-5)  # x = 10, three
    assert sample_ratio_p([0, 0], [0.5, 0.5]) == 1.0


counts = st.integers(2, 2000).flatmap(lambda people: st.tuples(st.integers(0, people), st.just(people)))


@given(counts, counts)
def test_intervals_hold_what_was_seen_and_watching_costs_width(one: tuple[int, int], other: tuple[int, int]) -> None:
    difference = other[0] / other[1] - one[0] / one[1]
    low, high = newcombe(one, other)
    assert -1 <= low <= difference + 1e-9
    assert difference - 1e-9 <= high <= 1
    turned = newcombe(other, one)
    assert (-turned[1], -turned[0]) == pytest.approx((low, high), abs=1e-9)
    assert 0 <= p_value(one, other) <= 1 + 1e-9
    daily_low, daily_high = watched(one, other, 4000)
    assert daily_low <= difference + 1e-9
    assert difference - 1e-9 <= daily_high


def test_the_interval_for_watching_is_wider_than_the_one_for_the_end() -> None:
    one, other = (400, 4000), (480, 4000)
    assert watched(one, other, 8000)[0] < newcombe(one, other)[0]
    assert watched(one, other, 8000)[1] > newcombe(one, other)[1]


# Verdicts.


def crowd(variant: int, people: int, reached: int) -> list[list[Seen]]:
    return [[Seen(0, (variant,)), *([Seen(1000, goal=True)] if nth < reached else [])] for nth in range(people)]


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ((195, 20), (195, 40), "better"),
        ((195, 40), (195, 20), "worse"),
        ((195, 20), (195, 22), "no_difference"),
        ((194, 1), (195, 100), "too_little_data"),
        ((1000, 100), (800, 300), "uneven_groups"),
        ((0, 0), (0, 0), "too_little_data"),
    ],
)
def test_a_verdict_needs_enough_people_evenly_assigned(
    old: tuple[int, int], new: tuple[int, int], verdict: str
) -> None:  # fmt: skip
    found = results(EXPERIMENT, crowd(0, *old) + crowd(1, *new))
    assert found.people_needed == NEEDED
    assert [(one.people, one.reached) for one in found.arms] == [old, new]
    assert [one.verdict for one in found.comparisons] == [verdict]


def test_a_goal_counts_within_the_window_after_the_variant_was_first_seen() -> None:
    def reached(*seen: Seen) -> int:
        return results(EXPERIMENT, [seen]).arms[0].reached

    assert reached(Seen(0, (0,)), Seen(60_000, goal=True)) == 1
    assert reached(Seen(0, (0,)), Seen(60_001, goal=True)) == 0
    assert reached(Seen(0, (0,)), Seen(50_000, (0,)), Seen(61_000, goal=True)) == 0
    assert reached(Seen(5, goal=True), Seen(6, (0,))) == 0


def test_who_saw_several_variants_counts_for_none() -> None:
    both = [Seen(0, (0,)), Seen(1, (1,)), Seen(2, goal=True)]
    found = results(EXPERIMENT, [both, [Seen(0, goal=True)]])
    assert (found.mixed, [one.people for one in found.arms]) == (1, [0, 0])


def test_several_variants_share_one_level() -> None:
    three = Experiment.model_validate({**DEFINED, "variants": [*VARIANTS, {**VARIANTS[0], "name": "third"}]})
    assert results(three, []).people_needed > NEEDED
    assert len(results(three, []).comparisons) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": VARIANTS[:1]}, {"variants": [VARIANTS[0]] * 2}, {"baseline": 0}, {"least_lift": 0},
        {"baseline": 0.5, "least_lift": 1.0}, {"ends_at": "2026-02-01T00:00:00Z"}, {"starts_at": "2026-03-01T00:00:00"},
        {"variants": [{**VARIANTS[0], "share": 0.5}, VARIANTS[1]]},
        {"variants": [{**VARIANTS[0], "share": 0.5}, {**VARIANTS[1], "share": 0.6}]},
    ],
)  # fmt: skip
def test_an_experiment_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Experiment.model_validate({**DEFINED, **wrong})
