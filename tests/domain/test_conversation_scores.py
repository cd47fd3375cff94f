"""What a conversation scores: every row of the tables, where each may come from, and the running score of a lead."""

from dataclasses import replace
from typing import Any

import pytest

from domain.conversations import conversation as talk
from domain.conversations.analysis import Analysis
from domain.conversations.conversation import Conversation
from domain.scoring.brief import BRIEF
from domain.scoring.policy import score
from domain.shared.fact import Fact
from tests.cast import ANNA, recorded
from tests.cast_conversations import TALK, agreed, analysed, began, hung_up, judged, noted, silent, written_down
from tests.spec import Story, given

# fmt: off
ROWS: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({"buying_intent": "high"},           {"high_intent": 30}),
    ({"buying_intent": "medium"},         {"medium_intent": 15}),
    ({"buying_intent": "low"},            {"low_intent": 5}),
    ({"timeline": "immediate"},           {"immediate": 25}),
    ({"timeline": "soon"},                {"soon": 15}),
    ({"timeline": "exploring"},           {"exploring": 5}),
    ({"timeline": "unknown"},             {"no_date": 0}),
    ({"asked_about_price": True},         {"price": 10}),
    ({"asked_about_financing": True},     {"financing": 15}),
    ({"requested_viewing": True},         {"viewing": 20}),
    ({"gave_contact": True},              {"contact": 15}),
    ({"engagement_level": "high"},        {"engaged": 10}),
    ({"engagement_level": "medium"},      {}),
    ({"engagement_level": "low"},         {}),
    ({"questions": 0},                    {}),
    ({"questions": 1},                    {"questions": 2}),
    ({"questions": 4},                    {"questions": 8}),
    ({"questions": 5},                    {"questions": 10}),
    ({"questions": 6, "engagement_level": "low"},  {"questions": 10}),
    ({"asked_about_price": False, "gave_contact": False, "requested_viewing": False}, {}),
]
TRACKED: list[tuple[Fact, dict[str, float]]] = [
    (noted("question_asked"),              {"questions": 2}),
    (noted("price_asked"),                 {"price": 10, "questions": 2}),
    (noted("financing_asked"),             {"financing": 15, "questions": 2}),
    (noted("viewing_asked"),               {"viewing": 20, "questions": 2}),
    (noted("contact_given"),               {"contact": 15}),
    (agreed("financing_inquiry"),          {"financing": 15}),
    (agreed("viewing_requested"),          {"viewing": 20}),
    (agreed("contact_shared"),             {"contact": 15}),
    (agreed("budget_discussed"),           {}),
    (noted("customer_turn"),               {}),
]
# fmt: on


def points(story: Story) -> dict[str, float]:
    return {reason.rule: reason.points for reason in story.score("conversations", TALK).reasons}


@pytest.mark.parametrize(("found", "expected"), ROWS)
def test_each_finding_of_an_analysis_scores(found: dict[str, Any], expected: dict[str, float]) -> None:
    story = given(ANNA.did(judged(**found)))
    assert points(story) == expected
    assert story.score("conversations", TALK).score == sum(expected.values())


@pytest.mark.parametrize(("fact", "expected"), TRACKED)
def test_what_was_tracked_scores_without_an_analysis(fact: Fact, expected: dict[str, float]) -> None:
    story = given(ANNA.did(fact))
    assert points(story) == expected


def test_everything_at_once_is_capped_at_a_hundred() -> None:
    everything: dict[str, Any] = {
        "buying_intent": "high", "timeline": "immediate", "asked_about_price": True, "asked_about_financing": True,
        "requested_viewing": True, "gave_contact": True, "engagement_level": "high", "questions": 9,
    }  # fmt: skip
    scored = given(ANNA.did(judged(**everything))).score("conversations", TALK)
    assert (sum(one.points for one in scored.reasons), scored.score, scored.quality) == (135, 100, "hot")


def test_what_was_both_tracked_and_found_counts_once() -> None:
    story = given(ANNA.did(noted("price_asked")), ANNA.did(judged(asked_about_price=True, questions=1)))
    assert points(story) == {"price": 10, "questions": 2}


