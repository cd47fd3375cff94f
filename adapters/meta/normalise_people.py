"""Names, gender and date of birth in the form Meta hashes."""

import re
from datetime import UTC, date, datetime
from typing import Final

from adapters.meta.normalise_contacts import email
from adapters.meta.normalise_text import UnusableValueError, ascii_digits, bare_letters, look_up_key


def name(text: str) -> str:
    """Return a first or last name as the Pixel writes it: lower case, no blanks, no punctuation.

    Raises UnusableValueError where no letter is left (a phone number or an emoji as a name) and for an e-mail
    address in the name field.
    """
    if _is_email(text):
        raise UnusableValueError("an e-mail address, not a name")
    bare = bare_letters(text)
    if not any(char.isalpha() for char in bare):
        raise UnusableValueError("no letters")
    return bare


def _is_email(text: str) -> bool:
    try:
        email(text)
    except UnusableValueError:
        return False
    return True


_FEMALE: Final = (
    "f female woman women girl girls lady gal miss mrs ms missus madam madame she her hers"
    " أنثى بنت فتاة امرأة سيدة السيدة آنسة الآنسة ست مدام"
)
_MALE: Final = "m male man men boy boys gentleman guy mr mister sir he him his ذكر رجل ولد شاب سيد السيد"
_GENDERS: Final = {look_up_key(word): "f" for word in _FEMALE.split()} | {
    look_up_key(word): "m" for word in _MALE.split()
}


def gender(text: str) -> str:
    """Return "f" or "m" from English and Arabic words and titles; raises UnusableValueError for others."""
    letter = _GENDERS.get(look_up_key(text))
    if letter is None:
        raise UnusableValueError("neither female nor male")
    return letter


_MIDNIGHT: Final = r"(?:[t ]00:00(?::00(?:\.0+)?)?(?:z|[+-]00:?00)?)?"
_YEAR_FIRST: Final = re.compile(r"(\d{4})([-/. ])(\d{1,2})\2(\d{1,2})" + _MIDNIGHT)
_YEAR_LAST: Final = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})")
_COMPACT: Final = re.compile(r"\d{8}")
_DAY_MONTH_NAME: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]*([^\W\d_]+)[-/., ]*(\d{4})")
_MONTH_NAME_DAY: Final = re.compile(r"([^\W\d_]+)[-. ]*(\d{1,2})(?:st|nd|rd|th)?[-., ]+(\d{4})")
_MONTH_NAMES: Final = (
    "january jan يناير",
    "february feb فبراير",
    "march mar مارس",
    "april apr أبريل ابريل إبريل",
    "may مايو",
    "june jun يونيو يونيه",
    "july jul يوليو يوليه",
    "august aug أغسطس",
    "september sep sept سبتمبر",
    "october oct أكتوبر",
    "november nov نوفمبر",
    "december dec ديسمبر",
)
_MONTHS: Final = {
    look_up_key(word): month for month, words in enumerate(_MONTH_NAMES, start=1) for word in words.split()
}
_EARLIEST_YEAR: Final = 1900


def birth_date(text: str, today: date | None = None) -> str:
    """Return YYYYMMDD. Of two readings of 6/5/1990 the day comes first, as Egypt writes it: 6 May.

    Month first is read only where day first is impossible (2/16/1997). Raises UnusableValueError for
    two-digit years, a time of day (the zone could move the date), dates that do not exist, before 1900 or
    after `today` (default: today in UTC).
    """
    year, month, day = _date_parts(" ".join(ascii_digits(text).lower().split()))
    try:
        born = date(year, month, day)
    except ValueError:
        raise UnusableValueError("no such date") from None
    if born.year < _EARLIEST_YEAR or born > (today or datetime.now(UTC).date()):
        raise UnusableValueError("not a plausible date of birth")
    return born.strftime("%Y%m%d")


def _date_parts(text: str) -> tuple[int, int, int]:
    if match := _YEAR_FIRST.fullmatch(text):
        return int(match[1]), int(match[3]), int(match[4])
    if match := _YEAR_LAST.fullmatch(text):
        return _day_first(int(match[1]), int(match[3]), int(match[4]))
    if _COMPACT.fullmatch(text):
        return _compact_parts(text)
    if (match := _DAY_MONTH_NAME.fullmatch(text)) and (month := _MONTHS.get(look_up_key(match[2]))):
        return int(match[3]), month, int(match[1])
    if (match := _MONTH_NAME_DAY.fullmatch(text)) and (month := _MONTHS.get(look_up_key(match[1]))):
        return int(match[3]), month, int(match[2])
    raise UnusableValueError("not a date we can read")


def _day_first(first: int, second: int, year: int) -> tuple[int, int, int]:
    if second > 12 >= first:
        return year, first, second
    return year, second, first


def _compact_parts(text: str) -> tuple[int, int, int]:
    # YYYYMMDD of a living person never reads as a day and month before its year: 19 and 20 are no months.
    if text.startswith(("19", "20")) and int(text[4:6]) <= 12:
        return int(text[:4]), int(text[4:6]), int(text[6:])
    return _day_first(int(text[:2]), int(text[2:4]), int(text[4:]))
