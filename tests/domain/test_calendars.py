"""What a broker's calendar allows: never two viewings at once, free slots nearby, steps in their order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.shared.personal import ERASED
from domain.viewings import booking, steps
from domain.viewings.booking import BookViewing, NotBookable, SlotTaken, wanted_slot
from domain.viewings.calendar import Calendar, Slot, fold
from domain.viewings.events import SlotFreed, SlotHeld, ViewingRequested, ViewingStep
from domain.viewings.hours import day_of, free_slots, on_weekend
from domain.viewings.steps import KnownOtherwise, StepName, TakeStep
from tests.cast import VILLA, at
from tests.cast_viewings import (
    HOUR,
    MONDAY,
    OMAR,
    booked,
    came,
    cancelled,
    confirmed,
    costing,
    followed_up,
    missed,
    requested,
    viewing_id,
)

NOW = at()


def slot(begins: datetime, length: timedelta = HOUR) -> Slot:
    return Slot(begins, begins + length)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def holding(*slots: Slot) -> Calendar:
    return Calendar(OMAR, len(slots), {viewing_id(str(nth)): one for nth, one in enumerate(slots)})


def book(wanted: Slot, calendar: Calendar, now: datetime = NOW, **asked: Any) -> Any:
    request = requested(starts_at=wanted.starts_at, ends_at=wanted.ends_at, **asked)
    return booking.decide(
        BookViewing(viewing_id("new"), request, wanted, "AAAA-2222", "asked", "site", now), calendar
    )  # fmt: skip


NOON = slot(at(MONDAY))


# fmt: off
CLASHES: list[tuple[str, Slot, bool]] = [
    ("the same",              NOON,                                                           False),
    ("within it",             slot(at(MONDAY + 900), timedelta(minutes=15)),                  False),
    ("around it",             slot(at(MONDAY - 900), timedelta(minutes=90)),                  False),
    ("into its beginning",    slot(at(MONDAY - 1_800)),                                       False),
    ("out of its end",        slot(at(MONDAY + 3_599)),                                       False),
    ("right before",          slot(at(MONDAY - 3_600)),                                       True),
    ("right after",           slot(at(MONDAY + 3_600)),                                       True),
    ("the same on Tuesday",   slot(at(MONDAY + 86_400)),                                      True),
]
# fmt: on


@pytest.mark.parametrize(("wanted", "is_free"), [one[1:] for one in CLASHES], ids=[one[0] for one in CLASHES])
def test_a_broker_never_holds_two_viewings_at_once(wanted: Slot, is_free: bool) -> None:
    assert holding(NOON).is_free(wanted) is is_free
    if is_free:
        held, made = book(wanted, holding(NOON))
        assert (held.starts_at, held.ends_at) == (made.starts_at, made.ends_at) == (wanted.starts_at, wanted.ends_at)
    else:
        with pytest.raises(SlotTaken):
            book(wanted, holding(NOON))


def test_a_booking_keeps_what_the_request_said() -> None:
    _, made = book(NOON, Calendar(OMAR), party_size=3, viewing_type="virtual", asked_for_broker=True,
                   listing=costing(5_000_000, "USD"), origin="app", test=True)  # fmt: skip
    assert (made.viewing_id, made.property_id, made.broker_id, made.by) == (viewing_id("new"), VILLA, OMAR, "site")
    assert (made.party_size, made.viewing_type, made.asked_for_broker, made.assigned) == (3, "virtual", True, "asked")
    assert (made.price_minor, made.currency, made.origin, made.test) == (500_000_000, "USD", "app", True)
    assert (made.confirmation_code, made.occurred_at) == ("AAAA-2222", NOW)


def test_a_cancelled_viewing_frees_its_slot() -> None:
    at_noon = SlotHeld(
        broker_id=OMAR, viewing_id=viewing_id("a"), starts_at=NOON.starts_at, ends_at=NOON.ends_at, occurred_at=NOW
    )  # fmt: skip
    freed = SlotFreed(broker_id=OMAR, viewing_id=viewing_id("a"), occurred_at=NOW)
    assert not fold(OMAR, 1, [at_noon]).is_free(NOON)
    assert fold(OMAR, 2, [at_noon, freed]).is_free(NOON)


# fmt: off
TIMES: list[tuple[float, str | None]] = [
    (-15 * 60,             None),
    (-15 * 60 - 1,         "must not be in the past"),
    (90 * 86_400,          None),
    (90 * 86_400 + 1,      "must lie within 90 days"),
]
# fmt: on


@pytest.mark.parametrize(("begins", "rule"), TIMES)
def test_a_slot_lies_neither_in_the_past_nor_too_far_ahead(begins: float, rule: str | None) -> None:
    if rule is None:
        assert book(slot(at(begins)), Calendar(OMAR))
        return
    with pytest.raises(NotBookable) as refused:
        book(slot(at(begins)), Calendar(OMAR))
    assert (refused.value.field, refused.value.rule) == ("starts_at", rule)


# fmt: off
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("ends_at",      {"starts_at": at(60), "ends_at": at(60)}),
    ("ends_at",      {"starts_at": at(60), "ends_at": at(0)}),
    ("ends_at",      {"starts_at": at(0), "ends_at": at(8 * 3_600 + 1)}),
    ("ends_at",      {"ends_at": at(60)}),
    ("party_size",   {"party_size": 0}),
    ("party_size",   {"party_size": 51}),
    ("viewing_type", {"viewing_type": "by_boat"}),
    ("broker_id",    {"broker_id": "a b"}),
    ("starts_at",    {"starts_at": datetime(2026, 3, 2, 12)}),
]
# fmt: on


@pytest.mark.parametrize(("field", "asked"), WRONG)
def test_a_request_that_makes_no_sense_is_refused_by_the_field(field: str, asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        requested(**asked)
    assert [one["loc"] for one in refused.value.errors()] == [(field,)]


def test_a_viewing_lasts_an_hour_unless_said_otherwise() -> None:
    assert wanted_slot(requested(starts_at=at(MONDAY))) == NOON
    assert wanted_slot(requested()) is None


# Free slots.


def starts(slots: list[Slot]) -> list[datetime]:
    return [one.starts_at for one in slots]


def test_the_nearest_free_slots_are_three_before_and_three_after_on_the_half_hour() -> None:
    assert starts(free_slots(NOON, [holding(NOON)], "EG", NOW)) == [
        utc(2026, 3, 2, 8), utc(2026, 3, 2, 8, 30), utc(2026, 3, 2, 9),
        utc(2026, 3, 2, 11), utc(2026, 3, 2, 11, 30), utc(2026, 3, 2, 12),
    ]  # fmt: skip


def test_free_slots_have_the_wanted_length_and_end_by_nine_in_the_evening() -> None:
    evening = Slot(utc(2026, 3, 2, 17, 30), utc(2026, 3, 2, 19, 30))  # 19:30 to 21:30 in Cairo
    found = free_slots(evening, [holding(evening)], "EG", NOW)
    assert starts(found) == [
        utc(2026, 3, 2, 14, 30), utc(2026, 3, 2, 15), utc(2026, 3, 2, 15, 30),
        utc(2026, 3, 3, 7), utc(2026, 3, 3, 7, 30), utc(2026, 3, 3, 8),
    ]  # fmt: skip
    assert {one.ends_at - one.starts_at for one in found} == {timedelta(hours=2)}


def test_nothing_in_the_past_is_offered_and_nothing_beyond_a_week() -> None:
    soon = slot(utc(2026, 3, 1, 12, 30))
    assert starts(free_slots(soon, [holding(soon)], "EG", NOW)) == [
        utc(2026, 3, 1, 13, 30), utc(2026, 3, 1, 14), utc(2026, 3, 1, 14, 30)
    ]  # fmt: skip
    week = Slot(soon.starts_at - timedelta(days=8), soon.starts_at + timedelta(days=8))
    assert free_slots(soon, [holding(week)], "EG", NOW) == []


def test_a_slot_is_free_where_one_of_the_brokers_has_it_free() -> None:
    early = slot(at(MONDAY - 3_600))
    both, one = free_slots(NOON, [holding(NOON, early)] * 2, "EG", NOW), [holding(NOON, early), holding(NOON)]
    assert early.starts_at not in starts(both)
    assert early.starts_at in starts(free_slots(NOON, one, "EG", NOW))


def test_opening_hours_follow_the_clock_when_summer_begins() -> None:
    # Egypt's clocks go forward in the first hour of Friday 24 April 2026: nine o'clock is 07:00 UTC, then 06:00.
    thursday = slot(utc(2026, 4, 23, 18))  # 20:00 to 21:00, the last of the day
    now = utc(2026, 4, 23, 17, 30)
    assert starts(free_slots(thursday, [holding(thursday)], "EG", now)) == [
        utc(2026, 4, 24, 6), utc(2026, 4, 24, 6, 30), utc(2026, 4, 24, 7)
    ]  # fmt: skip


def test_opening_hours_follow_the_clock_when_summer_ends() -> None:
    # They go back at midnight after Thursday 29 October 2026: nine o'clock is 06:00 UTC, then 07:00.
    thursday = slot(utc(2026, 10, 29, 17))  # 20:00 to 21:00, the last of the day
    now = utc(2026, 10, 29, 16, 45)
    assert starts(free_slots(thursday, [holding(thursday)], "EG", now)) == [
        utc(2026, 10, 30, 7), utc(2026, 10, 30, 7, 30), utc(2026, 10, 30, 8)
    ]  # fmt: skip


def test_a_day_is_as_long_as_the_clocks_make_it() -> None:
    def hours(*day: int) -> float:
        found = day_of(utc(*day, 12), "EG")
        return (found.ends_at - found.starts_at).total_seconds() / 3_600

    assert [hours(2026, 4, 23), hours(2026, 4, 24), hours(2026, 10, 29), hours(2026, 10, 30)] == [24, 23, 25, 24]


# fmt: off
WEEKENDS: list[tuple[datetime, str, bool]] = [
    (utc(2026, 3, 5, 21, 59), "EG", False),  # Thursday 23:59 in Cairo
    (utc(2026, 3, 5, 22),     "EG", True),   # Friday 00:00
    (utc(2026, 3, 7, 21, 59), "EG", True),   # Saturday 23:59
    (utc(2026, 3, 7, 22),     "EG", False),  # Sunday
    (utc(2026, 3, 6, 12),     "AE", False),  # Friday is a working day there
    (utc(2026, 3, 8, 12),     "AE", True),
    (utc(2026, 3, 6, 12),     "FR", True),   # of a country that is not in the table: as in Egypt
]
# fmt: on


@pytest.mark.parametrize(("moment", "region", "is_weekend"), WEEKENDS)
def test_the_weekend_is_the_countrys(moment: datetime, region: str, is_weekend: bool) -> None:
    assert on_weekend(moment, region) is is_weekend


# Steps.

THERE = MONDAY + 60
"""When a viewing that is on Monday may be completed or missed."""
BOOKED = booked()


# fmt: off
ALLOWED: list[tuple[list[ViewingStep], StepName, float, str]] = [
    ([BOOKED],                        "confirm",   60,    "viewings.confirmed.v1"),
    ([BOOKED],                        "cancel",    60,    "viewings.cancelled.v1"),
    ([BOOKED],                        "cancel",    THERE, "viewings.cancelled.v1"),
    ([BOOKED, confirmed()],           "cancel",    120,   "viewings.cancelled.v1"),
    ([BOOKED],                        "complete",  THERE, "viewings.completed.v1"),
    ([BOOKED, confirmed()],           "complete",  THERE, "viewings.completed.v1"),
    ([BOOKED],                        "complete",  MONDAY - 15 * 60, "viewings.completed.v1"),
    ([BOOKED],                        "no_show",   THERE, "viewings.missed.v1"),
    ([BOOKED, confirmed()],           "no_show",   THERE, "viewings.missed.v1"),
    ([BOOKED, came()],                "follow_up", THERE, "viewings.followed_up.v1"),
    ([BOOKED, missed()],              "follow_up", THERE, "viewings.followed_up.v1"),
]
REFUSED: list[tuple[list[ViewingStep], StepName, float, str]] = [
    ([BOOKED, cancelled()],           "confirm",   180,   "ViewingIsCancelled"),
    ([BOOKED, cancelled()],           "complete",  THERE, "ViewingIsCancelled"),
    ([BOOKED, cancelled()],           "no_show",   THERE, "ViewingIsCancelled"),
    ([BOOKED, cancelled()],           "follow_up", THERE, "ViewingIsCancelled"),
    ([BOOKED, came()],                "confirm",   THERE, "ViewingIsCompleted"),
    ([BOOKED, came()],                "cancel",    THERE, "ViewingIsCompleted"),
    ([BOOKED, came()],                "no_show",   THERE, "ViewingIsCompleted"),
    ([BOOKED, missed()],              "confirm",   THERE, "NobodyCame"),
    ([BOOKED, missed()],              "cancel",    THERE, "NobodyCame"),
    ([BOOKED, missed()],              "complete",  THERE, "NobodyCame"),
    ([BOOKED],                        "complete",  MONDAY - 15 * 60 - 1, "NotYetBegun"),
    ([BOOKED],                        "no_show",   MONDAY - 15 * 60 - 1, "NotYetBegun"),
    ([BOOKED],                        "follow_up", THERE, "NotYetOver"),
    ([BOOKED, confirmed()],           "follow_up", THERE, "NotYetOver"),
    ([BOOKED],                        "confirm",   -5 * 60 - 1, "ToldBeforeBooked"),
]
# fmt: on


def step(name: StepName, when: float, **more: Any) -> TakeStep:
    outcome = "thinking" if name == "follow_up" else None
    return TakeStep(name, at(when), **{"outcome": outcome, "by": "office", **more})


@pytest.mark.parametrize(("before", "name", "when", "kind"), ALLOWED)
def test_a_step_that_is_allowed_is_told_of_its_viewing(
    before: list[ViewingStep], name: StepName, when: float, kind: str
) -> None:
    fact = steps.decide(step(name, when), before)
    assert fact not in before
    assert (fact.kind, fact.viewing_id, fact.property_id, fact.broker_id) == (kind, viewing_id("v1"), VILLA, OMAR)
    assert (fact.by, fact.occurred_at) == ("office", at(when))


@pytest.mark.parametrize(("before", "name", "when", "rule"), REFUSED)
def test_a_step_that_is_not_allowed_is_refused_by_its_rule(
    before: list[ViewingStep], name: StepName, when: float, rule: str
) -> None:
    with pytest.raises(steps.StepRefused) as refused:
        steps.decide(step(name, when), before)
    assert type(refused.value).__name__ == rule


# fmt: off
REPEATS: list[tuple[StepName, list[ViewingStep], int]] = [
    ("confirm",   [BOOKED, confirmed()],                     1),
    ("confirm",   [BOOKED, confirmed(), came()],             1),
    ("confirm",   [BOOKED, confirmed(), cancelled()],        1),
    ("complete",  [BOOKED, came()],                          1),
    ("no_show",   [BOOKED, missed()],                        1),
    ("cancel",    [BOOKED, cancelled()],                     1),
    ("follow_up", [BOOKED, came(), followed_up("thinking")], 2),
]
# fmt: on


@pytest.mark.parametrize(("name", "before", "nth"), REPEATS)
def test_told_again_a_step_gets_the_first_answer(name: StepName, before: list[ViewingStep], nth: int) -> None:
    assert steps.decide(step(name, THERE + 9_000), before) is before[nth]


def test_a_second_follow_up_is_one_of_its_own() -> None:
    before = [BOOKED, came(), followed_up("thinking", notes="wants a garden", mark="a" * 32)]

    def told(**more: Any) -> ViewingStep:
        return steps.decide(step("follow_up", THERE + 9_000, **more), before)

    assert told(mark="a" * 32, words="wants a garden") is before[2]
    assert told(words="wants a garden") is before[2]
    assert told(words="wants a pool") is not before[2]
    assert told(mark="b" * 32, words="wants a garden") is not before[2]
    assert told(outcome="offer") is not before[2]


def test_another_follow_up_under_a_known_key_is_refused_unless_its_words_are_erased() -> None:
    first = followed_up("thinking", notes="wants a garden", mark="a" * 32)
    other = step("follow_up", THERE + 9_000, mark="a" * 32, words="wants a pool")
    with pytest.raises(KnownOtherwise):
        steps.decide(other, [BOOKED, came(), first])
    erased = first.model_copy(update={"notes": ERASED})
    assert steps.decide(other, [BOOKED, came(), erased]) is erased


def test_a_request_says_whether_the_broker_was_asked_for() -> None:
    assert ViewingRequested(property_id=VILLA, broker_id=OMAR, occurred_at=NOW).asked_for_broker is False