def test_a_reason_names_the_log_entries_behind_it() -> None:
    story = given(ANNA.did(noted("price_asked")), ANNA.did(noted("price_asked", when=5)))
    (price, _) = story.score("conversations", TALK).reasons
    asked = [str(recorded(ANNA.did(noted("price_asked")), place).stream_id) for place in (4, 5)]
    assert (price.fact, price.value, list(price.events)) == ("asked_price", True, asked)


def test_a_conversation_of_which_nothing_is_known_has_no_score_until_it_is_over() -> None:
    story = given(ANNA.did(began()))
    assert not story.scores()
    assert story.when(ANNA.did(silent())).score("conversations", TALK).score == 0


def test_a_later_analysis_replaces_an_earlier_one() -> None:
    words = replace(ANNA.did(written_down()), name="words")
    story = given(words, ANNA.did(analysed("words", buying_intent="low")))
    assert points(story) == {"low_intent": 5}
    assert points(story.when(ANNA.did(judged(when=700, buying_intent="high")))) == {"high_intent": 30}


# fmt: off
ENGAGEMENT: list[tuple[dict[str, float], int]] = [
    ({"turns": 0,  "questions": 0, "minutes": 0},   0),
    ({"turns": 10, "questions": 2, "minutes": 5},   45),   # 20 + 10 + 15
    ({"turns": 20, "questions": 6, "minutes": 10},  100),  # 40 + 30 + 30
    ({"turns": 90, "questions": 9, "minutes": 90},  100),
    ({"turns": 0,  "questions": 0, "minutes": 1.5}, 5),    # 4.5
]
# fmt: on


@pytest.mark.parametrize(("facts", "expected"), ENGAGEMENT)
def test_engagement_is_made_of_turns_questions_and_minutes(facts: dict[str, float], expected: int) -> None:
    assert score(BRIEF, "conversation_engagement", facts).score == expected


@pytest.mark.parametrize(("turns", "level"), [(20, "medium"), (19, "medium"), (3, "low")])
def test_without_an_analysis_the_level_comes_from_the_engagement(turns: int, level: str) -> None:
    story = given(ANNA.did(hung_up(customer_turns=turns, duration_s=300)))
    (session,) = story.people[ANNA.subject_id].conversations.values()
    assert talk.facts_of(session, story.house)["engagement_level"] == level


def test_a_long_talk_with_many_questions_is_engaged_though_nobody_analysed_it() -> None:
    asked = [ANNA.did(noted("question_asked", when=one)) for one in range(6)]
    story = given(*asked, ANNA.did(hung_up(customer_turns=10, our_turns=10, duration_s=600)))
    assert points(story) == {"engaged": 10, "questions": 10}


def folded(*facts: Fact) -> Conversation:
    conversation = Conversation()
    for place, fact in enumerate(facts, 1):
        conversation = talk.with_fact(conversation, recorded(ANNA.did(fact), place))
    return conversation


@pytest.mark.parametrize(("found", "own"), [({}, 4), ({"qualification": 9}, 9), ({"qualification": 1}, 1)])
def test_qualification_is_the_analysis_own_else_a_tenth_of_the_score(found: dict[str, Any], own: int) -> None:
    conversation = folded(judged(buying_intent="high", timeline="soon", **found))
    scored = given(ANNA.did(judged(buying_intent="high", timeline="soon"))).score("conversations", TALK)
    assert scored.score == 45
    assert talk.qualification(conversation, scored) == own


def test_qualification_is_at_least_one() -> None:
    conversation = folded(judged(buying_intent="low"))
    assert talk.qualification(conversation, given(ANNA.did(silent())).score("conversations", TALK)) == 1


# Text leads.

