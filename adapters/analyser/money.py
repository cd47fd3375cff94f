"""Amounts of money in plain text: "3m", "٣ مليون", "مليون و٩٠٠ الف", "3 million w 200 alf", "2-3 million"."""

import re
from dataclasses import dataclass

from adapters.analyser.spelling import finder, plain
from adapters.analyser.words import MILLIONS, NUMBERS, OVER, THOUSANDS, UNDER

MILLION, THOUSAND = 1_000_000, 1_000
SMALLEST = 10_000
"""No home is let or sold for less: "a thousand thanks"."""
LARGEST = 10**11
SMALLEST_BARE = 100_000
"""Of amounts without a unit: smaller numbers are rooms, metres and years."""
SHORT: tuple[str, ...] = ("m", "mn", "mil", "mill")
"""Short for millions right after a figure only: elsewhere they are other words."""
COMMA = re.compile(r"(\d),(\d{1,2})(?!\d)")
"""A comma before one or two figures parts the whole from the rest."""
MOST_FIGURES = 15
MOST_ATTACHED_M = 40
"""`3m` is money, `120m` is a flat."""
CUE = 25
"""Characters before an amount in which it is said which end it is."""

VALUES = {plain(word): value for value, words in NUMBERS.items() for word in words}


def _any(words: tuple[str, ...]) -> str:
    return "|".join(sorted((re.escape(plain(word)) for word in words), key=len, reverse=True))


_NUMBER = rf"(?:\d+(?:,\d{{3}})+|\d+)(?:\.\d+)?|(?:{'|'.join(sorted(VALUES, key=len, reverse=True))})(?!\w)"
_AND = r"\s*(?:و|w|and|&|,)\s*"
_HALF = r"(?:\s*(?:و|w\s*|and\s+(?:a\s+)?)(?P<part>نص|نصف|ربع|nos|noss|half|rob3|quarter))"
AMOUNT = re.compile(
    rf"(?<![\w.,+])(?:(?P<from>{_NUMBER})\s*(?:-|to|ل|الي|لحد|l|le|او|or|aw)\s*)?"
    rf"(?:(?P<n>{_NUMBER})\s*)?"
    rf"(?:(?P<few>نص|نصف|ربع|nos|half a|half|rob3)\s*(?={_any(MILLIONS)}))?"
    rf"(?:(?P<two>مليونين|melyonen|milyonen)|(?P<million>(?:{_any(MILLIONS)})(?!\w)|(?<=\d)\s?(?:{_any(SHORT)})(?!\w))|"
    rf"(?P<thousand>(?:{_any(THOUSANDS)})(?!\w)))"
    rf"(?:{_HALF}(?!\w)|{_AND}(?P<more>{_NUMBER})\s*(?:{_any(THOUSANDS)})(?!\w))?"
    r"|(?<![\w.,+])(?P<bare>\d{6,9}|\d{1,3}(?:,\d{3}){1,3})(?![\w,])"
)
PARTS = {
    "نص": 0.5,
    "نصف": 0.5,
    "nos": 0.5,
    "noss": 0.5,
    "half": 0.5,
    "half a": 0.5,
    "ربع": 0.25,
    "rob3": 0.25,
    "quarter": 0.25,
}


@dataclass(frozen=True, slots=True)
class Amounts:
    """The lowest and highest amount told, in whole currency units; one of them None where only the other was."""

    low: int | None
    high: int | None


def amounts(text: str) -> Amounts | None:
    """Return what a plain text tells of an amount of money, None where it tells none."""
    told: list[int] = []
    cue = ""
    text = COMMA.sub(r"\1.\2", text)
    for found in AMOUNT.finditer(text):
        told += [value for value in _values(found) if SMALLEST <= value <= LARGEST]
        cue = cue or text[max(0, found.start() - CUE) : found.start()]
    if not told:
        return None
    if len(told) > 1:
        return Amounts(min(told), max(told))
    over = finder(OVER).search(cue) is not None and finder(UNDER).search(cue) is None
    return Amounts(told[0], None) if over else Amounts(None, told[0])


def _values(found: re.Match[str]) -> list[int]:
    if found["bare"]:
        value = _number(found["bare"])
        return [round(value)] if value >= SMALLEST_BARE else []
    number = _number(found["n"]) if found["n"] else 1.0
    unit = THOUSAND if found["thousand"] else MILLION
    if found["two"]:
        number = 2.0
    if found["few"]:
        number = PARTS[found["few"]]
    if found["million"] and found["million"].strip() in SHORT and number >= MOST_ATTACHED_M:
        return []
    value = number * unit + PARTS.get(found["part"] or "", 0) * unit
    value += _number(found["more"]) * THOUSAND if found["more"] else 0
    if not found["n"] and unit == THOUSAND:
        return []  # "a thousand thanks"
    low = [round(_number(found["from"]) * unit)] if found["from"] else []
    return [*low, round(value)]


def _number(text: str) -> float:
    return float(VALUES[text]) if text in VALUES else float(text.replace(",", "")[:MOST_FIGURES])
