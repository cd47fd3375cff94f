"""What one tour session scores: every row of the policy at its border, and the bands."""

from typing import Any

import pytest

from domain.scoring.brief import BRIEF
from domain.scoring.policy import Bands
from domain.shared.fact import Fact
from domain.shared.quiet import quiet_after_s
from domain.tours import session as tour
from domain.tours.session import TourSession
from tests.cast import ANNA, TOUR, acted, completed, recorded, room, started
from tests.spec import Story, given

Walk = list[tuple[str, float]]


def walked(*visits: tuple[str, float], rooms_available: int | None = None) -> Story:
    facts = [room(name, dwell, rooms_available=rooms_available) for name, dwell in visits]
    return given(*(ANNA.did(fact) for fact in facts))


def one_each(rooms: int, dwell_s: float = 1) -> Walk:
    return [(f"room {number}", dwell_s) for number in range(rooms)]


# fmt: off
BORDERS: list[tuple[Any, ...]] = [
    ([("salon", 300)],                   None, {"slow_look": 10}),
    ([("salon", 300.001)],               None, {"long_look": 25, "slow_look": 10}),
    ([("salon", 600)],                   None, {"long_look": 25, "slow_look": 10}),
    ([("salon", 600.001)],               None, {"long_look": 25, "very_long_look": 25, "slow_look": 10}),
    (one_each(4),                        None, {}),
    (one_each(5),                        None, {"many_rooms": 20}),
    (one_each(4),                        5,    {}),
    (one_each(4),                        4,    {"nearly_all": 15}),
    (one_each(9),                        11,   {"many_rooms": 20, "nearly_all": 15}),
    ([("salon", 30)],                    None, {}),
    ([("salon", 30.001)],                None, {"slow_look": 10}),
    ([("salon", 1), ("salon", 1)],       None, {"came_back": 15}),
    ([("salon", 1), ("hall", 1), ("salon", 1), ("hall", 1)], None, {"came_back": 15}),
    ([("salon", 50), ("hall", 10)],      None, {}),  # thirty seconds on average
    ([("salon", 51), ("hall", 10)],      None, {"slow_look": 10}),
]
# fmt: on


@pytest.mark.parametrize(("walk", "rooms_available", "points"), BORDERS)
def test_each_row_scores_just_beyond_its_border(
    walk: Walk, rooms_available: int | None, points: dict[str, int]
) -> None:
    score = walked(*walk, rooms_available=rooms_available).tour_score(TOUR)
    assert {reason.rule: reason.points for reason in score.reasons} == points
    assert score.score == sum(points.values())


def test_everything_at_once_is_capped_at_a_hundred() -> None:
    score = walked(*one_each(5, 130), ("room 1", 130), rooms_available=5).tour_score(TOUR)
    assert sum(reason.points for reason in score.reasons) == 110
    assert (score.score, score.quality) == (100, "hot")


@pytest.mark.parametrize(
    ("score", "quality"), [(0, "cold"), (39, "cold"), (40, "warm"), (69, "warm"), (70, "hot"), (100, "hot")]
)
def test_quality_turns_warm_at_forty_and_hot_at_seventy(score: int, quality: str) -> None:
    assert Bands().quality(score) == quality
    assert BRIEF.bands.quality(score) == quality


def test_a_reason_says_what_was_seen_and_names_the_log_entries() -> None:
    story = walked(("salon", 301))
    (long_look, _) = story.tour_score(TOUR).reasons
    assert (long_look.fact, long_look.value, long_look.why) == ("total_time_s", 301.0, "stayed five minutes")
    assert long_look.events == (str(recorded(ANNA.did(room("salon", 301)), story.position).stream_id),)


def folded(*facts: Fact) -> TourSession:
    session = TourSession()
    for position, fact in enumerate(facts, 1):
        session = tour.evolve(session, recorded(ANNA.did(fact), position))
    return session


def test_total_time_is_the_sum_of_dwell_times() -> None:
    claim: dict[str, Any] = {"started_at": started().occurred_at, "ended_at": completed(when=900).occurred_at}
    session = folded(room("salon", 40), room("hall", 2), completed(when=900, **claim))
    assert tour.facts_of(session)["total_time_s"] == 42


def test_without_rooms_total_time_is_what_the_player_says() -> None:
    claim: dict[str, Any] = {"started_at": started(when=0).occurred_at, "ended_at": started(when=601).occurred_at}
    assert tour.facts_of(folded(started(), completed(when=5, **claim)))["total_time_s"] == 601


def test_without_either_total_time_is_from_the_first_touchpoint_to_the_last() -> None:
    assert tour.facts_of(folded(started(when=10), acted("zoom", when=95)))["total_time_s"] == 85


def test_shown_facts_of_a_session() -> None:
    visits = [room("salon", 60, rooms_available=3), room("hall", 60), room("salon", 0)]
    actions = [acted("zoom", when=second) for second in (0, 5, 10, 15, 20)]
    facts = tour.facts_of(folded(*visits, *actions))
    assert facts["rooms_visited"] == 2
    assert facts["more_than_half"] is True
    assert facts["mean_dwell_s"] == 40
    assert facts["actions_per_minute"] == 2.5
    assert facts["interaction_burst"] is True


@pytest.mark.parametrize("seconds", [(0, 5, 10, 15), (0, 5, 10, 15, 20.001)])
def test_fewer_actions_or_more_time_are_no_burst(seconds: tuple[float, ...]) -> None:
    assert tour.facts_of(folded(*(acted("zoom", when=one) for one in seconds)))["interaction_burst"] is False


def test_half_of_the_rooms_is_not_more_than_half() -> None:
    assert tour.facts_of(folded(room("salon", 1, rooms_available=2)))["more_than_half"] is False


def test_a_late_touchpoint_waits_a_minute_for_more_and_a_prompt_one_half_an_hour() -> None:
    prompt = recorded(ANNA.did(started()).late(minutes=30), 1)
    late = recorded(ANNA.did(started()).late(minutes=31), 1)
    assert quiet_after_s(prompt.fact.occurred_at, prompt.recorded_at) == 1800
    assert quiet_after_s(late.fact.occurred_at, late.recorded_at) == 60
