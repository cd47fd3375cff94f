"""What rentals tell Meta, which segment a customer is in, and what they may still bring: every number of the tables."""

from datetime import date
from itertools import permutations
from typing import Any

import pytest
from pydantic import ValidationError

from domain.brokerage.rulebook import House
from domain.lifetime_value.fitted import Draw, FittedValueModel, FrequencyParameters, SegmentMean, ValueParameters
from domain.lifetime_value.model import Customer as History
from domain.lifetime_value.model import FrequencyModel, ValueModel, lifetime_value
from domain.people import person as people
from domain.people.person import Person
from domain.properties.listing import Listing
from domain.rentals import customer as customers
from domain.rentals import profile
from domain.rentals.booking import Booking
from domain.rentals.customer import Customer
from domain.scoring.plain import PLAIN
from domain.scoring.policy import label
from domain.shared.clock import millis
from domain.shared.fact import Fact
from tests.cast import ANNA, NILE_HOMES, Told, activated, at, connected, recorded, registered, saved
from tests.cast_rentals import (
    CHALET,
    DAY,
    LOFT,
    asked_to_buy,
    called_off,
    fitted,
    hosting,
    initiated,
    model,
    paid,
    referred,
    reviewed,
    searched,
    stay,
    stayed,
    worth,
)
from tests.spec import Story, given

PLAINLY = (registered(), connected(), activated(PLAIN))


def told(*facts: Fact | Told) -> Story:
    """A story of Anna; what is told already, such as a fit, is the brokerage's."""
    return given(*(one if isinstance(one, Told) else ANNA.did(one) for one in facts))


def customer(*facts: Fact) -> Customer:
    return told(*facts).people[ANNA.subject_id].rentals


def outcome(story: Story) -> tuple[str, float | None, str]:
    """What the booking itself told, milestones left out."""
    (found,) = [one for one in story.conversions if one.slot == "rental_booking"]
    return found.event_name, found.value, found.category


def milestones(story: Story) -> list[tuple[Any, str, float | None]]:
    rows = [one for one in story.conversions if one.category == "rental_customer_milestone"]
    return [(one.custom["milestone"], one.event_name, one.value) for one in rows]


# The booking.

# fmt: off
PREDICTED: list[tuple[float, tuple[str, float, str]]] = [
    (12_000,    ("Purchase",             3_600.0,  "high_ltv_rental_customer")),
    (10_000.01, ("Purchase",             3_000.0,  "high_ltv_rental_customer")),
    (10_000,    ("Subscribe",            2_000.0,  "recurring_rental_customer")),
    (6_000,     ("Subscribe",            1_200.0,  "recurring_rental_customer")),
    (5_000,     ("CompleteRegistration", 1_000.0,  "rental_booking")),
    (40,        ("CompleteRegistration", 1_000.0,  "rental_booking")),
]
# fmt: on


@pytest.mark.parametrize(("pounds", "expected"), PREDICTED)
def test_a_booking_counts_by_what_the_guest_may_still_bring(pounds: float, expected: tuple[str, float, str]) -> None:
    story = told(fitted(worth(pounds))).when(ANNA.did(stay(pounds=1_000)))
    assert outcome(story) == expected


def test_without_a_personal_prediction_a_booking_counts_by_its_total() -> None:
    few = worth(50_000, customers=149)
    assert outcome(told().when(ANNA.did(stay(pounds=1_000)))) == ("CompleteRegistration", 1_000.0, "rental_booking")
    story = told(fitted(few)).when(ANNA.did(stay(pounds=1_000)))
    assert outcome(story) == ("CompleteRegistration", 1_000.0, "rental_booking")
    assert all("predicted_ltv" not in one.custom for one in story.conversions)


def test_an_investor_counts_as_high_whatever_is_predicted() -> None:
    story = told(fitted(worth(800)), asked_to_buy(-60)).when(ANNA.did(stay(pounds=1_000)))
    assert outcome(story) == ("Purchase", 240.0, "high_ltv_rental_customer")
    assert outcome(told(asked_to_buy(-60)).when(ANNA.did(stay(pounds=1_000)))) == (
        "Purchase", 300.0, "high_ltv_rental_customer",
    )  # fmt: skip


