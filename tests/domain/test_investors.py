"""What shows an investor, what kind of one it is, and what Meta hears of their steps."""

from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from domain.brokerage.rulebook import House
from domain.investors import investor
from domain.investors.events import Milestone, PortfolioSignal
from domain.investors.interest import MOST_KEPT
from domain.people import investors
from domain.people import person as people
from domain.people.person import Person
from domain.scoring.plain import PLAIN
from domain.shared.fact import Fact
from tests.cast import ANNA, BASEM, VILLA, activated, connected, form, recorded, registered
from tests.cast_investors import can_pay, home, opened, put_by, showed, stepped, viewed
from tests.spec import Story, given


def who(story: Story) -> dict[str, Any]:
    """The profile of Anna, as her page shows it."""
    return investors.profile_of(story.people.get(ANNA.subject_id, Person()), story.house)


def after(*facts: Fact) -> dict[str, Any]:
    return who(given(*map(ANNA.did, facts)))


def looks(homes: int, areas: int = 1, price: float | None = None, times: int = 1) -> list[Fact]:
    """Looks at so many homes in so many areas, each so many times."""
    return [
        viewed(f"home-{nth}", when=nth * 10 + time, listing=home(price, f"area-{nth % areas}"))
        for nth in range(homes)
        for time in range(times)
    ]


def calculations(signal: Any, times: int) -> list[Fact]:
    return [showed(signal, when=nth) for nth in range(times)]


# fmt: off
PROFESSIONAL: list[tuple[list[Fact], int]] = [
    ([],                                                0),
    (calculations("roi_calculated", 5),                 0),
    (calculations("roi_calculated", 6),                 1),
    ([opened("calculator", nth) for nth in range(6)],   1),
    ([showed("rental_yield_searched")],                 1),
    ([showed("cash_flow_calculated")],                  1),
    ([showed("company_email_used")],                    1),
    ([showed("portfolio_plan_made")],                   1),
    ([stepped("portfolio_plan_created")],               1),
    ([showed("financing_consultation_asked")],          1),
    ([stepped("financing_consultation_booked")],        1),
    ([showed("bulk_inquiry", units=3)],                 1),
    ([showed("bulk_inquiry", units=2)],                 0),
    ([showed("bulk_inquiry")],                          1),  # bulk by the producer's word
    ([showed("bulk_inquiry_made")],                     1),
    (looks(1, times=20),                                0),
    (looks(1, times=21),                                1),
    ([showed("says_first_time"), showed("asked_how_buying_works"), opened("guide")], 0),
]
# fmt: on


@pytest.mark.parametrize(("facts", "count"), PROFESSIONAL)
def test_each_professional_indicator_counts_one(facts: list[Fact], count: int) -> None:
    assert after(*facts)["professional_indicators"] == count


FIVE: list[Fact] = [showed("rental_yield_searched"), showed("cash_flow_calculated"), showed("company_email_used"),
                    showed("portfolio_plan_made"), showed("financing_consultation_asked")]  # fmt: skip
ONE_PRICE: list[Fact] = [viewed(f"home-{nth}", nth, home(price)) for nth, price in enumerate((100, 120, 150))]
SPREAD: list[Fact] = [viewed("cheap", 0, home(100)), viewed("dear", 1, home(200))]

# fmt: off
TYPES: list[tuple[str, list[Fact], str]] = [
    ("nothing",                                   [],                                               "unknown"),
    ("a save alone",                              [put_by()],                                       "unknown"),
    ("six indicators",                            [*FIVE, showed("bulk_inquiry", units=3)],         "professional"),
    ("six indicators and first time",             [*FIVE, showed("bulk_inquiry_made"), showed("says_first_time")],
                                                                                                    "professional"),
    ("five indicators",                           FIVE,                                             "institutional"),
    ("many homes in many places",                 looks(11, 4),                                     "experienced"),
    ("many homes in many places, says first time", [*looks(11, 4), showed("says_first_time")],      "experienced"),
    ("ten homes in many places",                  looks(10, 4),                                     "institutional"),
    ("many homes in three places",                looks(11, 3),                                     "institutional"),
    ("says it is the first time",                 [showed("says_first_time")],                      "first_time"),
    ("asks how buying works",                     [showed("asked_how_buying_works"), *FIVE],        "first_time"),
    ("one price, nothing calculated",             ONE_PRICE,                                        "first_time"),
    ("one price, but calculated",                 [*ONE_PRICE, showed("roi_calculated")],           "unknown"),
    ("one price, but on a calculator page",       [*ONE_PRICE, opened("calculator")],               "unknown"),
    ("one price, of two homes",                   ONE_PRICE[:2],                                    "unknown"),
    ("cheap and dear",                            SPREAD,                                           "institutional"),
    ("rental yields",                             [showed("rental_yield_searched")],                "institutional"),
    ("market timing",                             [opened("market_report", nth) for nth in range(3)], "institutional"),
    ("seen building a portfolio",                 [showed("diversification_strategy")],             "institutional"),
]
# fmt: on


