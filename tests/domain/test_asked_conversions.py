"""What a producer asks for directly is told under the name that was asked for, wherever Meta takes it."""

from dataclasses import replace

import pytest

from domain.ads.direct import Content, ConversionAsked
from projections.conversions import payload_of
from tests.cast import ANNA, activated, at, connected, registered
from tests.spec import given

CHATS = connected("9876543210987654", role="messaging", whatsapp_business_account_id="104996122399160")
CHATTER = replace(ANNA, hint_kinds=("phone", "ctwa_clid"))

# fmt: off
NAMES = [
    ("Purchase",         "Purchase"),  # Meta takes these of conversations
    ("QualifiedLead",    "QualifiedLead"),
    ("InitiateCheckout", "InitiateCheckout"),
    ("Schedule",         "LeadSubmitted"),  # and not these: the policy's word stands for them
    ("Lead",             "LeadSubmitted"),
    ("KeyHandover",      "LeadSubmitted"),
]
# fmt: on


@pytest.mark.parametrize(("asked", "told"), NAMES)
def test_in_a_message_thread_a_name_that_meta_allows_there_stays(asked: str, told: str) -> None:
    wish = ConversionAsked(
        event_name=asked, value_minor=100_000, origin="business_messaging", channel="whatsapp", occurred_at=at(0)
    )
    story = given(house=(registered(), connected(), CHATS, activated())).when(CHATTER.did(wish))
    assert (story.conversion.event_name, story.conversion.action_source) == (told, "business_messaging")


@pytest.mark.parametrize("asked", [asked for asked, _ in NAMES])
def test_elsewhere_every_name_stays(asked: str) -> None:
    story = given().when(ANNA.did(ConversionAsked(event_name=asked, value_minor=100_000, occurred_at=at(0))))
    assert story.conversion.event_name == asked


def test_the_things_it_is_about_are_told_in_metas_words() -> None:
    things = (Content(id="villa-7", item_price_minor=9050, title="Villa"), Content(id="flat-12", quantity=2))
    wish = ConversionAsked(event_name="AddToCart", contents=things, property_id="villa-7", occurred_at=at(0))
    custom = payload_of(given().when(ANNA.did(wish)).conversion)["custom"]
    assert custom["content_ids"] == ["villa-7", "flat-12"]
    assert custom["contents"] == [
        {"id": "villa-7", "quantity": 1, "title": "Villa", "item_price": 90.5},
        {"id": "flat-12", "quantity": 2},
    ]
    alone = payload_of(given().when(ANNA.did(ConversionAsked(event_name="Lead", occurred_at=at(0)))).conversion)
    assert not alone.get("custom", {}).keys() & {"contents", "content_ids"}
