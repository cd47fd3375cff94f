"""Each rule of Meta's Conversions API refuses what it should, with the code clients build on."""

from typing import Any

import pytest

from adapters.simulator.context import Context
from adapters.simulator.rules import RULES, Rule
from tests.simulator.conftest import Stand, error_of
from tests.simulator.events import DATASET, DAY_S, EVENTS, NOW, person, purchase, sha256, website, whatsapp

EMPTY_HASH = sha256("")
AGENT = "Mozilla/5.0"
MESSENGER = {"page_id": "77001", "page_scoped_user_id": "88002"}
INSTAGRAM = {"instagram_business_account_id": "99003", "ig_sid": "66004"}
EXTINFO = ["a2", *[""] * 15]
APP_DATA = {"advertiser_tracking_enabled": 1, "application_tracking_enabled": 0, "extinfo": EXTINFO}


def listing(**custom_data: Any) -> dict[str, Any]:
    return website(custom_data=custom_data)


def with_person(**user_data: Any) -> dict[str, Any]:
    return website(user_data=person(client_user_agent=AGENT, **user_data))


def messenger(**changes: Any) -> dict[str, Any]:
    return whatsapp(**{"messaging_channel": "messenger", "user_data": MESSENGER, **changes})


def instagram(**changes: Any) -> dict[str, Any]:
    return whatsapp(**{"messaging_channel": "instagram", "user_data": INSTAGRAM, **changes})


def crm(lead_event_source: str | None = "Masar", **changes: Any) -> dict[str, Any]:
    data = {"event_source": "crm"} | ({"lead_event_source": lead_event_source} if lead_event_source else {})
    user_data = {"lead_id": "123456789012345"}
    stage = {"action_source": "system_generated", "event_name": "Qualified", "user_data": user_data}
    return website(**{**stage, "custom_data": data, **changes})


