"""The built-in understanding of single messages: the tables of the built-in analyser, message by message."""

import re
from collections.abc import Sequence

from adapters.analyser import words
from adapters.analyser.builtin import BuiltinAnalyser
from adapters.analyser.spelling import has, plain
from application.ports.assistant import Language, Told
from domain.conversations.analysis import Analysis, Turn
from domain.conversations.events import Detail, Tracked

ARABIC = re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
LATIN = re.compile(r"[a-z]")
DIGIT_IN_WORD = re.compile(r"(?<![\w.,])(?=\w*[a-z])(?=\w*[235678])[a-z2356789']+(?!\w)")
"""A word of Latin letters with 2, 3, 5, 6, 7 or 8 for an Arabic sound, as in "3ayez"."""
NO_SOUND = re.compile(
    r"^(?:\d+(?:m|m2|mm|sqm|km|k|br|bd|bhk|beds?|nd|rd|th|st|x|h|hrs?|am|pm|d|days?|mins?|ft|g|u|l)|[a-z]+\d+|[a-z]\d[a-z]\d)$"
)
"""Sizes, amounts, names of streets, projects and models, though they have digits: "120m", "3br", "b2", "tagamo3"."""
SHORT_ENGLISH = frozenset({"2day", "2moro", "2morrow", "2nite", "2gether", "l8r", "str8", "w8ing", "gr8ly", "any1s"})
"""English as it is typed on phones, where a digit is an English sound."""

# fmt: off
ARABIZI: words.Words = (
    "ezayak", "ezayek", "ezayko", "salam", "salamo", "sabah", "masaa", "ahlan", "ana", "enta", "enty", "ento", "mesh",
    "msh", "mosh", "keda", "kda", "tamam", "shokran", "kwayes", "kam", "bekam", "bkam", "fen", "feen", "emta", "momken",
    "mumkin", "yenfa", "law", "sama7t", "samaht", "fadlak", "men", "mawgood", "mawgooda", "sha2a", "sha22a", "ayez",
    "ayza", "awez", "3ayez", "3ayza", "3awez", "7aga", "el", "fe", "fi", "wala", "bas", "lessa", "lesa", "delwa2ty",
    "bokra", "kalemny", "kalmony", "ab3at", "eb3atly", "mowazaf", "masr", "kman", "kaman", "brdo", "bardo", "aywa",
    "aiwa", "mashy", "mashi", "elsalam", "alaikom", "3alaykom", "ya", "fandem", "basha",
    "fel", "fil", "bel", "lel", "3al", "dah", "eh", "leh", "ezzay", "meen",
)
"""Words that tell Arabic in Latin letters; two of them, or half of all, are enough."""
HUMAN: words.Words = (
    "a human", "real human", "human being", "human please", "human agent", "real person", "live agent",
    "talk to an agent", "speak to an agent", "speak with an agent", "talk to your agent", "an agent please",
    "speak to someone", "talk to someone", "speak with someone", "talk to somebody", "speak to somebody",
    "talk to a person", "speak to a person", "talk to an employee", "customer service", "customer support",
    "representative", "sales person", "salesperson", "sales team", "somebody from sales", "not a bot",
    "are you a bot", "are you a robot", "connect me to", "transfer me to", "call me", "give me a call",
    "كلمني", "كلميني", "كلموني", "اتصل بيا", "اتصلي بيا", "اتصلوا بيا",
    "kalemny", "kallemny", "kalmony", "kalemni", "etesel beya", "ettesel beya",
    "موظف*", "مندوب*", "مسؤول*", "مسئول*", "خدمة العملاء", "أكلم حد", "اكلم حد", "أكلم شخص", "حد يكلمني",
    "حد يرد عليا", "حد يرد", "شخص حقيقي", "بني آدم", "إنسان", "مش روبوت", "انت روبوت", "أكلم المبيعات", "السيلز",
    "mowazaf*", "mowathaf*", "mandob*", "mandoub*", "mas2ool*", "mas2ol*", "akalem 7ad", "akallem 7ad", "a2alem 7ad",
    "7ad ykalemny", "7ad yekalemny", "7ad yrod", "7ad yerod", "5edmet el 3omala2", "khedmet el 3omala",
    "bany adam", "mesh robot", "el sales",
)
ALONE = frozenset({"agent", "human", "operator", "person", "sales", "support"})
# fmt: on
"""What asks for a person, or to be called; some words only where they are the whole message."""
MOST_DETAILS = 20
LONGEST = 50_000
"""Characters that are looked at."""


class BuiltinUnderstanding:
    """The Understanding that always answers."""

    def __init__(self) -> None:
        self._analyser = BuiltinAnalyser()

    def read(self, texts: Sequence[str]) -> list[Told]:
        """Return what each text tells."""
        return [self._read(text) for text in texts]

    def _read(self, text: str) -> Told:
        said = plain(text)
        analysis = self._analyser.analyse([Turn(by="customer", text=text[:LONGEST])]).analysis
        wants_human = has(said, HUMAN) or said.strip(" .!?") in ALONE
        return Told(details_of(analysis), events_of(analysis), analysis.topics, language_of(text), wants_human)


def details_of(found: Analysis) -> tuple[Detail, ...]:
    """Return the details of an analysis in the words of tracked turns; the score takes them from there."""
    budget: dict[str, Detail] = {"figure": "budget_figure", "range": "budget_range", "vague": "budget_vague"}
    told: list[Detail | None] = [
        budget[found.budget_clarity] if found.budget_clarity else None, found.location_clarity, found.urgency,
        *found.informed, "type" if found.type_known else None, "size" if found.size_known else None,
    ]  # fmt: skip
    return tuple(dict.fromkeys(one for one in told if one))[:MOST_DETAILS]


def events_of(found: Analysis) -> tuple[Tracked, ...]:
    """Return what an analysis says was asked or given; a question that is none of those is told as such."""
    asked: tuple[tuple[Tracked, bool | None], ...] = (
        ("price_asked", found.asked_about_price), ("financing_asked", found.asked_about_financing),
        ("viewing_asked", found.requested_viewing),
    )  # fmt: skip
    questions = tuple(event for event, holds in asked if holds)
    given: tuple[tuple[Tracked, bool | None], ...] = (
        ("question_asked", not questions and bool(found.questions)), ("contact_given", found.gave_contact),
        ("budget_mentioned", found.budget_clarity is not None), ("follow_up_asked", found.follow_up_requested),
        ("objection_raised", bool(found.objections_raised)),
    )  # fmt: skip
    return (*questions, *(event for event, holds in given if holds))


def language_of(text: str) -> Language | None:
    """Return the script to answer a text in; None where its letters do not say."""
    said = plain(text)
    arabic, latin = len(ARABIC.findall(said)), len(LATIN.findall(said))
    if arabic or latin:
        return "ar" if arabic >= latin or _is_arabizi(said) else "en"
    return None


def _is_arabizi(said: str) -> bool:
    tokens = re.findall(r"[a-z0-9']+", said)
    letters = [one for one in tokens if LATIN.search(one)]
    signs = sum(one in _ARABIZI for one in letters)
    spelt = (found[0] for found in DIGIT_IN_WORD.finditer(said))
    digits = sum(one not in SHORT_ENGLISH and not NO_SOUND.match(one) for one in spelt)
    return digits > 0 or signs >= 2 or (bool(letters) and 2 * signs >= len(letters))


_ARABIZI = frozenset(plain(word) for word in ARABIZI)
