"""The built-in analyser on invented conversations in three scripts: what a broker would say they tell."""

import time
from typing import Any

import pytest

from adapters.analyser.builtin import BuiltinAnalyser
from adapters.analyser.money import Amounts, amounts
from adapters.analyser.spelling import plain
from application.ports.analysis import Reading
from domain.conversations.analysis import Speaker, Transcript, Turn
from domain.conversations.transcript import turns_of

M = 1_000_000


def read(*said: str) -> Reading:
    """Analyse a conversation: lines of the customer, ours with a leading "> "."""
    turns = [
        Turn(by="assistant", text=one[2:]) if one.startswith("> ") else Turn(by="customer", text=one) for one in said
    ]
    return BuiltinAnalyser().analyse(turns)


# fmt: off
CONVERSATIONS: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    # Arabic
    (("السلام عليكم", "> أهلا بيك", "بكام الشقة دي؟"),
     {"asked_about_price": True, "questions": 1, "buying_intent": "low", "timeline": "unknown", "type_known": True}),
    (("عايز شقة ٣ أوض في التجمع الخامس تحت ٣ مليون",),
     {"budget_max_minor": 3 * M * 100, "budget_clarity": "figure", "location_clarity": "district", "size_known": True,
      "type_known": True, "asked_about_price": False}),
    (("فيه تقسيط؟ والمقدم كام؟", "> المقدم ١٠٪", "تمام"),
     {"asked_about_financing": True, "questions": 2, "objections_raised": 0, "sentiment": 1.0}),
    (("ممكن أشوف الشقة بكرة؟", "> تم الحجز بكرة الساعة ٥"),
     {"requested_viewing": True, "timeline": "immediate", "urgency": "now", "meeting_scheduled": True,
      "buying_intent": "high", "specialist": "scheduling"}),
    (("السعر غالي أوي", "> ممكن نقسط على ٨ سنين", "تمام كده موافق"),
     {"objections_raised": 1, "objections_resolved": 1, "asked_about_price": False}),
    (("السعر غالي أوي", "> ده آخر سعر", "لا غالي برضه"),
     {"objections_raised": 1, "objections_resolved": 0}),
    (("أنا بتفرج بس، مش مستعجل خالص",),
     {"timeline": "exploring", "urgency": "just_looking", "buying_intent": "low"}),
    (("ميزانيتي من ٢ ل ٣ مليون ونفسي في الشيخ زايد",),
     {"budget_min_minor": 2 * M * 100, "budget_max_minor": 3 * M * 100, "budget_clarity": "range",
      "location_clarity": "district"}),
    (("رقمي ٠١٠٠١٢٣٤٥٦٧ كلمني لو سمحت",),
     {"gave_contact": True, "follow_up_requested": True, "budget_clarity": None}),
    (("مراتي عايزة مكان قريب من المدرسة للسكن", "عايزين نشتري خلال سنة"),
     {"urgency": "within_a_year", "timeline": "exploring", "informed": ("purpose",)}),
    (("عايز حاجة رخيصة في القاهرة",),
     {"budget_clarity": "vague", "budget_max_minor": None, "location_clarity": "city"}),
    (("عايز أشتري الشهر الجاي", "معايا مليون و٩٠٠ ألف"),
     {"timeline": "soon", "budget_max_minor": 1_900_000 * 100, "buying_intent": "high"}),
    (("العقد مسجل في الشهر العقاري؟",), {"topics": ("legal",), "specialist": "legal"}),
    (("المقدم ٥٠٠ ألف بس", "ومرتبي ٥٠ ألف"), {"budget_max_minor": None, "budget_clarity": None}),
    # English
    (("Hi, how much is the villa?", "> 12 million", "Is it negotiable?"),
     {"asked_about_price": True, "questions": 2, "engagement_level": "medium", "budget_clarity": None}),
    (("Looking for a villa in Sheikh Zayed, budget 22M", "4 bedrooms"),
     {"budget_max_minor": 22 * M * 100, "location_clarity": "district", "type_known": True, "size_known": True}),
    (("We need something between 3 million and 4 million",),
     {"budget_min_minor": 3 * M * 100, "budget_max_minor": 4 * M * 100, "budget_clarity": "range"}),
    (("Can I get a mortgage for this?",), {"asked_about_financing": True, "specialist": "financial"}),
    (("I want to buy immediately, can I see it today?", "My number is +20 100 123 4567", "mona@example.com too"),
     {"buying_intent": "high", "timeline": "immediate", "requested_viewing": True, "gave_contact": True,
      "informed": ("email",)}),
    (("Just browsing, no rush",), {"timeline": "exploring", "buying_intent": "low", "urgency": "just_looking"}),
    (("budget 5M", "> noted", "sorry, I can go up to 7 million"), {"budget_max_minor": 7 * M * 100}),
    (("It is too far from my office", "> There is a bus", "ok that works"),
     {"objections_raised": 1, "objections_resolved": 1}),
    (("My wife and I decide next month, the school matters most",),
     {"timeline": "soon", "urgency": "within_3_months"}),
    (("Is this a scam?", "terrible service"), {"objections_raised": 1, "sentiment": -1.0}),
    (("call me at 01001234567 or 01112223334, my name is Karim",),
     {"gave_contact": True, "informed": ("name", "second_phone"), "follow_up_requested": True}),
    (("a 120m flat with 3 bedrooms",), {"budget_max_minor": None, "budget_clarity": None, "size_known": True}),
    # Arabic in Latin letters
    (("bekam el sha2a de?", "fe ta2seet?"),
     {"asked_about_price": True, "asked_about_financing": True, "questions": 2, "buying_intent": "medium"}),
    (("3ayez sha2a fel tagamo3 ta7t 3 million",),
     {"budget_max_minor": 3 * M * 100, "budget_clarity": "figure", "location_clarity": "district",
      "type_known": True}),
    (("momken ashofha bokra? mesta3gel",),
     {"requested_viewing": True, "timeline": "immediate", "buying_intent": "high"}),
    (("el se3r ghaly awy", "> fe ta2seet 3ala 8 senin", "tamam mashy"),
     {"objections_raised": 1, "objections_resolved": 1, "asked_about_price": False, "asked_about_financing": False}),
    (("mesh mesta3gel, batfarag bas",), {"timeline": "exploring", "urgency": "just_looking"}),
    (("ma3aya 3 million w 200 alf, 3ayez fel ma3adi",),
     {"budget_max_minor": 3_200_000 * 100, "location_clarity": "district", "requested_viewing": False}),
    (("kalemny 3ala 01234567890", "el shahr el gay hashtery"),
     {"gave_contact": True, "follow_up_requested": True, "timeline": "soon", "buying_intent": "high"}),
    # mixed, and nothing at all
    (("عايز 3 bedrooms في new cairo budget 4M",),
     {"budget_max_minor": 4 * M * 100, "location_clarity": "district", "size_known": True}),
    (("👍",), {"buying_intent": "low", "timeline": "unknown", "questions": 0, "topics": (), "specialist": "general"}),
]
# fmt: on


