"""One conversion is shared among the visits before it, exactly, under models side by side."""

from fractions import Fraction

import pytest

from domain.attribution.data_driven import Path, markov, shapley
from domain.attribution.models import RuleModel, shared, split, weights
from domain.attribution.report import Converted, Wanted, attribute
from domain.attribution.touches import Channel, Mark, Touch, channel_of, touches, within

DAY_MS, DAY_S = 86_400_000, 86_400
NOON = 1_772_366_400_000


def visit(days_before: float, channel: Channel = "ad", campaign: str = "", place: int = 0) -> Touch:
    return Touch(NOON - round(days_before * DAY_MS), place, channel, campaign)


def mark(seconds: float, *hint_kinds: str, place: int = 0, messaging: bool = False, **utm: str) -> Mark:
    return Mark(NOON + round(seconds * 1000), place, frozenset(hint_kinds), utm or None, messaging)


THREE = (visit(3), visit(2), visit(1))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", [1, 0, 0]),
        ("last", [0, 0, 1]),
        ("linear", [Fraction(1, 3)] * 3),
        ("time_decay", [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)]),  # half-life: one day
        ("position", [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)]),
    ],
)
def test_every_model_shares_one_conversion_its_own_way(model: RuleModel, expected: list[Fraction]) -> None:
    assert weights(model, THREE, NOON, DAY_S) == expected


def test_by_position_two_touches_share_alike_and_those_between_share_a_fifth() -> None:
    assert weights("position", THREE[:2], NOON, DAY_S) == [Fraction(1, 2)] * 2
    four = weights("position", (visit(4), *THREE), NOON, DAY_S)
    assert four == [Fraction(2, 5), Fraction(1, 10), Fraction(1, 10), Fraction(2, 5)]


def test_a_name_touched_three_times_earns_three_shares() -> None:
    path = (visit(3, "ad"), visit(2, "ad"), visit(1, "ad"), visit(0.75, "direct"))
    found = shared(path, weights("linear", path, NOON, DAY_S), "channel")
    assert found == {"ad": Fraction(3, 4), "direct": Fraction(1, 4)}


def test_minor_units_are_split_by_largest_remainder_the_earlier_first() -> None:
    assert split(100, [Fraction(1, 3)] * 3) == [34, 33, 33]
    assert split(5, [Fraction(2, 5), Fraction(1, 5), Fraction(2, 5)]) == [2, 1, 2]
    assert split(1, [Fraction(1, 7), Fraction(2, 7), Fraction(4, 7)]) == [0, 0, 1]
    assert split(10, []) == []


def test_the_look_back_ends_at_its_last_moment_and_what_follows_the_conversion_earns_nothing() -> None:
    path = (visit(4), visit(3), visit(0), visit(-1))
    assert within(path, NOON, 3 * DAY_S) == path[1:3]


# What brought a visit.


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (mark(0, "fbclid", medium="organic"), "ad"),
        (mark(0, "ctwa_clid", messaging=True), "ad"),
        (mark(0, medium="CPC"), "ad"),
        (mark(0, "fbc", "fbp"), "direct"),  # a cookie of some earlier click
        (mark(0, "psid"), "message"),
        (mark(0, messaging=True), "message"),
        (mark(0, source="instagram", medium="social"), "organic"),
        (mark(0, source="newsletter", medium="email"), "campaign"),
        (mark(0, "referrer_url"), "referral"),
        (mark(0, "email"), "direct"),
    ],
)
def test_a_visit_has_the_channel_that_its_marks_tell(one: Mark, expected: Channel) -> None:
    assert channel_of(one) == expected


def test_several_touchpoints_within_half_an_hour_are_one_visit() -> None:
    found = touches([mark(1800), mark(0, "fbclid", campaign="spring"), mark(3600), mark(5401)])
    assert [(one.at_ms - NOON, one.channel, one.campaign) for one in found] == [
        (0, "ad", "spring"), (5_401_000, "direct", ""),
    ]  # fmt: skip


def test_another_campaigns_click_begins_another_visit_and_the_same_click_does_not() -> None:
    found = touches(
        [mark(0, "fbclid", campaign="a"), mark(60, "fbclid", campaign="a"), mark(90, "fbclid", campaign="b")]
    )
    assert [one.campaign for one in found] == ["a", "b"]


def test_a_visit_that_began_untold_takes_the_channel_told_later() -> None:
    assert [one.channel for one in touches([mark(0), mark(10, "fbclid")])] == ["ad"]


# Learned from all paths.


