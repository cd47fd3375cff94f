"""Our own check before sending lets nothing pass that the strict stand-in for Meta refuses."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.meta.conversion_event import event_of
from adapters.meta.precheck import CHECKS, precheck
from adapters.simulator import vocabulary
from adapters.simulator.context import Context
from adapters.simulator.rules import check_events
from domain.shared.currencies import CURRENCIES

NOW_S = 1_790_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
DAY_S = 86_400
OF_NOTHING = hashlib.sha256(b"").hexdigest()
HASH = hashlib.sha256(b"mona@homes.example").hexdigest()


def event(**changes: Any) -> dict[str, Any]:
    good = {
        "event_name": "Lead",
        "event_id": "c-1",
        "event_time": NOW_S - 60,
        "action_source": "phone_call",
        "user_data": {"em": [HASH]},
        "custom_data": {},
    }
    return {**good, **changes}


def reason(made: dict[str, Any]) -> str | None:
    refusal = precheck(made, NOW)
    return refusal.reason if refusal else None


@pytest.mark.parametrize(
    ("user_data", "said"),
    [
        ({"em": ["mona@homes.example"]}, "a personal field is not hashed"),
        ({"em": [HASH], "ph": "201001234567"}, "a personal field is not hashed"),
        ({"em": [HASH.upper()]}, "a personal field is not hashed"),
        ({"em": ["9e107d9d372bb6826bd81d3542a419d6"]}, "a personal field is not hashed"),
        ({"em": []}, "a personal field is not hashed"),
        ({"em": [HASH, OF_NOTHING]}, "a hash of an empty text"),
        ({"em": [HASH], "ln": [OF_NOTHING + ".AQYBAQAA"]}, "a hash of an empty text"),
        ({"em": [HASH], "client_ip_address": HASH}, "a field that Meta wants as it is is hashed or empty"),
        ({"em": [HASH], "client_user_agent": ""}, "a field that Meta wants as it is is hashed or empty"),
        ({"em": [HASH], "lead_id": "12345"}, "lead id is not 15 to 17 digits"),
        ({"em": [HASH], "lead_id": HASH}, "lead id is not 15 to 17 digits"),
        ({"ct": [HASH], "country": [HASH], "client_user_agent": "Mozilla"}, "no_match_key"),
        ({"db": [HASH], "client_user_agent": "Mozilla"}, "no_match_key"),
        ({"fn": [HASH], "ge": [HASH]}, "no_match_key"),
        ({"ln": [HASH]}, "no_match_key"),
        ({"external_id": [HASH]}, "no_match_key"),
        ({"em": [HASH + ".AQYBAQAA"]}, None),
    ],
)
def test_customer_information_is_checked_as_meta_does(user_data: dict[str, Any], said: str | None) -> None:
    assert reason(event(user_data=user_data)) == said


def test_every_check_has_words_of_its_own() -> None:
    words = [why.reason for _, why in CHECKS]
    assert len(set(words)) == len(words)


def test_both_sides_know_the_same_money() -> None:
    assert vocabulary.CURRENCIES >= CURRENCIES
    assert {"EGP", "AED", "SAR", "USD", "EUR", "XCG"} <= CURRENCIES
    assert not {"LEX", "HRK", "ANG", "CUC", "XXX"} & CURRENCIES


# What a payload may hold, good and bad in one place: the law below must hold for any mixture.
# fmt: off
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 10**20), st.floats(), st.text(max_size=8),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.dictionaries(st.just("id"), st.text())),
             max_size=2),
)
NAMES = st.sampled_from(["Purchase", "Lead", "LeadSubmitted", "ViewContent", "Schedule", "", "n" * 51, "مشاهدة", "a\n"])
CUSTOM = st.dictionaries(
    st.sampled_from(["value", "currency", "predicted_ltv", "num_items", "net_revenue", "property_type", "availability",
                     "listing_type", "delivery_category", "contents", "content_ids", "order_id", "event_source",
                     "lead_event_source", "note", "n" * 101]),
    st.one_of(ODD, st.sampled_from(["EGP", "egp", "villa", "for_sale", "crm", "Masar", 12, 0.5, "x" * 2_001])),
    max_size=4,
)
VALUES = {
    "email": st.sampled_from(["mona@homes.example", "test@test", "N/A", HASH, OF_NOTHING]),
    "phone": st.sampled_from(["01001234567", "٠١٠٠١٢٣٤٥٦٧", "0000", "+20 (0)100 123 4567"]),
    "name": st.text(max_size=12),
    "city": st.sampled_from(["Cairo", "القاهرة", "🌸"]),
    "birth_date": st.sampled_from(["1990-02-05", "1990-02-31"]),
    "gender": st.sampled_from(["f", "x"]),
    "fbp": st.sampled_from(["fb.1.1772000000000.99", "fb.1.1772000000000.abc", "fb.12.1772000000000.9", HASH]),
    "fbc": st.sampled_from(["fb.1.1772000000000.IwAR", "fb.1.1772000000.IwAR", "IwAR"]),
    "fbclid": st.one_of(st.just("IwAR0x"), st.text(min_size=1, max_size=9)),
    "ip": st.sampled_from(["197.32.1.9", "2a02:cb40::1", "10.0.0.1", "localhost", "197.32.1.9, 10.0.0.1"]),
    "user_agent": st.sampled_from(["Mozilla/5.0", "", HASH, "a\nb"]),
    "lead_id": st.sampled_from(["123456789012345", "1", HASH]),
    "madid": st.sampled_from(["38400000-8cf0-11bd-b23e-10b96e40000d", HASH]),
    "ctwa_clid": st.sampled_from(["ARAkLkA8", HASH, "a b"]),
    "psid": st.sampled_from(["88002", ""]),
    "igsid": st.sampled_from(["66004"]),
    "page_url": st.sampled_from(["https://homes.example/1", "app://x", "https://\ud800"]),
    "referrer_url": st.sampled_from(["https://ads.example/1", "about:blank"]),
}
OPENED = st.fixed_dictionaries({}, optional=VALUES)
BUSINESS = st.one_of(st.none(), st.fixed_dictionaries({}, optional={
    "page_id": st.sampled_from(["77001", HASH]), "whatsapp_business_account_id": st.just("555000111"),
    "instagram_business_account_id": st.just("99003"),
}))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "event_name": NAMES,
    "event_id": st.sampled_from(["c-1", "", "é"]),
    "event_time": st.sampled_from([NOW_S - 60, NOW_S, NOW_S + 60, NOW_S + 61, NOW_S * 1000, NOW_S - 7 * DAY_S,
                                   NOW_S - 62 * DAY_S, NOW_S - 61 * DAY_S, 0, -5]),
    "action_source": st.sampled_from([*sorted(vocabulary.ACTION_SOURCES), "business_messaging", "pigeon"]),
    "value": st.one_of(st.none(), st.just(250.0), ODD),
    "currency": st.sampled_from(["EGP", "USD", "egp", "LEX", None]),
    "custom": CUSTOM,
    "person_id": st.sampled_from(["a0000000-0000-4000-8000-000000000001", ""]),
    "touchpoint_id": st.just("t-1"),
    "contact": st.just({"fbclid": {"at_ms": 1_772_000_000_123}}),
    "messaging_channel": st.sampled_from(["whatsapp", "messenger", "instagram", "telegram", None]),
    "business": BUSINESS,
    "data_processing": st.fixed_dictionaries({
        "options": st.sampled_from([[], ["LDU"], ["GDPR"]]), "country": st.sampled_from([0, 1, 2, None, True]),
        "state": st.sampled_from([0, 1000, 1100, 7, None]),
    }),
    "fb_login_id": st.sampled_from(["1029384756", HASH]),
    "opt_out": st.booleans(),
    "crm": st.fixed_dictionaries({"lead_event_source": st.sampled_from(["Masar", "", " "])}),
    "listing": st.fixed_dictionaries({"property_id": st.sampled_from(["villa-7", ""])}, optional={
        "price": ODD, "currency": st.just("EGP"), "property_type": st.sampled_from(["villa", "castle", "duplex"]),
        "listing_type": st.sampled_from(["for_sale_by_agent", "other"]), "availability": st.just("for_sale"),
        "city": st.text(max_size=5),
    }),
    "preferences": st.dictionaries(st.sampled_from(["price_min", "price_max", "beds_max", "neighborhoods"]), ODD),
}
# fmt: on


GOOD: dict[str, Any] = {
    "event_name": "Purchase",
    "event_id": "c-1",
    "event_time": NOW_S - 60,
    "action_source": "website",
    "value": 250.0,
    "currency": "EGP",
    "custom": {},
    "person_id": "a0000000-0000-4000-8000-000000000001",
    "touchpoint_id": "t-1",
    "contact": {"fbclid": {"at_ms": 1_772_000_000_123}},
}
CHAT = {
    "action_source": "business_messaging",
    "messaging_channel": "whatsapp",
    "business": {"whatsapp_business_account_id": "555000111"},
}
KNOWN = {"ctwa_clid": "ARAkLkA8", "user_agent": "Mozilla/5.0", "page_url": "https://homes.example/1"}


@st.composite
def payloads(draw: st.DrawFn) -> dict[str, Any]:
    """Good ones with up to three fields changed: one fault must not hide behind another."""
    changed = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=3, unique=True))
    return GOOD | draw(st.sampled_from([{}, CHAT])) | {name: draw(FIELDS[name]) for name in changed}


def strictly(made: dict[str, Any]) -> Any:
    """What the stand-in says of the event as it comes over the wire."""
    return check_events([orjson.loads(orjson.dumps(made))], Context(NOW_S))


@settings(max_examples=1_000, deadline=None)
@given(payloads(), OPENED)
def test_what_passes_our_check_is_taken_by_the_strict_stand_in(payload: dict[str, Any], told: dict[str, str]) -> None:
    made = event_of(payload, {kind: {kind: value} for kind, value in {**KNOWN, **told}.items()})
    if precheck(made, NOW) is None:
        assert strictly(made) == (None, [])


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events as a fault of ours might make them: hashed where they must not be, or not at all."""
    plain = st.sampled_from([HASH, HASH + ".AQYBAQAA", "", "123456789012345", "88002", "fb.1.1772000000000.99"])
    hashed = st.sampled_from(
        [HASH, [HASH], [], [OF_NOTHING], OF_NOTHING, "mona@homes.example", [HASH, ""], HASH.upper()]
    )
    user_data = st.fixed_dictionaries(
        {}, optional={"em": hashed, "ge": hashed, "db": hashed, "external_id": hashed, "lead_id": plain,
                      "fb_login_id": plain, "page_id": plain, "client_user_agent": plain}
    )  # fmt: skip
    source = draw(st.sampled_from(["chat", "website", "app", "system_generated"]))
    return event(user_data=draw(user_data), action_source=source, custom_data=draw(CUSTOM))


@settings(max_examples=500, deadline=None)
@given(events())
def test_a_badly_made_event_is_caught_as_well(made: dict[str, Any]) -> None:
    if precheck(made, NOW) is None:
        assert strictly(made) == (None, [])
