"""E-mail addresses and phone numbers in the form Meta hashes."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers

from adapters.meta.normalise_text import UnusableValueError, ascii_digits, without_invisible

_ATOM: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = re.compile(r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?")  # letters of any script: IDN domains


def email(text: str) -> str:
    """Return the address trimmed and lower-cased; dots and +tags stay, as Meta keeps them.

    An internationalised domain stays in its own letters. Raises UnusableValueError for display names,
    `mailto:`, blanks inside, a local part beyond ASCII, and anything that is not one address.
    """
    address = unicodedata.normalize("NFC", without_invisible(text).lower()).strip()
    if address.startswith("mailto:"):
        raise UnusableValueError("a mailto: link, not an e-mail address")
    local, at, domain = address.partition("@")
    if not at or len(address) > 254 or len(local) > 64 or not _LOCAL_PART.fullmatch(local):
        raise UnusableValueError("not an e-mail address")
    labels = domain.split(".")
    if len(labels) < 2 or len(labels[-1]) < 2 or labels[-1].isdigit():
        raise UnusableValueError("not an e-mail address: the domain is incomplete")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise UnusableValueError("not an e-mail address: the domain is malformed")
    return address


# A WhatsApp business-scoped user id, "EG.1234567890": its digits can look like a phone number and are none.
_BUSINESS_SCOPED_ID: Final = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_NUMBER_START: Final = re.compile(r"[+＋\d]")
_EXTENSION: Final = re.compile(r"\s*(?:;ext=|ext(?:ension)?\.?|x|#|تحويلة|داخلي)[\s:]*\d{1,6}$", re.IGNORECASE)
_EGYPTIAN_MOBILE: Final = re.compile(r"\+201[0125][0-9]{8}")
"""Nearly every number that WhatsApp brings us, as it brings it: all of these are valid, and the plan is slow to ask."""
_MAX_NUMBER_LENGTH: Final = 64
# Shorter ones are too often a local number with a slip in it.
_BARE_INTERNATIONAL: Final = re.compile(r"[1-9][0-9]{9,14}")


def phone(text: str, region: str) -> str:
    """Return country code and number as digits only, "201001234567".

    A label before the number and an extension behind it are passed over, as libphonenumber does. The number
    is read as one of `region` (ISO alpha-2); where that is not valid, bare digits are read as a full
    international number, as Meta and WhatsApp (`wa_id`) write it. Raises UnusableValueError for letters
    inside and for every number that libphonenumber does not call valid.
    """
    if _EGYPTIAN_MOBILE.fullmatch(text):
        return text[1:]
    plain = " ".join(without_invisible(ascii_digits(text)).split())  # blanks of every kind, as copied from pages
    if _BUSINESS_SCOPED_ID.fullmatch(plain):
        raise UnusableValueError("a WhatsApp user id, not a phone number")
    start = _NUMBER_START.search(plain)
    if start is None:
        raise UnusableValueError("no digits in the phone number")
    number = _EXTENSION.sub("", plain[start.start() :])
    if ";" in number:  # libphonenumber would read the first of two numbers and pass over the second
        raise UnusableValueError("more than one phone number")
    if any(char.isalpha() for char in number):
        raise UnusableValueError("letters in the phone number")
    digits = _valid_e164(number, region) if len(number) <= _MAX_NUMBER_LENGTH else None
    if digits is None:
        raise UnusableValueError("not a valid phone number")
    return digits


@lru_cache(maxsize=16_384)
def country_of(digits: str) -> str | None:
    """Return the country of a number that `phone` returned, as ISO alpha-2 in lower case.

    None for numbers of no country, such as satellite phones.
    """
    code = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{digits}"))
    return code.lower() if code and code.isalpha() else None


@lru_cache(maxsize=16_384)  # parsing is the slow step, and the same buyers come back
def _valid_e164(number: str, region: str) -> str | None:
    candidates = [number, f"+{number}"] if _BARE_INTERNATIONAL.fullmatch(number) else [number]
    for candidate in candidates:
        try:
            parsed = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
    return None