REFUSED: dict[str, tuple[Any, int | None]] = {
    # name
    "no name": (website(event_name=None), 2804016),
    "blank name": (website(event_name=" "), 2804016),
    "name of 51 letters": (website(event_name="n" * 51), 2804001),
    # source
    "no action source": (website(action_source=None), 2804016),
    "unknown action source": (website(action_source="Website"), 2804001),
    # time
    "time missing": (website(event_time=None), 2804007),
    "time in milliseconds": (website(event_time=NOW * 1000), 2804007),
    "time as text": (website(event_time=str(NOW)), 2804007),
    "time with a fraction": (website(event_time=NOW - 0.5), 2804007),
    "time is a truth value": (website(event_time=True), 2804007),
    "a second over 7 days": (website(event_time=NOW - 7 * DAY_S - 1), 2804003),
    "a second over 62 days in store": (
        website(event_time=NOW - 62 * DAY_S - 1, action_source="physical_store"),
        2804003,
    ),
    "61 s in the future": (website(event_time=NOW + 61), 2804007),
    # shape
    "not an object": ("ViewContent", 2804001),
    "numeric event id": (website(event_id=17), 2804001),
    "unknown event field": (website(event_tme=NOW), 2804001),
    "opt-out as text": (website(opt_out="yes"), 2804001),
    "referrer as a list": (website(referrer_url=["https://ads.example/"]), 2804001),
    "original event as text": (website(original_event_data="Lead"), 2804001),
    "unknown user field": (with_person(email=sha256("mona@homes.example")), 2804001),
    # website and app
    "website without its page": (website(event_source_url=None), 2804016),
    "website with a bare path": (website(event_source_url="/maadi/12"), 2804016),
    "website without its browser": (website(user_data=person()), 2804016),
    "app without app data": (website(action_source="app"), 2804016),
    "app with 15 items": (
        website(action_source="app", app_data={**APP_DATA, "extinfo": EXTINFO[:15]}),
        2804016,
    ),
    # limited data use
    "unknown processing option": (website(data_processing_options=["GDPR"]), 2804001),
    "LDU without a state": (
        website(data_processing_options=["LDU"], data_processing_options_country=1),
        2804001,
    ),
    # customer information
    "no user data": (website(user_data=None), 2804050),
    "empty user data": (website(user_data={}), 2804050),
    "place and browser only": (
        website(user_data={"ct": sha256("cairo"), "country": sha256("eg"), "client_user_agent": AGENT}),
        2804050,
    ),
    "birthday and browser only": (
        website(user_data={"db": sha256("19900101"), "client_user_agent": AGENT}),
        2804050,
    ),
    "first name and gender only": (
        website(action_source="chat", user_data={"fn": sha256("منى"), "ge": sha256("f")}),
        2804050,
    ),
    "last name only": (website(action_source="chat", user_data={"ln": sha256("حسن")}), 2804050),
    "plain e-mail": (with_person(em="mona@homes.example"), 2804017),
    "plain phone in a list": (with_person(ph=[sha256("201001234567"), "201001234567"]), 2804017),
    "MD5": (with_person(fn="9e107d9d372bb6826bd81d3542a419d6"), 2804017),
    "hash in capitals": (with_person(em=sha256("mona@homes.example").upper()), 2804017),
    "appendix of 7": (with_person(em=sha256("mona@homes.example") + ".AQYCAQI"), 2804017),
    "hash of nothing": (with_person(ln=EMPTY_HASH), 2804017),
    "hash of nothing in a list": (with_person(em=[sha256("mona@homes.example"), EMPTY_HASH]), 2804017),
    "hash of nothing with appendix": (with_person(ct=EMPTY_HASH + ".AQYCAQIB"), 2804017),
    "hash of nothing as external id": (with_person(external_id=EMPTY_HASH), 2804017),
    "empty text": (with_person(fbp=""), 2804017),
    "empty list": (with_person(em=[]), 2804017),
    "hashed IP": (with_person(client_ip_address=sha256("2001:db8::1")), 2804017),
    "hashed browser": (website(user_data=person(client_user_agent=sha256(AGENT))), 2804017),
    "hashed fbp": (with_person(fbp=sha256("fb.1.1700000000000.1")), 2804017),
    "hashed fbc with appendix": (with_person(fbc=sha256("x") + ".AQYCAQIB"), 2804017),
    "hashed ctwa_clid": (
        whatsapp(user_data={"whatsapp_business_account_id": "555000111", "ctwa_clid": sha256("x")}),
        2804017,
    ),
    "numeric external id": (with_person(external_id=[17]), 2804001),
    "list of IPs": (with_person(client_ip_address=["2001:db8::1"]), 2804001),
    "no IP": (with_person(client_ip_address="localhost"), 2804017),
    "fbc with seconds": (with_person(fbc="fb.1.1700000000.IwAR0"), 2804017),
    "bare fbclid": (with_person(fbc="IwAR0"), 2804017),
    "fbp with letters": (with_person(fbp="fb.1.1700000000000.abc"), 2804017),
    "lead id of 14 digits": (with_person(lead_id="1" * 14), 2804036),
    "lead id of 18 digits": (with_person(lead_id=int("1" * 18)), 2804036),
    "hashed lead id": (with_person(lead_id=sha256("1" * 15)), 2804036),
    # custom data
    "custom data is a list": (website(custom_data=[]), 2804048),
    "purchase without custom data": (website(event_name="Purchase"), 2804019),
    "purchase without value": (purchase(value=None), 2804019),
    "purchase with value as text": (purchase(value="250"), 2804019),
    "purchase with a true value": (purchase(value=True), 2804019),
    "purchase without currency": (purchase(currency=None), 2804019),
    "purchase in small letters": (purchase(currency="egp"), 2804019),
    "purchase in unknown money": (purchase(currency="LEX"), 2804019),
    "value as text": (listing(value="12", currency="EGP"), 2804048),
    "count as text": (listing(num_items="2"), 2804048),
    "unknown money": (listing(value=12, currency="E£"), 2804048),
    "value without currency": (listing(value=12), 2804048),
    "contents without id": (listing(contents=[{"quantity": 1}]), 2804048),
    "unknown availability": (listing(availability="maybe"), 2804048),
    "unknown property type": (listing(property_type="villa"), 2804048),
    "unknown delivery": (listing(delivery_category="drone"), 2804048),
    "unknown listing type": (listing(listing_type="for_sale"), 2804048),
    "purchase below zero": (purchase(value=-1), 2804048),
    "predicted worth below zero": (listing(predicted_ltv=-0.5), 2804048),
    "content ids as text": (listing(content_ids="unit-12"), 2804048),
    "content ids with nothing": (listing(content_ids=["unit-12", ""]), 2804048),
    "custom field too long": (listing(note="n" * 2_001), 2804048),
    "name of a custom field too long": (listing(**{"n" * 101: 1}), 2804048),
    "101 custom fields": (listing(**{f"own_{number}": number for number in range(101)}), None),
    "crm stage from a website": (listing(event_source="crm", lead_event_source="Masar"), 2804048),
    "crm stage without its crm": (crm(lead_event_source=None), 2804048),
    "crm stage by cookie alone": (crm(user_data={"fbp": "fb.1.1700000000000.42"}), 2804048),
    # business messaging
    "messaging without channel": (whatsapp(messaging_channel=None), 2804016),
    "unknown channel": (whatsapp(messaging_channel="telegram"), 2804016),
    "channel on a website event": (website(messaging_channel="whatsapp"), 2804001),
    "Lead in messaging": (whatsapp(event_name="Lead"), 2804066),
    "Schedule in messaging": (messenger(event_name="Schedule"), 2804066),
    "Contact in messaging": (instagram(event_name="Contact"), 2804066),
    "custom name in messaging": (whatsapp(event_name="ViewingBooked"), 2804066),
    "messaging purchase without value": (whatsapp(event_name="Purchase"), 2804019),
    "whatsapp without click": (whatsapp(user_data={"whatsapp_business_account_id": "555"}), 2804116),
    "whatsapp without account": (whatsapp(user_data={"ctwa_clid": "ARAk"}), 2804116),
    "messenger without person": (messenger(user_data={"page_id": "77001"}), 2804116),
    "messenger without page": (messenger(user_data={"page_scoped_user_id": "88002"}), 2804116),
    "instagram without person": (instagram(user_data={"ig_account_id": "99003"}), 2804116),
    "instagram without account": (instagram(user_data={"ig_sid": "66004"}), 2804116),
}

