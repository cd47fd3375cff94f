"""The script to answer in, who asks for a human, and when somebody is in the office."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from adapters.assistant.office import Office
from adapters.assistant.understanding import BuiltinUnderstanding, language_of

CAIRO = ZoneInfo("Africa/Cairo")


@pytest.mark.parametrize(
    "says",
    [
        "مساء الخير", "3ayz", "7elw", "m3ak", "b kam el metr", "shokran ya basha", "fel tagamo3", "tamam",
        "Hello, عايز أشوف الشقة", "el sha2a di feha garage?", "٣ مليون جنيه",
    ],
)  # fmt: skip
def test_arabic_in_either_script_is_answered_in_arabic(says: str) -> None:
    assert language_of(says) == "ar"


@pytest.mark.parametrize(
    "says",
    [
        "B7 compound avail?", "I want 2BR", "size 120m2", "2nd floor?", "a flat in tagamo3", "call me 2moro", "gr8",
        "price 4u?", "I'll b there 2day", "3 bedrooms in Maadi", "hi", "the 5th settlement",
    ],
)  # fmt: skip
def test_english_is_answered_in_english(says: str) -> None:
    assert language_of(says) == "en"


@pytest.mark.parametrize("says", ["", "👍", "?!", "01001234567", "..."])
def test_what_has_no_words_tells_no_language(says: str) -> None:
    assert language_of(says) is None


@pytest.mark.parametrize(
    ("says", "wants"),
    [
        ("agent", True), ("Human!", True), ("is there a real person here?", True), ("call me back", True),
        ("عايز أتكلم مع موظف", True), ("كلموني لو سمحتم", True), ("3ayz akalem 7ad", True),
        ("I saw your agent yesterday", False), ("what is the agent's fee", False), ("human resources", False),
        ("send me photos", False), ("ابعتلي صور", False), ("مشروع إنساني", False),
    ],
)  # fmt: skip
def test_who_asks_for_a_human_is_told_from_who_speaks_of_one(says: str, wants: bool) -> None:
    (told,) = BuiltinUnderstanding().read([says])
    assert told.wants_human is wants


def cairo(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in November 2026 by Cairo's clock; the 20th is a Friday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=CAIRO)


@pytest.mark.parametrize(
    ("now", "back"),
    [
        (cairo(18, 10), None), (cairo(18, 9), None), (cairo(18, 8, 59), cairo(18, 9)), (cairo(18, 18), cairo(19, 9)),
        (cairo(19, 18), cairo(22, 9)), (cairo(20, 12), cairo(22, 9)), (cairo(21, 23), cairo(22, 9)),
    ],
)  # fmt: skip
def test_the_office_is_closed_at_night_and_on_the_weekend(now: datetime, back: datetime | None) -> None:
    office = Office(opens=time(9), closes=time(18), weekends=False)
    assert office.back_at("EG", now.astimezone(UTC)) == back


def test_the_weekend_is_that_of_the_country_and_the_zone_may_be_another() -> None:
    friday = cairo(20, 12)
    assert Office(weekends=False).back_at("AE", friday) is None
    assert Office(weekends=True).back_at("EG", friday) is None
    early = Office(zone="America/New_York").back_at("EG", friday)
    assert early == datetime(2026, 11, 20, 9, tzinfo=ZoneInfo("America/New_York"))