def test_more_than_two_bookings_a_year_recur_only_with_a_prediction() -> None:
    two = [stay("b1"), stay("b2", when=60)]
    story = told(fitted(worth(3_000)), *two).when(ANNA.did(stay("b3", when=120)))
    assert outcome(story) == ("Subscribe", 600.0, "recurring_rental_customer")
    assert outcome(told(*two).when(ANNA.did(stay("b3", when=120))))[0] == "CompleteRegistration"
    assert outcome(told(fitted(worth(3_000)), two[0]).when(ANNA.did(stay("b2", when=60))))[0] == "CompleteRegistration"


def test_a_booking_tells_what_its_row_asks_for() -> None:
    story = told(fitted(worth(12_000))).when(ANNA.did(stay(pounds=1_500)))
    high = next(one for one in story.conversions if one.slot == "rental_booking")
    assert high.custom == {
        "customer_segment": "budget_traveler", "predicted_ltv": 12_000.0, "booking_value": 1_500.0,
        "property_id": CHALET,
    }  # fmt: skip
    story = told(fitted(worth(6_000))).when(ANNA.did(stay()))
    recurring = next(one for one in story.conversions if one.slot == "rental_booking")
    assert recurring.custom == {"predicted_ltv": 6_000.0, "property_id": CHALET}
    plain = next(one for one in told().when(ANNA.did(stay())).conversions if one.slot == "rental_booking")
    assert plain.custom == {"customer_segment": "budget_traveler", "property_id": CHALET}


def test_a_booking_is_told_once_however_often_it_is_confirmed() -> None:
    told(stay()).when(ANNA.did(stay(pounds=9_999, when=60))).then_nothing_is_decided()


def test_a_booking_that_was_cancelled_already_is_not_told() -> None:
    told(called_off(when=30)).when(ANNA.did(stay(when=10))).then_nothing_is_decided()


def test_a_booking_in_another_currency_is_told_in_it_and_counts_by_its_total() -> None:
    story = told(fitted(worth(12_000))).when(ANNA.did(stay(pounds=700, currency="USD")))
    assert outcome(story) == ("CompleteRegistration", 700.0, "rental_booking")
    assert {one.currency for one in story.conversions} == {"USD"}
    assert customers.revenue(story.people[ANNA.subject_id].rentals, story.house) == 0
    assert customers.bookings(story.people[ANNA.subject_id].rentals) == 1


# Milestones.


def test_the_first_booking_and_the_repeats() -> None:
    story = told().when(ANNA.did(stay("b1", 1_000)))
    assert milestones(story) == [("first_booking", "CompleteRegistration", 1_000.0)]
    first = next(one for one in story.conversions if one.category == "rental_customer_milestone")
    assert first.custom == {
        "customer_id": str(ANNA.subject_id), "milestone": "first_booking", "property_id": CHALET,
    }  # fmt: skip
    assert milestones(story.when(ANNA.did(stay("b2", 1_000, DAY)))) == [("repeat_booking", "Subscribe", 1_500.0)]
    assert milestones(story.when(ANNA.did(stay("b3", 2_000, 2 * DAY)))) == [("repeat_booking", "Subscribe", 3_000.0)]


def test_after_a_cancelled_first_booking_the_next_is_neither_first_nor_repeat() -> None:
    story = told(stay("b1"), called_off("b1")).when(ANNA.did(stay("b2", when=DAY)))
    assert milestones(story) == []


# fmt: off
DEAR: list[tuple[int, dict[str, Any], list[tuple[str, str, float]]]] = [
    (3_998,  {"nights": 2},  []),
    (4_000,  {"nights": 2},  [("premium_property_booked", "AddPaymentInfo", 4_800.0)]),
    (1_300,  {"nights": 13}, []),
    (1_400,  {"nights": 14}, [("extended_stay_booked", "Purchase", 1_820.0)]),
    (28_000, {"nights": 14}, [("premium_property_booked", "AddPaymentInfo", 33_600.0),
                              ("extended_stay_booked", "Purchase", 36_400.0)]),
    (2_800,  {"check_in": date(2026, 5, 1), "check_out": date(2026, 5, 15)},
             [("extended_stay_booked", "Purchase", 3_640.0)]),
    (90_000, {},             []),  # nobody knows for how many nights
]
# fmt: on