@pytest.mark.parametrize(
    ("said", "expected"), CONVERSATIONS, ids=lambda one: one[0][:30] if isinstance(one, tuple) else ""
)
def test_what_a_conversation_tells(said: tuple[str, ...], expected: dict[str, Any]) -> None:
    analysis = read(*said).analysis
    assert {name: getattr(analysis, name) for name in expected} == expected


# fmt: off
MONEY: list[tuple[str, Amounts | None]] = [
    ("٣ مليون",                        Amounts(None, 3 * M)),
    ("3M",                             Amounts(None, 3 * M)),
    ("ta7t 3 million",                 Amounts(None, 3 * M)),
    ("تلاتة مليون ونص",                Amounts(None, 3_500_000)),
    ("نص مليون",                       Amounts(None, 500_000)),
    ("مليونين",                        Amounts(None, 2 * M)),
    ("مليون و٩٠٠ ألف",                 Amounts(None, 1_900_000)),
    ("3 million w 200 alf",            Amounts(None, 3_200_000)),
    ("3,5 million",                    Amounts(None, 3_500_000)),
    ("2,500,000",                      Amounts(None, 2_500_000)),
    ("900k",                           Amounts(None, 900_000)),
    ("2-3 million",                    Amounts(2 * M, 3 * M)),
    ("2 to 2.5 million",               Amounts(2 * M, 2_500_000)),
    ("من ٢ لحد ٣ مليون",               Amounts(2 * M, 3 * M)),
    ("at least 4 million",             Amounts(4 * M, None)),
    ("أكتر من ٤ مليون",                Amounts(4 * M, None)),
    ("aktar mn 4 melyon",              Amounts(4 * M, None)),
    ("مش أكتر من ٤ مليون",             Amounts(None, 4 * M)),
    ("6 اكتوبر",                       None),
    ("120m",                           None),
    ("a thousand thanks",              None),
    ("in 2027, 3 rooms",               None),
    ("9" * 400 + " million",           None),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), MONEY)
