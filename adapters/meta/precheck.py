"""What Meta would refuse, found before the event joins a batch: one bad event sinks a thousand good ones.

Source: Meta, *Using the Conversions API*, *Server event parameters*, *Customer information parameters* and
*Conversions API for business messaging*, checked in November 2026. What Meta leaves open is in `settings.py`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from adapters.meta.conversion_event import BUSINESS_IN, MESSAGING, PERSON_IN, STAGE_KEYS
from adapters.meta.listing import AVAILABILITIES, LISTING_TYPES, PROPERTY_TYPES, is_amount
from adapters.meta.normalise_text import words
from adapters.meta.settings import DEFAULTS, MetaSettings
from adapters.meta.user_data import HASHED_FIELDS, PASSED_FIELDS, SHA256_OF_NOTHING
from application.ports.conversions import Unsendable
from domain.ads.match_quality import FINDING
from domain.ads.routes import MESSAGING_NAMES
from domain.shared.currencies import CURRENCIES

Event = Mapping[str, Any]

OLDEST, OLDEST_IN_STORE = timedelta(days=7), timedelta(days=62)
LONGEST_NAME = 50
TOO_WEAK: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
"""Combinations that Meta refuses where there is nothing beside them."""
# fmt: off
SOURCES: Final = words("email website phone_call chat physical_store system_generated business_messaging other")
NUMBERS: Final = ("value", "predicted_ltv", "net_revenue", "num_items")
CHOICES: Final = {
    "availability":      AVAILABILITIES,
    "listing_type":      LISTING_TYPES,
    "property_type":     PROPERTY_TYPES,
    "delivery_category": frozenset({"in_store", "curbside", "home_delivery"}),
}
# fmt: on
_SHA256: Final = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9]{8})?")
_LOOKS_HASHED: Final = re.compile(r"[0-9a-fA-F]{64}(\.[A-Za-z0-9]{8})?")
_LEAD_ID: Final = re.compile(r"[0-9]{15,17}")


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _bad_time(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    time = event["event_time"]
    return type(time) is not int or not 0 < time < 10**11  # beyond, it would be milliseconds


def _too_old(event: Event, now: datetime, _settings: MetaSettings) -> bool:
    oldest = OLDEST_IN_STORE if event["action_source"] == "physical_store" else OLDEST
    return bool(now.timestamp() - event["event_time"] >= oldest.total_seconds())


def _in_the_future(event: Event, now: datetime, settings: MetaSettings) -> bool:
    return bool(event["event_time"] - now.timestamp() > settings.future_tolerance_s)


def _nobody(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    keys = event["user_data"].keys()
    if event["action_source"] == MESSAGING:
        channel = event.get("messaging_channel")
        return channel in PERSON_IN and PERSON_IN[channel][1] not in keys
    return not keys & FINDING or any(keys <= weak for weak in TOO_WEAK)


def _not_hashed(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["user_data"]
    return not all(
        isinstance(one, str) and _SHA256.fullmatch(one) for field in HASHED_FIELDS & data.keys()
        for one in _values(data[field]) or [None]
    )  # fmt: skip


def _hash_of_nothing(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    values = (one for value in event["user_data"].values() for one in _values(value))
    return any(isinstance(one, str) and one.startswith(SHA256_OF_NOTHING) for one in values)


def _hashed_or_empty(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["user_data"]
    plain = [data[field] for field in PASSED_FIELDS & data.keys()]
    return not all(isinstance(one, str) and one and not _LOOKS_HASHED.fullmatch(one) for one in plain)


def _bad_lead_id(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    lead_id = event["user_data"].get("lead_id")
    return lead_id is not None and not _LEAD_ID.fullmatch(str(lead_id))


def _bad_name(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    name = event["event_name"]
    return not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable()


def _bad_id(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    return not isinstance(event["event_id"], str) or not event["event_id"]


def _bad_source(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    return event["action_source"] not in SOURCES


def _bad_website(event: Event, _now: datetime, settings: MetaSettings) -> bool:
    browser = "client_user_agent" in event["user_data"] or not settings.website_needs_user_agent
    return event["action_source"] == "website" and not (browser and event.get("event_source_url"))


def _bad_channel(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    channel = event.get("messaging_channel")
    return channel not in PERSON_IN if event["action_source"] == MESSAGING else channel is not None


def _not_for_messaging(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    return event["action_source"] == MESSAGING and event["event_name"] not in MESSAGING_NAMES


def _no_business(event: Event, _now: datetime, settings: MetaSettings) -> bool:
    if event["action_source"] != MESSAGING:
        return False
    channel = event["messaging_channel"]
    field = settings.instagram_business_field if channel == "instagram" else BUSINESS_IN[channel]
    return field not in event["user_data"]


def _bad_data_processing(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    options = event.get("data_processing_options", [])
    country, state = (event.get(f"data_processing_options_{name}") for name in ("country", "state"))
    known_state = type(state) is int and (state == 0 or 1_000 <= state < 1_100)
    return options != [] and not (options == ["LDU"] and type(country) is int and country in (0, 1) and known_state)


def _half_a_stage(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    if data.get("event_source") != "crm":
        return False
    source = data.get("lead_event_source")
    named = isinstance(source, str) and source.strip()
    return not (event["action_source"] == "system_generated" and named and event["user_data"].keys() & STAGE_KEYS)


def _purchase_of_nothing(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return event["event_name"] == "Purchase" and (data.get("value") is None or data.get("currency") is None)


def _bad_number(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return any(name in data and type(data[name]) not in (int, float) for name in NUMBERS)


def _below_zero(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return any(name in data and not is_amount(data[name]) for name in NUMBERS)


def _bad_currency(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return "currency" in data and not (isinstance(data["currency"], str) and data["currency"] in CURRENCIES)


def _value_without_currency(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    return "value" in event["custom_data"] and "currency" not in event["custom_data"]


def _bad_choice(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return any(
        name in data and not (isinstance(data[name], str) and data[name] in choices)
        for name, choices in CHOICES.items()
    )  # fmt: skip


def _bad_contents(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    data = event["custom_data"]
    contents, ids = data.get("contents", []), data.get("content_ids", [])
    named = isinstance(contents, list) and all(isinstance(one, dict) and one.get("id") for one in contents)
    return not (named and isinstance(ids, list) and all(type(one) in (str, int) and one != "" for one in ids))


def _too_much(event: Event, _now: datetime, settings: MetaSettings) -> bool:
    data = event["custom_data"]
    return (
        len(data) > settings.most_custom_fields
        or any(len(name) > settings.longest_custom_name for name in data)
        or any(isinstance(value, str) and len(value) > settings.longest_custom_text for value in data.values())
    )


def _unwritable(event: Event, _now: datetime, _settings: MetaSettings) -> bool:
    """Say whether it has no JSON: half a Unicode character, a number beyond 64 bits."""
    try:
        orjson.dumps(event)
    except (orjson.JSONEncodeError, RecursionError):
        return True
    return False


# The order matters: a check may rely on the shapes that those above it have made sure of.
# fmt: off
CHECKS: Final[tuple[tuple[Callable[[Event, datetime, MetaSettings], bool], Unsendable], ...]] = (
    (_bad_time,               Unsendable("event time is not in seconds", mendable=True)),
    (_too_old,                Unsendable("too_old")),
    (_in_the_future,          Unsendable("event time lies in the future", mendable=True)),
    (_nobody,                 Unsendable("no_match_key")),
    (_bad_name,               Unsendable("event name is empty or longer than 50 characters", mendable=True)),
    (_bad_id,                 Unsendable("event id is missing", mendable=True)),
    (_bad_source,             Unsendable("action source is not one of Meta's", mendable=True)),
    (_bad_website,            Unsendable("a website event needs its page and browser", mendable=True)),
    (_bad_channel,            Unsendable("messaging channel is not one of Meta's", mendable=True)),
    (_not_for_messaging,      Unsendable("Meta does not take this event name of conversations", mendable=True)),
    (_no_business,            Unsendable("the business's id in this channel is missing", mendable=True)),
    (_not_hashed,             Unsendable("a personal field is not hashed", mendable=True)),
    (_hash_of_nothing,        Unsendable("a hash of an empty text", mendable=True)),
    (_bad_lead_id,            Unsendable("lead id is not 15 to 17 digits", mendable=True)),
    (_hashed_or_empty,        Unsendable("a field that Meta wants as it is is hashed or empty", mendable=True)),
    (_bad_data_processing,    Unsendable("data processing options need LDU, country and state", mendable=True)),
    (_half_a_stage,           Unsendable("a CRM stage needs its source and a lead id, e-mail or phone", mendable=True)),
    (_purchase_of_nothing,    Unsendable("a purchase needs value and currency", mendable=True)),
    (_bad_number,             Unsendable("a value is not a number", mendable=True)),
    (_below_zero,             Unsendable("a value is below zero", mendable=True)),
    (_bad_currency,           Unsendable("currency is not an ISO 4217 code", mendable=True)),
    (_value_without_currency, Unsendable("a value has no currency", mendable=True)),
    (_bad_choice,             Unsendable("a property field is not one of Meta's choices", mendable=True)),
    (_bad_contents,           Unsendable("contents or content ids are not identified", mendable=True)),
    (_too_much,               Unsendable("custom data has too many fields or too long ones", mendable=True)),
    (_unwritable,             Unsendable("it cannot be written as JSON", mendable=True)),
)
# fmt: on


def precheck(event: Event, now: datetime, settings: MetaSettings = DEFAULTS) -> Unsendable | None:
    """Return why Meta would refuse this event, None where it would not."""
    return next((why for fails, why in CHECKS if fails(event, now, settings)), None)