@pytest.mark.parametrize(("facts", "kind"), [row[1:] for row in TYPES], ids=[row[0] for row in TYPES])
def test_the_type_is_the_first_that_matches(facts: list[Fact], kind: str) -> None:
    assert after(*facts)["investor_type"] == kind


def test_experience_counts_the_signals_present_up_to_ten() -> None:
    everything = [*FIVE, *calculations("roi_calculated", 6), showed("bulk_inquiry", units=5), *SPREAD]
    assert after(*everything)["experience"] == 8
    timing = [opened("price_history", nth) for nth in range(3)]
    full = after(*everything, *timing, *looks(11, 4, times=2), showed("market_timing_behavior"))
    assert full["experience"] == 10
    assert len(full["reasons"]) == 13
    assert all(reason["events"] and reason["points"] == 1 for reason in full["reasons"])


# fmt: off
POWERS: list[tuple[list[Fact], float | None, float | None]] = [
    ([],                                                                             None,      None),
    ([viewed(listing=home())],                                                       None,      None),
    ([viewed(listing=home(100))],                                                    100,       2.5),
    (SPREAD,                                                                         175,       4.38),
    ([viewed(f"h-{n}", n, home(n * 1_000_000)) for n in range(1, 6)],                4_000_000, 100_000),
    ([viewed("h-1", 1, home(1_000)), put_by("h-2", 2, home(3_000))],                 2_500,     62.5),
    ([viewed("h-1", 1, home(1_000)), viewed("h-1", 2, home(2_000))],                 2_000,     50),  # the newest price
    ([*SPREAD, can_pay(8_000_000)],                                                  8_000_000, 200_000),
    ([can_pay(8_000_000, when=9), can_pay(1, when=5)],                               8_000_000, 200_000),  # the last
    ([viewed("h-1", 1, home(1_000)), viewed("h-2", 2, home(9_000, currency="USD"))], 1_000,     25),
]
# fmt: on


@pytest.mark.parametrize(("facts", "power", "commission"), POWERS)
def test_buying_power_is_the_budget_else_the_upper_quarter_of_prices(
    facts: list[Fact], power: float | None, commission: float | None
) -> None:
    profile = after(*facts)
    assert (profile["buying_power"], profile["commission_potential"]) == (power, commission)
    assert profile["currency"] == "EGP"


# fmt: off
DEALS: list[tuple[list[Fact], int]] = [
    ([],                                                     1),
    ([put_by(f"h-{nth}") for nth in range(2)],               1),
    ([put_by(f"h-{nth}") for nth in range(3)],               2),
    (looks(3, 3),                                            1),
    (looks(4, 4),                                            2),
    ([*looks(4, 4), *(put_by(f"h-{n}") for n in range(3))],  3),
]
MONTHS: list[tuple[list[Fact], int]] = [
    ([],                                                                                       12),
    ([showed("timeline_stated", timeline="immediate")],                                        3),
    ([showed("timeline_stated", timeline="soon")],                                             6),
    ([showed("timeline_stated", timeline="exploring")],                                        12),
    ([form(timeline="now")],                                                                   3),
    ([form(timeline="within_3_months")],                                                       6),
    ([form(timeline="within_a_year")],                                                         12),
    ([form(when=1, timeline="now"), showed("timeline_stated", when=2, timeline="exploring")],  12),
    ([form(when=2, timeline="now"), showed("timeline_stated", when=1, timeline="exploring")],  3),
]
# fmt: on


@pytest.mark.parametrize(("facts", "deals"), DEALS)
def test_likely_deals(facts: list[Fact], deals: int) -> None:
    assert after(*facts)["likely_deals"] == deals


@pytest.mark.parametrize(("facts", "months"), MONTHS)
def test_months_to_a_deal_follow_the_last_word_on_when(facts: list[Fact], months: int) -> None:
    assert after(*facts)["months_to_deal"] == months


