"""Conversions asked for directly, in every spelling that clients use, as the one flat shape."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from api.flat import minor_of
from application.ports.touchpoints import Problem
from domain.ads.direct import Attribution

Spelt = dict[str, Any] | Problem

# fmt: off
EVENT_OF_TYPE: Mapping[str, str] = {
    "purchase": "Purchase",                "sale": "Purchase",              "lead": "Lead",
    "signup": "CompleteRegistration",      "registration": "CompleteRegistration",
    "subscription": "Subscribe",           "trial": "StartTrial",           "contact": "Contact",
    "page_view": "PageView",               "view": "ViewContent",           "video_render": "ViewContent",
    "search": "Search",                    "schedule": "Schedule",          "viewing": "Schedule",
    "add_to_cart": "AddToCart",            "add_to_wishlist": "AddToWishlist",
    "checkout": "InitiateCheckout",        "payment_info": "AddPaymentInfo",
    "application": "SubmitApplication",
}
"""The brokerage's own word for a conversion → Meta's; another word is told as a custom event of its own name."""

EVENT_OF_STEP: Mapping[str, str] = {
    "view_content": "ViewContent",         "view_item": "ViewContent",      "search": "Search",
    "add_to_cart": "AddToCart",            "add_to_wishlist": "AddToWishlist",
    "initiate_checkout": "InitiateCheckout", "begin_checkout": "InitiateCheckout",
    "add_payment_info": "AddPaymentInfo",  "purchase": "Purchase",
}
"""Steps of a shop → Meta's names."""

EVENT_OF_INTERACTION: Mapping[str, str] = {
    "page_view": "PageView",               "property_view": "ViewContent",  "view": "ViewContent",
    "search": "Search",                    "save": "AddToWishlist",         "favorite": "AddToWishlist",
    "contact": "Contact",                  "call": "Contact",               "chat": "Contact",
    "whatsapp_click": "Contact",           "form_submit": "Lead",           "viewing_request": "Schedule",
    "location": "FindLocation",            "download": "CompleteRegistration",
    "signup": "CompleteRegistration",
}
"""What somebody did on a page → Meta's names."""

RENAMED: Mapping[str, str] = {
    "event_source_url": "page_url",        "action_source": "origin",       "content_category": "category",
    "type": "conversion_type",             "test_mode": "test",             "url": "page_url",
}
"""Other spellings of fields → ours."""
# fmt: on
ATTRIBUTION = frozenset(Attribution.model_fields)
ADS: Mapping[str, str] = {
    "ad_set": "adset", "ad_set_id": "adset_id", "campaign_name": "campaign", "ad_set_name": "adset",
    "adset_name": "adset", "ad_name": "ad",
}  # fmt: skip
OF_META = frozenset({"event_id", "event_time", "user_data", "custom_data", "value", "value_cents", "test_event_code"})
INSIDE: Mapping[str, str] = {"content_category": "category", "order_id": "order_id", "currency": "currency"}
"""Of Meta's custom data: what has a field of its own."""


def asked(body: Mapping[str, Any]) -> Spelt:
    """Read any spelling as a flat body of `ads.conversion_asked.v1`, or say which field is wrong."""
    flat = {RENAMED.get(name, name): value for name, value in body.items() if name not in OF_META}
    for step in (_custom, _contents, _person, _money, _time, _name, _attribution, _browser, _test):
        wrong = step(flat, body)
        if wrong is not None:
            return wrong
    flat.setdefault("id", _of_order(flat) or str(uuid4()))
    return flat


def _of_order(flat: Mapping[str, Any]) -> str | None:
    """Return the id of an order's conversion: a checkout and the purchase after it are two things of one order."""
    order_id, name = flat.get("order_id"), flat.get("event_name")
    if not isinstance(order_id, str) or not order_id:
        return None
    return order_id if name == "Purchase" else f"{name}|{order_id}"


def named(event_name: str) -> Callable[[Mapping[str, Any]], Spelt]:
    """Return the reading of a path whose conversions all have one name."""
    return lambda body: asked({**body, "event_name": event_name})


def purchase(body: Mapping[str, Any]) -> Spelt:
    """Read a purchase: without a value it is none."""
    known = body.get("value", body.get("value_cents", body.get("value_minor")))
    return Problem("value", "is needed of a purchase") if known is None else named("Purchase")(body)


def step_of_shop(body: Mapping[str, Any]) -> Spelt:
    """Read a step of a shop by its word."""
    return _by_word(body, ("event_type", "action", "step"), EVENT_OF_STEP)


def interaction(body: Mapping[str, Any]) -> Spelt:
    """Read what somebody did on a page, by its word."""
    return _by_word(body, ("interaction_type", "interaction", "action"), EVENT_OF_INTERACTION)


