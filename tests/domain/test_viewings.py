"""How likely a viewing leads to a deal, and what it tells Meta: every number of its tables."""

from typing import Any

import pytest

from domain.conversations.analysis import Analysis
from domain.conversations.events import ConversationCompleted
from domain.people.viewing_scores import Judged, judge, viewing_scores
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.scoring.policy import label, score
from domain.shared.fact import Fact, Touchpoint
from domain.viewings import viewing
from tests.cast import ANNA, FLAT, VILLA, Told, activated, at, completed, connected, registered, room
from tests.cast_viewings import (
    FRIDAY,
    MONDAY,
    booked,
    came,
    cancelled,
    confirmed,
    costing,
    followed_up,
    missed,
    requested,
    viewing_id,
)
from tests.spec import Story, given

DAY = 86_400
LONG_AGO = requested(when=-2 * DAY)
"""First interest, too long ago to count as quick."""


def talk(when: float = -DAY, **found: Any) -> Fact:
    """A conversation about nothing in particular, analysed by whoever had it."""
    return ConversationCompleted(session_id="c1", analysis=Analysis(**found), occurred_at=at(when))


def hot_tour(home: str = VILLA, session: str = "t1") -> list[Fact]:
    """A tour of 75 points: more than ten minutes, slowly, one room twice."""
    rooms = [room("salon", dwell, session, home, -DAY) for dwell in (400, 201)]
    return [*rooms, completed(session, home, -DAY + 900)]


def story(*facts: Fact, house: tuple[Told, ...] | None = None) -> Story:
    told = [ANNA.did(fact) for fact in facts]
    return given(*told, house=house) if house else given(*told)


def judged(*facts: Fact, name: str = "v1") -> Judged:
    told = story(*facts)
    return judge(told.people[ANNA.subject_id], str(viewing_id(name)), told.house)


# fmt: off
PROBABILITIES: list[tuple[str, list[Fact], int]] = [
    ("nothing but the viewing",          [LONG_AGO, booked()],                                              40),
    ("a hot tour of this property",      [LONG_AGO, *hot_tour(), booked()],                                 55),
    ("a hot tour of another",            [LONG_AGO, *hot_tour(FLAT), booked()],                             40),
    ("a tour that was not hot",          [LONG_AGO, room("salon", 601, when=-DAY), booked()],               40),
    ("a conversation of 80",             [LONG_AGO, talk(buying_intent="high", timeline="immediate",
                                                         gave_contact=True, engagement_level="high"), booked()], 50),
    ("a conversation of 70",             [LONG_AGO, talk(buying_intent="high", timeline="immediate",
                                                         gave_contact=True), booked()],                     50),
    ("a conversation of 45",             [LONG_AGO, talk(buying_intent="high", timeline="soon"), booked()], 45),
    ("a conversation of 40",             [LONG_AGO, talk(timeline="immediate", gave_contact=True), booked()], 45),
    ("a conversation of 30",             [LONG_AGO, talk(buying_intent="high"), booked()],                  40),
    ("asked about financing, 15 points", [LONG_AGO, talk(asked_about_financing=True), booked()],            50),
    ("a party of two",                   [LONG_AGO, booked(party_size=2)],                                  45),
    ("a party of five",                  [LONG_AGO, booked(party_size=5)],                                  45),
    ("booked at once",                   [requested(), booked()],                                           45),
    ("booked within 24 hours",           [requested(when=-DAY), booked()],                                  45),
    ("booked a second later than that",  [requested(when=-DAY - 1), booked()],                              40),
    ("a Friday slot",                    [LONG_AGO, booked(begins=FRIDAY)],                                 43),
    ("a Saturday slot",                  [LONG_AGO, booked(begins=FRIDAY + DAY)],                           43),
    ("a Sunday slot",                    [LONG_AGO, booked(begins=FRIDAY + 2 * DAY)],                       40),
    ("Saturday 23:30 in Cairo",          [LONG_AGO, booked(begins=FRIDAY + DAY + 11.5 * 3_600)],            43),
    ("Sunday 00:30 in Cairo",            [LONG_AGO, booked(begins=FRIDAY + DAY + 12.5 * 3_600)],            40),
    ("a broker asked for by name",       [LONG_AGO, booked(asked_for_broker=True)],                         45),
    ("confirmed",                        [LONG_AGO, booked(), confirmed()],                                 45),
    ("a repeat viewing",                 [LONG_AGO, booked("v0", when=-60), booked()],                      55),
    ("an earlier one of another home",   [LONG_AGO, booked("v0", FLAT, -60), booked()],                     40),
    ("an earlier one that was missed",   [LONG_AGO, booked("v0", when=-60), missed("v0"), booked()],        40),
    ("an earlier one, cancelled",        [LONG_AGO, booked("v0", when=-60), cancelled("v0"), booked()],     40),
    ("a later one of the same home",     [LONG_AGO, booked("v2", when=60), booked()],                       40),
    ("nobody came",                      [LONG_AGO, *hot_tour(), booked(party_size=2), missed()],           10),
    ("cancelled",                        [LONG_AGO, *hot_tour(), booked(party_size=2), cancelled()],        5),
    ("completed, as before",             [LONG_AGO, booked(party_size=2), confirmed(), came()],             50),
]
# fmt: on


