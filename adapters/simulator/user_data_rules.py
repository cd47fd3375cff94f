"""Rules on `user_data`: what is hashed, what must never be, and how much is enough."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from adapters.simulator.context import Context, Event
from adapters.simulator.refusals import (
    BAD_LEAD_ID,
    BAD_USER_DATA,
    MALFORMED,
    WEAK_USER_DATA,
    Refusal,
    invalid,
)
from adapters.simulator.vocabulary import (
    HASHED_FIELDS,
    PLAIN_FIELDS,
    SHA256_OF_NOTHING,
    USER_DATA_FIELDS,
    WEAK_COMBINATIONS,
)

# Meta's own parameter builder appends a dot and eight characters to hashes, click and browser ids.
_APPENDIX = r"(\.[A-Za-z0-9]{8})?"
_IS_SHA256 = re.compile(r"[0-9a-f]{64}" + _APPENDIX).fullmatch
_LOOKS_HASHED = re.compile(r"[0-9a-fA-F]{64}" + _APPENDIX).fullmatch
_IS_LEAD_ID = re.compile(r"[0-9]{15,17}").fullmatch
_EMPTY: tuple[Any, ...] = (None, "", [])
_SHAPES = {
    "fbc": re.compile(r"fb\.[0-9]\.[0-9]{13}\.\S+").fullmatch,  # the time of the click, in milliseconds
    "fbp": re.compile(r"fb\.[0-9]\.[0-9]{13}\.[0-9]+" + _APPENDIX).fullmatch,
}


def _values(value: Any) -> list[Any]:
    """Return the values of a field that takes a text or a list of texts."""
    return value if isinstance(value, list) else [value]


def user_data_is_an_object(event: Event, context: Context) -> Refusal | None:
    """`user_data` is present and an object."""
    if isinstance(event.get("user_data"), dict):
        return None
    return invalid(WEAK_USER_DATA, "Missing customer information", "user_data must be an object")


def only_known_identifiers(event: Event, context: Context) -> Refusal | None:
    """No key Meta does not know: it would match nobody, without a word."""
    keys = event["user_data"].keys()
    if keys <= USER_DATA_FIELDS:
        return None
    unknown = ", ".join(sorted(keys - USER_DATA_FIELDS))
    return invalid(MALFORMED, "Unknown customer information", f"unknown user_data field: {unknown}")


def no_identifier_is_empty(event: Event, context: Context) -> Refusal | None:
    """A field is absent rather than null, blank or an empty list."""
    for field, value in event["user_data"].items():
        if value in _EMPTY or (isinstance(value, list) and any(item in _EMPTY for item in value)):
            return invalid(BAD_USER_DATA, "Empty customer information", f"user_data.{field} is empty")
    return None


def lead_id_is_15_to_17_digits(event: Event, context: Context) -> Refusal | None:
    """`lead_id`, as text or number, has 15 to 17 digits."""
    lead_id = event["user_data"].get("lead_id")
    if lead_id is None or (type(lead_id) in (str, int) and _IS_LEAD_ID(str(lead_id))):
        return None
    return invalid(BAD_LEAD_ID, "Invalid lead id", "user_data.lead_id must have 15 to 17 digits")


def personal_fields_are_sha256(event: Event, context: Context) -> Refusal | None:
    """E-mail, phone, name and the like are lower-case SHA-256 in hex: no plain text, no MD5."""
    for field, value in event["user_data"].items():
        if field in HASHED_FIELDS:
            for item in _values(value):
                if not isinstance(item, str) or not _IS_SHA256(item):
                    return invalid(
                        BAD_USER_DATA,
                        "Customer information not hashed",
                        f"user_data.{field} is not SHA-256 in hex",
                    )
    return None


def no_hash_of_nothing(event: Event, context: Context) -> Refusal | None:
    """The hash of an empty text identifies nobody; sending it is always a fault of normalisation."""
    for field, value in event["user_data"].items():
        for item in _values(value):
            if isinstance(item, str) and item.startswith(SHA256_OF_NOTHING):
                return invalid(
                    BAD_USER_DATA, "Hash of an empty text", f"user_data.{field} is the hash of an empty text"
                )
    return None


def plain_fields_are_not_hashed(event: Event, context: Context) -> Refusal | None:
    """Click ids, addresses, user agents and Meta's own ids are sent as they are, one text or number each."""
    for field, value in event["user_data"].items():
        if field not in PLAIN_FIELDS:
            continue
        if type(value) not in (str, int):
            return invalid(MALFORMED, "Invalid customer information", f"user_data.{field} must be a text")
        if isinstance(value, str) and _LOOKS_HASHED(value):
            return invalid(
                BAD_USER_DATA,
                "Customer information must not be hashed",
                f"user_data.{field} must not be hashed",
            )
    return None


def click_and_browser_ids_are_well_formed(event: Event, context: Context) -> Refusal | None:
    """`fbc` and `fbp` follow `fb.{index}.{creation in milliseconds}.{id}`."""
    data = event["user_data"]
    for field, has_shape in _SHAPES.items():
        if field in data and not has_shape(str(data[field])):
            return invalid(
                BAD_USER_DATA,
                "Malformed click or browser id",
                f"user_data.{field} is not fb.index.milliseconds.id",
            )
    return None


def external_id_is_text(event: Event, context: Context) -> Refusal | None:
    """`external_id` is one text or a list of texts, hashed or not."""
    if all(isinstance(item, str) for item in _values(event["user_data"].get("external_id", ""))):
        return None
    return invalid(MALFORMED, "Invalid external id", "user_data.external_id must be a text or a list of texts")


@lru_cache(maxsize=65_536)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def ip_address_is_an_address(event: Event, context: Context) -> Refusal | None:
    """`client_ip_address` reads as IPv4 or IPv6."""
    address = event["user_data"].get("client_ip_address")
    if address is None or _is_address(str(address)):
        return None
    return invalid(BAD_USER_DATA, "Invalid IP address", "user_data.client_ip_address is not an IP address")


def customer_information_is_enough(event: Event, context: Context) -> Refusal | None:
    """The fields present are more than one of the combinations Meta calls too broad to match."""
    keys = event["user_data"].keys()
    if any(keys <= weak for weak in WEAK_COMBINATIONS):
        return invalid(
            WEAK_USER_DATA,
            "Insufficient customer information",
            "user_data alone is too broad to match anyone",
        )
    return None