def _by_word(body: Mapping[str, Any], fields: tuple[str, ...], words: Mapping[str, str]) -> Spelt:
    if "event_name" in body:
        return asked(body)
    field = next((name for name in fields if name in body), fields[0])
    name = words.get(str(body.get(field)))
    if name is None:
        return Problem(field, f"must be one of {', '.join(sorted(words))}")
    return asked({key: value for key, value in body.items() if key != field} | {"event_name": name})


def _custom(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    given = body.get("custom_data")
    if given is None:
        return None
    if not isinstance(given, dict):
        return Problem("custom_data", "must be an object")
    custom = dict(flat.get("custom") or {})
    for name, value in given.items():
        if name in INSIDE:
            flat.setdefault(INSIDE[name], value)
        elif name == "contents":
            flat.setdefault("contents", value)
        elif name == "content_ids" and isinstance(value, list) and value:
            flat.setdefault("property_id", str(value[0]))
            if len(value) > 1 and "contents" not in given:
                flat.setdefault("contents", [{"id": str(one)} for one in value])
        elif name not in ("value", "value_cents"):
            custom[name] = value
    if custom:
        flat["custom"] = custom
    return None


def _contents(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    """Read the things it is about: Meta counts their prices in currency units, the log in minor ones."""
    given = flat.get("contents")
    if not isinstance(given, list):
        return None
    read: list[Any] = []
    for number, one in enumerate(given):
        if isinstance(one, dict) and one.get("item_price") is not None:
            minor = minor_of(one["item_price"])
            if minor is None or minor < 0:
                rule = "must be an amount of at least 0 with at most two decimals"
                return Problem(f"contents.{number}.item_price", rule)
            one = {name: value for name, value in one.items() if name != "item_price"} | {"item_price_minor": minor}
        read.append(one)
    flat["contents"] = read
    if read and isinstance(read[0], dict) and "id" in read[0]:
        flat.setdefault("property_id", read[0]["id"])
    return None


def _person(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    given = body.get("user_data")
    if given is None:
        return None
    if not isinstance(given, dict):
        return Problem("user_data", "must be an object")
    plain = {"em": "email", "ph": "phone", "fn": "first_name", "ln": "last_name", "ct": "city", "st": "state",
             "zp": "zip", "ge": "gender", "db": "birth_date", "external_id": "person_id"}  # fmt: skip
    firsts = {name: value[0] if isinstance(value, list) and value else value for name, value in given.items()}
    read = {plain.get(name, name): str(one) if type(one) is int else one for name, one in firsts.items()}
    flat["person"] = read | (flat["person"] if isinstance(flat.get("person"), dict) else {})
    return None


def _money(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    inside = body.get("custom_data") if isinstance(body.get("custom_data"), dict) else {}
    cents, value = body.get("value_cents"), body.get("value", (inside or {}).get("value"))
    if cents is not None:
        flat["value_minor"] = cents
    elif value is not None:
        minor = minor_of(value)
        if minor is None or minor < 0:
            return Problem("value", "must be an amount of at least 0 with at most two decimals")
        flat["value_minor"] = minor
    return None


def _time(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    at = body.get("event_time")
    if at is None or "occurred_at" in flat:
        return None
    if type(at) is not int or not 0 < at < 10**11:
        return Problem("event_time", "must be unix seconds")
    flat["occurred_at"] = datetime.fromtimestamp(at, UTC).isoformat()
    return None


def _name(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    kind = flat.get("conversion_type")
    if "event_name" not in flat and isinstance(kind, str):
        flat["event_name"] = EVENT_OF_TYPE.get(kind, kind)
    return None if "event_name" in flat else Problem("event_name", "is needed")


def _attribution(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    """Read the ad, the device and the campaign's words, told beside the rest or under `attribution`."""
    given = flat.get("attribution")
    if given is not None and not isinstance(given, dict):
        return Problem("attribution", "must be an object")
    inside = {ADS.get(name, name): value for name, value in (given or {}).items()}
    taken: dict[str, Any] = {}
    for name in list(flat):
        word = ADS.get(name, name)
        if word in ATTRIBUTION and word not in ("country", "city"):
            taken[word] = flat.pop(name)
    for name in [one for one in inside if one.startswith("utm_")]:
        flat.setdefault(name, inside.pop(name))
    told = {name: value for name, value in (taken | inside).items() if value is not None}
    if told:
        flat["attribution"] = {name: str(value) if isinstance(value, int) else value for name, value in told.items()}
    else:
        flat.pop("attribution", None)
    return None


def _browser(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    event_id = body.get("event_id")
    if event_id is None:
        return None
    if not isinstance(event_id, str):
        return Problem("event_id", "must be text")
    flat.setdefault("browser_event", {"id": event_id, "name": flat.get("event_name")})
    if event_id:  # Meta tells events of one id apart by their names
        flat.setdefault("id", f"{flat.get('event_name')}|{event_id}")
    return None


def _test(flat: dict[str, Any], body: Mapping[str, Any]) -> Problem | None:
    """Take what comes with a test code for a test: Meta would count it as a live event."""
    if body.get("test_event_code"):
        flat["test"] = True
    return None
