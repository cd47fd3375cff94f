"""What a conversation tells Meta: its outcome once it is over and understood, and its milestones, each only once."""

from dataclasses import replace
from typing import Any

import pytest

from domain.conversations.events import ConversationMilestone
from domain.properties.listing import Listing
from domain.scoring.plain import PLAIN
from domain.shared.fact import Fact
from tests.cast import ANNA, FLAT, PIXEL, VILLA, VISITOR, activated, at, connected, registered
from tests.cast_conversations import TALK, TALK_2, agreed, analysed, began, hung_up, judged, noted, silent, written_down
from tests.spec import given

BASIC, INTERESTED = ("CompleteRegistration", 25.0), ("AddToCart", 150.0)
HOT: dict[str, Any] = {"buying_intent": "high", "timeline": "immediate", "questions": 5, "engagement_level": "low"}
"""65 points: 30, 25 and 10."""
MEANS = {"buying_intent": "high", "timeline": "immediate"}

# fmt: off
OUTCOMES: list[tuple[dict[str, Any], str, float, str, dict[str, Any]]] = [
    ({"qualification": 8, "buying_intent": "low", "timeline": "unknown"}, "Purchase", 400, "ai_conversation_qualified",
     {"qualification": 8, "lead_score": 5, "buying_intent": "low", "timeline": "unknown"}),
    ({"qualification": 7, "buying_intent": "low"}, "CompleteRegistration", 25, "ai_conversation_basic",
     {"lead_score": 5}),
    ({**HOT, "engagement_level": "high"}, "Schedule", 400, "ai_conversation_qualified", {"lead_score": 75, **MEANS}),
    ({"buying_intent": "medium", "timeline": "immediate"}, "AddToCart", 150, "ai_conversation_interested",
     {"lead_score": 40}),
    ({"buying_intent": "high", "timeline": "exploring"}, "CompleteRegistration", 25, "ai_conversation_basic",
     {"lead_score": 35}),
    ({}, "CompleteRegistration", 25, "ai_conversation_basic", {"lead_score": 0}),
    (HOT, "AddToCart", 150, "ai_conversation_interested", {"lead_score": 65}),
]
# fmt: on


@pytest.mark.parametrize(("found", "event", "value", "category", "custom"), OUTCOMES)
def test_an_analysed_conversation_tells_its_outcome(
    found: dict[str, Any], event: str, value: float, category: str, custom: dict[str, Any]
) -> None:
    story = given().when(ANNA.did(judged(**found))).then_sends((event, value))
    told = story.conversion
    assert (told.category, told.slot, told.currency) == (category, "conversation_outcome", "EGP")
    assert told.custom == custom
    assert told.dataset_id == PIXEL


def outcome_of(*facts: Fact) -> tuple[str, float | None]:
    """Return the outcome among what was decided."""
    story = given().when(*map(ANNA.did, facts))
    (one,) = [one for one in story.conversions if one.slot == "conversation_outcome"]
    return one.event_name, one.value


def test_a_score_of_eighty_qualifies_by_itself() -> None:
    # 30 + 25 + 15 + 10: 80, a tenth of which is 8
    found = {**HOT, "questions": 0, "gave_contact": True, "engagement_level": "high"}
    assert outcome_of(judged(**found)) == ("Purchase", 400)
    assert outcome_of(judged(**found | {"engagement_level": "low"})) == ("Schedule", 400)


def test_a_viewing_asked_for_is_a_schedule_whatever_the_score() -> None:
    assert outcome_of(judged(requested_viewing=True)) == ("Schedule", 400)
    assert outcome_of(noted("viewing_asked"), hung_up()) == ("Schedule", 400)


def test_a_price_asked_is_interest_whatever_the_score() -> None:
    assert outcome_of(judged(asked_about_price=True)) == INTERESTED
    assert outcome_of(noted("price_asked"), silent()) == INTERESTED


def test_a_purchase_is_worth_a_tenth_of_the_commission_of_the_home_talked_about() -> None:
    home = Listing(price_minor=4_000_000_00)
    told = hung_up(home=VILLA, listing=home, analysis=judged(qualification=9).analysis)
    # four million, of which 2.5 % are ours, of which a tenth
    story = given().when(ANNA.did(told)).then_sends(("Purchase", 10_000.0))
    assert story.conversion.custom["property_id"] == VILLA
    other = hung_up(TALK_2, home=FLAT, analysis=judged(qualification=9).analysis)
    story.when(ANNA.did(other)).then_sends(("Purchase", 400.0))