LEAD: dict[str, Any] = {"conversation_kind": "text_thread"}
# fmt: off
FACTORS: list[tuple[list[Fact], dict[str, float]]] = [
    ([noted("customer_turn", told=("budget_figure",), **LEAD)],           {"budget_figure": 20}),
    ([noted("customer_turn", told=("budget_range",), **LEAD)],            {"budget_range": 20}),
    ([noted("customer_turn", told=("budget_vague",), **LEAD)],            {"budget_vague": 10}),
    ([noted("customer_turn", told=("budget_vague", "budget_figure"), **LEAD)], {"budget_figure": 20}),
    ([noted("customer_turn", told=("district", "city"), **LEAD)],         {"district": 15}),
    ([noted("customer_turn", told=("city",), **LEAD)],                    {"city": 8}),
    ([noted("customer_turn", told=("now",), **LEAD)],                     {"now": 20}),
    ([noted("customer_turn", told=("within_3_months",), **LEAD)],         {"three_months": 15}),
    ([noted("customer_turn", told=("within_a_year",), **LEAD)],           {"this_year": 8}),
    ([noted("customer_turn", told=("just_looking",), **LEAD)],            {"just_looking": 3}),
    ([noted("customer_turn", told=("name", "email", "second_phone"), **LEAD)], {"informed": 6}),
    ([noted("customer_turn", told=("name", "email", "second_phone", "financing_need", "purpose"), **LEAD)],
     {"informed": 10}),
    ([noted("customer_turn", told=("type",), **LEAD)],                    {"type": 8}),
    ([noted("customer_turn", told=("size",), **LEAD)],                    {"size": 7}),
    ([noted("our_turn", when=1, **LEAD), noted("customer_turn", when=2)], {"answers": 20}),
    ([noted("our_turn", when=1, **LEAD), noted("customer_turn", when=2), noted("our_turn", when=3)], {"answers": 10}),
    ([noted("our_turn", when=1, **LEAD), noted("our_turn", when=2), noted("customer_turn", when=3)], {"answers": 20}),
    ([noted("our_turn", when=1, **LEAD)],                                 {}),
    ([noted("customer_turn", channel="whatsapp")],                        {}),
    ([noted("customer_turn", when=1, told=("now",), **LEAD), noted("customer_turn", when=2, told=("just_looking",))],
     {"just_looking": 3}),
    ([hung_up(**LEAD, analysis=Analysis(
        budget_clarity="range", location_clarity="district", urgency="now", answered_share=1.0, type_known=True,
        size_known=True, informed=("name", "purpose"),
     ))], {"budget_range": 20, "district": 15, "now": 20, "answers": 20, "informed": 4, "type": 8, "size": 7}),
]
# fmt: on


@pytest.mark.parametrize(("facts", "expected"), FACTORS)
def test_each_factor_of_a_text_lead(facts: list[Fact], expected: dict[str, float]) -> None:
    story = given()
    lead = talk.lead_score_of(folded(*facts), story.house)
    assert lead is not None
    assert {reason.rule: reason.points for reason in lead.reasons} == expected
    assert lead.score == sum(expected.values())


def test_a_perfect_lead_has_a_hundred_and_is_hot() -> None:
    told = ("budget_figure", "district", "now", "type", "size", "name", "email", "second_phone", "financing_need",
            "purpose")  # fmt: skip
    facts = (noted("our_turn", when=1, **LEAD), noted("customer_turn", when=2, told=told))
    lead = talk.lead_score_of(folded(*facts), given().house)
    assert lead is not None
    assert (lead.score, lead.quality) == (100, "hot")
    (budget, *_) = lead.reasons
    assert budget.events == (str(recorded(ANNA.did(facts[1]), 2).stream_id),)


@pytest.mark.parametrize("kind", ["voice", "avatar", "phone", "web_chat"])
def test_only_text_threads_have_a_running_score(kind: str) -> None:
    facts = noted("customer_turn", told=("budget_figure",), conversation_kind=kind)
    assert talk.lead_score_of(folded(facts), given().house) is None


def test_status_tells_how_it_ended() -> None:
    assert talk.status_of(folded(began())) == "active"
    assert talk.status_of(folded(began(), silent())) == "abandoned"
    assert talk.status_of(folded(hung_up())) == "completed"
    assert talk.status_of(folded(hung_up(status="abandoned"))) == "abandoned"
    assert talk.status_of(folded(judged(status="abandoned"))) == "abandoned"
