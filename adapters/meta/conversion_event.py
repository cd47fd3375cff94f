"""A conversion as Meta's server event: what happened, to whom as far as Meta may match them, and what it is worth."""

from collections.abc import Mapping
from math import inf
from typing import Any, Final

from adapters.meta.full_names import split_name
from adapters.meta.listing import listing_fields, preference_fields, property_type
from adapters.meta.settings import DEFAULTS, MetaSettings
from adapters.meta.user_data import country_of_phone, hash_user_data, normalise

# fmt: off
DIRECT: Final = {  # kind of hint → field of Meta's user data
    "email": "em",        "phone": "ph",      "first_name": "fn",     "last_name": "ln",
    "birth_date": "db",   "gender": "ge",     "city": "ct",           "state": "st",
    "zip": "zp",          "country": "country", "lead_id": "lead_id", "madid": "madid",
    "fbp": "fbp",         "fbc": "fbc",
    "ip": "client_ip_address",                "user_agent": "client_user_agent",
}
SAID_TWICE: Final = {"em": ("email", "email_sha256"), "ph": ("phone", "phone_sha256")}
"""Field → the kinds that give it: plain, and as a producer hashed it; where both are known Meta gets both."""
PERSON_IN: Final = {  # channel of business messaging → kind of hint and field that name the person there
    "whatsapp":  ("ctwa_clid", "ctwa_clid"),
    "messenger": ("psid",      "page_scoped_user_id"),
    "instagram": ("igsid",     "ig_sid"),
}
BUSINESS_IN: Final = {  # … and the field that names the business; Instagram's is a setting
    "whatsapp": "whatsapp_business_account_id", "messenger": "page_id", "instagram": "instagram_business_account_id",
}
# fmt: on
PAGE_URL, REFERRER_URL = "page_url", "referrer_url"
MESSAGING = "business_messaging"
STAGE_KEYS: Final = frozenset({"lead_id", "em", "ph"})
"""A stage of a lead is matched by one of these; without any it is told as what our system saw, not as a stage."""


def event_of(
    payload: Mapping[str, Any], opened: Mapping[str, Any], settings: MetaSettings = DEFAULTS
) -> dict[str, Any]:
    """Return the event that a message of the outbox tells; the same message gives the same event.

    `opened` maps kind of hint → the opened value that held it: the hints of one touchpoint, or the page's address;
    what was erased is simply missing.
    """
    known = known_hints(opened)
    raw = raw_user_data(known, payload, settings)
    user_data, _dropped = hash_user_data(raw, region=str(payload.get("region") or "EG"))
    event: dict[str, Any] = {
        "event_name": payload["event_name"],
        "event_id": payload["event_id"],
        "event_time": payload["event_time"],
        "action_source": payload["action_source"],
        "user_data": user_data,
        "custom_data": custom_data(payload, settings),
    }
    if page := _http_address(known.get(PAGE_URL)):
        event["event_source_url"] = page
    if referrer := _http_address(known.get(REFERRER_URL)):
        event["referrer_url"] = referrer
    if isinstance(payload.get("opt_out"), bool):
        event["opt_out"] = payload["opt_out"]
    if (crm := payload.get("crm")) and user_data.keys() & STAGE_KEYS:
        event["custom_data"] |= {"event_source": "crm", "lead_event_source": crm["lead_event_source"]}
    event |= _data_processing(payload.get("data_processing"))
    event["action_source"] = action_source(event, payload, settings)
    if event["action_source"] == MESSAGING:
        event["messaging_channel"] = payload.get("messaging_channel")
    return event


def action_source(event: Mapping[str, Any], payload: Mapping[str, Any], settings: MetaSettings = DEFAULTS) -> str:
    """Return where it happened, as far as we can prove it.

    Meta demands the page's address and the browser's user agent of a `website` event, and the device's description
    of an `app` event. What producers do not send must not be made up, and an event refused is worth less than one
    whose place is unknown: such an event is `other`. A CRM's stage of an Instant-Form lead is `system_generated`.
    """
    source = str(event["action_source"])
    if payload.get("crm"):
        return "system_generated"
    if source == "website":
        browser = "client_user_agent" in event["user_data"] or not settings.website_needs_user_agent
        return "website" if browser and "event_source_url" in event else "other"
    return "other" if source == "app" else source