def test_a_transcript_waits_for_its_analysis() -> None:
    words = replace(ANNA.did(written_down()), name="words")
    story = given(ANNA.did(noted("price_asked"))).when(words).then_nothing_is_decided()
    found = analysed("words", buying_intent="high", timeline="immediate", questions=5, asked_about_price=True)
    story.when(ANNA.did(found)).then_sends(("Schedule", 400.0))
    assert story.conversion.custom["lead_score"] == 75
    assert story.conversion.at_ms == at(600).timestamp() * 1000


def test_an_inline_analysis_needs_no_reading_of_the_words() -> None:
    story = given().when(ANNA.did(written_down(analysis=judged(buying_intent="low").analysis)))
    story.then_sends(BASIC)


def test_a_conversation_without_words_or_analysis_is_judged_by_what_was_tracked() -> None:
    story = given(ANNA.did(began())).when(ANNA.did(hung_up())).then_sends(BASIC)
    assert story.conversion.custom == {"lead_score": 0}


def test_a_conversation_that_went_quiet_is_closed_as_of_its_last_activity() -> None:
    story = given(ANNA.did(began())).when(ANNA.did(silent(when=60)).late(minutes=30)).then_sends(BASIC)
    assert story.conversion.at_ms == at(60).timestamp() * 1000


def test_the_first_outcome_is_final_though_a_late_analysis_changes_the_score() -> None:
    words = replace(ANNA.did(written_down(when=900)), name="words")
    story = given(ANNA.did(began())).when(ANNA.did(silent())).then_sends(BASIC)
    story.when(words, ANNA.did(analysed("words", **HOT)), ANNA.did(judged(when=950, qualification=10)))
    story.then_nothing_is_decided()
    assert story.score("conversations", TALK).score == 0
    story.when(ANNA.did(noted("price_asked", when=960))).then_nothing_is_decided()
    assert story.score("conversations", TALK).score == 12


def test_what_a_customer_asks_after_the_close_is_a_milestone_all_the_same() -> None:
    found = ANNA.did(judged(when=900, asked_about_financing=True, follow_up_requested=True))
    story = given(ANNA.did(began())).when(ANNA.did(silent())).then_sends(BASIC)
    story.when(found).then_nothing_is_decided()
    story.when(ANNA.did(noted("viewing_asked", when=960))).then_sends(("Schedule", 300.0))
    story.when(ANNA.did(noted("viewing_asked", when=970))).then_nothing_is_decided()
    story.when(ANNA.did(agreed("contact_shared", when=980))).then_sends(("CompleteRegistration", 200.0))


# fmt: off
MILESTONES: list[tuple[ConversationMilestone, str, float]] = [
    ("budget_discussed",   "Search",               75),
    ("financing_inquiry",  "AddPaymentInfo",       125),
    ("viewing_requested",  "Schedule",             300),
    ("contact_shared",     "CompleteRegistration", 200),
    ("objection_resolved", "AddToCart",            100),
    ("follow_up_agreed",   "Subscribe",            150),
]
DERIVED: list[tuple[Fact, list[tuple[str, float]]]] = [
    (noted("budget_mentioned"),                          [("Search", 75)]),
    (noted("customer_turn", told=("budget_vague",)),     [("Search", 75)]),
    (noted("financing_asked"),                           [("AddPaymentInfo", 125)]),
    (noted("viewing_asked"),                             [("Schedule", 300)]),
    (noted("contact_given"),                             [("CompleteRegistration", 200)]),
    (noted("follow_up_asked"),                           [("Subscribe", 150)]),
    (noted("objection_raised"),                          []),
    (noted("question_asked"),                            []),
    (noted("price_asked"),                               []),
    (judged(budget_max_minor=1, buying_intent="low"),    [("Search", 75), BASIC]),
    (judged(budget_clarity="vague"),                     [("Search", 75), BASIC]),
    (judged(asked_about_financing=True),                 [("AddPaymentInfo", 125), BASIC]),
    (judged(gave_contact=True),                          [("CompleteRegistration", 200), BASIC]),
    (judged(objections_raised=2, objections_resolved=1), [("AddToCart", 100), BASIC]),
    (judged(objections_raised=2, objections_resolved=0), [BASIC]),
    (judged(follow_up_requested=True),                   [("Subscribe", 150), BASIC]),
    (hung_up(follow_up_requested=True),                  [("Subscribe", 150), BASIC]),
]
# fmt: on


@pytest.mark.parametrize(("milestone", "event", "value"), MILESTONES)
def test_a_milestone_that_the_producer_saw(milestone: ConversationMilestone, event: str, value: float) -> None:
    told = given().when(ANNA.did(agreed(milestone))).then_sends((event, value)).conversion
    assert (told.category, told.slot) == ("ai_conversation_milestone", f"conversation_milestone:{milestone}")
    assert told.custom == {"conversation_id": TALK, "milestone": milestone}