@pytest.mark.parametrize(("pounds", "more", "expected"), DEAR)
def test_dear_homes_and_long_stays(
    pounds: int, more: dict[str, Any], expected: list[tuple[str, str, float]]
) -> None:  # fmt: skip
    found = milestones(told().when(ANNA.did(stay(pounds=pounds, **more))))
    assert found[0] == ("first_booking", "CompleteRegistration", float(pounds))
    assert found[1:] == expected


def test_a_referral_counts_by_the_newest_booking_and_once_each() -> None:
    story = told(stay("b1", 1_000), stay("b2", 2_000, 60)).when(ANNA.did(referred("r1")))
    assert milestones(story) == [("referral_made", "Share", 1_000.0)]
    story.when(ANNA.did(referred("r1", 120))).then_nothing_is_decided()
    assert milestones(story.when(ANNA.did(referred("r2", 130)))) == [("referral_made", "Share", 1_000.0)]
    assert milestones(told().when(ANNA.did(referred()))) == [("referral_made", "Share", None)]


def test_a_thought_of_buying_counts_once_for_a_booking() -> None:
    story = told(stay("b1", 1_000), stay("b2", 3_000, 30)).when(ANNA.did(asked_to_buy()))
    assert milestones(story) == [("property_investment_inquiry", "Purchase", 6_000.0)]
    story.when(ANNA.did(asked_to_buy(100))).then_nothing_is_decided()
    named = story.when(ANNA.did(asked_to_buy(110, booking_id="b1")))
    assert milestones(named) == [("property_investment_inquiry", "Purchase", 2_000.0)]
    told().when(ANNA.did(asked_to_buy())).then_withholds("no_value")


def test_a_host_is_one_once() -> None:
    story = told(stay(pounds=1_000)).when(ANNA.did(hosting(property_id=LOFT)))
    assert milestones(story) == [("became_host", "StartTrial", 3_000.0)]
    story.when(ANNA.did(hosting(200, property_id="loft-3"))).then_nothing_is_decided()


# Searches, checkouts, reviews; what is silent.


def test_a_search_tells_how_many_filters_were_used() -> None:
    story = told().when(ANNA.did(searched(filters=("area", "pool", "area"))))
    story.then_sends(("Search", None))
    assert story.conversion.custom == {"filter_sophistication": 2}


def test_a_booking_begun_and_a_review_are_told() -> None:
    story = told().when(ANNA.did(initiated(property_id=CHALET, total_minor=150_000)))
    story.then_sends(("InitiateCheckout", None))
    assert story.conversion.custom == {"booking_value": 1_500.0, "property_id": CHALET}
    story.when(ANNA.did(initiated(when=10))).then_nothing_is_decided()
    story.when(ANNA.did(reviewed(5))).then_sends(("Contact", None))
    assert story.conversion.custom == {"rating": 5}
    story.when(ANNA.did(reviewed(2, by="host"))).then_nothing_is_decided()


def test_payments_cancellations_and_completed_stays_tell_nothing() -> None:
    story = told(stay()).when(ANNA.did(paid(500)), ANNA.did(stayed()), ANNA.did(called_off()))
    story.then_nothing_is_decided()
    assert {"rentals.paid.v1", "rentals.stay_completed.v1", "rentals.booking_cancelled.v1"} <= PLAIN.silent.keys()


def test_plain_tells_a_booking_at_its_price_and_invents_nothing() -> None:
    story = given(fitted(worth(12_000)), house=PLAINLY).when(ANNA.did(stay(pounds=30_000, nights=14)))
    story.then_sends(("Purchase", 30_000.0))
    story.when(ANNA.did(stay("b2", 500, 60))).then_sends(("Purchase", 500.0))
    story.when(ANNA.did(referred())).then_sends(("Share", None))
    story.when(ANNA.did(asked_to_buy())).then_sends(("Contact", None))
    story.when(ANNA.did(hosting())).then_sends(("CompleteRegistration", None))


# Segments.

