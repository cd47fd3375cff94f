"""What an appraisal tells: how likely the owner sells, how soon, and what Meta hears of it."""

from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from domain.appraisals import appraisal
from domain.appraisals.events import Milestone
from domain.brokerage.rulebook import House
from domain.people import person as people
from domain.people.person import Person
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from tests.cast import ANNA, VILLA, activated, connected, recorded, registered
from tests.cast_appraisals import APPRAISAL, APPRAISAL_2, MILLION, appraised, went_on
from tests.spec import Story, given

HOT: dict[str, Any] = {"inherited": True, "questions_about_selling": 1, "similar_properties_viewed": 6,
                       "return_visits": 4}  # fmt: skip
"""20 + 25 + 15 + 10 = 70, without anything that is a milestone of its own."""


def known(story: Story) -> appraisal.Appraisal:
    return story.people[ANNA.subject_id].appraisals[APPRAISAL]


# fmt: off
POINTS: list[tuple[dict[str, Any], int]] = [
    ({},                                                    0),
    ({"express": True},                                     20),
    ({"premium": True},                                     15),
    ({"return_visits": 3},                                  0),
    ({"return_visits": 4},                                  10),
    ({"similar_properties_viewed": 5},                      0),
    ({"similar_properties_viewed": 6},                      15),
    ({"market_research_s": 300},                            0),
    ({"market_research_s": 300.5},                          10),
    ({"questions_about_selling": 1},                        25),
    ({"questions_about_selling": 9},                        25),
    ({"property_age_years": 10},                            0),
    ({"property_age_years": 10.5},                          5),
    ({"year_built": 2016},                                  0),   # ten years old in 2026
    ({"year_built": 2015},                                  5),
    ({"year_built": 1990, "property_age_years": 3},         0),   # the age given holds
    ({"maintenance_issues": 1},                             10),
    ({"inherited": True},                                   20),
    ({"photographer_assigned": True, "motives": ("moving", "financial_pressure"), "market_awareness": "high",
      "several_appraisals": True, "immediate_consultation": True, "financial_urgency": True, "says_soon": True}, 0),
    (HOT,                                                   70),
    ({**HOT, "express": True, "premium": True, "market_research_s": 900, "property_age_years": 50,
      "maintenance_issues": 2},                             100),
]
# fmt: on


@pytest.mark.parametrize(("told", "points"), POINTS)
def test_each_fact_of_a_request_earns_its_points(told: dict[str, Any], points: int) -> None:
    story = given(ANNA.did(appraised(**told)))
    scored = story.score("appraisals", APPRAISAL)
    assert scored.score == points
    event = known(story).request
    assert event is not None
    assert all(reason.events == (event.event,) and reason.why for reason in scored.reasons)


# fmt: off
TIMELINES: list[tuple[dict[str, Any], str]] = [
    ({},                                                              "exploring"),
    (HOT,                                                             "immediate"),
    ({"financial_urgency": True},                                     "immediate"),
    ({"financial_urgency": True, "says_soon": True},                  "immediate"),
    ({"questions_about_selling": 1, "inherited": True, "property_age_years": 11}, "within_month"),  # 50
    ({"says_soon": True},                                             "within_month"),
    ({"inherited": True, "maintenance_issues": 1},                    "within_quarter"),  # 30
    ({"questions_about_selling": 1},                                  "exploring"),       # 25
    ({"motives": ("financial_pressure",)},                            "exploring"),       # a motive is no urgency
]
# fmt: on


@pytest.mark.parametrize(("told", "timeline"), TIMELINES)
def test_the_timeline_is_the_first_rung_that_holds(told: dict[str, Any], timeline: str) -> None:
    story = given(ANNA.did(appraised(**told)))
    assert appraisal.timeline_of(known(story), story.house) == timeline


# fmt: off
VALUES: list[tuple[dict[str, Any], float | None]] = [
    ({"estimated_value_minor": 10 * MILLION},                                             250_000.0),
    ({"estimated_value_minor": None},                                                     None),
    ({"estimated_value_minor": None, "value_min_minor": 2 * MILLION,
      "value_max_minor": 4 * MILLION},                                                    75_000.0),
    ({"estimated_value_minor": None, "value_max_minor": 4 * MILLION},                     100_000.0),
    ({"value_min_minor": MILLION, "value_max_minor": 2 * MILLION},                        250_000.0),
]
# fmt: on


@pytest.mark.parametrize(("told", "commission"), VALUES)
def test_the_commission_is_a_fortieth_of_the_value(told: dict[str, Any], commission: float | None) -> None:
    story = given(ANNA.did(appraised(**told)))
    assert appraisal.facts_of(known(story), story.house)["commission_potential"] == commission


ORDERED = ("InitiateCheckout", 25_000.0)

