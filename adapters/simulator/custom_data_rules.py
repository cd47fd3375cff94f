"""Rules on `custom_data`: values, currencies and the closed lists of delivery and property fields."""

from math import isfinite
from typing import Any

from adapters.simulator.context import Context, Event
from adapters.simulator.refusals import BAD_CUSTOM_DATA, BAD_PURCHASE, TOO_MANY_PARAMETERS, Refusal, invalid
from adapters.simulator.vocabulary import (
    CRM_STAGE_KEYS,
    CURRENCIES,
    CUSTOM_DATA_CHOICES,
    CUSTOM_DATA_NUMBERS,
    MAX_CUSTOM_FIELDS,
    MAX_CUSTOM_NAME_LENGTH,
    MAX_CUSTOM_TEXT_LENGTH,
)

_NOTHING: dict[str, Any] = {}


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and isfinite(value))


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and value in CURRENCIES


def custom_data_is_an_object(event: Event, context: Context) -> Refusal | None:
    """`custom_data` may be absent, but is an object where present."""
    if isinstance(event.get("custom_data", _NOTHING), dict):
        return None
    return invalid(BAD_CUSTOM_DATA, "Invalid custom data", "custom_data must be an object")


def purchase_has_value_and_currency(event: Event, context: Context) -> Refusal | None:
    """A Purchase carries a numeric `value` and an ISO 4217 `currency` in capitals."""
    if event["event_name"] != "Purchase":
        return None
    data = event.get("custom_data", _NOTHING)
    if not _is_number(data.get("value")):
        return invalid(BAD_PURCHASE, "Missing purchase value", "Purchase needs a numeric custom_data.value")
    if not _is_currency(data.get("currency")):
        return invalid(BAD_PURCHASE, "Missing purchase currency", "Purchase needs an ISO 4217 currency in capitals")
    return None


def numbers_are_numbers(event: Event, context: Context) -> Refusal | None:
    """Values, revenues and counts are numbers, not text."""
    data = event.get("custom_data", _NOTHING)
    for field in CUSTOM_DATA_NUMBERS:
        if field in data and not _is_number(data[field]):
            return invalid(BAD_CUSTOM_DATA, "Invalid number", f"custom_data.{field} must be a number")
    return None


def amounts_are_not_negative(event: Event, context: Context) -> Refusal | None:
    """Values, revenues and counts are not below zero: a loss is nothing to optimise for."""
    data = event.get("custom_data", _NOTHING)
    for field in CUSTOM_DATA_NUMBERS:
        if data.get(field, 0) < 0:
            return invalid(BAD_CUSTOM_DATA, "Negative number", f"custom_data.{field} is below zero")
    return None


def custom_data_is_not_too_large(event: Event, context: Context) -> Refusal | None:
    """Not too many fields, and none with too long a name or text."""
    data = event.get("custom_data", _NOTHING)
    if len(data) > MAX_CUSTOM_FIELDS:
        return Refusal(TOO_MANY_PARAMETERS, None, "Too many parameters", "(#105) custom_data has too many fields")
    longest = max((len(value) for value in data.values() if isinstance(value, str)), default=0)
    if longest > MAX_CUSTOM_TEXT_LENGTH or any(len(name) > MAX_CUSTOM_NAME_LENGTH for name in data):
        return invalid(BAD_CUSTOM_DATA, "Field too long", "custom_data has a name or a text that is too long")
    return None


def crm_stage_is_complete(event: Event, context: Context) -> Refusal | None:
    """A stage of an Instant-Form lead is `system_generated`, names its CRM, and has a lead id, e-mail or phone."""
    data = event.get("custom_data", _NOTHING)
    if data.get("event_source") != "crm":
        return None
    source = data.get("lead_event_source")
    if event["action_source"] != "system_generated":
        return invalid(BAD_CUSTOM_DATA, "Invalid CRM stage", "event_source crm needs action_source system_generated")
    if not isinstance(source, str) or not source.strip():
        return invalid(BAD_CUSTOM_DATA, "Invalid CRM stage", "event_source crm needs custom_data.lead_event_source")
    if not CRM_STAGE_KEYS & event["user_data"].keys():
        return invalid(BAD_CUSTOM_DATA, "Invalid CRM stage", "event_source crm needs a lead_id, em or ph")
    return None


def currency_is_known(event: Event, context: Context) -> Refusal | None:
    """`currency` is an ISO 4217 code in capitals on any event."""
    data = event.get("custom_data", _NOTHING)
    if "currency" not in data or _is_currency(data["currency"]):
        return None
    return invalid(BAD_CUSTOM_DATA, "Invalid currency", "custom_data.currency must be ISO 4217 in capitals")


def value_has_a_currency(event: Event, context: Context) -> Refusal | None:
    """A value without a currency cannot be optimised for."""
    data = event.get("custom_data", _NOTHING)
    if "value" not in data or "currency" in data:
        return None
    return invalid(BAD_CUSTOM_DATA, "Missing currency", "custom_data.value needs custom_data.currency")


def contents_are_identified(event: Event, context: Context) -> Refusal | None:
    """`contents` is a list of objects, each with an `id`."""
    contents = event.get("custom_data", _NOTHING).get("contents", [])
    if isinstance(contents, list) and all(isinstance(item, dict) and item.get("id") for item in contents):
        return None
    return invalid(BAD_CUSTOM_DATA, "Invalid contents", "custom_data.contents must be objects with an id")


def content_ids_are_a_list(event: Event, context: Context) -> Refusal | None:
    """`content_ids` is a list of texts or whole numbers, none of them empty."""
    ids = event.get("custom_data", _NOTHING).get("content_ids", [])
    if isinstance(ids, list) and all(type(one) in (str, int) and one != "" for one in ids):
        return None
    return invalid(BAD_CUSTOM_DATA, "Invalid content ids", "custom_data.content_ids must be a list of ids")


def choices_are_known(event: Event, context: Context) -> Refusal | None:
    """Delivery category, availability, listing type and property type come from Meta's closed lists."""
    data = event.get("custom_data", _NOTHING)
    for field, choices in CUSTOM_DATA_CHOICES.items():
        if field in data and not (isinstance(data[field], str) and data[field] in choices):
            return invalid(BAD_CUSTOM_DATA, "Unknown choice", f"custom_data.{field} is not one of Meta's values")
    return None