def test_amounts_as_people_write_them(text: str, expected: Amounts | None) -> None:
    assert amounts(plain(text)) == expected


def test_what_we_say_is_not_what_the_customer_wants() -> None:
    analysis = read(
        "hello", "> The price is 5 million, with a payment plan, shall we book a viewing? Call me!"
    ).analysis
    assert analysis.asked_about_price is False
    assert analysis.asked_about_financing is False
    assert analysis.requested_viewing is False
    assert analysis.follow_up_requested is False
    assert analysis.budget_max_minor is None


def test_the_free_words_are_kept_apart() -> None:
    notes = read("My kids need a garden", "too expensive for us", "call me on Sunday please").notes
    assert notes.family_situation == "My kids need a garden"
    assert notes.objections == ("too expensive for us",)
    assert notes.next_steps == ("call me on Sunday please",)


@pytest.mark.parametrize(
    ("said", "share"),
    [(("hi",), None), (("hi", "> hello", "ok"), 1.0), (("hi", "> hello", "ok", "> bye"), 0.5), (("> hello",), 0.0)],
)
def test_the_share_of_our_messages_that_got_an_answer(said: tuple[str, ...], share: float | None) -> None:
    assert read(*said).analysis.answered_share == share


def test_spelling_does_not_matter() -> None:
    assert plain("شَقّــة") == plain("شقه")
    assert plain("ﺷﻘﺔ") == plain("شقة")
    assert plain("جمييييل") == plain("جميل")
    assert plain("٣٫٥") == "3.5"
    assert plain("1000000") == "1000000"


@pytest.mark.parametrize("text", ["a" * 50_000, "1" * 50_000, "1 " * 25_000, "@" * 50_000, "و" * 50_000, " " * 50_000,
                                  "m2 " * 16_000, "million " * 6_000, "؟" * 50_000, "1-" * 25_000])  # fmt: skip
def test_a_text_made_to_keep_us_busy_does_not(text: str) -> None:
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 20  # a quadratic search takes minutes


# fmt: off
TEXTS: list[tuple[str, list[tuple[Speaker, str]]]] = [
    ("Customer: how much?\nAgent: 5M\nUser: ok", [("customer", "how much?"), ("agent", "5M"), ("customer", "ok")]),
    ("العميل: بكام؟\nالموظف: ٥ مليون",           [("customer", "بكام؟"), ("agent", "٥ مليون")]),
    ("AI: hello\nhow are you\nClient: fine",      [("assistant", "hello\nhow are you"), ("customer", "fine")]),
    ("how much is it?\n\nis it far?",             [("customer", "how much is it?"), ("customer", "is it far?")]),
    ("note: bring your papers",                   [("customer", "note: bring your papers")]),
]
# fmt: on


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_a_transcript_as_one_text_is_parted_at_its_speakers(text: str, expected: list[tuple[Speaker, str]]) -> None:
    assert [(turn.by, turn.text) for turn in turns_of(Transcript(text=text))] == expected
