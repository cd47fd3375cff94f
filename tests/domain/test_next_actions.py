"""What an agent should do next for a person, row by row of the shipped table."""

import pytest

from domain.people.signals import action_facts
from domain.scoring.policy import next_action
from domain.shared.clock import millis
from domain.shared.fact import Fact
from tests.cast import ANNA, at, completed, room
from tests.cast_appraisals import appraised
from tests.cast_conversations import TALK_2, judged, noted
from tests.cast_viewings import MONDAY, booked, came, followed_up, missed, requested
from tests.spec import given

DAY = 86_400
HOT = [room("salon", 700), room("salon", 10, when=700), completed(when=800)]  # 75 points
WARM = [room("salon", 601), completed(when=800)]  # 60 points
ABOUT_TO_SELL = {"questions_about_selling": 1, "inherited": True, "express": True}  # 65 points
PRICE = noted("price_asked", when=10)


# fmt: off
TABLE: list[tuple[list[Fact], float, str | None]] = [
    ([requested()],                                               60,              "offer_viewing_slots"),
    ([requested(), booked()],                                     60,              None),
    ([requested(), booked(), came()],                             MONDAY + 60,     "ask_how_it_went"),
    ([requested(), booked(), came(), followed_up("thinking")],    MONDAY + 60,     None),
    ([requested(), booked(), missed()],                           MONDAY + 60,     None),
    ([appraised(**ABOUT_TO_SELL, property_age_years=11)],         60,              "visit_the_owner"),
    ([appraised(**ABOUT_TO_SELL)],                                60,              None),
    (HOT,                                                         900,             "call"),
    (WARM,                                                        900,             None),
    ([*HOT, judged(when=900)],                                    960,             None),
    ([*HOT, judged(when=900)],                                    900 + 3 * DAY,   "follow_up"),
    ([*HOT, judged(when=900)],                                    899 + 3 * DAY,   None),
    ([*WARM, judged(when=900)],                                   900 + 9 * DAY,   None),
    ([PRICE],                                                     60,              None),
    ([PRICE, noted("price_asked", when=20)],                      60,              "send_payment_plan"),
    ([PRICE, noted("price_asked", TALK_2, when=20)],              60,              "send_payment_plan"),
]
# fmt: on


@pytest.mark.parametrize(("done", "now_s", "expected"), TABLE)
def test_the_table_says_what_to_do_next(done: list[Fact], now_s: float, expected: str | None) -> None:
    story = given(*map(ANNA.did, done))
    facts = action_facts(story.people[ANNA.subject_id], story.house, millis(at(now_s)))
    found = next_action(story.house.policy, facts)
    assert (found.do if found else None) == expected


def test_of_several_things_to_do_the_most_pressing_is_said() -> None:
    story = given(*map(ANNA.did, [*HOT, requested(when=950)]))
    person = story.people[ANNA.subject_id]
    found = next_action(story.house.policy, action_facts(person, story.house, millis(at(1000))))
    assert found is not None
    assert found.do == "offer_viewing_slots"
