"""What Meta would refuse, found before the event joins a batch: one bad event sinks a thousand good ones.

Source: Meta, *Using the Conversions API*, *Server event parameters* and *Customer information parameters*, checked in
November 2026.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from application.ports.conversions import Unsendable

Event = Mapping[str, Any]

OLDEST, OLDEST_IN_STORE = timedelta(days=7), timedelta(days=62)
LONGEST_NAME = 50
MATCHING: Final = frozenset({"em", "ph", "fbp", "fbc", "client_ip_address", "lead_id", "ctwa_clid", "fb_login_id"})
"""User data by which Meta can find a person."""
TOO_WEAK: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
"""Combinations that Meta refuses where there is nothing beside them."""
SOURCES: Final = frozenset({"email", "website", "phone_call", "chat", "physical_store", "system_generated", "other"})
NUMBERS: Final = ("value", "predicted_ltv", "net_revenue", "num_items")
CHOICES: Final = {
    "availability": "available_soon for_rent for_sale off_market recently_sold sale_pending",
    "delivery_category": "in_store curbside home_delivery",
    "property_type": "apartment condo house land manufactured other townhouse",
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def _too_old(event: Event, now: datetime) -> bool:
    oldest = OLDEST_IN_STORE if event["action_source"] == "physical_store" else OLDEST
    return now - datetime.fromtimestamp(event["event_time"], UTC) >= oldest


def _nobody(event: Event, _now: datetime) -> bool:
    keys = event["user_data"].keys()
    return not keys & MATCHING or any(keys <= weak for weak in TOO_WEAK)


def _bad_name(event: Event, _now: datetime) -> bool:
    name = event["event_name"]
    return not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable()


def _bad_id(event: Event, _now: datetime) -> bool:
    return not isinstance(event["event_id"], str) or not event["event_id"]


def _bad_time(event: Event, _now: datetime) -> bool:
    time = event["event_time"]
    return type(time) is not int or not 0 < time < 10**11  # beyond, it would be milliseconds


def _purchase_of_nothing(event: Event, _now: datetime) -> bool:
    return event["event_name"] == "Purchase" and not {"value", "currency"} <= event["custom_data"].keys()


def _bad_number(event: Event, _now: datetime) -> bool:
    data = event["custom_data"]
    return any(name in data and type(data[name]) not in (int, float) for name in NUMBERS)


def _bad_currency(event: Event, _now: datetime) -> bool:
    currency = event["custom_data"].get("currency")
    return currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency))


def _bad_choice(event: Event, _now: datetime) -> bool:
    data = event["custom_data"]
    return any(name in data and str(data[name]) not in choices.split() for name, choices in CHOICES.items())


def _bad_source(event: Event, _now: datetime) -> bool:
    return event["action_source"] not in SOURCES


# fmt: off
CHECKS: Final[tuple[tuple[Callable[[Event, datetime], bool], Unsendable], ...]] = (
    (_bad_time,            Unsendable("event time is not in seconds", mendable=True)),
    (_too_old,             Unsendable("too_old")),
    (_nobody,              Unsendable("no_match_key")),
    (_bad_name,            Unsendable("event name is empty or longer than 50 characters", mendable=True)),
    (_bad_id,              Unsendable("event id is missing", mendable=True)),
    (_bad_source,          Unsendable("action source is not one of Meta's", mendable=True)),
    (_purchase_of_nothing, Unsendable("a purchase needs value and currency", mendable=True)),
    (_bad_number,          Unsendable("a value is not a number", mendable=True)),
    (_bad_currency,        Unsendable("currency is not an ISO 4217 code", mendable=True)),
    (_bad_choice,          Unsendable("a property field is not one of Meta's choices", mendable=True)),
)
# fmt: on


def precheck(event: Event, now: datetime) -> Unsendable | None:
    """Return why Meta would refuse this event, None where it would not."""
    return next((why for fails, why in CHECKS if fails(event, now)), None)
