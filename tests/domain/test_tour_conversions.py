"""What a tour tells Meta under the shipped policy: outcomes, milestones, and each only once."""

from typing import Any

import pytest

from domain.shared.fact import Fact
from domain.tours.events import Milestone, TourEnded, TourMilestoneReached
from domain.tours.session import MOST_KEPT
from tests.cast import (
    ANNA,
    BASEM,
    FLAT,
    PIXEL,
    TOUR,
    TOUR_2,
    VILLA,
    acted,
    at,
    completed,
    ended,
    reached,
    room,
    started,
)
from tests.spec import given

COLD = ("ViewContent", 10.0)


# fmt: off
OUTCOMES: list[tuple[Any, ...]] = [
    ((400, 201), 75, "Purchase",    500, "virtual_tour_high_engagement",   {"tour_completion": 0.5}),
    ((601,),     60, "AddToCart",   100, "virtual_tour_medium_engagement", {}),
    ((31,),      10, "ViewContent", 10,  "virtual_tour_low_engagement",    {}),
]
# fmt: on


@pytest.mark.parametrize(("dwells", "score", "event", "value", "category", "custom"), OUTCOMES)
def test_a_closed_tour_tells_its_quality(
    dwells: tuple[float, ...], score: int, event: str, value: float, category: str, custom: dict[str, float]
) -> None:
    walk = [room("salon", dwell, rooms_available=2) for dwell in dwells]
    story = given(*map(ANNA.did, walk)).when(ANNA.did(completed())).then_sends((event, value))
    told = story.conversion
    assert (told.category, told.slot, told.currency) == (category, "tour_outcome", "EGP")
    assert told.custom == {"engagement_score": score, "property_id": VILLA, **custom}
    assert (told.dataset_id, told.policy) == (PIXEL, "brief@2")


def test_a_tour_that_went_quiet_is_closed_by_us_as_of_its_last_activity() -> None:
    story = given(ANNA.did(started(origin="app"))).when(ANNA.did(ended(when=60)).late(minutes=30)).then_sends(COLD)
    assert story.conversion.at_ms == started(when=60).occurred_at.timestamp() * 1000
    assert story.conversion.action_source == "app"


def test_a_tour_of_which_nobody_named_the_home_is_closed_all_the_same() -> None:
    posted = TourMilestoneReached(session_id=TOUR, milestone="shared_tour", occurred_at=at())
    closed = TourEnded(session_id=TOUR, occurred_at=at(60))
    story = given(ANNA.did(posted)).when(ANNA.did(closed)).then_sends(COLD)
    assert story.conversion.custom == {"engagement_score": 0}


def test_an_open_tour_tells_nothing_yet() -> None:
    given().when(ANNA.did(started()), ANNA.did(room("salon", 601))).then_nothing_is_decided()


# fmt: off
MILESTONES: list[tuple[Any, ...]] = [
    ("bedroom_focused",  "Search",               50),
    ("kitchen_detailed", "Search",               75),
    ("multiple_visits",  "AddToCart",            200),
    ("shared_tour",      "Share",                150),
    ("tour_downloaded",  "CompleteRegistration", 300),
]
# fmt: on


@pytest.mark.parametrize(("milestone", "event", "value"), MILESTONES)
def test_a_milestone_that_the_player_saw(milestone: Milestone, event: str, value: float) -> None:
    told = given().when(ANNA.did(reached(milestone))).then_sends((event, value)).conversion
    assert told.category == "virtual_tour_milestone"
    assert told.custom == {"tour_id": TOUR, "milestone": milestone, "property_id": VILLA}


BEDROOM, KITCHEN = ("Search", 50.0), ("Search", 75.0)
ZOOM = acted("zoom", "Kitchen")