# fmt: off
SEGMENTS: list[tuple[str, list[Fact], str]] = [
    ("nothing but a search",        [searched()],                                             "new_customer"),
    ("a cheap booking",             [stay(pounds=900)],                                       "budget_traveler"),
    ("just 2,000",                  [stay(pounds=2_000)],                                     "budget_traveler"),
    ("more than 2,000",             [stay(pounds=2_001)],                                     "luxury_seeker"),
    ("for business, 1,000",         [stay(purpose="business")],                               "budget_traveler"),
    ("for business, above 1,000",   [stay(pounds=1_001, purpose="business")],                 "business_traveler"),
    ("business before investing",   [stay(pounds=5_000, purpose="business"), asked_to_buy()], "business_traveler"),
    ("investing before luxury",     [stay(pounds=5_000), asked_to_buy()],                     "property_investor"),
    ("investing without a booking", [asked_to_buy()],                                         "property_investor"),
    ("luxury before local",         [stay(pounds=5_000), searched(local=True)],               "luxury_seeker"),
    ("local",                       [stay(pounds=900), searched(local=True)],                 "local_resident"),
    ("elsewhere",                   [stay(pounds=900), searched(local=False)],                "budget_traveler"),
    ("all cancelled",               [stay(pounds=5_000), called_off()],                       "new_customer"),
    ("mean of two",                 [stay(pounds=3_000), stay("b2", 500)],                    "budget_traveler"),
]
# fmt: on


@pytest.mark.parametrize(("facts", "expected"), [one[1:] for one in SEGMENTS], ids=[one[0] for one in SEGMENTS])
def test_a_customer_is_in_the_first_segment_that_fits(facts: list[Fact], expected: str) -> None:
    assert customers.segment(customer(*facts), House()) == expected


def test_somebody_who_never_looked_at_a_rental_is_in_no_segment() -> None:
    assert customers.segment(Customer(), House()) is None


# Value.

# fmt: off
EDGES = [(499.99, 0), (500, 1), (999.99, 1), (1_000, 2), (2_000, 3), (3_500, 4), (5_000, 5), (7_500, 6), (10_000, 7),
         (15_000, 8), (20_000, 9), (29_999, 9), (30_000, 10), (10**9, 10)]
BANDS = [(0, "low"), (4, "low"), (5, "medium"), (6, "medium"), (7, "high"), (8, "high"), (9, "VIP"), (10, "VIP")]
# fmt: on


@pytest.mark.parametrize(("pounds", "points"), EDGES)
def test_the_value_score(pounds: float, points: int) -> None:
    assert customers.ltv_score(pounds, House()) == points
    state = customer(stay())
    house = House(value_model=worth(pounds))
    assert customers.rental_score(state, house, 1, millis(at())) == 10 * points


@pytest.mark.parametrize(("points", "band"), BANDS)
def test_the_value_band(points: int, band: str) -> None:
    assert label(House().policy, "rental_ltv_band", {"ltv_score": points}) == band


@pytest.mark.parametrize(
    ("platforms", "times"), [(1, 1.0), (2, 1.1), (3, 1.21), (4, 1.331), (5, 1.4641), (6, 1.5), (0, 1.0)]
)
def test_a_prediction_is_raised_for_further_platforms(platforms: int, times: float) -> None:
    state, house = customer(stay()), House(value_model=worth(1_000))
    assert customers.predicted_ltv(state, house, platforms, millis(at())) == pytest.approx(1_000 * times, abs=0.01)


def test_a_prediction_is_that_of_the_model_for_bookings_by_day() -> None:
    facts = [stay("b1", 900, 0), stay("b2", 1_100, 100 * DAY), stay("b3", 700, 100 * DAY + 60)]
    frequency, worth_of = FrequencyModel("mbg", 0.8, 90, 0.6, 2.5), ValueModel(6, 4, 100_000.0)
    expected = lifetime_value(frequency, worth_of, History(1, 100, 150, 180_000.0), 12) / 100
    found = customers.predicted_ltv(customer(*facts), House(value_model=model()), 1, millis(at(150 * DAY)))
    assert found == pytest.approx(expected, abs=0.01)
    before = customers.predicted_ltv(customer(*facts), House(value_model=model()), 1, millis(at(50 * DAY)))
    alone = lifetime_value(frequency, worth_of, History(0, 0, 50), 12) / 100
    assert before == pytest.approx(alone, abs=0.01)  # what came later was not known then


