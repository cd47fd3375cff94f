"""The built-in analyser: tables of words, no network. It understands plain words, not hints and irony."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from adapters.analyser import words
from adapters.analyser.money import Amounts, amounts
from adapters.analyser.spelling import finder, has, plain, without
from application.ports.analysis import MadeBy, Reading
from domain.conversations.analysis import (
    Analysis,
    AnalysisNotes,
    BudgetClarity,
    Horizon,
    Informed,
    Level,
    LocationClarity,
    Specialist,
    Topic,
    Turn,
    Urgency,
)

NAME = "builtin@1"
PHONE = re.compile(r"(?<![\d.,])(?:\+|00)?\d(?:[\s\-()]?\d){8,13}(?!\d|,\d)")
MOBILE = re.compile(r"^(?:(?:\+|00)?20)?0?1[0125]\d{8}$|^(?:\+|00)\d{9,14}$")
EMAIL = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5}")
SPOKEN = tuple(
    plain(word) for word in ("two", "three", "four", "five", "تلات", "أربع", "خمس", "talat", "arba3", "5amas")
)
SIZE = re.compile(rf"(?:\d+|{'|'.join(SPOKEN)})\s*$")
"""A number right before a word for rooms or metres."""
NEAR = 20
LONGEST_NOTE, MOST_NOTES = 300, 10

# fmt: off
INTENT_SIGNS = {
    "viewing": 2, "now": 2, "buys": 3, "contact": 1, "financing": 1, "price": 1, "budget": 1, "looking": -2,
}
"""What speaks for buying, and how much."""
HIGH_FROM, MEDIUM_FROM = 4, 2
HORIZONS: dict[Urgency, Horizon] = {
    "now": "immediate", "within_3_months": "soon", "within_a_year": "exploring", "just_looking": "exploring",
}
# fmt: on
TALKATIVE_TURNS, TALKATIVE_QUESTIONS = 8, 5
SOME_TURNS, SOME_QUESTIONS = 4, 2


@dataclass(frozen=True)
class _Talk:
    """The customer's side of a conversation, plain; `ours` is what was answered."""

    turns: Sequence[Turn]

    @cached_property
    def said(self) -> list[str]:
        return [plain(turn.text) for turn in self.turns if turn.by == "customer"]

    @cached_property
    def original(self) -> list[str]:
        return [turn.text for turn in self.turns if turn.by == "customer"]

    def tells(self, table: words.Words) -> bool:
        return any(has(one, table) for one in self.said)

    def notes(self, table: words.Words) -> tuple[str, ...]:
        """Return what the customer said where any of some words came up."""
        found = [own for own, one in zip(self.original, self.said, strict=True) if has(one, table)]
        return tuple(dict.fromkeys(text for one in found if (text := _note(one))))[:MOST_NOTES]


class BuiltinAnalyser:
    """The ConversationAnalyser that always answers."""

    def analyse(self, turns: Sequence[Turn]) -> Reading:
        """Return what the customer's words tell by the tables."""
        talk = _Talk(turns)
        money, clarity = _budget(talk)
        urgency, phones, emails = _urgency(talk), _phones(talk), _emails(talk)
        raised, resolved = _objections(talk)
        topics = _topics(talk)
        asked_price = any(_asks_price(one) for one in talk.said)
        signs = {
            "viewing": talk.tells(words.VIEWING), "now": urgency == "now", "buys": talk.tells(words.BUYS),
            "contact": bool(phones or emails), "financing": talk.tells(words.FINANCING), "price": asked_price,
            "budget": clarity is not None, "looking": urgency == "just_looking",
        }  # fmt: skip
        questions = sum(_questions(one) for one in talk.said)
        analysis = Analysis(
            buying_intent=_intent(signs),
            timeline=HORIZONS[urgency] if urgency else "unknown",
            budget_min_minor=money.low * 100 if money and money.low else None,
            budget_max_minor=money.high * 100 if money and money.high else None,
            engagement_level=_engagement(len(talk.said), questions),
            questions=questions,
            topics=tuple(topics),
            sentiment=_sentiment(talk),
            objections_raised=raised,
            objections_resolved=resolved,
            follow_up_requested=talk.tells(words.FOLLOW_UP),
            meeting_scheduled=any(has(plain(turn.text), words.MEETING) for turn in turns),
            specialist=_specialist(topics),
            asked_about_price=asked_price,
            asked_about_financing=signs["financing"],
            requested_viewing=signs["viewing"],
            gave_contact=signs["contact"],
            budget_clarity=clarity,
            location_clarity=_location(talk),
            urgency=urgency,
            type_known=talk.tells(words.TYPES),
            size_known=_size_known(talk),
            informed=_informed(talk, phones, emails, financing=signs["financing"]),
            answered_share=_answered(turns),
        )
        return Reading(analysis, _notes(talk, signs), MadeBy(NAME))


def _notes(talk: _Talk, signs: dict[str, bool]) -> AnalysisNotes:
    family = talk.notes(words.FAMILY)
    objections = tuple(word for table in words.OBJECTIONS.values() for word in talk.notes(table))
    return AnalysisNotes(
        family_situation=family[0] if family else None,
        qualification_signals=tuple(name for name, holds in signs.items() if holds and name != "looking"),
        objections=tuple(dict.fromkeys(objections))[:MOST_NOTES],
        decision_factors=talk.notes(words.DECIDES),
        next_steps=talk.notes(words.FOLLOW_UP),
    )


