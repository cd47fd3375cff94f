"""A bad item is told which field breaks which rule, and its neighbours do not notice."""

import json
from typing import Any

import pytest

from tests.api.stage import Brokerage, ago, touchpoint

TIMES: tuple[Any, ...] = (
    "2099-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00Z",
    "2026-11-01T10:00:00", "2026-11-01", "yesterday", "", "2026-13-01T10:00:00Z", "2026-11-01T25:00:00Z",
    "2026-11-01T10:00:00Z\x00", 1763634896, 1763634896000, "1763634896000", 1e400, True, [], {},
)  # fmt: skip
"""None of them a moment at which somebody did something."""

ROOM_VALUES: dict[str, tuple[Any, ...]] = {
    "dwell_s": (-1, -0.001, 86_401, 1e308, "12.5", True, None, [], {}, float("nan"), float("inf"), 10**30),
    "rooms_available": (0, -1, 501, 2.5, "6", True, 10**30, float("nan")),
    "room": ("", "x" * 81, "a\x00b", 7, True, None, ["kitchen"]),
    "session_id": ("", "x" * 129, "a b", "a/b", "\u0000", "é", 7, None),
    "property_id": ("", "../villa", "-villa", None, 1.5),
    "tour_kind": ("hologram", 3, True),
    "left_at": TIMES,
    "entered_at": TIMES,
}  # fmt: skip
"""Fields of a visit to a room → values that none of them may have."""

BESIDE: dict[str, tuple[Any, ...]] = {
    "id": ("", "x" * 201, "a\x00b", 7, None, True, ["t"], {}),
    "kind": ("", "tours.ROOM_VISITED.v1", "tours.room_visited.v2", None, 1, [], {}),
    "occurred_at": (*TIMES, None),
    "payload": (None, [], "x", 1),
    "person": ([], "anna@example.com", 5),
    "person.email": ("", "x" * 501, 7, True, {}, "a\x00@example.com", "a\nb@example.com"),
    "person.phone": ("", "0" * 201, 201001234567, ["+201001234567"]),
    "person.lead_id": ("12", "not digits", 123456789012345),
    "person.tenant_id": ("another",),
    "utm": ([], "facebook"),
    "utm.source": ("", 5, "a\x00b"),
    "utm.clicks": (3,),
    "page_url": ("", "x" * 2001, "https://example.com/\x00", 5),
    "origin": ("moon", 4, True),
    "browser_event": ({}, "e-1"),
    "browser_event.id": ("", "a b", "é", 5),
    "test": ("true", 1, "no"),
    "tenant_id": ("another",),
    "brokerage_id": ("0a11ce00-0000-4000-8000-000000000002",),
    "role": ("admin",),
    "created_at": ("2026-11-01T10:00:00Z",),
    "hints": ({"email": "anna@example.com"},),
    "hint_kinds": (["email"],),
}  # fmt: skip
"""Fields beside the payload, dotted where inside one → values that they may not have."""

CASES = [(f"payload.{field}", value) for field, values in ROOM_VALUES.items() for value in values] + [
    (field, value) for field, values in BESIDE.items() for value in values
]


