"""What was told in one place serves the others: wishes, prices, budgets and chances."""

import pytest

from domain.people import investors
from domain.people.person import Person
from domain.people.signals import action_facts, tour_signals
from domain.people.viewing_scores import conversion_probability
from domain.properties.listing import Listing
from domain.scoring.policy import next_action
from domain.shared.clock import millis
from domain.shared.fact import Fact
from tests.cast import ANNA, FLAT, TOUR, TOUR_2, VILLA, at, completed, form, room
from tests.cast_conversations import agreed, judged, noted
from tests.cast_investors import can_pay, home, put_by, showed, viewed
from tests.cast_viewings import MONDAY, booked, came, costing, requested
from tests.spec import Story, given

CAIRO = Listing(city="Cairo")
"""A word about a property that says nothing of its price."""


def story(*facts: Fact) -> Story:
    return given(*map(ANNA.did, facts))


def person_of(told: Story) -> Person:
    return told.people[ANNA.subject_id]


def advice(*facts: Fact) -> str | None:
    told = story(*facts)
    found = next_action(told.house.policy, action_facts(person_of(told), told.house, millis(at(3600))))
    return found.do if found else None


WISHES: list[Fact] = [
    judged(requested_viewing=True),
    noted("viewing_asked"),
    agreed("viewing_requested"),
]


@pytest.mark.parametrize("wish", WISHES)
def test_who_asks_for_a_viewing_in_a_conversation_is_offered_slots_until_one_is_booked(wish: Fact) -> None:
    assert advice(wish) == "offer_viewing_slots"
    assert advice(wish, booked(when=900)) is None


def test_a_viewing_of_another_home_is_not_the_one_asked_for() -> None:
    wish = judged(home=VILLA, requested_viewing=True)
    assert advice(wish, booked(home=FLAT, when=900)) == "offer_viewing_slots"
    assert advice(wish, booked(home=VILLA, when=900)) is None


def test_a_viewing_booked_before_they_talked_is_not_the_one_asked_for() -> None:
    assert advice(booked(when=0), noted("viewing_asked", when=600)) == "offer_viewing_slots"


def test_a_tour_shows_that_its_home_was_asked_for_in_a_conversation() -> None:
    asked = judged(home=VILLA, requested_viewing=True)
    person = person_of(story(room("salon", 40), room("salon", 40, session=TOUR_2, home=FLAT), asked))
    assert tour_signals(person, TOUR)["asked_for_a_viewing"] is True
    assert tour_signals(person, TOUR_2)["asked_for_a_viewing"] is False


def test_tours_of_who_knows_what_are_no_return_to_anything() -> None:
    person = person_of(story(completed(home=None, when=0), completed(TOUR_2, home=None, when=600)))
    assert tour_signals(person, TOUR_2)["return_session"] is False


def test_a_viewing_costs_what_the_home_was_last_said_to_cost() -> None:
    told = story(viewed(listing=costing(4_000_000, "USD")), viewed(when=60, listing=CAIRO))
    told.when(ANNA.did(booked(when=120, pounds=None)))
    sent = told.conversion
    assert (sent.value, sent.currency, sent.custom["property_value"]) == (100_000, "USD", 4_000_000)


def test_a_viewing_keeps_the_price_and_currency_it_was_booked_at() -> None:
    told = story(booked(), viewed(when=60, listing=costing(90_000, "USD")))
    sent = told.when(ANNA.did(came(when=MONDAY))).conversion
    assert (sent.base_value, sent.currency) == (200_000, "EGP")


def test_a_save_is_worth_its_price_in_the_currency_that_the_price_was_told_in() -> None:
    told = story(viewed(listing=home(4_000_000, currency="USD")), viewed(when=60, listing=CAIRO))
    sent = told.when(ANNA.did(put_by(when=120))).conversion
    assert (sent.value, sent.currency) == (600, "USD")  # 4,000,000 × 0.0005 × 30 / 100


def test_every_conversion_carries_the_chance_that_the_person_buys() -> None:
    told = story(requested(), booked())
    assert told.conversion.custom["conversion_probability"] == 45  # base 40, within a day 5
    told.when(ANNA.did(put_by(FLAT, when=600)))
    assert told.conversion.custom["conversion_probability"] == 45
    told.when(ANNA.did(came(when=MONDAY)), ANNA.did(put_by("chalet-3", when=MONDAY + 60)))
    assert [one.custom["conversion_probability"] for one in told.conversions] == [65, 65]


def test_the_chance_is_the_best_that_a_viewing_or_a_form_tells() -> None:
    told = story(form(location="Maadi", property_type="villa", timeline="now"), booked(when=60))
    assert conversion_probability(person_of(told), told.house) == 70  # the form: 15 + 15 + 20, e-mail 10, phone 10
    assert conversion_probability(Person(), told.house) is None


def test_who_has_neither_viewing_nor_form_is_not_given_a_chance() -> None:
    sent = story(room("salon", 10)).when(ANNA.did(completed())).conversion
    assert "conversion_probability" not in sent.custom


BUDGETS: list[Fact] = [
    can_pay(4_000_000),
    form(price_min_minor=100, price_max_minor=400_000_000),
    judged(budget_max_minor=400_000_000, when=0),
]


@pytest.mark.parametrize("stated", BUDGETS)
def test_a_budget_counts_wherever_it_was_stated(stated: Fact) -> None:
    told = story(stated, viewed(when=1, listing=home(9_000_000)))
    profile = investors.profile_of(person_of(told), told.house)
    assert (profile["buying_power"], profile["commission_potential"]) == (4_000_000, 100_000)
    told.when(ANNA.did(showed("roi_calculated", when=60)))
    assert [(one.event_name, one.base_value) for one in told.conversions] == [("Search", 15_000)]


def test_the_newest_budget_holds() -> None:
    old, new = judged(budget_max_minor=100, when=0), can_pay(4_000_000, when=60)
    for order in ((old, new), (new, old)):
        told = story(*order)
        assert investors.profile_of(person_of(told), told.house)["buying_power"] == 4_000_000
