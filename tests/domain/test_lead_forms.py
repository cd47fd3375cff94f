"""What a lead form scores and tells Meta: every row of its table."""

from typing import Any

import pytest

from domain.scoring.brief import BRIEF
from domain.scoring.plain import PLAIN
from domain.shared.fact import BrowserEvent
from tests.cast import ANNA, NOBODY, VILLA, Person, activated, connected, form, registered
from tests.spec import given

AD = Person("from an ad", ANNA.subject_id, ("fbclid",))
ALL: dict[str, Any] = {
    "price_min_minor": 400_000_000, "price_max_minor": 600_000_000, "location": "New Cairo", "timeline": "now",
    "property_type": "apartment", "property_id": VILLA,
}  # fmt: skip


# fmt: off
ANSWERS: list[tuple[Any, ...]] = [
    (NOBODY, {},                                                    0),
    (NOBODY, {"price_min_minor": 1},                                20),
    (NOBODY, {"price_max_minor": 1},                                20),
    (NOBODY, {"location": "New Cairo"},                             15),
    (NOBODY, {"timeline": "now"},                                   20),
    (NOBODY, {"timeline": "within_3_months"},                       15),
    (NOBODY, {"timeline": "within_a_year"},                         8),
    (NOBODY, {"timeline": "just_looking"},                          0),
    (NOBODY, {"property_type": "villa"},                            15),
    (ANNA,   {},                                                    20),  # e-mail and phone, 10 each
    (AD,     {},                                                    10),
    (NOBODY, {"utm": {"source": "facebook", "medium": "CPC"}},      10),
    (NOBODY, {"utm": {"source": "newsletter", "medium": "email"}},  0),
    (ANNA,   {**ALL, "utm": {"medium": "paid_social"}},             100),
]
# fmt: on


@pytest.mark.parametrize(("by", "answers", "score"), ANSWERS)
def test_each_answer_has_its_points(by: Person, answers: dict[str, Any], score: int) -> None:
    story = given().when(by.did(form(**answers)))
    assert story.conversion.value == score
    (scored,) = story.scores()
    assert scored.score.score == score


def test_a_form_is_a_lead_worth_its_score() -> None:
    told = given().when(ANNA.did(form(**ALL))).then_sends(("Lead", 90.0)).conversion
    assert (told.slot, told.category) == ("lead_form", "lead_form")
    assert told.custom == {
        "estimated_value": 125_000.0, "conversion_probability": 90, "quality": "hot", "property_id": VILLA,
    }  # fmt: skip


def test_the_estimate_is_a_fortieth_of_the_price_in_currency_units() -> None:
    assert given().when(ANNA.did(form(price_min_minor=100_000))).conversion.custom["estimated_value"] == 25
    assert "estimated_value" not in given().when(ANNA.did(form())).conversion.custom


def test_every_form_is_a_lead_of_its_own() -> None:
    story = given().when(ANNA.did(form()), ANNA.did(form())).then_sends(("Lead", 20.0), ("Lead", 20.0))
    assert len({one.id for one in story.conversions}) == 2


def test_both_policies_score_a_form_alike_but_plain_gives_it_no_value() -> None:
    house = (registered(), connected(), activated(PLAIN))
    browser = BrowserEvent(id="pixel-1", name="Lead")
    told = given(house=house).when(ANNA.did(form(**ALL, browser_event=browser))).then_sends(("Lead", None)).conversion
    assert told.custom == {"property_id": VILLA, "conversion_probability": 90}
    assert PLAIN.score_table("lead_forms") == BRIEF.score_table("lead_forms")
