"""What a customer writes becomes turns, questions, milestones, a lead score of six factors, and conversions."""

from typing import Any

import pytest

from domain.messaging.content import AdReferral, Content
from tests.assistant.stage import MODELS, Talk

WABA, PAGE, INSTAGRAM = "500100200300", "500100200301", "500100200302"


def conversions(talk: Talk) -> set[tuple[str, str, str]]:
    """Event, action source and channel of everything that is to be told to Meta, with everything brought up to date."""
    talk.db.project(*MODELS)
    asked = (
        "SELECT event_name, action_source, channel FROM read_models.conversions WHERE brokerage_id = %s "
        "AND withheld IS NULL"
    )
    return set(talk.db.rows(asked, talk.brokerage_id))


def test_a_message_becomes_a_turn_with_what_it_told(talk: Talk) -> None:
    ref = talk.writes("Hi, I want a 3 bedroom apartment in Zamalek around 5 million, how much is the down payment?")
    talk.remind(ref)
    (started,) = talk.facts("conversations.started.v1")
    session = f"thread-{talk.thread_id}"
    assert (started["session_id"], started["conversation_kind"], started["channel"]) == (
        session, "text_thread", "whatsapp"
    )  # fmt: skip
    turn = talk.facts("conversations.event_tracked.v1")[0]
    assert (turn["event"], turn["origin"], turn["session_id"]) == ("customer_turn", "business_messaging", session)
    assert {"district", "type", "size"} <= set(turn["told"])
    assert {"customer_turn", "price_asked", "financing_asked", "our_turn"} <= set(talk.events())


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("ميزانيتي ٣ مليون", {"budget_figure"}),
        ("من 2 ل 3 مليون", {"budget_range"}),
        ("3ayez 7aga re5isa", {"budget_vague"}),
        ("الميزانية ٢٬٥٠٠٬٠٠٠ جنيه", {"budget_figure"}),
        ("mezanyety 4 melyon", {"budget_figure"}),
        ("عايز فيلا في التجمع", {"district", "type"}),
        ("sha2a fel ma3adi", {"district", "type"}),
        ("I want to move this week", {"now"}),
        ("بتفرج بس", {"just_looking"}),
        ("something in Cairo", {"city"}),
    ],
)
def test_details_are_understood_in_every_script(talk: Talk, says: str, told: set[str]) -> None:
    talk.hears(says)
    assert set(talk.told()) == told


@pytest.mark.parametrize(
    ("says", "events"),
    [
        ("بكام الشقة؟", {"price_asked"}),
        ("ممكن أشوف الشقة؟", {"viewing_asked"}),
        ("fe ta2seet?", {"financing_asked"}),
        ("my number is 01001234567", {"contact_given"}),
        ("is it available?", {"question_asked"}),
    ],
)
def test_what_is_asked_is_tracked(talk: Talk, says: str, events: set[str]) -> None:
    talk.hears(says)
    assert set(talk.events()) - {"customer_turn", "our_turn"} == events


def test_the_property_of_a_product_is_named(talk: Talk) -> None:
    talk.hears("how much is this one?", content=Content(product="villa-7"))
    assert {one.get("property_id") for one in talk.facts("conversations.event_tracked.v1")} == {"villa-7", None}


def test_the_six_factors_make_the_lead_score(talk: Talk) -> None:
    talk.hears("I want a 3 bedroom apartment in Zamalek, my budget is 5 million, I want to move this week")
    # figure 20, district 15, now 20, type 8, size 7; our greeting is not answered yet
    assert talk.session("lead_score")[0] == 70
    talk.hears("my name is Mona")
    # and all of our messages were answered 20, tells of herself 2
    assert talk.session("lead_score", "channel", "conversation_kind") == (92, "whatsapp", "text_thread")


def test_a_click_to_whatsapp_customer_becomes_business_messaging_conversions(talking: Any) -> None:
    talk: Talk = talking(
        hints={"phone": "+201001234501", "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAFDLMNDBH0CD3qpjd0HR4irJ6LEkR7Jw"},
        dataset={"role": "messaging", "whatsapp_business_account_id": WABA},
    )  # fmt: skip
    talk.hears("can I see the flat? my budget is 3 million", referral=AdReferral(source="ad", click_id=True))
    assert conversions(talk) >= {
        ("QualifiedLead", "business_messaging", "whatsapp"), ("ViewContent", "business_messaging", "whatsapp"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "hints", "dataset"),
    [
        ("messenger", {"psid": "9988776655"}, {"role": "messaging", "page_id": PAGE}),
        ("instagram", {"igsid": "1122334455"}, {"role": "messaging", "instagram_business_account_id": INSTAGRAM}),
    ],
)
def test_messenger_and_instagram_customers_become_business_messaging_conversions(
    talking: Any, channel: str, hints: dict[str, Any], dataset: dict[str, Any]
) -> None:
    talk: Talk = talking(channel=channel, hints=hints, dataset=dataset)
    talk.hears("ممكن أشوف الفيلا؟")
    assert ("QualifiedLead", "business_messaging", channel) in conversions(talk)


def test_an_erased_customers_words_are_turns_without_details(talk: Talk) -> None:
    ref = talk.writes("Zamalek, 5 million")
    talk.db.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (talk.subject_id,))
    assert talk.remind(ref)[0] == "done"
    assert (talk.events(), talk.told(), talk.sent()) == (["customer_turn"], [], [])


def test_what_another_application_answers_is_learned_from_and_not_answered(talk: Talk) -> None:
    talk.writes("5 million in Zamalek", standby=True)
    talk.db.owner.execute("UPDATE messaging.desks SET inbound = 0 WHERE thread_id = %s", (talk.thread_id,))
    assert talk.hears("hello")
    assert {"budget_figure", "district"} <= set(talk.told())
    assert len(talk.facts("messaging.send_requested.v1")[0]["answers"]) == 1