@pytest.mark.parametrize(
    ("facts", "probability"), [one[1:] for one in PROBABILITIES], ids=[o[0] for o in PROBABILITIES]
)
def test_each_fact_has_its_points(facts: list[Fact], probability: int) -> None:
    assert judged(*facts).score.score == probability


EVERYTHING = [
    requested(when=-3_600), *hot_tour(), booked("v0", when=-60),
    talk(buying_intent="high", timeline="immediate", asked_about_financing=True),
    booked(party_size=3, begins=FRIDAY, asked_for_broker=True), confirmed(),
]  # fmt: skip


def test_nobody_is_ever_certain_to_buy() -> None:
    all_of_it = judged(*EVERYTHING)
    assert all_of_it.score.score == 95
    assert (all_of_it.once_completed, all_of_it.quality, all_of_it.timeline) == (100, 10, "immediate")


def test_a_score_names_the_log_entries_behind_it() -> None:
    told = story(*EVERYTHING)
    person = told.people[ANNA.subject_id]
    reasons = {one.rule: one.events for one in judge(person, str(viewing_id("v1")), told.house).score.reasons}
    assert set(reasons) == {
        "hot_tour", "good_talk", "repeat_viewing", "party", "financing", "quick", "weekend", "by_name", "confirmed",
    }  # fmt: skip
    assert all(reasons.values())
    before = person.viewings.booked[str(viewing_id("v0"))].booked
    assert before is not None
    assert reasons["repeat_viewing"] == (before.event,)


# fmt: off
FOLLOWS: list[tuple[int, int, int, str]] = [
    # probability, lead quality, once completed, timeline
    (5,  1,  25,  "within_quarter"),
    (10, 1,  30,  "within_quarter"),
    (40, 4,  60,  "within_quarter"),
    (43, 4,  63,  "within_quarter"),
    (45, 5,  65,  "within_quarter"),
    (49, 5,  69,  "within_quarter"),
    (50, 5,  70,  "within_month"),
    (55, 6,  75,  "within_month"),
    (69, 7,  89,  "within_month"),
    (70, 7,  90,  "immediate"),
    (85, 9,  100, "immediate"),
    (95, 10, 100, "immediate"),
]
# fmt: on


@pytest.mark.parametrize(("probability", "quality", "once_completed", "timeline"), FOLLOWS)
def test_what_follows_from_the_probability(probability: int, quality: int, once_completed: int, timeline: str) -> None:
    known = {"conversion_probability": probability}
    assert score(BRIEF, "viewing_leads", known).score == quality
    assert score(BRIEF, "completed_viewings", known).score == once_completed
    assert label(BRIEF, "viewing_timeline", known) == timeline


@pytest.mark.parametrize(("viewings", "word"), [(1, "low"), (2, "low"), (3, "medium"), (5, "medium"), (6, "high")])
def test_competition_counts_the_viewings_of_two_weeks(viewings: int, word: str) -> None:
    assert label(BRIEF, "viewing_competition", {"viewings_in_14_days": viewings}) == word


def test_a_scheduled_viewing_is_worth_a_fortieth_of_the_price() -> None:
    told = story(LONG_AGO).when(ANNA.did(booked(party_size=2))).then_sends(("Purchase", 100_000.0)).conversion
    assert (told.slot, told.category, told.action_source) == (
        "viewing_scheduled", "property_viewing_scheduled", "website",
    )  # fmt: skip
    assert told.custom == {
        "conversion_probability": 45, "property_value": 4_000_000.0, "viewing_type": "in_person", "party_size": 2,
        "lead_quality_score": 5, "timeline": "within_quarter", "property_id": VILLA,
    }  # fmt: skip


def test_another_viewing_of_the_same_home_is_worth_eight_percent_instead() -> None:
    told = story(LONG_AGO, booked("v0", when=-60)).when(ANNA.did(booked())).then_sends(("Purchase", 320_000.0))
    assert told.conversion.category == "repeat_viewing_requested"
    assert told.conversion.slot == "viewing_scheduled"
    assert told.conversion.custom == {"conversion_probability": 85, "property_id": VILLA}


def test_a_booking_after_a_cancelled_one_is_no_repeat() -> None:
    before = story(LONG_AGO, booked("v0", when=-60), cancelled("v0", when=-30))
    before.when(ANNA.did(booked())).then_sends(("Purchase", 100_000.0))


