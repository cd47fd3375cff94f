"""The parts every normalisation shares: refusing what is not text, trimming, digits and bare words."""

import re
import unicodedata
from typing import Final

from domain.messaging.content import UNSTORABLE


class UnusableValueError(ValueError):
    """A value Meta could not match with anybody; `reason` says why, in words an operator can read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_INVISIBLE: Final = "".join(
    chr(point)
    for first, last in (
        (0x00AD, 0x00AD),  # soft hyphen
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x061C, 0x061C),  # Arabic letter mark
        (0x180E, 0x180E),  # Mongolian vowel separator
        (0x200B, 0x200F),  # zero-width space and joiners, left-to-right and right-to-left marks
        (0x202A, 0x202E),  # bidi embeddings and overrides, which phones put around copied numbers
        (0x2060, 0x206F),  # word joiner, bidi isolates
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFEFF, 0xFEFF),  # byte order mark
    )
    for point in range(first, last + 1)
)
_BLANK: Final = ("".join(map(chr, range(0x01, 0x21))) + "\x7f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") + "".join(
    map(chr, range(0x2000, 0x200B))
)
_EDGES: Final = _BLANK + _INVISIBLE
_WITHOUT_INVISIBLE: Final = str.maketrans("", "", _INVISIBLE)

# Arabic-Indic, Persian and full-width digits, as keyboards in the region type them.
_ASCII_DIGITS: Final = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９", "0123456789" * 3)

# Vowel signs, Quranic marks, tatweel; transliteration half rings and primes, which stand for punctuation;
# enclosing and selecting marks that emoji leave behind.
_ORNAMENT: Final = re.compile(
    "[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u08ca-\u08ff\u02b9-\u02bf\u034f\u20d0-\u20ff\ufe00-\ufe0f]"
)
# Punctuation, symbols (emoji among them), separators and control or unassigned characters.
_STRIPPED_CATEGORIES: Final = frozenset("PSZC")

# fmt: off
PLACEHOLDERS: Final = frozenset({
    "null", "(null)", "undefined", "none", "n/a", "n.a", "n.a.", "#n/a", "nan", "<na>", "unknown", "-", "--",
    "[objectobject]", "notset", "notprovided",
    "غيرمعروف", "غيرمحدد", "لايوجد", "بدون",  # unknown, unspecified, there is none, without
})
# fmt: on
"""What stands for a missing value, in lower case without blanks."""

_TEMPLATE_MARKS: Final = ("{{", "}}", "${", "<%")
_NAMED_BLANK: Final = re.compile(
    r"\{[a-z_. -]+\}|%[a-z_. -]+%|\[[a-z_. -]+\]|<[a-z_. -]+>", re.IGNORECASE
)  # {first_name}


def words(text: str) -> frozenset[str]:
    """Return the words of a table written as running text."""
    return frozenset(text.split())


def clean_text(value: object, limit: int) -> str:
    """Return the value as text without blanks or invisible characters at its ends, never empty.

    Raises UnusableValueError for other types, more than `limit` characters, NUL, lone surrogates (which have
    no UTF-8 form to hash), nothing left, and what programs write in place of a value ("null", "{{name}}").
    """
    if not isinstance(value, str):
        raise UnusableValueError("not text")
    if len(value) > limit:
        raise UnusableValueError(f"longer than {limit} characters")
    if "\0" in value:
        raise UnusableValueError("contains a NUL character")
    if UNSTORABLE.search(value):
        raise UnusableValueError("not valid Unicode")
    text = value.strip(_EDGES)
    if not text:
        raise UnusableValueError("empty")
    refuse_placeholder(text)
    return text


def refuse_placeholder(text: str) -> None:
    """Raise UnusableValueError when a program wrote this in place of a missing value.

    Hashed, these would make one person of everybody whose field was missing.
    """
    said = text.lower().split()
    if "".join(said) in PLACEHOLDERS or (len(said) > 1 and all(word in PLACEHOLDERS for word in said)):
        raise UnusableValueError("a placeholder for a missing value")
    if any(mark in text for mark in _TEMPLATE_MARKS) or _NAMED_BLANK.fullmatch(text):
        raise UnusableValueError("an unfilled template")


def without_invisible(text: str) -> str:
    """Return the text without zero-width characters, bidi marks and variation selectors."""
    return text.translate(_WITHOUT_INVISIBLE)


def ascii_digits(text: str) -> str:
    """Return the text with Arabic-Indic, Persian and full-width digits as 0-9."""
    return text.translate(_ASCII_DIGITS)


_OTHER_FORMS: Final = re.compile("[\ufb50-\ufdff\ufe70-\ufefc\uff01-\uff5e]")
"""Letters drawn as they stand in a word, and full-width ones: text out of PDFs and old systems has them."""


def bare_letters(text: str) -> str:
    """Return lower-case letters and digits run together: how Meta's Pixel writes names before hashing.

    NFC, no spaces, punctuation or symbols (of any script), no Arabic vowel signs or tatweel. Accents stay,
    and so do the forms of alef, yeh and teh marbuta, because Meta keeps them apart. May be empty.
    """
    plain = _OTHER_FORMS.sub(lambda letter: unicodedata.normalize("NFKC", letter[0]), text)
    lowered = _ORNAMENT.sub("", unicodedata.normalize("NFC", plain).lower())
    kept = "".join(char for char in lowered if unicodedata.category(char)[0] not in _STRIPPED_CATEGORIES)
    return unicodedata.normalize("NFC", kept)


_ARABIC_VARIANTS: Final = str.maketrans("أإآٱةىی", "اااا" + "هيي")


def look_up_key(text: str) -> str:
    """Return a spelling-tolerant key for our own word tables; never what is hashed.

    Accents and hamzas off, alef, yeh and teh marbuta in one form each.
    """
    unified = bare_letters(text).translate(_ARABIC_VARIANTS)
    decomposed = unicodedata.normalize("NFKD", unified)
    return "".join(char for char in decomposed if not unicodedata.combining(char))