# fmt: off
WALKS: list[tuple[Any, ...]] = [
    ([room("Master bedroom", 60)],                                    [BEDROOM]),
    ([room("Bedroom 1", 30), room("bed-room_2", 30)],                 [BEDROOM]),
    ([room("غرفة نوم", 60)],                                          [BEDROOM]),
    ([room("Bedroom", 59.999)],                                       []),
    ([room("Salon", 600)],                                            []),
    ([room("Kitchen", 45), ZOOM, acted("measure", "kitchen")],        [KITCHEN]),
    ([ZOOM, ZOOM, room("المطبخ", 45)],                                [KITCHEN]),
    ([room("Kitchen", 45), ZOOM],                                     []),
    ([room("Kitchen", 44.999), ZOOM, ZOOM],                           []),
    ([room("Kitchen", 45), acted("zoom", "Salon"), acted("zoom")],    []),
    ([acted("share")],                                                [("Share", 150.0)]),
    ([acted("Download")],                                             [("CompleteRegistration", 300.0)]),
    ([acted("zoom", when=second) for second in range(9)],             []),  # a burst earns nothing
]
# fmt: on


@pytest.mark.parametrize(("walk", "expected"), WALKS)
def test_a_milestone_that_we_see(walk: list[Fact], expected: list[tuple[str, float]]) -> None:
    given().when(*(ANNA.did(fact) for fact in walk)).then_sends(*expected)


@pytest.mark.parametrize("first_posted", [True, False])
def test_a_posted_milestone_and_the_derived_one_share_a_slot(first_posted: bool) -> None:
    posted, derived = ANNA.did(reached("bedroom_focused")), ANNA.did(room("bedroom", 60))
    first, second = (posted, derived) if first_posted else (derived, posted)
    given().when(first).then_sends(BEDROOM).when(second).then_nothing_is_decided()


def test_a_second_session_on_the_same_home_counts_once_per_person_and_home() -> None:
    story = given(ANNA.did(started(TOUR))).when(ANNA.did(started(TOUR_2))).then_sends(("AddToCart", 200.0))
    assert story.conversion.custom["milestone"] == "multiple_visits"
    story.when(ANNA.did(started("tour-3"))).then_nothing_is_decided()
    story.when(ANNA.did(reached("multiple_visits", "tour-4"))).then_nothing_is_decided()


def test_another_home_or_another_person_is_no_second_visit() -> None:
    story = given(ANNA.did(started(TOUR)))
    story.when(ANNA.did(started(TOUR_2, FLAT)), BASEM.did(started("tour-3"))).then_nothing_is_decided()


def test_the_first_outcome_is_final_though_a_late_room_changes_the_score() -> None:
    story = given(ANNA.did(room("salon", 31))).when(ANNA.did(completed())).then_sends(COLD)
    assert story.tour_score(TOUR).quality == "cold"
    story.when(ANNA.did(room("salon", 601))).then_nothing_is_decided()
    assert story.tour_score(TOUR).score == 75
    story.when(ANNA.did(completed(when=950)), ANNA.did(ended(when=960))).then_nothing_is_decided()


def test_a_milestone_that_a_late_room_reaches_is_not_sent() -> None:
    given(ANNA.did(completed())).when(ANNA.did(room("bedroom", 60))).then_nothing_is_decided()


@pytest.mark.parametrize("step", [reached("shared_tour", when=950), acted("share", when=950)])
def test_what_somebody_does_after_the_close_is_a_milestone_all_the_same(step: Fact) -> None:
    story = given(ANNA.did(room("bedroom", 59))).when(ANNA.did(completed())).then_sends(COLD)
    story.when(ANNA.did(room("bedroom", 1, when=940)), ANNA.did(step)).then_sends(("Share", 150.0))
    story.when(ANNA.did(acted("share", when=960)), ANNA.did(acted("zoom", when=970))).then_nothing_is_decided()


def test_a_share_after_very_many_actions_is_still_seen() -> None:
    zooms = [ANNA.did(acted("zoom", when=nth)) for nth in range(MOST_KEPT + 1)]
    given(*zooms).when(ANNA.did(acted("share", when=10_000))).then_sends(("Share", 150.0))