def test_markov_gives_what_removing_a_channel_would_cost() -> None:
    # start→A 2/3, start→B 1/3; A→B 1/2, A→converted 1/2; B→converted 1/2, B→lost 1/2 (counted by hand)
    paths = [Path(("A",), True), Path(("A", "B"), True), Path(("B",), False)]
    # P = 2/3·(1/2 + 1/2·1/2) + 1/3·1/2 = 2/3; without A: 1/6, effect 3/4; without B: 1/3, effect 1/2
    assert markov(paths) == pytest.approx({"A": 0.6, "B": 0.4})


def test_markov_knows_loops_and_names_that_won_nothing() -> None:
    paths = [Path(("A", "A"), True), Path(("B",), False)]
    # A→A 1/2, A→converted 1/2: whoever is at A converts in the end
    assert markov(paths) == pytest.approx({"A": 1.0, "B": 0.0})
    assert markov([Path(("B",), False)]) == {}


def test_markov_agrees_with_published_paths() -> None:
    # Journeys and effects of the reference implementation of DP6's marketing-attribution-models.
    journeys = ["A", "AB", "ABC", "B", "BA", "BCA", "C", "CA", "CBA"]
    found = markov([Path(tuple(one), True) for one in journeys])
    assert found["A"] / (found["A"] + found["B"]) == pytest.approx(0.5555555555555557)
    assert found["C"] == pytest.approx(0.2904564315352698)


def test_markov_agrees_with_published_journeys_of_a_brokerage() -> None:
    # The reference implementation counts a journey as often as it was gone.
    gone = {
        ("meta_ads", "whatsapp", "virtual_tour", "viewing"): 5, ("organic", "meta_ads", "whatsapp"): 2,
        ("meta_ads",): 1, ("whatsapp", "viewing"): 4, ("virtual_tour", "whatsapp", "meta_ads", "viewing"): 8,
    }  # fmt: skip
    found = markov([Path(names, True) for names, times in gone.items() for _ in range(times)])
    of_path = {name: found[name] for name in ("meta_ads", "whatsapp", "virtual_tour", "viewing")}
    assert {name: share / sum(of_path.values()) for name, share in of_path.items()} == pytest.approx({
        "meta_ads": 0.23856601789556703, "whatsapp": 0.2374190658864537,
        "virtual_tour": 0.19912566816283211, "viewing": 0.3248892480551472,
    })  # fmt: skip


def test_shapley_splits_evenly_among_distinct_channels() -> None:
    assert shapley(["A", "B", "A"]) == {"A": Fraction(1, 2), "B": Fraction(1, 2)}


# All together.


def conversion(person: str, value_minor: int = 100, currency: str = "EGP") -> Converted:
    return Converted(person, NOON, value_minor, currency)


def test_credited_and_unattributed_make_the_total() -> None:
    report = attribute(
        [conversion("anna"), conversion("basem", 250), conversion("anna", 7, "USD")], {"anna": THREE}, Wanted()
    )
    assert report.total.value_minor == {"EGP": 350, "USD": 7}
    assert (report.unattributed.conversions, report.unattributed.value_minor) == (Fraction(1), {"EGP": 250})
    for one in report.models:
        assert one.credited["ad"].conversions == 2
        assert one.credited["ad"].value_minor == {"EGP": 100, "USD": 7}
    assert report.influenced == {"ad": 2}


def test_too_few_conversions_to_learn_from_are_shared_by_position_and_it_is_said() -> None:
    path = (visit(3, "ad"), visit(2, "direct"), visit(1, "direct"))
    by_model = {one.model: one for one in attribute([conversion("anna")], {"anna": path}, Wanted()).models}
    assert by_model["markov"].computed_as == by_model["shapley"].computed_as == "position"
    assert by_model["markov"].credited == by_model["position"].credited
    assert "fewer than 300" in str(by_model["markov"].note)
    assert by_model["position"].note is None


def test_with_enough_conversions_the_learned_models_speak_for_themselves() -> None:
    path = (visit(3, "ad"), visit(2, "ad"), visit(1, "direct"))
    people = {f"p{nth}": path for nth in range(300)} | {"lost": (visit(1, "direct"),)}
    found = attribute([conversion(f"p{nth}") for nth in range(300)], people, Wanted(), ("markov", "shapley"))
    markov_, shapley_ = found.models
    assert (markov_.computed_as, shapley_.computed_as) == ("markov", "shapley")
    assert shapley_.credited["ad"].value_minor == {"EGP": 15_000}
    assert markov_.credited["ad"].value_minor["EGP"] + markov_.credited["direct"].value_minor["EGP"] == 30_000


def test_too_many_names_to_learn_of_are_shared_by_position_and_it_is_said() -> None:
    people = {f"p{nth}": (visit(1, "ad", f"campaign {nth % 61}"),) for nth in range(300)}
    found = attribute([conversion(one) for one in people], people, Wanted("campaign"), ("markov", "shapley"))
    assert [one.computed_as for one in found.models] == ["position", "shapley"]
    assert "more than 60" in str(found.models[0].note)