@pytest.mark.parametrize(("fact", "expected"), DERIVED)
def test_a_milestone_that_we_see(fact: Fact, expected: list[tuple[str, float]]) -> None:
    given().when(ANNA.did(fact)).then_sends(*expected)


@pytest.mark.parametrize("first_posted", [True, False])
def test_a_posted_milestone_and_the_derived_one_share_a_slot(first_posted: bool) -> None:
    posted, derived = ANNA.did(agreed("financing_inquiry")), ANNA.did(noted("financing_asked"))
    first, second = (posted, derived) if first_posted else (derived, posted)
    given().when(first).then_sends(("AddPaymentInfo", 125.0)).when(second).then_nothing_is_decided()


def test_a_milestone_counts_once_in_each_conversation() -> None:
    story = given().when(ANNA.did(agreed("contact_shared"))).then_sends(("CompleteRegistration", 200.0))
    story.when(ANNA.did(agreed("contact_shared", when=9))).then_nothing_is_decided()
    story.when(ANNA.did(agreed("contact_shared", TALK_2))).then_sends(("CompleteRegistration", 200.0))


# fmt: off
PLACES: list[tuple[dict[str, Any], str]] = [
    ({"conversation_kind": "voice"},                         "website"),
    ({"conversation_kind": "voice", "origin": "app"},        "app"),
    ({"conversation_kind": "avatar"},                        "website"),
    ({"conversation_kind": "phone"},                         "phone_call"),
    ({"conversation_kind": "web_chat"},                      "chat"),
    ({"conversation_kind": "text_thread", "channel": "whatsapp"}, "chat"),  # no dataset for messages in this house
    ({},                                                     "website"),
]
# fmt: on


@pytest.mark.parametrize(("told", "source"), PLACES)
def test_where_it_happened_follows_from_the_kind(told: dict[str, Any], source: str) -> None:
    assert given().when(ANNA.did(hung_up(**told))).conversion.action_source == source


CHATS = connected("9876543210987654", role="messaging", whatsapp_business_account_id="104996122399160")
CHATTER = replace(ANNA, hint_kinds=("phone", "ctwa_clid"))
# fmt: off
CHAT_NAMES: list[tuple[Fact, list[str]]] = [
    (judged(qualification=8),               ["Purchase"]),
    (judged(requested_viewing=True),        ["QualifiedLead", "QualifiedLead"]),
    (judged(asked_about_price=True),        ["AddToCart"]),
    (judged(),                              ["ViewContent"]),
    (agreed("budget_discussed"),            ["ViewContent"]),
    (agreed("financing_inquiry"),           ["InitiateCheckout"]),
    (agreed("viewing_requested"),           ["QualifiedLead"]),
    (agreed("contact_shared"),              ["LeadSubmitted"]),
    (agreed("objection_resolved"),          ["AddToCart"]),
    (agreed("follow_up_agreed"),            ["LeadSubmitted"]),
]
# fmt: on


@pytest.mark.parametrize(("fact", "names"), CHAT_NAMES)
def test_what_is_earned_in_a_message_thread_has_a_name_that_meta_allows_there(fact: Any, names: list[str]) -> None:
    thread = fact.model_copy(update={"conversation_kind": "text_thread", "channel": "whatsapp"})
    story = given(house=(registered(), connected(), CHATS, activated())).when(CHATTER.did(thread))
    assert [one.event_name for one in story.conversions] == names
    assert {(one.action_source, one.channel) for one in story.conversions} == {("business_messaging", "whatsapp")}


def test_test_traffic_stays_in_the_house() -> None:
    given(ANNA.did(began(test=True))).when(ANNA.did(hung_up())).then_withholds("test_traffic")


def test_a_chat_from_a_browser_alone_is_capped() -> None:
    told = began(unverified=True)
    story = given(VISITOR.did(told)).when(VISITOR.did(silent()))
    assert [one.value for one in story.conversions] == [25.0]
    capped = given(VISITOR.did(noted("viewing_asked", unverified=True))).when(VISITOR.did(silent()))
    assert [one.value for one in capped.conversions] == [100.0]


PLAINLY = (registered(), connected(), activated(PLAIN))


def test_the_plain_policy_tells_only_what_happened() -> None:
    story = given(house=PLAINLY).when(ANNA.did(judged(qualification=10))).then_sends(("Contact", None))
    story.when(ANNA.did(judged(TALK_2, meeting_scheduled=True))).then_sends(("Schedule", None))
    story.when(ANNA.did(agreed("contact_shared", "talk-3"))).then_sends(("Lead", None))
    story.when(ANNA.did(agreed("budget_discussed", "talk-4"))).then_nothing_is_decided()
