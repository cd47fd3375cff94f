"""City, state, postcode and country in the form Meta hashes."""

import re
from typing import Final

from adapters.meta.country_table import ALIASES, COUNTRIES, US_STATES
from adapters.meta.normalise_text import UnusableValueError, ascii_digits, bare_letters, look_up_key


def city(text: str) -> str:
    """Return the city in lower case without blanks and punctuation; digits stay ("6thofoctober").

    Raises UnusableValueError where no letter is left.
    """
    bare = bare_letters(text)
    if not any(char.isalpha() for char in bare):
        raise UnusableValueError("no letters")
    return bare


_US_STATE_CODES: Final = frozenset(US_STATES.values())


def state(text: str, country_code: str | None) -> str:
    """Return the two letters of a US state, else the whole name in lower case, never cut.

    `country_code` is the ISO alpha-2 code where known; names of US states are not translated in another
    country. Raises UnusableValueError where no letter is left or the country is the US and the state is none.
    """
    bare = city(text)
    if country_code not in (None, "us"):
        return bare
    bare = US_STATES.get(bare, bare)
    if country_code == "us" and bare not in _US_STATE_CODES:
        raise UnusableValueError("not a state of the United States")
    return bare


_US_ZIP_PLUS_FOUR: Final = re.compile(r"\d{9}")
_POSTCODE: Final = re.compile(r"[a-z0-9]{2,12}")


def postcode(text: str, country_code: str | None) -> str:
    """Return the postcode in lower case without blanks and dashes; of a US ZIP+4 the first five digits.

    Nine digits count as ZIP+4 unless `country_code` names another country. Raises UnusableValueError for what
    has no digit, only zeros, or letters beyond a-z.
    """
    bare = bare_letters(ascii_digits(text))
    if not _POSTCODE.fullmatch(bare) or not any(char.isdigit() for char in bare):
        raise UnusableValueError("not a postcode")
    if not bare.strip("0"):
        raise UnusableValueError("a placeholder for a missing value")
    if country_code in (None, "us") and _US_ZIP_PLUS_FOUR.fullmatch(bare):
        return bare[:5]
    return bare


_CODES: Final = frozenset(code for code, _, _ in COUNTRIES)
_BY_NAME: Final = (
    {look_up_key(name): code for code, _, name in COUNTRIES}
    | {alpha_3: code for code, alpha_3, _ in COUNTRIES}
    | {look_up_key(name): code for code, names in ALIASES.items() for name in names}
)
_ARTICLES: Final = ("the", "stateof", "kingdomof", "republicof")


def country(text: str) -> str:
    """Return the ISO 3166-1 alpha-2 code in lower case.

    Reads alpha-2, alpha-3, English names and the usual aliases. Raises UnusableValueError for anything else, as Meta's
    own library leaves it out: a cut name is another country ("UAE" would become Ukraine). Who wrote their country in
    Arabic is found by their phone number.
    """
    key = look_up_key(text)
    if key == "are" and "." in text:  # A.R.E. is the Arab Republic of Egypt; without dots it is the Emirates' code
        return "eg"
    if key in _CODES:
        return key
    for spelling in (key, *(key.removeprefix(article) for article in _ARTICLES if key.startswith(article))):
        if code := _BY_NAME.get(spelling):
            return code
    raise UnusableValueError("not a country we know")