def test_without_a_model_enough_data_or_a_booking_there_is_no_personal_number() -> None:
    state, now = customer(stay()), millis(at())
    unfitted = FittedValueModel.model_validate({**worth(900).model_dump(), "value": None})
    for poor in (None, worth(900, customers=149), worth(900, repeaters=29), unfitted):
        house = House(value_model=poor)
        assert customers.predicted_ltv(state, house, 3, now) is None
        assert customers.rental_score(state, house, 3, now) is None
    rich = House(value_model=worth(900))
    assert customers.predicted_ltv(customer(searched()), rich, 1, now) is None
    assert customers.predicted_ltv(customer(stay(), called_off()), rich, 1, now) is None
    assert customers.predicted_ltv(state, rich, 1, now - 86_400_000) is None  # before the first booking


def test_a_model_holds_from_its_place_in_the_log_on() -> None:
    story = told(stay("b1", 100)).when(fitted(worth(12_000), when=30))
    story.then_nothing_is_decided()
    person = story.people[ANNA.subject_id]
    assert customers.predicted_ltv(person.rentals, story.house, 1, millis(at())) == 12_000.0
    assert outcome(story.when(ANNA.did(stay("b2", 100, 60))))[0] == "Purchase"
    story.when(fitted(worth(10), when=90))
    assert outcome(story.when(ANNA.did(stay("b3", 100, 120))))[0] != "Purchase"
    assert story.rules.house(NILE_HOMES).value_model == worth(10)


def test_the_rental_score_makes_a_persons_intent() -> None:
    story = told(fitted(worth(12_000)), stay("b1", when=0))
    assert outcome(story.when(ANNA.did(stay("b2", 100, 60)))) == (
        "Purchase", 5_400.0, "high_ltv_rental_customer",
    )  # fmt: skip  # 12,000 × 0.3, times 1.5 for an intent of 7: one platform alone


# Profile.


def test_the_profile_of_a_customer() -> None:
    chalet = Listing(property_type="chalet")
    facts: list[Fact] = [
        searched(premium=True), searched(10, price_max_minor=199_999), searched(20, price_max_minor=200_000),
        searched(30),
        stay("b1", 1_000, check_in=date(2026, 3, 11), check_out=date(2026, 3, 13), listing=chalet, origin="app"),
        stay("b2", 3_000, 60 * DAY, check_in=date(2026, 7, 19), origin="app"),
        stay("b3", 9_000, 61 * DAY, channel="whatsapp"), called_off("b3", 62 * DAY, refund_minor=800_000),
        stayed("b1"), stayed("b2", 90 * DAY), reviewed(5), reviewed(3, "b2"), reviewed(1, by="host"), referred(),
        hosting(tourism_permit="TP-1", developer_qr="QR-1", response_rate=0.9),
    ]  # fmt: skip
    shown = profile.profile_of(customer(*facts), House(), 1, millis(at(100 * DAY)))
    assert shown == {
        "segment": "budget_traveler", "bookings": 2, "cancelled": 1, "revenue": 5_000.0, "mean_booking_value": 2_000.0,
        "bookings_per_year": 2.0, "mean_lead_days": (10 + 80) / 2, "seasonality": {"3": 1, "7": 1},
        "season_windows": [{"from_month": 3, "to_month": 3}, {"from_month": 7, "to_month": 7}],
        "preferred_types": ["chalet"], "best_channel": "app", "searches": 4, "premium_share": 0.5, "stays": 2,
        "rating_given": 4.0, "rating_received": 1.0, "referrals": 1,
        "hosting": {"since": at(90), "property_id": None, "tourism_permit": "TP-1", "developer_qr": "QR-1",
                    "response_rate": 0.9},
        "upsell": 20 + 30 + 30, "referral_likelihood": 50 + 25 + 25, "prediction": None,
    }  # fmt: skip


