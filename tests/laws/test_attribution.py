"""Laws of attribution: nothing is lost or invented, and only what should matter does."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.attribution.data_driven import Path, markov, shapley
from domain.attribution.models import RULE_MODELS, split, weights
from domain.attribution.report import MODELS, Converted, Wanted, attribute
from domain.attribution.touches import Channel, Mark, Touch, touches

NOON, DAY_MS = 1_772_366_400_000, 86_400_000
channels: st.SearchStrategy[Channel] = st.sampled_from(["ad", "organic", "direct", "message"])
ages = st.integers(0, 120 * DAY_MS)
visits = st.builds(lambda age, place, channel: Touch(NOON - age, place, channel), ages, st.integers(0, 5), channels)
paths = st.lists(visits, min_size=1, max_size=8).map(
    lambda found: tuple(sorted(found, key=lambda one: (one.at_ms, one.place)))
)
models = st.sampled_from(RULE_MODELS)
half_lives = st.floats(60, 1e9)


@given(paths, models, half_lives)
def test_weights_are_not_negative_and_add_up_to_one(path: tuple[Touch, ...], model: str, half_life: float) -> None:
    found = weights(model, path, NOON, half_life)  # type: ignore[arg-type]
    assert all(one >= 0 for one in found)
    assert sum(found) == 1


@given(paths, models, half_lives, st.integers(-DAY_MS, DAY_MS))
def test_moving_everything_in_time_changes_nothing(
    path: tuple[Touch, ...], model: str, half_life: float, by: int
) -> None:  # fmt: skip
    moved = tuple(Touch(one.at_ms + by, one.place, one.channel) for one in path)
    assert weights(model, moved, NOON + by, half_life) == weights(model, path, NOON, half_life)  # type: ignore[arg-type]


@given(paths, half_lives)
def test_time_decay_never_prefers_an_older_touch(path: tuple[Touch, ...], half_life: float) -> None:
    found = weights("time_decay", path, NOON, half_life)
    assert found == sorted(found)


@given(paths)
def test_time_decay_ends_in_linear_and_in_last(path: tuple[Touch, ...]) -> None:
    slow = weights("time_decay", path, NOON, 1e300)
    assert all(abs(one - Fraction(1, len(path))) < 1e-9 for one in slow)
    newest = [one.at_ms == path[-1].at_ms for one in path]
    quick = weights("time_decay", path, NOON, 1e-6)
    assert sum((one for one, last in zip(quick, newest, strict=True) if last), Fraction(0)) > Fraction(999, 1000)


@given(st.lists(visits, max_size=1, min_size=1), models)
def test_a_single_touch_earns_everything(path: list[Touch], model: str) -> None:
    assert weights(model, path, NOON, 1.0) == [1]  # type: ignore[arg-type]


@given(st.integers(0, 10**12), paths, models)
def test_split_values_add_up_and_no_part_is_a_unit_off(value: int, path: tuple[Touch, ...], model: str) -> None:
    shares = weights(model, path, NOON, 604_800)  # type: ignore[arg-type]
    parts = split(value, shares)
    assert sum(parts) == value
    assert all(abs(part - value * share) < 1 for part, share in zip(parts, shares, strict=True))


people = st.dictionaries(st.sampled_from("abcd"), paths, max_size=4)
converted = st.builds(
    lambda who, age, value, currency: Converted(who, NOON - age, value, currency),
    st.sampled_from("abcd"), ages, st.integers(0, 10**9), st.sampled_from(["EGP", "USD"]),
)  # fmt: skip


@given(st.lists(converted, max_size=12), people)
def test_credited_and_unattributed_make_the_total_under_every_model(
    conversions: list[Converted], touched: dict[str, tuple[Touch, ...]]
) -> None:
    report = attribute(conversions, touched, Wanted())
    assert report.total.conversions == len(conversions)
    for one in report.models:
        earned = [*one.credited.values(), report.unattributed]
        assert sum(credit.conversions for credit in earned) == len(conversions)
        for currency in ("EGP", "USD"):
            given_out = sum(credit.value_minor.get(currency, 0) for credit in earned)
            assert given_out == sum(c.value_minor for c in conversions if c.currency == currency)
    assert {one.model for one in report.models} == set(MODELS)


@given(st.lists(converted, max_size=12), people)
def test_a_touch_outside_the_look_back_changes_nothing(
    conversions: list[Converted], touched: dict[str, tuple[Touch, ...]]
) -> None:
    ancient = Touch(NOON - 1000 * DAY_MS, 0, "referral")
    more = {who: (ancient, *path) for who, path in touched.items()}
    assert attribute(conversions, more, Wanted()) == attribute(conversions, touched, Wanted())


marks = st.builds(
    lambda s, place, kinds, utm: Mark(NOON + s * 1000, place, frozenset(kinds), {"campaign": utm} if utm else None),
    st.integers(0, 9000), st.integers(0, 10**6), st.sets(st.sampled_from(["fbclid", "email", "psid"])),
    st.sampled_from(["", "spring", "sale"]),
)  # fmt: skip


@given(st.lists(marks, max_size=12, unique_by=lambda one: one.place), st.randoms(use_true_random=False))
def test_visits_do_not_depend_on_the_order_of_arrival(told: list[Mark], chance: object) -> None:
    shuffled = list(told)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert touches(shuffled) == touches(told)


journeys = st.lists(
    st.builds(Path, st.lists(st.sampled_from("ABC"), min_size=1, max_size=4).map(tuple), st.booleans()), min_size=1
)


@given(journeys, st.integers(2, 5))
def test_what_is_learned_adds_up_and_is_the_same_of_the_same_paths_again(told: list[Path], times: int) -> None:
    found = markov(told)
    assert all(share >= 0 for share in found.values())
    assert not found or abs(sum(found.values()) - 1) < 1e-9
    again = markov(told * times)
    assert all(abs(again[name] - share) < 1e-9 for name, share in found.items())


@given(st.lists(st.sampled_from("ABCD"), min_size=1))
def test_shapley_is_fair(names: list[str]) -> None:
    found = shapley(names)
    assert sum(found.values()) == 1
    assert set(found) == set(names)
    assert len(set(found.values())) == 1
