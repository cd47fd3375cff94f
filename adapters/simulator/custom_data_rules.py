"""Rules on `custom_data`: values, currencies and the closed lists of delivery and property fields."""

from math import isfinite
from typing import Any

from adapters.simulator.context import Context, Event
from adapters.simulator.refusals import BAD_CUSTOM_DATA, BAD_PURCHASE, Refusal, invalid
from adapters.simulator.vocabulary import CURRENCIES, CUSTOM_DATA_CHOICES, CUSTOM_DATA_NUMBERS

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


def choices_are_known(event: Event, context: Context) -> Refusal | None:
    """Delivery category, availability and property type come from Meta's closed lists."""
    data = event.get("custom_data", _NOTHING)
    for field, choices in CUSTOM_DATA_CHOICES.items():
        if field in data and not (isinstance(data[field], str) and data[field] in choices):
            return invalid(BAD_CUSTOM_DATA, "Unknown choice", f"custom_data.{field} is not one of Meta's values")
    return None