# fmt: off
LIKELY: list[tuple[list[Fact], int, int]] = [
    ([searched()],                                             0,  0),
    ([searched(premium=True)],                                 40, 0),
    ([stay()],                                                 30, 0),
    ([stay(), stay("b2", 999, DAY)],                           30, 0),
    ([stay(), stay("b2", 1_001, DAY)],                         60, 0),
    ([stay(), reviewed(4)],                                    30, 50),
    ([stay(), reviewed(3)],                                    30, 0),
    ([stay(), stayed()],                                       30, 0),
    ([stay(), stay("b2", 1, DAY), stayed(), stayed("b2")],     30, 25),
    ([referred()],                                             0,  25),
]
# fmt: on


@pytest.mark.parametrize(("facts", "upsell", "referral"), LIKELY)
def test_upsell_and_referral_likelihood(facts: list[Fact], upsell: int, referral: int) -> None:
    shown = profile.profile_of(customer(*facts), House(), 1, millis(at(30 * DAY)))
    assert (shown["upsell"], shown["referral_likelihood"]) == (upsell, referral)
    late = profile.profile_of(customer(*facts), House(), 1, millis(at(500 * DAY)))
    assert late["upsell"] == upsell - 30 * bool(shown["bookings"])  # without a model, nobody is active for ever


def test_a_personal_prediction_is_shown_with_its_interval() -> None:
    draws = tuple(
        Draw(frequency=FrequencyParameters(r=0.8, alpha=90, a=0.6, b=2.5), value=ValueParameters(p=6, q=4, v=v))
        for v in (50_000.0, 100_000.0, 150_000.0)
    )
    told_of = model(draws=draws)
    house = House(value_model=told_of)
    shown = profile.profile_of(customer(stay()), house, 2, millis(at()))["prediction"]
    value = shown["value_12m"]
    assert shown["status"] == "personal"
    assert value == customers.predicted_ltv(customer(stay()), house, 2, millis(at()))
    assert shown["value_12m_interval"] == pytest.approx([value / 2, value * 1.5], abs=0.02)  # of three draws all
    assert shown["value_24m"] > value
    assert 0 < shown["p_next_90d"] < shown["p_alive"] < 1
    assert shown["churn"] == pytest.approx(1 - shown["p_alive"], abs=0.0002)
    assert (shown["raised_by"], shown["beyond_data"]) == (1.1, False)
    assert shown["ltv_score"] == customers.ltv_score(value, house)


def test_too_little_data_shows_the_segments_mean_and_says_so() -> None:
    budget = SegmentMean(customers=12, revenue_12m_minor=45_600.0, booking_minor=22_250.0)
    house = House(value_model=worth(900, customers=20, segments={"budget_traveler": budget}))
    shown = profile.profile_of(customer(stay()), house, 4, millis(at()))["prediction"]
    assert shown == {
        "status": "not_enough_data", "segment": "budget_traveler", "customers": 12, "mean_revenue_12m": 456.0,
        "mean_booking_value": 222.5,
    }  # fmt: skip
    luxury = profile.profile_of(customer(stay(pounds=9_000)), house, 4, millis(at()))["prediction"]
    assert (luxury["segment"], luxury["mean_revenue_12m"]) == (None, 1_234.5)


# fmt: off
WINDOWS: list[tuple[dict[int, int], list[tuple[int, int]]]] = [
    ({},                                  []),
    ({7: 1},                              [(7, 7)]),
    ({6: 3, 7: 4, 8: 3, 1: 1},            [(6, 8), (1, 1)]),
    ({12: 5, 1: 5},                       [(12, 1)]),
    (dict.fromkeys(range(1, 13), 2),      []),
]
# fmt: on


@pytest.mark.parametrize(("counted", "windows"), WINDOWS)
def test_season_windows_go_round_the_year(counted: dict[int, int], windows: list[tuple[int, int]]) -> None:
    found = profile.season_windows({month: counted.get(month, 0) for month in range(1, 13)})
    assert sorted((one["from_month"], one["to_month"]) for one in found) == sorted(windows)


# Money.