def known_hints(opened: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain value of each kind: a text stands for itself, hints hold one field per kind."""
    found = {kind: value.get(kind) if isinstance(value, Mapping) else value for kind, value in opened.items()}
    return {kind: value for kind, value in found.items() if isinstance(value, str) and value}


def raw_user_data(
    known: Mapping[str, str], payload: Mapping[str, Any], settings: MetaSettings = DEFAULTS
) -> dict[str, object]:
    """Return Meta's user data before it is normalised and hashed."""
    raw: dict[str, object] = {field: known[kind] for kind, field in DIRECT.items() if kind in known}
    for field, kinds in SAID_TWICE.items():
        if said := [known[kind] for kind in kinds if kind in known]:
            raw[field] = said
    raw |= {field: names for field, names in split_name(known.get("name", "")).items() if field not in raw}
    country = _country(known, str(payload.get("region") or "EG"))
    if country and "country" not in (payload.get("dropped") or ()):
        raw["country"] = country
    raw |= _click(known, payload)
    raw |= _channel_ids(known, payload, settings)
    if payload.get("fb_login_id"):
        raw["fb_login_id"] = str(payload["fb_login_id"])
    raw["external_id"] = payload["person_id"]
    return raw


def _country(known: Mapping[str, str], region: str) -> str | None:
    """Return the person's country: as told, else the one that their phone number belongs to.

    Meta wants the country with every event, also where all customers are of one: it matches against the whole world.
    """
    told = known.get("country")
    if told and normalise("country", told).normalised:
        return told
    return country_of_phone(known.get("phone", ""), region)


def fbc(fbclid: str, clicked_ms: int) -> str:
    """Return the click id as Meta's cookie would hold it: index 1 is for those made by servers, case is kept."""
    return f"fb.1.{clicked_ms}.{fbclid}"


def _click(known: Mapping[str, str], payload: Mapping[str, Any]) -> dict[str, str]:
    """Return the click id as `fbc`: the browser's own cookie, or one made where a click came after it.

    The contact holds a click id from its first sight only, so its time is the time of the click. Meta makes a cookie
    anew only where the click id differs.
    """
    click, cookie = known.get("fbclid"), known.get("fbc")
    if not click:
        return {}
    clicked_ms = int(payload["contact"]["fbclid"]["at_ms"])
    if cookie:
        told_ms = payload["contact"].get("fbc", {}).get("at_ms", clicked_ms)
        if told_ms >= clicked_ms or click in cookie.split("."):
            return {}
    return {"fbc": fbc(click, clicked_ms)}


def _channel_ids(known: Mapping[str, str], payload: Mapping[str, Any], settings: MetaSettings) -> dict[str, str]:
    """Return the ids of both sides of a conversation, those of its own channel alone: others Meta refuses."""
    channel = payload.get("messaging_channel")
    if payload["action_source"] != MESSAGING or channel not in PERSON_IN:
        return {}
    kind, field = PERSON_IN[channel]
    ours = BUSINESS_IN[channel]
    theirs = settings.instagram_business_field if channel == "instagram" else ours
    ids = {field: known.get(kind), theirs: (payload.get("business") or {}).get(ours)}
    return {name: str(value) for name, value in ids.items() if value}


def _data_processing(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the data processing options: with limited data use Meta wants country and state, 0 asks it to locate."""
    if said is None:
        return {}
    options = list(said.get("options") or [])
    if not options:
        return {"data_processing_options": []}
    return {
        "data_processing_options": options,
        "data_processing_options_country": said.get("country", 0),
        "data_processing_options_state": said.get("state", 0),
    }


def custom_data(payload: Mapping[str, Any], settings: MetaSettings = DEFAULTS) -> dict[str, Any]:
    """Return what it was about and worth; `touchpoint_id` lets either side be reconciled with the other."""
    touchpoint_id, currency = payload["touchpoint_id"], payload.get("currency")
    data: dict[str, Any] = {"order_id": touchpoint_id}
    data |= listing_fields(payload.get("listing") or {}, currency, settings.listing_content_type)
    data |= preference_fields(payload.get("preferences") or {})
    data |= {name: value for name, value in (payload.get("custom") or {}).items() if _sendable(value)}
    if word := property_type(data.get("property_type")):
        data["property_type"] = word
    if _sendable(payload.get("value")):
        data |= {"value": payload["value"], "currency": currency}
    if payload.get("content_category"):
        data["content_category"] = payload["content_category"]
    return data | {"touchpoint_id": touchpoint_id}


def _sendable(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not -inf < value < inf)


def _http_address(text: str | None) -> str | None:
    return text if text and text.startswith(("https://", "http://")) else None