def _note(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:LONGEST_NOTE]


def _asks_price(said: str) -> bool:
    """Tell whether a turn asks for a price; one that only finds it too high does not."""
    return has(said, words.PRICE) and (not has(said, words.OBJECTIONS["price"]) or "?" in said)


def _urgency(talk: _Talk) -> Urgency | None:
    """Return what was said last about when; "no rush" is told from "rush" by blotting it out first."""
    told: Urgency | None = None
    for said in talk.said:
        if has(said, words.LOOKING):
            told = "just_looking"
        rest = without(said, words.LOOKING)
        told = next((urgency for urgency, table in words.URGENCY.items() if has(rest, table)), told)
    return told


def _budget(talk: _Talk) -> tuple[Amounts | None, BudgetClarity | None]:
    """Return the amount that the customer told last and how clear it is; instalments and salaries are none."""
    found: Amounts | None = None
    for said in talk.said:
        told = amounts(PHONE.sub(" ", said)) if not has(said, words.NOT_A_BUDGET) else None
        found = told or found
    if found is not None:
        return found, "range" if found.low and found.high else "figure"
    return None, "vague" if talk.tells(words.VAGUE) else None


def _phones(talk: _Talk) -> set[str]:
    numbers = (re.sub(r"[\s\-()]", "", found[0]) for said in talk.said for found in PHONE.finditer(said))
    return {number for number in numbers if MOBILE.match(number)}


def _emails(talk: _Talk) -> set[str]:
    return {found[0] for said in talk.said for found in EMAIL.finditer(said)}


def _objections(talk: _Talk) -> tuple[int, int]:
    """Return how many kinds of objections came up, and how many of them a later word of agreement settled."""
    raised: dict[str, int] = {}
    settled: set[str] = set()
    for nth, said in enumerate(talk.said):
        kinds = [kind for kind, table in words.OBJECTIONS.items() if has(said, table)]
        raised.update(dict.fromkeys(kinds, nth))
        settled.difference_update(kinds)
        if not kinds and has(said, words.ACCEPTS):
            settled.update(raised)
    return len(raised), len(settled)


def _topics(talk: _Talk) -> dict[Topic, int]:
    counted = {topic: sum(has(one, table) for one in talk.said) for topic, table in words.TOPICS.items()}
    return {topic: count for topic, count in counted.items() if count}


def _specialist(topics: dict[Topic, int]) -> Specialist:
    counted = {name: sum(topics.get(topic, 0) for topic in own) for name, own in words.SPECIALISTS.items()}
    best = max(counted, key=lambda name: counted[name])
    return best if counted[best] else "general"


def _questions(said: str) -> int:
    return len(re.findall(r"\?+", said)) or int(has(said, words.ASKS))


def _intent(signs: dict[str, bool]) -> Level:
    weight = sum(INTENT_SIGNS[name] for name, holds in signs.items() if holds)
    return "high" if weight >= HIGH_FROM else "medium" if weight >= MEDIUM_FROM else "low"


def _engagement(turns: int, questions: int) -> Level:
    if turns >= TALKATIVE_TURNS or questions >= TALKATIVE_QUESTIONS:
        return "high"
    return "medium" if turns >= SOME_TURNS or questions >= SOME_QUESTIONS else "low"


def _sentiment(talk: _Talk) -> float:
    good = sum(len(finder(words.GOOD).findall(one)) for one in talk.said)
    bad = sum(len(finder(words.BAD).findall(one)) for one in talk.said)
    bad += sum(has(one, table) for one in talk.said for table in words.OBJECTIONS.values())
    return round((good - bad) / (good + bad), 2) if good + bad else 0.0


def _location(talk: _Talk) -> LocationClarity | None:
    if talk.tells(words.DISTRICTS):
        return "district"
    return "city" if talk.tells(words.CITIES) else None


def _size_known(talk: _Talk) -> bool:
    measured = finder((*words.ROOMS, *words.AREA))
    return talk.tells(words.TWO_ROOMS) or any(
        SIZE.search(said[max(0, found.start() - NEAR) : found.start()])
        for said in talk.said
        for found in measured.finditer(said)
    )


def _informed(talk: _Talk, phones: set[str], emails: set[str], *, financing: bool) -> tuple[Informed, ...]:
    told: dict[Informed, bool] = {
        "name": talk.tells(words.NAMES), "email": bool(emails), "second_phone": len(phones) > 1,
        "financing_need": financing, "purpose": talk.tells(words.PURPOSE),
    }  # fmt: skip
    return tuple(name for name, holds in told.items() if holds)


def _answered(turns: Sequence[Turn]) -> float | None:
    """Return the part of our turns that the customer answered; several of ours in a row count as one."""
    ours = [
        nth for nth, turn in enumerate(turns)
        if turn.by != "customer" and (nth + 1 == len(turns) or turns[nth + 1].by == "customer")
    ]  # fmt: skip
    return round(sum(nth + 1 < len(turns) for nth in ours) / len(ours), 4) if ours else None
