"""A journey told shortly."""

from typing import Any

from api.cli.demo.steps import steps_of


def entry(kind: str, minute: int, **fields: Any) -> dict[str, Any]:
    scored = [{"of": "t", "rule": rule, "points": points} for rule, points in fields.pop("scored", {}).items()]
    return {
        "id": f"{kind}-{minute}", "kind": kind, "occurred_at": f"2026-11-20T10:{minute:02}:00+00:00",
        "fields": fields, "scored": scored, "caused": fields.pop("caused", []),
    }  # fmt: skip


TOUR = {"session_id": "t", "property_id": "villa"}
JOURNEY = [
    entry("tours.started.v1", 0, **TOUR, hint_kinds=["fbp"]),
    entry("tours.room_visited.v1", 1, **TOUR, room="hall", dwell_s=60, scored={"slow_look": 10}),
    entry("tours.room_visited.v1", 4, **TOUR, room="roof", dwell_s=180, scored={"slow_look": 10, "long_look": 25}),
    entry("tours.acted.v1", 4, **TOUR, action="zoom"),
    entry("brokerage.note.v1", 5),
    entry("leads.form_submitted.v1", 6, hint_kinds=["fbp", "email"], scored={"location": 15}, caused=[{"id": 1}]),
]


def test_a_tour_is_one_step_with_each_rule_counted_once() -> None:
    tour = steps_of(JOURNEY)[0]
    assert tour.what == "toured villa: 2 rooms, 4 min, 1 action"
    assert tour.points == 35


def test_the_visitor_is_known_from_the_form_on() -> None:
    assert [step.known for step in steps_of(JOURNEY)] == [False, True]


def test_what_a_step_caused_is_told() -> None:
    assert [step.caused for step in steps_of(JOURNEY)] == [[], [{"id": 1}]]


def test_times_are_those_of_cairo() -> None:
    assert steps_of(JOURNEY)[1].at.hour == 12


TALK = {"session_id": "c", "property_id": "villa"}
WORDS = [
    entry("conversations.started.v1", 0, **TALK),
    entry("conversations.completed.v1", 3, **TALK, scored={"price": 10}),
    entry("conversations.analysed.v1", 3, **TALK, scored={"price": 10, "viewing": 20}, caused=[{"id": 2}]),
    entry("viewings.booked.v1", 9, property_id="villa", broker_id="broker-hala"),
]


def test_a_conversation_is_one_step_whoever_read_it() -> None:
    talk, viewing = steps_of(WORDS)
    assert (talk.what, talk.points, talk.caused) == ("talked with us", 30, [{"id": 2}])
    assert viewing.what == "has a viewing with broker-hala"