# fmt: off
OUTCOMES: list[tuple[dict[str, Any], str, float, str, dict[str, Any]]] = [
    (HOT, "Purchase", 200_000, "high_intent_seller",
     {"seller_likelihood": 70, "timeline": "immediate", "commission_potential": 250_000}),
    ({"questions_about_selling": 1, "inherited": True, "property_age_years": 11},
     "InitiateCheckout", 100_000, "qualified_seller", {"seller_likelihood": 50}),
    ({"questions_about_selling": 1, "inherited": True, "financial_urgency": True},
     "AddToCart", 25_000, "potential_seller", {"seller_likelihood": 45}),
    ({}, "AddToCart", 25_000, "potential_seller", {"seller_likelihood": 0}),
]
# fmt: on


@pytest.mark.parametrize(("told", "event", "value", "category", "custom"), OUTCOMES)
def test_a_request_tells_how_likely_the_owner_sells(
    told: dict[str, Any], event: str, value: float, category: str, custom: dict[str, Any]
) -> None:
    story = given().when(ANNA.did(appraised(**told))).then_sends((event, value), ORDERED)
    outcome = story.conversions[0]
    assert (outcome.category, outcome.slot, outcome.currency) == (category, "appraisal_outcome", "EGP")
    assert outcome.custom == custom


# fmt: off
MILESTONES: list[tuple[Milestone, str, float]] = [
    ("appraisal_ordered",        "InitiateCheckout",     25_000),
    ("premium_service_selected", "AddPaymentInfo",       50_000),
    ("express_delivery_chosen",  "AddPaymentInfo",       75_000),
    ("consultation_booked",      "Schedule",             100_000),
    ("report_downloaded",        "CompleteRegistration", 50_000),
    ("follow_up_requested",      "Subscribe",            125_000),
    ("listing_inquiry_made",     "Purchase",             200_000),
]
DERIVED: list[tuple[dict[str, Any], list[Milestone]]] = [
    ({},                                ["appraisal_ordered"]),
    ({"premium": True},                 ["appraisal_ordered", "premium_service_selected"]),
    ({"express": True},                 ["appraisal_ordered", "express_delivery_chosen"]),
    ({"immediate_consultation": True},  ["appraisal_ordered"]),  # wanted is not booked
]
# fmt: on


@pytest.mark.parametrize(("milestone", "event", "value"), MILESTONES)
def test_a_milestone_that_a_producer_saw(milestone: Milestone, event: str, value: float) -> None:
    story = given(ANNA.did(appraised())).when(ANNA.did(went_on(milestone)))
    if milestone == "appraisal_ordered":
        story.then_nothing_is_decided()  # the request told it
        return
    told = story.then_sends((event, value)).conversion
    assert told.category == "appraisal_milestone"
    assert told.custom == {"appraisal_id": APPRAISAL, "milestone": milestone}
    story.when(ANNA.did(went_on(milestone, when=90))).then_nothing_is_decided()


@pytest.mark.parametrize(("told", "milestones"), DERIVED)
def test_a_request_tells_some_milestones_itself(told: dict[str, Any], milestones: list[Milestone]) -> None:
    story = given().when(ANNA.did(appraised(**told)))
    found = [one for one in story.conversions if one.category == "appraisal_milestone"]
    expected = {name: (event, value) for name, event, value in MILESTONES}
    assert [one.custom["milestone"] for one in found] == milestones
    assert [(one.event_name, one.value) for one in found] == [expected[name] for name in milestones]
    story.when(*(ANNA.did(went_on(name)) for name in milestones)).then_nothing_is_decided()


def test_each_appraisal_has_its_own_milestones() -> None:
    story = given(ANNA.did(appraised()), ANNA.did(appraised(APPRAISAL_2)), ANNA.did(went_on("report_downloaded")))
    story.when(ANNA.did(went_on("report_downloaded", APPRAISAL_2))).then_sends(("CompleteRegistration", 50_000.0))


def test_a_milestone_before_its_request_has_no_value_yet() -> None:
    story = given().when(ANNA.did(went_on("report_downloaded"))).then_sends(("CompleteRegistration", None))
    story.when(ANNA.did(went_on("listing_inquiry_made"))).then_withholds("no_value")
    story.when(ANNA.did(appraised())).then_sends(("AddToCart", 25_000.0), ORDERED)


def test_without_a_value_a_sale_is_withheld_and_the_rest_goes_without() -> None:
    story = given().when(ANNA.did(appraised(estimated_value_minor=None, **HOT)))
    assert [(one.event_name, one.value, one.withheld) for one in story.conversions] == [
        ("Purchase", None, "no_value"), ("InitiateCheckout", None, None),
    ]  # fmt: skip


def test_a_further_request_of_the_same_appraisal_tells_nothing_more() -> None:
    story = given(ANNA.did(appraised(when=10))).when(ANNA.did(appraised(when=20, express=True, **HOT)))
    story.then_nothing_is_decided()
    assert story.score("appraisals", APPRAISAL).score == 0
    story.when(ANNA.did(appraised(when=5, **HOT))).then_nothing_is_decided()
    assert story.score("appraisals", APPRAISAL).score == 70  # the first to happen counts


