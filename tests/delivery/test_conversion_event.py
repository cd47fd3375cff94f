"""A message of the outbox as the event that Meta is told."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.meta.conversion_event import event_of
from adapters.meta.precheck import precheck
from adapters.simulator.context import Context
from adapters.simulator.rules import check_events
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


def test_a_cookie_that_is_known_wins_over_one_we_would_make() -> None:
    cookie = "fb.2.1772000000000.FromTheBrowser"
    assert told({**FULL, "fbc": cookie})["user_data"]["fbc"] == cookie


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


def test_what_is_erased_is_missing() -> None:
    event = event_of(payload(), {"email": ERASED, "phone": {"phone": "01001234567"}, "page_url": ERASED})
    assert sorted(event["user_data"]) == ["external_id", "ph"]


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
    weeks_ago = int((NOW - timedelta(days=30)).timestamp())
    assert precheck(told(action_source="physical_store", event_time=weeks_ago), NOW) is None