def test_a_completed_viewing_is_worth_a_twentieth_and_happened_at_the_property() -> None:
    told = story(LONG_AGO, booked()).when(ANNA.did(came())).then_sends(("Purchase", 200_000.0)).conversion
    assert (told.category, told.action_source) == ("property_viewing_completed", "physical_store")
    assert told.custom == {"property_value": 4_000_000.0, "conversion_probability": 60, "property_id": VILLA}


@pytest.mark.parametrize(
    ("viewing_type", "source"),
    [("in_person", "physical_store"), ("self_guided", "physical_store"), ("virtual", "app")],
)
def test_where_a_completed_viewing_happened(viewing_type: str, source: str) -> None:
    before = story(LONG_AGO, booked(viewing_type=viewing_type, origin="app"))
    assert before.when(ANNA.did(came())).conversion.action_source == source


def test_a_confirmation_adds_none_and_neither_do_the_sad_ends() -> None:
    for step in (confirmed(), missed(), cancelled(), followed_up()):
        story(LONG_AGO, booked()).when(ANNA.did(step)).then_nothing_is_decided()
    given().when(ANNA.did(requested())).then_nothing_is_decided()


def test_each_viewing_earns_each_conversion_once() -> None:
    told = story(LONG_AGO, booked(), came())
    told.when(ANNA.did(booked()), ANNA.did(came())).then_nothing_is_decided()


def test_the_price_is_the_requests_else_the_newest_the_person_was_told() -> None:
    told_of = requested(when=-2 * DAY, listing=costing(6_000_000))
    story(told_of).when(ANNA.did(booked())).then_sends(("Purchase", 100_000.0))
    newest = story(told_of).when(ANNA.did(booked(pounds=None))).then_sends(("Purchase", 150_000.0)).conversion
    assert newest.custom["property_value"] == 6_000_000.0
    dollars = story(requested(when=-2 * DAY, listing=costing(90_000, "USD"))).when(ANNA.did(booked(pounds=None)))
    assert (dollars.conversion.value, dollars.conversion.currency) == (2_250.0, "USD")


def test_without_a_price_a_purchase_stays_in_the_house() -> None:
    story(LONG_AGO).when(ANNA.did(booked(pounds=None))).then_withholds("no_value")


def test_a_test_booking_is_test_traffic() -> None:
    story(LONG_AGO).when(ANNA.did(booked(test=True))).then_withholds("test_traffic")


def test_the_third_platform_multiplies() -> None:
    before = story(LONG_AGO, *hot_tour(FLAT), talk(buying_intent="low"))
    # three platforms × 1.5; intent (0.3 × 75 + 0.4 × 5) / 0.7 / 10 = 3.5 multiplies nothing
    before.when(ANNA.did(booked())).then_sends(("Purchase", 150_000.0))


def test_the_plain_policy_says_that_a_viewing_was_scheduled_and_no_more() -> None:
    house = (registered(), connected(), activated(PLAIN))
    told = story(LONG_AGO, house=house).when(ANNA.did(booked())).then_sends(("Schedule", None)).conversion
    assert told.custom == {"viewing_type": "in_person", "party_size": 1, "property_id": VILLA,
                           "conversion_probability": 40}  # fmt: skip
    story(LONG_AGO, booked(), house=house).when(ANNA.did(came())).then_nothing_is_decided()


def test_what_is_asked_of_a_persons_viewings() -> None:
    def of(*facts: Fact) -> viewing.Viewings:
        return story(*facts).people[ANNA.subject_id].viewings

    assert (viewing.wanted(of(requested())), viewing.asked_for(of(requested()), VILLA)) == (True, True)
    assert not viewing.asked_for(of(requested()), FLAT)
    assert not viewing.wanted(of(requested(when=-1), booked()))
    assert viewing.wanted(of(requested(when=-1), booked(), requested(when=1)))
    assert not viewing.outcome_missing(of(booked()))
    assert viewing.outcome_missing(of(booked(), came()))
    assert not viewing.outcome_missing(of(booked(), came(), followed_up()))
    assert viewing.count(of(requested(), booked("a"), booked("b", FLAT), came("c"))) == 2


def test_the_newest_follow_up_holds_whatever_the_order() -> None:
    first, second = followed_up("thinking", when=MONDAY + 60), followed_up("offer", when=MONDAY + 120)
    for told in ([first, second], [second, first]):
        known = story(booked(), *told).people[ANNA.subject_id].viewings.booked[str(viewing_id("v1"))]
        assert known.followed is not None
        assert known.followed.outcome == "offer"


def test_every_booked_viewing_has_a_score() -> None:
    told = story(LONG_AGO, booked(), booked("v2", FLAT), missed("v3"))
    person = told.people[ANNA.subject_id]
    assert {one.key: one.score.score for one in viewing_scores(person, told.house)} == {
        str(viewing_id("v1")): 40, str(viewing_id("v2")): 40,
    }  # fmt: skip


def test_a_request_is_a_touchpoint_and_what_is_decided_is_none() -> None:
    assert isinstance(requested(), Touchpoint)
    assert not isinstance(booked(), Touchpoint)