def test_what_they_want_is_kept() -> None:
    profile = after(
        viewed("h-1", 1, home(100, "Maadi", "villa")), viewed("h-2", 2, home(200, "maadi ", "Villa")),
        put_by("h-3", 3, home(300, "Zamalek", "flat")),
        showed("financing_stated", 4, financing="mortgage"), showed("financing_stated", 3, financing="cash"),
    )  # fmt: skip
    assert profile["preferred_types"] == ["villa", "flat"]
    assert profile["preferred_locations"] == ["maadi", "zamalek"]
    assert profile["financing_approach"] == "mortgage"
    assert profile["target_price_ranges"] == [{"min": 150, "max": 250, "currency": "EGP"}]
    stated = after(showed("price_range_stated", 1, price_max_minor=500_00),
                   showed("price_range_stated", 2, price_min_minor=100_00, currency="USD"))  # fmt: skip
    assert stated["target_price_ranges"] == [
        {"min": 100, "max": None, "currency": "USD"}, {"min": None, "max": 500, "currency": "EGP"},
    ]  # fmt: skip


# Milestones: an investor who can pay 8 million is worth 200,000.

RICH = ANNA.did(can_pay(8_000_000))

# fmt: off
MILESTONES: list[tuple[Milestone, str, float]] = [
    ("multiple_properties_saved",     "AddToWishlist",        20_000),
    ("roi_calculator_used",           "Search",               30_000),
    ("market_analysis_requested",     "ViewContent",          40_000),
    ("financing_consultation_booked", "Schedule",             80_000),
    ("portfolio_plan_created",        "CompleteRegistration", 60_000),
    ("first_property_offer_made",     "InitiateCheckout",     120_000),
    ("deal_closed_first_property",    "Purchase",             160_000),
    ("second_property_interest",      "Purchase",             240_000),
    ("referral_to_other_investors",   "Share",                100_000),
]
# fmt: on


@pytest.mark.parametrize(("milestone", "event", "value"), MILESTONES)
def test_a_milestone_that_a_producer_saw(milestone: Milestone, event: str, value: float) -> None:
    story = given(RICH).when(ANNA.did(stepped(milestone, referral_id="ref-1"))).then_sends((event, value))
    told = story.conversion
    assert (told.category, told.slot) == ("investor_milestone", f"investor_milestone:{milestone}")
    assert told.custom == {"user_id": str(ANNA.subject_id), "milestone": milestone, "investor_value": 200_000}
    story.when(ANNA.did(stepped(milestone, 9, referral_id="ref-1"))).then_nothing_is_decided()
    story.when(BASEM.did(stepped(milestone, referral_id="ref-1")))
    story.then_withholds("no_value" if event == "Purchase" else None)  # type: ignore[arg-type]


# fmt: off
DERIVED: list[tuple[list[Fact], Milestone | None]] = [
    ([put_by("h-1"), put_by("h-2"), put_by("h-3")],   "multiple_properties_saved"),
    ([put_by("h-1"), put_by("h-2"), put_by("h-2")],   None),
    ([showed("roi_calculated")],                      "roi_calculator_used"),
    ([opened("calculator")],                          "roi_calculator_used"),
    ([showed("market_report_opened")],                "market_analysis_requested"),
    ([opened("market_report")],                       "market_analysis_requested"),
    ([showed("portfolio_plan_made")],                 "portfolio_plan_created"),
    ([showed("financing_consultation_asked")],        None),  # asked for is not booked
    ([opened("price_history"), opened("guide")],      None),
]
# fmt: on


@pytest.mark.parametrize(("facts", "milestone"), DERIVED)
def test_a_milestone_that_we_see(facts: list[Fact], milestone: Milestone | None) -> None:
    story = given(RICH).when(*map(ANNA.did, facts))
    found = [one for one in story.conversions if one.category == "investor_milestone"]
    expected = {name: (name, event, value) for name, event, value in MILESTONES}
    told = [(one.custom["milestone"], one.event_name, one.value) for one in found]
    assert told == ([expected[milestone]] if milestone else [])
    if milestone:
        story.when(ANNA.did(stepped(milestone))).then_nothing_is_decided()


def test_each_referral_counts() -> None:
    story = given(RICH, ANNA.did(stepped("referral_to_other_investors", referral_id="ref-1")))
    share = ("Share", 100_000.0)
    story.when(ANNA.did(stepped("referral_to_other_investors", 1, referral_id="ref-2"))).then_sends(share)
    story.when(ANNA.did(stepped("referral_to_other_investors", 2))).then_sends(share)
    story.when(ANNA.did(stepped("referral_to_other_investors", 3))).then_sends(share)