def test_value_is_told_in_the_currency_it_was_given_in() -> None:
    story = given().when(ANNA.did(appraised(currency="USD")))
    assert {one.currency for one in story.conversions} == {"USD"}


def test_the_home_it_is_about_is_told_with_it() -> None:
    story = given(ANNA.did(appraised(property_id=VILLA))).when(ANNA.did(went_on("report_downloaded")))
    assert story.conversion.custom["property_id"] == VILLA


def test_a_likelihood_keeps_to_the_policy_that_held_when_it_was_asked() -> None:
    worthless = BRIEF.model_copy(update={"version": 9, "scores": (), "commission_rate": 0.5})
    story = given(ANNA.did(appraised(**HOT))).when(activated(worthless, revision=2))
    assert story.score("appraisals", APPRAISAL).policy == BRIEF.label
    assert story.score("appraisals", APPRAISAL).score == 70
    story.when(ANNA.did(went_on("report_downloaded"))).then_sends(("CompleteRegistration", 50_000.0))


def test_plain_tells_an_appraisal_without_inventing_a_value() -> None:
    story = given(house=(registered(), connected(), activated(PLAIN))).when(ANNA.did(appraised(premium=True, **HOT)))
    assert [(one.event_name, one.value, one.category) for one in story.conversions] == [("Lead", None, "appraisal")]
    story.when(ANNA.did(went_on("consultation_booked"))).then_sends(("Schedule", None))
    story.when(ANNA.did(went_on("follow_up_requested"))).then_sends(("Contact", None))
    story.when(ANNA.did(went_on("listing_inquiry_made"))).then_sends(("Contact", None))
    story.when(ANNA.did(went_on("report_downloaded"))).then_nothing_is_decided()


def test_a_person_is_as_likely_to_sell_as_their_likeliest_home() -> None:
    story = given(
        ANNA.did(appraised()), ANNA.did(appraised(APPRAISAL_2, **HOT)), ANNA.did(went_on("report_downloaded"))
    )
    person = story.people[ANNA.subject_id]
    assert appraisal.best_likelihood(person.appraisals, story.house) == 70
    assert appraisal.best_likelihood({}, story.house) is None
    unasked = given(ANNA.did(went_on("report_downloaded"))).people[ANNA.subject_id]
    assert appraisal.best_likelihood(unasked.appraisals, House()) is None


def test_an_appraisal_is_the_same_in_whatever_order_it_arrives() -> None:
    told = [appraised(when=5, **HOT), appraised(when=5, express=True), went_on("report_downloaded"),
            went_on("report_downloaded", when=30)]  # fmt: skip
    entries = [recorded(ANNA.did(fact), place) for place, fact in enumerate(told, 1)]
    outcomes = []
    for order in permutations(entries):
        person = Person()
        for entry in order:
            person = people.evolve(person, entry, House())
        outcomes.append(person.appraisals)
    assert outcomes[1:] == outcomes[:-1]


# fmt: off
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"value_min_minor": 2, "value_max_minor": 1}, "value_max_minor must not be below value_min_minor"),
    ({"year_built": 2027},                         "year_built must not lie after the request"),
    ({"return_visits": -1},                        "return_visits"),
    ({"market_research_s": -0.1},                  "market_research_s"),
    ({"market_research_s": float("nan")},          "market_research_s"),
    ({"motives": ("boredom",)},                    "motives"),
    ({"currency": "pounds"},                       "currency"),
    ({"estimated_value_minor": -1},                "estimated_value_minor"),
]
# fmt: on


@pytest.mark.parametrize(("told", "rule"), WRONG)
def test_a_request_that_cannot_be_is_refused(told: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        appraised(**told)


def test_an_unknown_milestone_is_refused() -> None:
    with pytest.raises(ValidationError, match="milestone"):
        went_on("sold_the_moon")  # type: ignore[arg-type]


def test_a_broker_sees_the_appraisal_with_its_reasons() -> None:
    told = appraised(value_min_minor=9 * MILLION, value_max_minor=11 * MILLION, motives=("job",), **HOT)
    story = given(ANNA.did(told), ANNA.did(went_on("consultation_booked")))
    seen = appraisal.shown(known(story), story.house)
    assert (seen["seller_likelihood"], seen["quality"], seen["timeline"]) == (70, "hot", "immediate")
    assert (seen["horizon_months"], seen["commission_potential"]) == (6, 250_000)
    assert (seen["value_range"], seen["motives"]) == ([9_000_000, 11_000_000], ["job"])
    assert set(seen["milestones"]) == {"appraisal_ordered", "consultation_booked"}
    assert {reason["rule"] for reason in seen["reasons"]} == {"inherited", "asked_to_sell", "compared", "came_back"}
    unasked = given(ANNA.did(went_on("consultation_booked")))
    assert appraisal.shown(known(unasked), unasked.house)["requested"] is False
