"""A message of the outbox as the event that Meta is told."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.meta.conversion_event import event_of
from adapters.meta.precheck import precheck
from adapters.meta.settings import DEFAULTS
from adapters.simulator.context import Context
from adapters.simulator.rules import check_events
from application.ports.conversions import Unsendable
from domain.shared.personal import ERASED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLICKED_MS = 1_772_000_000_123
CHROME = "Mozilla/5.0 (Linux; Android 14)"
PAGE = "https://homes.example/maadi/12"
FULL = {
    "email": "Mona@Mail.Example",
    "phone": "0100 123 4567",
    "name": "Mona El Sayed",
    "city": "القاهرة",
    "country": "EG",
    "fbp": "fb.1.1772000000000.99",
    "fbclid": "IwAR0CaseKept",
    "ip": "197.32.1.9",
    "user_agent": CHROME,
    "lead_id": "123456789012345",
}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def payload(**changes: Any) -> dict[str, Any]:
    """A purchase of a hot tour on the website."""
    return {
        "dataset_id": "7",
        "event_name": "Purchase",
        "event_id": "c-1",
        "event_time": int(NOW.timestamp()) - 60,
        "region": "EG",
        "action_source": "website",
        "value": 500.0,
        "currency": "EGP",
        "content_category": "virtual_tour_high_engagement",
        "custom": {"engagement_score": 90, "property_id": "villa-7"},
        "person_id": "A0000000-0000-4000-8000-000000000001".lower(),
        "subject_id": "a0000000-0000-4000-8000-000000000001",
        "touchpoint_id": "t-1",
        "contact": {"fbclid": {"at_ms": CLICKED_MS}},
        **changes,
    }


def told(hints: dict[str, str] | None = None, page: str | None = PAGE, **changes: Any) -> dict[str, Any]:
    """The event of a payload and hints, all told at one touchpoint."""
    hints = FULL if hints is None else hints
    opened: dict[str, Any] = dict.fromkeys(hints, hints) | ({"page_url": page} if page else {})
    return event_of(payload(**changes), opened)


def taken(event: dict[str, Any]) -> bool:
    """Whether both our own check and the strict stand-in let it pass."""
    return precheck(event, NOW) is None and check_events([event], Context(NOW.timestamp())) == (None, [])


@pytest.mark.parametrize(
    ("hints", "country"),
    [
        ({"phone": "0100 123 4567"}, "eg"),  # as the brokerage's region reads it
        ({"phone": "+971 50 123 4567"}, "ae"),
        ({"phone": "+1 613 555 0123"}, "ca"),  # +1 is the code of several countries
        ({"phone": "+971 50 123 4567", "country": "Egypt"}, "eg"),  # what was told holds
        ({"phone": "+971 50 123 4567", "country": "Narnia"}, "ae"),  # what was told is none
        ({"phone": "+870 773 111 632", "email": "a@mail.example"}, None),  # a ship's satellite phone
        ({"phone": "12", "email": "a@mail.example"}, None),
        ({"email": "a@mail.example"}, None),
    ],
)
def test_the_country_goes_along_wherever_the_phone_number_tells_it(hints: dict[str, str], country: str | None) -> None:
    assert told(hints)["user_data"].get("country") == ([sha256(country)] if country else None)


def test_a_country_that_an_operator_dropped_is_not_made_again() -> None:
    assert "country" not in told({"phone": "0100 123 4567"}, dropped=["country"])["user_data"]
    assert "country" in told({"phone": "0100 123 4567"}, dropped=["city"])["user_data"]


def test_everything_we_may_use_is_told_and_meta_takes_it() -> None:
    event = told()
    assert precheck(event, NOW) is None
    assert check_events([event], Context(NOW.timestamp())) == (None, [])
    assert event["user_data"] | {"ln": ...} == {
        "em": [sha256("mona@mail.example")],
        "ph": [sha256("201001234567")],
        "fn": [sha256("mona")],
        "ln": ...,
        "ct": [sha256("القاهرة")],
        "country": [sha256("eg")],
        "external_id": [sha256("a0000000-0000-4000-8000-000000000001")],
        "fbp": "fb.1.1772000000000.99",
        "fbc": f"fb.1.{CLICKED_MS}.IwAR0CaseKept",
        "client_ip_address": "197.32.1.9",
        "client_user_agent": CHROME,
        "lead_id": "123456789012345",
    }
    assert set(event["user_data"]["ln"]) == {sha256("elsayed"), sha256("sayed")}
    assert event["event_source_url"] == PAGE


def test_money_and_facts_keep_their_kinds_and_the_touchpoint_is_named() -> None:
    assert told()["custom_data"] == {
        "value": 500.0,
        "currency": "EGP",
        "content_category": "virtual_tour_high_engagement",
        "engagement_score": 90,
        "property_id": "villa-7",
        "order_id": "t-1",
        "touchpoint_id": "t-1",
    }
    theirs = told(custom={"order_id": "A-77"})["custom_data"]
    assert (theirs["order_id"], theirs["touchpoint_id"]) == ("A-77", "t-1")


COOKIE = "fb.2.1772000000000.FromTheBrowser"


@pytest.mark.parametrize(
    ("cookie", "told_ms", "sent"),
    [
        (COOKIE, CLICKED_MS, COOKIE),  # the browser's own, told with the click
        (COOKIE, CLICKED_MS + 1, COOKIE),  # … or after it
        (COOKIE, CLICKED_MS - 1, f"fb.1.{CLICKED_MS}.IwAR0CaseKept"),  # another click since
        ("fb.1.1771000000000.IwAR0CaseKept", CLICKED_MS - 1, "fb.1.1771000000000.IwAR0CaseKept"),  # the same click
        ("fb.1.1771000000000.IwAR0CaseKept.AQYBAQAA", CLICKED_MS - 1, "fb.1.1771000000000.IwAR0CaseKept.AQYBAQAA"),
    ],
)
def test_the_newest_click_is_told_and_a_cookie_is_made_only_for_one_without(
    cookie: str, told_ms: int, sent: str
) -> None:
    contact = {"fbclid": {"at_ms": CLICKED_MS}, "fbc": {"at_ms": told_ms}}
    assert told({**FULL, "fbc": cookie}, contact=contact)["user_data"]["fbc"] == sent


def test_browser_ids_keep_the_appendix_of_metas_own_tool_and_other_shapes_are_left_out() -> None:
    assert told({**FULL, "fbp": "fb.1.1772000000000.99.AQYBAQAA"})["user_data"]["fbp"].endswith(".99.AQYBAQAA")
    for junk in ("fb.1.1772000000000.abc", "fb.1.1772000000.99", "99", sha256("fb.1.1772000000000.99")):
        assert "fbp" not in told({**FULL, "fbp": junk})["user_data"]


def test_details_of_the_person_are_told_as_meta_matches_them() -> None:
    hints = {"email": "a@b.example", "birth_date": "1990-02-05", "gender": "f", "state": "Giza", "zip": "12511"}
    data = told({**hints, "country": "EG", "madid": "38400000-8cf0-11bd-b23e-10b96e40000d"})["user_data"]
    assert (data["db"], data["ge"]) == ([sha256("19900205")], [sha256("f")])
    assert (data["st"], data["zp"]) == ([sha256("giza")], [sha256("12511")])
    assert data["madid"] == "38400000-8cf0-11bd-b23e-10b96e40000d"


def test_given_names_win_over_a_full_name() -> None:
    data = told({**FULL, "first_name": "Mona", "last_name": "Sayed"})["user_data"]
    assert data["ln"] == [sha256("sayed")]


@pytest.mark.parametrize(
    ("hints", "page", "source"),
    [
        (FULL, PAGE, "website"),
        ({"email": "a@b.example"}, PAGE, "other"),  # no user agent
        (FULL, None, "other"),  # no page
        (FULL, "app://home", "other"),
    ],
)
def test_a_website_is_claimed_only_with_its_page_and_browser(
    hints: dict[str, str], page: str | None, source: str
) -> None:
    event = told(hints, page)
    assert event["action_source"] == source
    assert check_events([event], Context(NOW.timestamp())) == (None, [])


def test_the_place_of_other_events_is_kept() -> None:
    assert told(action_source="phone_call")["action_source"] == "phone_call"
    assert told(action_source="app")["action_source"] == "other"


@pytest.mark.parametrize(
    "source", ["email", "phone_call", "chat", "physical_store", "system_generated", "other", "website"]
)
def test_every_source_is_taken(source: str) -> None:
    event = told(action_source=source)
    assert event["action_source"] == source
    assert taken(event)


def test_how_strict_meta_is_about_the_browser_is_a_setting() -> None:
    mild = replace(DEFAULTS, website_needs_user_agent=False)
    opened = {"email": "a@b.example", "page_url": PAGE}
    event = event_of(payload(), opened, mild)
    assert event["action_source"] == "website"
    assert precheck(event, NOW, mild) is None
    assert precheck(event, NOW) is not None


CHAT = {"phone": "01001234567", "ctwa_clid": "ARAkLkA8rmlFeiCktEJQ-QTwRiyYHAF", "psid": "88002", "igsid": "66004"}
BUSINESS = {
    "page_id": "77001",
    "whatsapp_business_account_id": "555000111",
    "instagram_business_account_id": "99003",
}


def in_chat(channel: str, hints: dict[str, str] = CHAT, **changes: Any) -> dict[str, Any]:
    """A lead of a conversation."""
    said = {"action_source": "business_messaging", "messaging_channel": channel, "business": BUSINESS}
    return told(hints, None, **{"event_name": "LeadSubmitted", "value": None, **said, **changes})


@pytest.mark.parametrize(
    ("channel", "ids"),
    [
        ("whatsapp", {"whatsapp_business_account_id": "555000111", "ctwa_clid": CHAT["ctwa_clid"]}),
        ("messenger", {"page_id": "77001", "page_scoped_user_id": "88002"}),
        ("instagram", {"instagram_business_account_id": "99003", "ig_sid": "66004"}),
    ],
)
def test_a_conversation_names_both_sides_by_the_ids_of_its_own_channel(channel: str, ids: dict[str, str]) -> None:
    event = in_chat(channel)
    assert event["messaging_channel"] == channel
    named = {key: value for key, value in event["user_data"].items() if key not in ("ph", "country", "external_id")}
    assert named == ids
    assert event["user_data"]["ph"] == [sha256("201001234567")]
    assert taken(event)


def test_ids_of_a_conversation_stay_in_conversations() -> None:
    event = told({**FULL, **CHAT}, messaging_channel="whatsapp", business=BUSINESS)
    assert not event["user_data"].keys() & {"ctwa_clid", "page_scoped_user_id", "ig_sid", "page_id"}
    assert "messaging_channel" not in event
    assert taken(event)


def test_the_name_of_instagrams_account_field_is_a_setting() -> None:
    settings = replace(DEFAULTS, instagram_business_field="ig_account_id")
    said = payload(
        event_name="LeadSubmitted", value=None, action_source="business_messaging", messaging_channel="instagram",
        business=BUSINESS,
    )  # fmt: skip
    event = event_of(said, {"igsid": CHAT}, settings)
    assert event["user_data"]["ig_account_id"] == "99003"
    assert "instagram_business_account_id" not in event["user_data"]
    assert precheck(event, NOW, settings) is None
    assert check_events([event], Context(NOW.timestamp())) == (None, [])


@pytest.mark.parametrize(
    ("changes", "hints", "reason"),
    [
        ({"event_name": "Schedule"}, CHAT, "Meta does not take this event name of conversations"),
        ({"event_name": "Lead"}, CHAT, "Meta does not take this event name of conversations"),
        ({"messaging_channel": "telegram"}, CHAT, "messaging channel is not one of Meta's"),
        ({"messaging_channel": None}, CHAT, "messaging channel is not one of Meta's"),
        ({"business": {"page_id": "77001"}}, CHAT, "the business's id in this channel is missing"),
        ({"business": None}, CHAT, "the business's id in this channel is missing"),
        ({}, {"phone": "01001234567"}, "no_match_key"),  # WhatsApp sends no click id for ads in a status
    ],
)
def test_a_conversation_that_meta_would_refuse_is_not_sent(
    changes: dict[str, Any], hints: dict[str, str], reason: str
) -> None:
    event = in_chat("whatsapp", hints, **changes)
    refusal = precheck(event, NOW)
    assert refusal is not None
    assert refusal.reason == reason
    assert check_events([event], Context(NOW.timestamp()))[0] is not None


def test_a_stage_of_an_instant_form_lead_comes_from_the_crm() -> None:
    event = told({"lead_id": "123456789012345"}, None, event_name="Viewing booked", value=None,
                 crm={"lead_event_source": "Masar"})  # fmt: skip
    assert event["action_source"] == "system_generated"
    assert event["custom_data"]["event_source"] == "crm"
    assert event["custom_data"]["lead_event_source"] == "Masar"
    assert event["user_data"]["lead_id"] == "123456789012345"
    assert taken(event)


def test_without_a_key_of_stages_it_is_no_stage_but_still_an_event() -> None:
    event = told({"fbp": "fb.1.1772000000000.99"}, None, crm={"lead_event_source": "Masar"})
    assert event["action_source"] == "system_generated"
    assert not event["custom_data"].keys() & {"event_source", "lead_event_source"}
    assert taken(event)


def test_limited_data_use_opt_out_and_referrer_are_passed_on() -> None:
    limited = told(
        {**FULL, "referrer_url": "https://ads.example/x"}, opt_out=True,
        data_processing={"options": ["LDU"], "country": 1, "state": 1000},
    )  # fmt: skip
    assert limited["data_processing_options"] == ["LDU"]
    assert (limited["data_processing_options_country"], limited["data_processing_options_state"]) == (1, 1000)
    assert (limited["opt_out"], limited["referrer_url"]) == (True, "https://ads.example/x")
    assert taken(limited)
    free = told(data_processing={"options": [], "country": 0, "state": 0})
    assert free["data_processing_options"] == []
    assert "data_processing_options_country" not in free
    assert taken(free)
    assert not told().keys() & {"opt_out", "data_processing_options", "referrer_url"}


def test_the_brokerages_login_id_is_added_but_finds_nobody() -> None:
    event = told(fb_login_id="1029384756")
    assert event["user_data"]["fb_login_id"] == "1029384756"
    assert taken(event)
    refusal = precheck(told({"city": "Cairo"}, fb_login_id="1029384756"), NOW)
    assert refusal is not None
    assert refusal.reason == "no_match_key"


LISTING = {
    "property_id": "villa-7", "name": "Villa in Maadi", "property_type": "Villa", "price": 9_500_000.0,
    "currency": "EGP", "listing_type": "for_sale_by_agent", "availability": "for_sale", "city": "Cairo",
    "neighborhood": "Maadi", "region": "Cairo Governorate", "country": "EG", "postal_code": "11728", "bedrooms": 4,
}  # fmt: skip


def test_a_listing_is_told_in_metas_real_estate_fields() -> None:
    event = told(custom={}, listing=LISTING)
    data = {key: value for key, value in event["custom_data"].items() if key not in ("order_id", "touchpoint_id")}
    assert data == {
        "content_ids": ["villa-7"],
        "content_type": "home_listing",
        "content_name": "Villa in Maadi",
        "contents": [{"id": "villa-7", "quantity": 1, "item_price": 9_500_000.0}],
        "property_type": "house",
        "listing_type": "for_sale_by_agent",
        "availability": "for_sale",
        "city": "Cairo",
        "neighborhood": "Maadi",
        "region": "Cairo Governorate",
        "country": "EG",
        "postal_code": "11728",
        "value": 500.0,
        "currency": "EGP",
        "content_category": "virtual_tour_high_engagement",
    }
    assert taken(event)


def test_a_price_in_other_money_than_the_events_is_left_out() -> None:
    assert "contents" not in told(listing={**LISTING, "currency": "USD"})["custom_data"]


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("villa", "house"), ("Stand-alone Villa", "house"), ("فيلا", "house"), ("Flat", "apartment"),
        ("Apartments", "apartment"), ("شقة", "apartment"), ("شقه", "apartment"), ("Studio", "apartment"),
        ("duplex", "other"), ("Chalet", "other"), ("شاليه", "other"), ("Twin House", "townhouse"),
        ("town-house", "townhouse"), ("توين هاوس", "townhouse"), ("Land", "land"), ("أرض", "land"), ("condo", "condo"),
        ("castle", None), ("", None),
    ],
)  # fmt: skip
def test_kinds_of_property_become_metas_words_or_nothing(said: str, word: str | None) -> None:
    event = told(listing={**LISTING, "property_type": said})
    assert event["custom_data"].get("property_type") == word
    assert taken(event)
    if word:
        assert told(custom={"property_type": said})["custom_data"]["property_type"] == word


def test_choices_that_are_not_metas_are_left_out_of_a_listing() -> None:
    data = told(listing={**LISTING, "listing_type": "other", "availability": "maybe"})["custom_data"]
    assert not data.keys() & {"listing_type", "availability"}


def test_what_somebody_looks_for_is_told_in_ranges() -> None:
    wanted = {
        "price_min": 2_000_000, "price_max": 3_000_000, "beds_max": 3, "baths_min": 2,
        "neighborhoods": ["Maadi", "Zamalek"],
    }  # fmt: skip
    event = told(preferences=wanted)
    ranges = {key: value for key, value in event["custom_data"].items() if key.startswith("preferred_")}
    assert ranges == {
        "preferred_price_range": [2_000_000, 3_000_000],
        "preferred_beds_range": [0, 3],
        "preferred_neighborhoods": ["Maadi", "Zamalek"],
    }
    assert taken(event)
    turned = told(preferences={"price_min": 9, "price_max": 1})["custom_data"]
    assert "preferred_price_range" not in turned


def test_a_predicted_worth_goes_along() -> None:
    event = told(custom={"predicted_ltv": 12_000.5, "conversion_probability": 0.31})
    assert event["custom_data"]["predicted_ltv"] == 12_000.5
    assert event["custom_data"]["conversion_probability"] == 0.31
    assert taken(event)


def test_what_is_erased_is_missing() -> None:
    event = event_of(payload(), {"email": ERASED, "phone": {"phone": "01001234567"}, "page_url": ERASED})
    assert sorted(event["user_data"]) == ["country", "external_id", "ph"]


def test_each_kind_comes_from_the_touchpoint_that_told_it_last() -> None:
    opened = {"email": {"email": "new@b.example", "phone": "01001111111"}, "phone": {"phone": "01001234567"}}
    data = event_of(payload(), opened)["user_data"]
    assert (data["em"], data["ph"]) == ([sha256("new@b.example")], [sha256("201001234567")])


@pytest.mark.parametrize(
    ("hints", "changes", "reason", "mendable"),
    [
        (FULL, {"event_time": int((NOW - timedelta(days=7)).timestamp())}, "too_old", False),
        ({"user_agent": CHROME, "city": "Cairo"}, {}, "no_match_key", False),
        ({"email": "not an address"}, {}, "no_match_key", False),
        (FULL, {"value": None}, "a purchase needs value and currency", True),
        (FULL, {"event_name": " "}, "event name is empty or longer than 50 characters", True),
        (FULL, {"event_name": "x" * 51}, "event name is empty or longer than 50 characters", True),
        (FULL, {"event_time": 1_772_000_000_000}, "event time is not in seconds", True),
        (FULL, {"event_id": ""}, "event id is missing", True),
        (FULL, {"currency": "egp"}, "currency is not an ISO 4217 code", True),
        (FULL, {"currency": "LEX"}, "currency is not an ISO 4217 code", True),
        (FULL, {"currency": None}, "a purchase needs value and currency", True),
        (FULL, {"value": -1.0}, "a value is below zero", True),
        (FULL, {"value": "500"}, "a value is not a number", True),
        (FULL, {"value": True}, "a value is not a number", True),
        (FULL, {"event_name": "Seen", "value": None, "custom": {"value": 5}}, "a value has no currency", True),
        (FULL, {"event_time": int(NOW.timestamp()) + 61}, "event time lies in the future", True),
        (
            FULL,
            {"data_processing": {"options": ["LDU"], "country": 1, "state": 7}},
            "data processing options need LDU, country and state",
            True,
        ),
        (
            FULL,
            {"data_processing": {"options": ["GDPR"], "country": 0, "state": 0}},
            "data processing options need LDU, country and state",
            True,
        ),
        (FULL, {"custom": {"contents": [{"quantity": 1}]}}, "contents or content ids are not identified", True),
        (FULL, {"custom": {"content_ids": "villa-7"}}, "contents or content ids are not identified", True),
        (
            FULL,
            {"custom": {f"own_{number}": number for number in range(100)}},
            "custom data has too many fields or too long ones",
            True,
        ),
        (FULL, {"custom": {"note": "x" * 2_001}}, "custom data has too many fields or too long ones", True),
        (FULL, {"custom": {"note": "\ud800"}}, "it cannot be written as JSON", True),
        (FULL, {"custom": {"note": 2**64}}, "it cannot be written as JSON", True),
        (
            {"email": "a@b.example"},
            {"crm": {"lead_event_source": " "}},
            "a CRM stage needs its source and a lead id, e-mail or phone",
            True,
        ),
        (FULL, {"custom": {"predicted_ltv": "many"}}, "a value is not a number", True),
        (FULL, {"custom": {"property_type": "castle"}}, "a property field is not one of Meta's choices", True),
        (FULL, {"action_source": "carrier_pigeon"}, "action source is not one of Meta's", True),
    ],
)
def test_what_meta_would_refuse_never_joins_a_batch(
    hints: dict[str, str], changes: dict[str, Any], reason: str, mendable: bool
) -> None:
    refusal = precheck(told(hints, **changes), NOW)
    assert refusal is not None
    assert (refusal.reason, refusal.mendable) == (reason, mendable)


def test_in_store_outcomes_have_two_months() -> None:
    event = told(action_source="physical_store", event_time=int((NOW - timedelta(days=61)).timestamp()))
    assert taken(event)
    assert precheck(event, NOW + timedelta(days=1)) == Unsendable("too_old")


def test_what_a_producer_hashed_is_passed_on_once_beside_what_we_hash() -> None:
    hints = FULL | {"email_sha256": sha256("mona@mail.example"), "phone_sha256": sha256("201009999999")}
    event = told(hints)
    assert event["user_data"]["em"] == [sha256("mona@mail.example")]
    assert event["user_data"]["ph"] == [sha256("201001234567"), sha256("201009999999")]
    assert taken(event)
    only = told({"email_sha256": sha256("mona@mail.example")})
    assert only["user_data"]["em"] == [sha256("mona@mail.example")]
    assert taken(only)