def test_an_investor_value_is_told_in_the_currency_of_the_budget() -> None:
    story = given(ANNA.did(can_pay(100_000, currency="USD"))).when(ANNA.did(stepped("first_property_offer_made")))
    assert (story.conversion.value, story.conversion.currency) == (1_500, "USD")


# fmt: off
SIGNALS: list[tuple[PortfolioSignal, str, float]] = [
    ("diversification_strategy",      "Search",         200),
    ("geographic_expansion",          "ViewContent",    150),
    ("property_type_diversification", "AddToCart",      100),
    ("cash_flow_optimization",        "AddPaymentInfo", 300),
    ("market_timing_behavior",        "Search",         75),
    ("bulk_inquiry_made",             "Purchase",       500),
]
# fmt: on


@pytest.mark.parametrize(("signal", "event", "value"), SIGNALS)
def test_a_portfolio_signal_that_a_producer_saw(signal: PortfolioSignal, event: str, value: float) -> None:
    story = given(ANNA.did(can_pay(100_000, currency="USD")))
    told = story.when(ANNA.did(showed(signal, 1, signal_data={"homes": 4}))).then_sends((event, value)).conversion
    assert (told.category, told.currency) == ("portfolio_building_signal", "EGP")
    assert set(told.custom) == {"user_id", "portfolio_signal", "signal_data"}
    assert (told.custom["user_id"], told.custom["portfolio_signal"]) == (str(ANNA.subject_id), signal)
    assert '"homes": 4' in str(told.custom["signal_data"])
    story.when(ANNA.did(showed(signal, 2))).then_nothing_is_decided()


def in_place(*areas: str) -> list[Fact]:
    return [viewed(f"h-{nth}", nth, home(area=area)) for nth, area in enumerate(areas)]


def of_kinds(*kinds: str) -> list[Fact]:
    return [put_by(f"h-{nth}", nth, home(area=kind[1:] or None, kind=kind[0])) for nth, kind in enumerate(kinds)]


# fmt: off
SEEN: list[tuple[str, list[Fact], list[tuple[PortfolioSignal, str]]]] = [
    ("two types",             of_kinds("a", "b"),
     [("property_type_diversification", '{"saved_types": 2}')]),
    ("one type twice",        of_kinds("a", "A"),                                       []),
    ("three types and areas", of_kinds("a1", "b2", "c3"),
     [("property_type_diversification", '{"saved_types": 2}'),
      ("diversification_strategy", '{"saved_areas": 3, "saved_types": 3}')]),
    ("three types, two areas", of_kinds("a1", "b2", "c2"),
     [("property_type_diversification", '{"saved_types": 2}')]),
    ("a new area after five", in_place(*["x"] * 5, "y"),
     [("geographic_expansion", '{"views_before_new_area": 5}')]),
    ("a new area after four", in_place(*["x"] * 4, "y", "y"),                           []),
    ("a known area again",    in_place("x", "y", *["x"] * 5, "y"),                      []),
    ("a place not told",      [*in_place(*["x"] * 5), viewed("h-9", 9)],                  []),
    ("three yields and flows", [*calculations("rental_yield_searched", 2), showed("cash_flow_calculated", 5)],
     [("cash_flow_optimization", '{"yield_calculations": 3}')]),
    ("two yields",            calculations("rental_yield_searched", 2),                 []),
    ("three looks at the market", [opened("market_report"), opened("price_history"), showed("price_history_opened"),
                                   showed("market_report_opened"), opened("price_history", 3)],
     [("market_timing_behavior", '{"market_looks": 3}')]),
    ("the same look told twice", [opened("market_report"), showed("market_report_opened"), opened("price_history")],
     []),
    ("an inquiry about three", [showed("bulk_inquiry", units=3)],
     [("bulk_inquiry_made", '{"largest_inquiry_units": 3}')]),
    ("an inquiry about two, twice", [showed("bulk_inquiry", units=2), showed("bulk_inquiry", units=2)], []),
]
# fmt: on


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in SEEN], ids=[row[0] for row in SEEN])
def test_a_portfolio_signal_that_we_see(facts: list[Fact], expected: list[tuple[PortfolioSignal, str]]) -> None:
    story = given().when(*map(ANNA.did, facts))
    found = [one for one in story.conversions if one.category == "portfolio_building_signal"]
    assert [(one.custom["portfolio_signal"], one.custom["signal_data"]) for one in found] == expected
    values = {name: (event, value) for name, event, value in SIGNALS}
    assert [(one.event_name, one.value) for one in found] == [values[name] for name, _ in expected]
    for name, _ in expected:
        story.when(ANNA.did(showed(name, 99)))
        assert [one for one in story.conversions if one.custom.get("portfolio_signal") == name] == []


