"""What a save means, and what Meta hears of it."""

from itertools import permutations
from typing import Any

import pytest

from domain.brokerage.rulebook import House
from domain.conversations.events import ConversationStarted
from domain.people import person as people
from domain.people.person import Person
from domain.people.scores import scores_of
from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.shared.fact import Fact
from tests.cast import (
    ANNA,
    BASEM,
    FLAT,
    TOUR,
    VILLA,
    activated,
    at,
    completed,
    connected,
    recorded,
    registered,
    room,
)
from tests.cast_investors import home, put_by, viewed
from tests.spec import given

DAY = 86_400
SAVE_AT = 10 * DAY
PRICED = home(10_000_000)


def looked(times: int, property_id: str = VILLA) -> list[Fact]:
    return [viewed(property_id, when=nth) for nth in range(times)]


WARM, HOT = [room("salon", 601)], [room("salon", 700), room("salon", 10)]  # 60 and 75 points
OTHERS = ["other-1", "other-2"]


# fmt: off
POINTS: list[tuple[str, list[Fact], dict[str, Any], int]] = [
    ("nothing before",                 [],                                                   {}, 20),
    ("one look",                       looked(1),                                            {}, 25),
    ("four looks",                     looked(4),                                            {}, 40),
    ("nine looks",                     looked(9),                                            {}, 40),
    ("looks at another home",          looked(4, FLAT),                                      {}, 20),
    ("a look afterwards",              [viewed(when=SAVE_AT + 1)],                           {}, 20),
    ("a cold tour",                    [room("salon", 1)],                                   {}, 20),
    ("a warm tour",                    WARM,                                                 {}, 35),
    ("a hot tour",                     HOT,                                                  {}, 45),
    ("the best of two tours",          [*HOT, room("salon", 601, session="tour-2")],         {}, 45),
    ("a tour of another home",         [room("salon", 601, home=FLAT)],                      {}, 20),
    ("a tour afterwards",              [room("salon", 601, when=SAVE_AT + 1)],               {}, 20),
    ("from a comparison",              [],                          {"saved_from": "comparison"}, 30),
    ("from a calculator",              [],                          {"saved_from": "calculator"}, 30),
    ("from a tour",                    [],                          {"saved_from": "tour"},       20),
    ("the second this week",           [put_by("other-1", SAVE_AT - 1)],                     {}, 20),
    ("the third this week",            [put_by(one, SAVE_AT - 7 * DAY + 1) for one in OTHERS], {}, 30),
    ("the third in a longer time",     [put_by(one, SAVE_AT - 7 * DAY) for one in OTHERS],   {}, 20),
    ("one home saved thrice",          [put_by("other-1", SAVE_AT - nth) for nth in (1, 2)], {}, 20),
    ("others saved afterwards",        [put_by(one, SAVE_AT + 1) for one in OTHERS],         {}, 20),
    ("all of it but the talk",
     [*looked(5), *HOT, *(put_by(one, SAVE_AT - 1) for one in OTHERS)], {"saved_from": "comparison"}, 85),
]
# fmt: on


@pytest.mark.parametrize(("before", "how", "points"), [row[1:] for row in POINTS], ids=[row[0] for row in POINTS])
def test_what_came_before_a_save_earns_its_points(before: list[Fact], how: dict[str, Any], points: int) -> None:
    story = given(*map(ANNA.did, before), ANNA.did(put_by(VILLA, SAVE_AT, **how)))
    scored = story.score("saves", VILLA)
    assert scored.score == points
    assert points == 20 + sum(reason.points for reason in scored.reasons)
    assert all(reason.events for reason in scored.reasons)


# fmt: off
TOLD: list[tuple[list[Fact], dict[str, Any], str, float]] = [
    ([],                     {},                           "AddToWishlist", 1_000),  # 10 million × 0.0005 × 20 / 100
    ([*looked(2), *HOT],     {},                           "AddToWishlist", 2_750),  # 55
    ([*looked(3), *HOT],     {},                           "AddToCart",     3_000),  # 60
    ([*looked(9), *HOT],     {"saved_from": "comparison"}, "AddToCart",     3_750),  # 75
]
# fmt: on