ACCEPTED = {
    "a website event": website(),
    "a name of 50 letters": website(event_name="n" * 50),
    "no event id": website(event_id=None),
    "exactly 7 days": website(event_time=NOW - 7 * DAY_S),
    "exactly 62 days in store": website(event_time=NOW - 62 * DAY_S, action_source="physical_store"),
    "60 s in the future": website(event_time=NOW + 60),
    "hash with appendix": with_person(em=sha256("mona@homes.example") + ".AQYCAQIB"),
    "click id with appendix": with_person(fbc="fb.2.1700000000000.IwAR_x-y.AQYCAQIB"),
    "browser id with appendix": with_person(fbp="fb.1.1700000000000.42.AQYCAQIB"),
    "IPv4": with_person(client_ip_address="203.0.113.9"),
    "plain and hashed external ids": with_person(external_id=["visitor-9", sha256("visitor-9")]),
    "lead id as number": with_person(lead_id=123456789012345),
    "lead id of 17 digits": with_person(lead_id="1" * 17),
    "optional fields": website(
        opt_out=True,
        referrer_url="https://ads.example/",
        customer_segmentation="new_customer_to_business",
        attribution_data={"scope": "click"},
        original_event_data={"event_name": "Lead", "event_time": NOW - 60},
        data_processing_options=[],
    ),
    "limited data use": website(
        data_processing_options=["LDU"], data_processing_options_country=1, data_processing_options_state=1000
    ),
    "an app event": website(action_source="app", app_data=APP_DATA),
    "a purchase in whole money": purchase(value=0),
    "property details": listing(
        availability="for_sale", property_type="apartment", neighborhood="Maadi", preferred_beds_range=[2, 3]
    ),
    "own custom data": listing(touchpoint_id="t-1", order_id="t-1", contents=[{"id": "unit-12", "quantity": 1}]),
    "crm stage": crm(),
    "crm stage by phone": crm(user_data={"ph": [sha256("201001234567")]}),
    "whatsapp": whatsapp(),
    "whatsapp purchase": whatsapp(event_name="Purchase", custom_data={"value": 5, "currency": "EGP"}),
    "messenger": messenger(event_name="QualifiedLead"),
    "instagram": instagram(),
    "instagram by the other name": instagram(user_data={"ig_account_id": "99003", "ig_sid": "66004"}),
}


@pytest.mark.parametrize(("event", "subcode"), REFUSED.values(), ids=REFUSED.keys())
def test_a_broken_rule_refuses_the_event(stand: Stand, event: Any, subcode: int | None) -> None:
    response = stand.send(event)
    refused = (105, None) if subcode is None else (100, subcode)  # too many parameters is a code of its own
    assert (response.status_code, error_of(response)) == (400, refused)
    assert response.json()["error"]["fbtrace_id"]
    assert stand.ledger() == []


