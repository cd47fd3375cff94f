"""Only a message that is nothing but an opt-out word is an opt-out, however it is spelt."""

import pytest

from domain.messaging.opt_out import opt_out_of


@pytest.mark.parametrize(
    "says",
    [
        "STOP", "stop.", " Stop! ", "S\u200dTOP", "ＳＴＯＰ", "please stop", "Stop please", "unsubscribe",
        "Opt-out", "opt out",
        "stop messaging me", "إلغاء", "الغاء", "إلغاء!!", "اِلغاء", "إلـغـاء", "ايقاف", "إيقاف الرسائل", "من فضلك إلغاء",
        "بطلوا تبعتوا", "مش عايز رسايل", "batal teb3at", "Batal  teb3at!", "el8a2", "msh 3ayez rasayel", "🛑 stop",
        "Stop promotions", "إيقاف العروض الترويجية",
    ],
)  # fmt: skip
def test_a_word_that_wants_no_more_stops(says: str) -> None:
    assert opt_out_of(says) == "stop"


@pytest.mark.parametrize("says", ["START", "unstop", "اشتراك", "اشترك", "Subscribe please", "eshterak"])
def test_a_word_that_wants_it_again_resumes(says: str) -> None:
    assert opt_out_of(says) == "resume"


@pytest.mark.parametrize(
    "says",
    [
        None, "", "   ", "👍", "don't stop", "don't stop looking for a villa", "is there a bus stop near it?",
        "stop by tomorrow", "can I cancel the viewing?", "عايز الغاء معاد المعاينة بتاع بكرة", "العميل طلب إلغاء الحجز",
        "ممكن توقف عند البوابة", "batal teb3at sowar w kalemny", "start date?", "non stop", "stopping", "stop " * 40,
    ],
)  # fmt: skip
def test_such_a_word_within_other_words_is_none(says: str | None) -> None:
    assert opt_out_of(says) is None