def put(item: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """Return the item with a value in one field; other fields inside the same one are as they should be."""
    first, _, rest = field.partition(".")
    if not rest:
        return {**item, first: value}
    whole = {"browser_event": {"id": "e-1", "name": "ViewContent"}}.get(first, item.get(first, {}))
    return {**item, first: put(whole, rest, value)}


def rejected(verdict: dict[str, Any]) -> list[str]:
    """Return the fields at fault."""
    assert verdict["status"] == "rejected", verdict
    assert all(one["message"] for one in verdict["errors"])
    return [one["field"] for one in verdict["errors"]]


def post_raw(brokerage: Brokerage, *items: str) -> list[dict[str, Any]]:
    """Post items as they are written; return the verdicts."""
    response = brokerage.producer.post("/api/touchpoints", content=f'{{"touchpoints":[{",".join(items)}]}}'.encode())
    assert response.status_code == 200, response.text
    verdicts: list[dict[str, Any]] = response.json()["items"]
    return verdicts


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_value_that_breaks_a_rule_is_refused_by_its_field(busy: Brokerage, field: str, value: Any) -> None:
    before, after = touchpoint(), touchpoint()
    bad = json.dumps(put(touchpoint(), field, value))
    verdicts = post_raw(busy, json.dumps(before), bad, json.dumps(after))
    assert [verdicts[0]["status"], verdicts[2]["status"]] == ["accepted", "accepted"]
    at_fault = rejected(verdicts[1])
    assert at_fault
    assert all(one == field or one.startswith(f"{field}.") for one in at_fault), at_fault


@pytest.mark.parametrize("item", [None, 1, "x", [], [{}], True, {}])
def test_an_item_that_is_no_touchpoint_costs_only_itself(busy: Brokerage, item: Any) -> None:
    answer = busy.post(touchpoint(), item, touchpoint())
    assert [one["status"] for one in answer["items"]] == ["accepted", "rejected", "accepted"]


@pytest.mark.parametrize(
    "payload",
    [
        {"entered_at": ago(50), "left_at": ago(100)},
        {"entered_at": "2026-11-01T10:00:01Z", "left_at": "2026-11-01T12:00:00+02:00"},
    ],
)
def test_nobody_leaves_a_room_before_entering_it(busy: Brokerage, payload: dict[str, str]) -> None:
    verdict = busy.verdict(touchpoint(payload=payload))
    assert rejected(verdict) == ["payload.left_at"]
    assert "left_at must not be before entered_at" in verdict["errors"][0]["message"]


def test_a_budget_is_in_a_currency_that_somebody_pays_in(busy: Brokerage) -> None:
    budget = {"min": 1, "max": 2, "currency": "QQQ"}
    verdict = busy.verdict(touchpoint("conversations.completed.v1", {"analysis": {"budget": budget}}))
    assert rejected(verdict) == ["payload.analysis.currency"]
    assert "ISO 4217" in verdict["errors"][0]["message"]


def test_no_tour_ends_before_it_started(busy: Brokerage) -> None:
    verdict = busy.verdict(touchpoint("tours.completed.v1", {"started_at": ago(50), "ended_at": ago(100)}))
    assert rejected(verdict) == ["payload.ended_at"]
    assert "ended_at must not be before started_at" in verdict["errors"][0]["message"]


@pytest.mark.parametrize(
    "kind", ["rentals.searched.v1", "rentals.booking_initiated.v1", "rentals.booking_confirmed.v1"]
)
@pytest.mark.parametrize("check_out", ["2026-12-10", "2026-12-09"])
def test_nobody_leaves_a_stay_before_coming(busy: Brokerage, kind: str, check_out: str) -> None:
    booking = {} if kind == "rentals.searched.v1" else {"booking_id": "b-1"}
    price = {"property_id": "chalet-1", "total_minor": 1} if kind == "rentals.booking_confirmed.v1" else {}
    stay = {"check_in": "2026-12-10", "check_out": check_out}
    verdict = busy.verdict(touchpoint(kind, booking | price | stay))
    assert rejected(verdict) == ["payload.check_out"]
    assert "must lie after check_in" in verdict["errors"][0]["message"]


def test_what_a_signal_lacks_is_named(busy: Brokerage) -> None:
    verdict = busy.verdict(touchpoint("investors.signal_observed.v1", {"signal": "timeline_stated"}))
    assert rejected(verdict) == ["payload.signal"]
    assert "needs timeline" in verdict["errors"][0]["message"]


def test_a_price_range_ascends(busy: Brokerage) -> None:
    verdict = busy.verdict(touchpoint("leads.form_submitted.v1", {"price_min_minor": 200, "price_max_minor": 100}))
    assert rejected(verdict) == ["payload.price_max_minor"]
    assert "price_max_minor must not be below price_min_minor" in verdict["errors"][0]["message"]


@pytest.mark.parametrize("value", ["platinum", "", 5, None])
def test_a_milestone_is_one_of_the_list(busy: Brokerage, value: Any) -> None:
    assert rejected(busy.verdict(touchpoint("tours.milestone_reached.v1", {"milestone": value}))) == [
        "payload.milestone"
    ]


def test_what_happened_just_ahead_of_our_clock_is_taken(busy: Brokerage) -> None:
    assert busy.verdict(touchpoint(occurred_at=ago(-120)))["status"] == "accepted"
    assert rejected(busy.verdict(touchpoint(occurred_at=ago(-600)))) == ["occurred_at"]


def test_what_happened_months_ago_is_taken(busy: Brokerage) -> None:
    assert busy.verdict(touchpoint(occurred_at=ago(91 * 86_400)))["status"] == "accepted"


@pytest.mark.parametrize(
    ("place", "raw"),
    [
        ("id", '"\\ud800"'),
        ("payload.room", '"kit\\udc00chen"'),
        ("person.name", '"Anna \\ud83d"'),
        ("person.\\ud800", '"x"'),
        ("\\ud800", "1"),
        ("payload.\\udfff", "1"),
        ("payload.dwell_s", "1e400"),
        ("payload.dwell_s", "-1e400"),
        ("payload.dwell_s", "NaN"),
        ("payload.rooms_available", "NaN"),
        ("payload.rooms_available", "-Infinity"),
        ("payload.rooms_available", "1e400"),
        ("payload.rooms_available", "1" * 4000),
        ("payload.rooms_available", "7" * 1_000_000),
        ("payload.rooms_available", "1e" + "7" * 1_000_000),
        ("payload.dwell_s", "1" * 40),
        ("test", "NaN"),
        ("payload.room", "[" * 200 + "]" * 200),
        ("payload.room", "[" * 500 + "]" * 500),
        ("payload.room", '{"a":' * 900 + "1" + "}" * 900),
        ("person", '{"a":' * 1000 + "1" + "}" * 1000),
    ],
)
def test_what_no_database_can_hold_costs_only_its_item(busy: Brokerage, place: str, raw: str) -> None:
    *outer, name = place.split(".")
    bad = json.dumps(put(touchpoint(), ".".join([*outer, "here"]), "it"))
    bad = bad.replace('"here": "it"', f'"{name}": {raw}')
    good = json.dumps(touchpoint())
    verdicts = post_raw(busy, good, bad, json.dumps(touchpoint()))
    assert [verdicts[0]["status"], verdicts[2]["status"]] == ["accepted", "accepted"]
    assert rejected(verdicts[1])[0].startswith(place.partition("\\")[0].rstrip("."))


@pytest.mark.parametrize(
    "text", ["مطبخ", "küche", "👨‍👩‍👧‍👦", "‮drawkcab", "a\r\nb", "\x1b[31m", "${jndi:ldap://x}", "'; --"]
)
def test_any_other_text_is_kept_as_it_came(nile: Brokerage, text: str) -> None:
    verdict = nile.verdict(touchpoint(payload={"room": text}))
    assert nile.read(f"/api/events/{verdict['event_id']}")["fields"]["room"] == text


def test_an_item_above_64_kib_is_refused_and_its_neighbours_are_not(busy: Brokerage) -> None:
    answer = busy.post(touchpoint(), touchpoint(page_url="https://example.com/" + "x" * 65_536), touchpoint())
    assert [one["status"] for one in answer["items"]] == ["accepted", "rejected", "accepted"]


def test_an_item_wrong_in_a_thousand_places_gets_a_short_answer(busy: Brokerage) -> None:
    item = touchpoint() | {f"unknown_{nth}{'x' * 50}": nth for nth in range(1000)}
    response = busy.producer.post("/api/touchpoints", json=[item])
    assert response.json()["items"][0]["status"] == "rejected"
    assert len(response.content) < 10_000


def test_a_name_as_long_as_the_body_is_not_said_back(busy: Brokerage) -> None:
    response = busy.producer.post("/api/touchpoints", json=[touchpoint() | {"x" * 500_000: 1}])
    assert response.json()["items"][0]["status"] == "rejected"
    assert len(response.content) < 10_000