@pytest.mark.parametrize("event", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_good_event_is_taken(stand: Stand, event: Any) -> None:
    response = stand.send(event)
    assert (response.status_code, response.json().get("events_received")) == (200, 1), response.text
    assert response.json()["messages"] == []
    assert len(stand.ledger()) == 1


def first_broken(event: dict[str, Any]) -> Rule | None:
    context = Context(now=NOW, dataset_kind="website" if event in UNFIT else None)
    return next((rule for rule in RULES if rule.check(event, context)), None)


def test_every_rule_of_the_table_is_broken_by_a_case_above() -> None:
    cases = [event for event, _ in REFUSED.values() if isinstance(event, dict)] + UNFIT
    unbroken = set(RULES) - {first_broken(event) for event in cases}
    assert {rule.check.__name__ for rule in unbroken} == set()


def test_one_bad_event_refuses_the_whole_request(stand: Stand) -> None:
    good = [website(event_id=f"look-{number}") for number in range(20)]
    response = stand.send(*good[:13], purchase(currency="egp"), *good[13:])
    assert error_of(response) == (100, 2804019)
    assert "event 13" in response.json()["error"]["error_user_msg"]
    assert stand.ledger() == []
    assert stand.summary()["requests"] == {"100/2804019": 1}


STRAY = website(user_data=person(client_user_agent=AGENT, whatsapp_business_account_id="555000111"))
UNFIT = [whatsapp(), messenger(), instagram(), STRAY]
KINDS = ("website", "page", "waba", "instagram")


@pytest.mark.parametrize(
    ("event", "fits", "subcode"),
    [(whatsapp(), "waba", 2804132), (messenger(), "page", 2804131), (instagram(), "instagram", 2804131)],
    ids=["whatsapp", "messenger", "instagram"],
)
def test_a_conversation_needs_the_dataset_of_its_own_account(
    stand: Stand, event: dict[str, Any], fits: str, subcode: int
) -> None:
    for kind in KINDS:
        stand.register(DATASET, kind=kind)
        response = stand.send(event)
        if kind == fits:
            assert response.status_code == 200
        else:
            assert error_of(response) == (100, subcode), kind


def test_a_dataset_takes_no_id_of_another_kind_of_account(stand: Stand) -> None:
    stand.register(DATASET, kind="website")
    assert error_of(stand.send(STRAY)) == (100, 2804132)
    stand.register(DATASET, kind="waba")
    both = whatsapp(user_data={"whatsapp_business_account_id": "5", "ctwa_clid": "ARAk", "page_id": "77001"})
    assert error_of(stand.send(both)) == (100, 2804131)
    assert stand.ledger() == []


OBSERVED = {
    "no user agent": website(user_data=person()),
    "no page": website(event_source_url=None),
    "unknown event field": website(event_tme=NOW),
    "unknown user field": with_person(email="x"),
    "bare fbclid": with_person(fbc="IwAR0"),
    "value without currency": listing(value=12),
    "below zero": listing(predicted_ltv=-1),
    "content ids as text": listing(content_ids="unit-12"),
    "a long field": listing(note="n" * 2_001),
    "half a crm stage": crm(lead_event_source=None),
    "unknown listing type": listing(listing_type="castle"),
    "app without app data": website(action_source="app"),
}


@pytest.mark.parametrize("event", OBSERVED.values(), ids=OBSERVED.keys())
def test_what_the_live_api_let_pass_is_only_warned_about_when_not_strict(stand: Stand, event: dict[str, Any]) -> None:
    stand.configure(strict=False)
    response = stand.send(website(event_id="other"), event)
    assert response.status_code == 200
    (warning,) = response.json()["messages"]
    assert warning.startswith("event 1: ")


def test_the_tolerance_for_the_future_is_a_setting(stand: Stand) -> None:
    stand.configure(future_tolerance_s=0)
    assert error_of(stand.send(website(event_time=NOW + 1))) == (100, 2804007)


def test_a_refusal_never_repeats_personal_values(stand: Stand) -> None:
    response = stand.http.post(EVENTS, json={"access_token": "EAAsim", "data": [with_person(em="mona@homes.example")]})
    assert response.status_code == 400
    assert "mona@" not in response.text
