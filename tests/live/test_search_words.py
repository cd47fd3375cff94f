"""What is found by which words: Arabic in its spellings, digits of three scripts, phone numbers however written."""

import pytest

from adapters.postgres.search import asked, findable, hashes

# fmt: off
FOUND = (
    ("عايز شقة في المعادي",              "شقه المعادى"),
    ("عايز شقة في المعادي",              "الشقة"),
    ("الإيجار كام؟",                     "ايجار"),
    ("مُنَاسِب جداً",                      "مناسب"),
    ("ﺷﻘﺔ للبيع",                        "شقة"),
    ("مسؤول المبيعات",                   "مسوول"),
    ("كـــامل المبلغ",                    "كامل"),
    ("٣ غرف بـ ٥٬٠٠٠٬٠٠٠",               "3 غرف 5,000,000"),
    ("budget 5,000,000 EGP",             "5000000 egp"),
    ("Café in MAADI",                    "cafe maadi"),
    ("call me on +20 100 123 4567",      "01001234567"),
    ("call me on 0100-123-4567",         "+201001234567"[3:]),
    ("201001234567",                     "+20 100 123 4567"),
    ("201001234567",                     "4567"),
    ("رقمي ٠١٠٠١٢٣٤٥٦٧",                  "01001234567"),
)
# fmt: on


@pytest.mark.parametrize(("said", "question"), FOUND)
def test_it_is_found(said: str, question: str) -> None:
    assert asked(question)
    assert asked(question) <= findable(said)


@pytest.mark.parametrize(("said", "question"), [
    ("عايز شقة في المعادي", "فيلا"),
    ("201001234567", "201001234568"),
    ("201001234567", "567"),
    ("a flat in Maadi", "flats"),
])  # fmt: skip
def test_it_is_not_found(said: str, question: str) -> None:
    assert not asked(question) <= findable(said)


def test_a_question_of_signs_alone_asks_for_nothing() -> None:
    assert asked("؟؟ -- 🙂") == set()


def test_another_brokerage_has_other_hashes() -> None:
    assert not set(hashes({"maadi"}, b"one" * 11)) & set(hashes({"maadi"}, b"two" * 11))