def test_a_new_area_is_new_by_when_it_was_looked_at() -> None:
    looked = in_place(*["x"] * 5, "y")
    story = given(*map(ANNA.did, looked[1:])).when(ANNA.did(looked[0]))
    assert [one.event_name for one in story.conversions] == ["ViewContent"]


def test_plain_tells_only_what_an_investor_really_did() -> None:
    house = (registered(), connected(), activated(PLAIN))
    story = given(RICH, house=house)
    story.when(ANNA.did(stepped("financing_consultation_booked"))).then_sends(("Schedule", None))
    story.when(ANNA.did(stepped("referral_to_other_investors"))).then_sends(("Share", None))
    story.when(ANNA.did(showed("bulk_inquiry", units=3))).then_sends(("Contact", None))
    story.when(ANNA.did(stepped("second_property_interest")), ANNA.did(showed("roi_calculated")))
    story.then_nothing_is_decided()


def test_an_investor_is_the_same_in_whatever_order_they_are_met() -> None:
    facts = [*looks(6, 3, 100), *SPREAD, *FIVE, can_pay(5, 3), can_pay(7, 3, currency="USD"), put_by("home-1", 4),
             put_by("home-1", 2, home(9, "far", "loft")), showed("bulk_inquiry", 7, units=3),
             stepped("roi_calculator_used", 3), stepped("roi_calculator_used", 2),
             showed("timeline_stated", 2, timeline="soon"),
             showed("timeline_stated", 2, timeline="immediate"), opened("calculator", 8)]  # fmt: skip
    entries = [recorded(ANNA.did(fact), place) for place, fact in enumerate(facts, 1)]
    outcomes, random = [], Random(7)
    for _ in range(20):
        person = Person()
        for entry in entries:
            person = people.evolve(person, entry, House())
        outcomes.append((investors.profile_of(person, House()), person.interest))
        random.shuffle(entries)
    assert outcomes[1:] == outcomes[:-1]


def test_of_very_many_views_the_first_are_kept_whenever_they_arrive() -> None:
    entries = [recorded(ANNA.did(viewed(f"h-{nth % 7}", nth)), nth + 1) for nth in range(MOST_KEPT + 20)]
    forward, backward = Person(), Person()
    for one, other in zip(entries, reversed(entries), strict=True):
        forward = people.evolve(forward, one, House())
        backward = people.evolve(backward, other, House())
    assert len(forward.interest.views) == MOST_KEPT
    assert forward.interest == backward.interest


def test_a_stranger_is_of_no_known_type() -> None:
    assert investors.investor_type(Person(), House()) == "unknown"
    assert investor.buying_power(Person().interest, {}, House()) is None


# fmt: off
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"signal": "budget_stated"},                                               "budget_stated needs budget_minor"),
    ({"signal": "price_range_stated"},                                          "price_min_minor or price_max_minor"),
    ({"signal": "timeline_stated"},                                             "timeline_stated needs timeline"),
    ({"signal": "financing_stated"},                                            "financing_stated needs financing"),
    ({"signal": "price_range_stated", "price_min_minor": 2, "price_max_minor": 1}, "must not be below"),
    ({"signal": "bulk_inquiry", "units": 0},                                    "units"),
    ({"signal": "telepathy"},                                                   "signal"),
    ({"signal": "roi_calculated", "signal_data": {"note": "x" * 201}},          "200 characters"),
    ({"signal": "roi_calculated", "signal_data": {"rate": float("inf")}},       "finite"),
    ({"signal": "roi_calculated", "signal_data": {str(n): n for n in range(21)}}, "20"),
]
# fmt: on


@pytest.mark.parametrize(("told", "rule"), WRONG)
def test_a_signal_that_says_nothing_is_refused(told: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        showed(**told)


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(ValidationError, match="milestone"):
        stepped("flew_to_the_moon")  # type: ignore[arg-type]


def test_a_home_seen_elsewhere_counts_where_its_place_is_told() -> None:
    """What another touchpoint told of a home is known of it wherever it is looked at."""
    told = [viewed(f"h-{nth}", nth) for nth in range(4)]
    places = [put_by(f"h-{nth}", 99, home(area=f"area-{nth}")) for nth in range(4)]
    assert after(*told)["likely_deals"] == 1
    assert after(*told, *places)["likely_deals"] == 3
    assert VILLA not in after(*told)["preferred_locations"]