@pytest.mark.parametrize(("before", "how", "event", "value"), TOLD)
def test_a_save_tells_its_share_of_the_price(
    before: list[Fact], how: dict[str, Any], event: str, value: float
) -> None:  # fmt: skip
    story = given(*map(ANNA.did, before)).when(ANNA.did(put_by(VILLA, SAVE_AT, PRICED, **how)))
    told = story.then_sends((event, value)).conversion
    assert (told.category, told.slot, told.currency) == ("property_saved", "property_saved", "EGP")
    assert told.custom == {"property_id": VILLA}


def test_a_price_in_another_currency_is_told_in_it() -> None:
    abroad = home(200_000, currency="USD")
    told = given().when(ANNA.did(put_by(listing=abroad))).then_sends(("AddToWishlist", 20.0)).conversion
    assert told.currency == "USD"


def test_without_a_price_a_save_is_told_without_a_value() -> None:
    given().when(ANNA.did(put_by())).then_sends(("AddToWishlist", None))


def test_a_price_told_before_is_enough() -> None:
    given(ANNA.did(viewed(listing=PRICED))).when(ANNA.did(put_by(when=1))).then_sends(("AddToWishlist", 1_250.0))


def test_a_save_counts_once_per_person_and_property() -> None:
    story = given(ANNA.did(put_by(listing=PRICED)))
    story.when(ANNA.did(put_by(when=90, listing=PRICED))).then_nothing_is_decided()
    story.when(BASEM.did(put_by(when=90, listing=PRICED))).then_sends(("AddToWishlist", 1_000.0))
    story.when(ANNA.did(put_by(FLAT, 90, PRICED))).then_sends(("AddToWishlist", 1_000.0))


def test_a_look_alone_tells_nothing() -> None:
    given().when(ANNA.did(viewed(listing=PRICED))).then_nothing_is_decided()


def test_plain_tells_a_save_without_inventing_a_value() -> None:
    house = (registered(), connected(), activated(PLAIN))
    story = given(*map(ANNA.did, [*looked(9), *HOT]), house=house).when(ANNA.did(put_by(VILLA, SAVE_AT, PRICED)))
    story.then_sends(("AddToWishlist", None))


def test_a_save_keeps_to_the_policy_that_held_when_it_came() -> None:
    story = given(ANNA.did(put_by())).when(activated(BRIEF.model_copy(update={"version": 9, "scores": ()}), 2))
    assert (story.score("saves", VILLA).score, story.score("saves", VILLA).policy) == (20, BRIEF.label)


def test_a_late_tour_scores_the_save_again_and_sends_nothing_more() -> None:
    story = given(ANNA.did(put_by(VILLA, SAVE_AT, PRICED))).when(*map(ANNA.did, HOT)).then_nothing_is_decided()
    assert story.score("saves", VILLA).score == 45


def test_saves_score_the_same_in_whatever_order_they_arrive() -> None:
    facts = [put_by(VILLA, 5), put_by(VILLA, 5, saved_from="comparison"), put_by(FLAT, 3), viewed(when=5), *WARM]
    entries = [recorded(ANNA.did(fact), place) for place, fact in enumerate(facts, 1)]
    outcomes = []
    for order in permutations(entries):
        person = Person()
        for entry in order:
            person = people.evolve(person, entry, House())
        found = [(one.key, one.score) for one in scores_of(person, House()) if one.about == "saves"]
        outcomes.append((sorted(found, key=lambda one: one[0]), person.interest))
    assert outcomes[1:] == outcomes[:-1]


@pytest.mark.parametrize(("about", "when", "points"), [(VILLA, 0, 35), (FLAT, 0, 20), (VILLA, SAVE_AT + 1, 20)])
def test_a_conversation_about_the_home_counts(about: str, when: float, points: int) -> None:
    talk = ConversationStarted(session_id="talk-1", property_id=about, occurred_at=at(when))
    story = given(ANNA.did(talk), ANNA.did(put_by(VILLA, SAVE_AT)))
    assert story.score("saves", VILLA).score == points


def test_a_tour_is_named_as_the_reason() -> None:
    story = given(*map(ANNA.did, [*HOT, completed()]), ANNA.did(put_by(VILLA, SAVE_AT)))
    (reason,) = story.score("saves", VILLA).reasons
    assert (reason.rule, reason.value) == ("hot_tour", "hot")
    assert reason.events == (story.people[ANNA.subject_id].tours[TOUR].visits[0],)
