"""Evens out spelling, and finds words whole: Arabic with what clings to its words, and Latin letters."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

LONGEST = 100_000
LETTERS = str.maketrans({
    **dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": "", "ک": "ك", "ی": "ي",
    **{chr(0x0660 + n): str(n) for n in range(10)}, **{chr(0x06F0 + n): str(n) for n in range(10)},
    "٫": ".", "٬": ",", "’": "'", "‘": "'", "–": "-", "—": "-", "؟": "?", "،": ",",
})  # fmt: skip
UNSEEN = frozenset({"Mn", "Me", "Cf"})
DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
CLINGS = "(?:[وف]?[بلك]?(?:ال)?|[وف]?لل)"
"""And, so, in, to, like, the: written together with the word."""


def plain(text: str) -> str:
    """Return a text as it is matched: one form of each letter and digit, small, nothing unseen, nothing drawn out."""
    even = unicodedata.normalize("NFKC", text[:LONGEST]).translate(LETTERS)
    seen = "".join(" " if letter < " " else letter for letter in even if unicodedata.category(letter) not in UNSEEN)
    return DRAWN_OUT.sub(r"\1", seen.casefold())


@cache
def finder(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of some words in a plain text; a `*` at a word's end lets it go on."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(_one(word) for word in _longest_first(words))})(?!\w)")


def has(text: str, words: tuple[str, ...]) -> bool:
    """Tell whether a plain text has any of some words."""
    return finder(words).search(text) is not None


def without(text: str, words: tuple[str, ...]) -> str:
    """Return a plain text with some words blotted out."""
    return finder(words).sub(" · ", text)


def _longest_first(words: Iterable[str]) -> list[str]:
    return sorted({plain(word) for word in words}, key=lambda word: (-len(word), word))


def _one(word: str) -> str:
    stem = word.removesuffix("*")
    letters = r"\s+".join(re.escape(part) for part in stem.split())
    clings = CLINGS if "\u0600" <= stem[0] <= "\u06ff" else ""
    return f"{clings}{letters}" + (r"\w*" if word.endswith("*") else "")