# fmt: off
NET: list[tuple[str, list[Fact], int]] = [
    ("confirmed",                    [stay()],                                                           1_000),
    ("paid in full",                 [stay(), paid(1_000, transaction_id="1")],                          1_000),
    ("cancelled",                    [stay(), called_off()],                                             0),
    ("cancelled, half back",         [stay(), called_off(refund_minor=50_000)],                          500),
    ("cancelled, nothing back",      [stay(), called_off(refund_minor=0)],                               1_000),
    ("half back",                    [stay(), paid(500, refund=True, transaction_id="2")],               500),
    ("half back, told by both",      [stay(), called_off(refund_minor=50_000), paid(500, refund=True)],  500),
    ("back in two parts",            [stay(), paid(1_000, transaction_id="1"),
                                      paid(300, refund=True, transaction_id="2", parent_transaction_id="1"),
                                      paid(200, refund=True, transaction_id="3", parent_transaction_id="1")], 500),
    ("and told on the payment too",  [stay(), paid(300, refund=True, transaction_id="2", parent_transaction_id="1"),
                                      paid(300, refund=True, transaction_id="1", when=99)],              700),
    ("the sum of refunds grows",     [stay(), paid(300, refund=True, transaction_id="1"),
                                      paid(450, refund=True, transaction_id="1", when=99)],              550),
    ("more back than it cost",       [stay(), paid(1_500, refund=True)],                                 0),
    ("begun only",                   [initiated(total_minor=100_000)],                                   0),
]
# fmt: on


@pytest.mark.parametrize(("facts", "pounds"), [one[1:] for one in NET], ids=[one[0] for one in NET])
def test_what_a_booking_brings_after_all(facts: list[Fact], pounds: int) -> None:
    for order in permutations(facts):
        state = customer(*order)
        assert customers.revenue(state, House()) == pounds


def test_everything_about_a_customer_is_the_same_in_whatever_order_it_arrives() -> None:
    facts = [stay("b1", 900, 5), stay("b1", 700, 9), called_off("b1", 20), initiated("b1", 1), referred("r", 3)]
    entries = [recorded(ANNA.did(fact), place) for place, fact in enumerate(facts, 1)]
    found = []
    for order in permutations(entries):
        person = Person()
        for entry in order:
            person = people.evolve(person, entry, House())
        found.append(person.rentals)
    assert found[1:] == found[:-1]
    assert found[0].bookings["b1"].confirmed is not None
    assert found[0].bookings["b1"].confirmed.total_minor == 90_000  # the first to happen holds


def test_a_booking_goes_through_its_states() -> None:
    def status(*facts: Fact) -> str:
        return customer(*facts).bookings["b1"].status

    assert status(initiated()) == "initiated"
    assert status(initiated(), stay()) == "confirmed"
    assert status(stay(), stayed()) == "completed"
    assert status(stay(), stayed(), called_off()) == "cancelled"
    assert Booking().net_minor == 0


def test_other_platforms_raise_what_a_booking_tells() -> None:
    story = told(fitted(worth(9_500)), saved()).when(ANNA.did(stay(when=60)))
    assert outcome(story) == ("Purchase", 3_135.0, "high_ltv_rental_customer")  # 9,500 × 1.1 × 0.3


# Bad input.

# fmt: off
WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (stay,      {"check_in": date(2026, 5, 2), "check_out": date(2026, 5, 2)}, "check_out must lie after check_in"),
    (stay,      {"check_in": date(2026, 5, 2), "check_out": date(2026, 5, 4), "nights": 3}, "nights must be those"),
    (stay,      {"nights": 0},               "nights"),
    (stay,      {"total_minor": -1},         "total_minor"),
    (stay,      {"purpose": "fun"},          "purpose"),
    (stay,      {"response_rate": 1.1},      "response_rate"),
    (initiated, {"guests": 0},               "guests"),
    (searched,  {"filters": ("",)},          "filters"),
    (searched,  {"price_max_minor": -1},     "price_max_minor"),
]
# fmt: on


@pytest.mark.parametrize(("make", "more", "rule"), WRONG)
def test_what_cannot_be_is_refused(make: Any, more: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        make(**more)


@pytest.mark.parametrize("rating", [0, 6, 4.5])
def test_a_rating_is_one_to_five_stars(rating: Any) -> None:
    with pytest.raises(ValidationError, match="rating"):
        reviewed(rating)
