"""Viewings over HTTP: booked, refused with free slots, taken step by step, listed with what they may lead to."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of

BOOK = "/api/properties/villa-7/book-viewing"
TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
HOUR = timedelta(hours=1)
MONDAY = (TOMORROW + timedelta(days=-TOMORROW.weekday() % 7)).isoformat()
"""A working day."""


def ahead(hours: float = 0) -> str:
    """Return a moment after tomorrow nine o'clock UTC as RFC 3339."""
    return (TOMORROW + hours * HOUR).isoformat()


def post(brokerage: Brokerage, path: str = BOOK, **body: Any) -> httpx.Response:
    """Ask for a viewing, under an id of its own unless told otherwise."""
    return brokerage.producer.post(path, json={"id": str(uuid4()), "starts_at": ahead(), "broker_id": "omar", **body})


def book(brokerage: Brokerage, path: str = BOOK, **body: Any) -> dict[str, Any]:
    """Book a viewing; return the booking."""
    response = post(brokerage, path, **body)
    assert response.status_code == 201, response.text
    booking: dict[str, Any] = response.json()
    return booking


def begun(brokerage: Brokerage, **body: Any) -> str:
    """Book a viewing that begins about now; return its id."""
    return str(book(brokerage, starts_at=ago(-60), **body)["viewing_id"])


def take(client: httpx.Client, viewing_id: str, step: str, **body: Any) -> httpx.Response:
    return client.post(f"/api/viewings/{viewing_id}/{step}", json=body)


def told(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the title of a refusal."""
    return response.status_code, problem_of(response)["title"]


def test_a_slot_is_booked_and_the_answer_says_how_to_find_it_again(nile: Brokerage) -> None:
    booking = book(nile, party_size=2, viewing_type="virtual", phone="01001234567", price=4_000_000)
    assert booking.items() >= {
        "status": "scheduled", "property_id": "villa-7", "broker_id": "omar", "assigned": "asked", "party_size": 2,
        "viewing_type": "virtual",
    }.items()  # fmt: skip
    assert datetime.fromisoformat(booking["starts_at"]) == TOMORROW
    assert datetime.fromisoformat(booking["ends_at"]) == TOMORROW + HOUR
    assert len(booking["confirmation_code"]) == 9
    picture = nile.reader.get(booking["qr"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert nile.producer.get(booking["qr"]).content == picture.content


def test_a_repeat_gets_the_first_answer_even_after_other_steps(nile: Brokerage) -> None:
    body = {"starts_at": ahead(), "broker_id": "omar", "notes": "first floor only"}
    headers = {"idempotency-key": "k-1"}
    first = nile.producer.post(BOOK, json=body, headers=headers)
    take(nile.operator, first.json()["viewing_id"], "cancel")
    again = nile.producer.post(BOOK, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = nile.producer.post(BOOK, json={**body, "party_size": 4}, headers=headers)
    assert other.status_code == 422


def test_of_twenty_repeats_at_once_one_is_first(nile: Brokerage) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: post(nile, id="once"), range(20)))
    assert sorted(one.status_code for one in answers) == [200] * 19 + [201]
    assert len({one.text for one in answers}) == 1


def test_of_twelve_who_want_one_slot_one_gets_it_and_the_others_hear_what_is_free(nile: Brokerage) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda nth: post(nile, email=f"a{nth}@example.com"), range(12)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 11
    refused = next(one for one in answers if one.status_code == 409)
    assert refused.headers["content-type"] == "application/problem+json"
    document = refused.json()
    assert (document["title"], document["type"]) == ("Slot taken", "urn:masar:problem:slot-taken")
    free = [datetime.fromisoformat(one["starts_at"]) for one in document["free_slots"]]
    assert free == sorted(free)
    assert TOMORROW + HOUR in free
    assert all(abs(one - TOMORROW) >= HOUR for one in free)
    assert post(nile, **document["free_slots"][0]).status_code == 201


def test_a_refused_booking_leaves_the_wish(nile: Brokerage) -> None:
    book(nile)
    wish = post(nile, email="late@example.com").json()["viewing_id"]
    assert nile.read(f"/api/events/{wish}")["kind"] == "viewings.requested.v1"
    assert nile.reader.get(f"/api/viewings/{wish}/qr.png").status_code == 404
    assert take(nile.operator, wish, "confirm").status_code == 404


def test_without_a_time_slots_are_offered(nile: Brokerage) -> None:
    body = {"id": "w-1", "email": "open@example.com"}
    first, again = (nile.producer.post(BOOK, json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["status"] == "requested"
    assert 1 <= len(first.json()["free_slots"]) <= 3


@pytest.mark.parametrize(
    "slot",
    [
        {"slot": {"start": ahead(30), "end": ahead(31)}},
        {"slot": {"starts_at": ahead(30), "ends_at": ahead(31)}},
        {"slot": {"start": ahead(30)}},
        {"starts_at": ahead(30), "ends_at": ahead(31)},
    ],
)
def test_a_slot_may_be_spelt_in_older_ways(nile: Brokerage, slot: dict[str, Any]) -> None:
    response = nile.producer.post(BOOK, json={"id": "s-1", "broker_id": "omar", **slot})
    assert response.status_code == 201, response.text
    assert datetime.fromisoformat(response.json()["ends_at"]) == TOMORROW + 31 * HOUR


# fmt: off
BAD: list[tuple[str, Mapping[str, Any]]] = [
    ("starts_at",    {"starts_at": ago(16 * 60)}),
    ("starts_at",    {"starts_at": ahead(91 * 24)}),
    ("starts_at",    {"starts_at": "9999-12-31T23:59:59-12:00"}),
    ("starts_at",    {"starts_at": "tomorrow"}),
    ("starts_at",    {"starts_at": "2026-12-01T10:00:00"}),
    ("starts_at",    {"starts_at": 1_800_000_000}),
    ("ends_at",      {"ends_at": ahead()}),
    ("ends_at",      {"ends_at": ahead(-1)}),
    ("ends_at",      {"ends_at": ahead(9)}),
    ("ends_at",      {"starts_at": None, "ends_at": ahead(1)}),
    ("party_size",   {"party_size": 0}),
    ("party_size",   {"party_size": "two"}),
    ("party_size",   {"party_size": 2.5}),
    ("viewing_type", {"viewing_type": "by_boat"}),
    ("broker_id",    {"broker_id": "a b"}),
    ("broker_id",    {"broker_id": "x" * 161}),
    ("notes",        {"notes": "a\x00b"}),
    ("notes",        {"notes": "x" * 501}),
    ("price",        {"price": "much"}),
    ("slot",         {"slot": "noon"}),
    ("slot",         {"slot": {"start": ahead(), "begin": ahead()}}),
    ("slot",         {"slot": {"start": ahead()}}),
    ("property_id",  {"property_id": "flat-1"}),
    ("viewing_id",   {"viewing_id": str(uuid4())}),
    ("confirmation_code", {"confirmation_code": "AAAA-2222"}),
]
# fmt: on


@pytest.mark.parametrize(("field", "body"), BAD)
def test_a_booking_that_makes_no_sense_is_refused_by_the_field(
    busy: Brokerage, field: str, body: Mapping[str, Any]
) -> None:
    response = post(busy, **body)
    assert response.status_code == 422, response.text
    assert fields_of(response)[0].split(".")[-1] == field


def test_what_is_decided_is_not_to_be_posted(busy: Brokerage) -> None:
    item = {"id": str(uuid4()), "kind": "viewings.booked.v1", "occurred_at": ago(1), "payload": {}}
    assert busy.verdict(item)["status"] == "rejected"


def test_who_may_book_and_who_may_not(stage: Stage, nile: Brokerage) -> None:
    body = {"id": "k", "starts_at": ahead(), "broker_id": "omar"}
    assert [client.post(BOOK, json=body).status_code for client in (nile.reader, nile.operator, nile.producer)] == [
        403, 403, 201,
    ]  # fmt: skip
    assert stage.client().post(BOOK, json=body).status_code == 401


# Steps.


def test_a_viewing_goes_its_way(nile: Brokerage) -> None:
    viewing = begun(nile)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("confirm", {}), ("complete", {"notes": "liked the garden"}), ("follow-up", {"outcome": "offer"}),
    ]  # fmt: skip
    for step, body in steps:
        first, again = (take(nile.operator, viewing, step, **body) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200), first.text
        assert first.json() == again.json()
        assert first.json()["viewing_id"] == viewing
        assert nile.read(f"/api/events/{first.json()['event_id']}")["cause_id"] == viewing


def test_an_empty_body_is_enough_where_nothing_is_needed(nile: Brokerage) -> None:
    viewing = begun(nile)
    assert nile.producer.post(f"/api/viewings/{viewing}/confirm").status_code == 201
    assert nile.producer.post(f"/api/viewings/{viewing}/no-show").status_code == 201


# fmt: off
FORBIDDEN: list[tuple[list[str], str, str]] = [
    (["cancel"],   "confirm",   "Viewing is cancelled"),
    (["cancel"],   "complete",  "Viewing is cancelled"),
    (["cancel"],   "no-show",   "Viewing is cancelled"),
    (["complete"], "cancel",    "Viewing is completed"),
    (["complete"], "no-show",   "Viewing is completed"),
    (["no-show"],  "complete",  "Nobody came"),
    ([],           "follow-up", "Not yet over"),
]
# fmt: on


@pytest.mark.parametrize(("before", "step", "rule"), FORBIDDEN)
def test_a_step_that_a_rule_forbids_is_refused_by_its_name(
    nile: Brokerage, before: list[str], step: str, rule: str
) -> None:
    viewing = begun(nile)
    for one in before:
        assert take(nile.operator, viewing, one).status_code == 201
    body = {"outcome": "thinking"} if step == "follow-up" else {}
    assert told(take(nile.operator, viewing, step, **body)) == (409, rule)


def test_before_it_begins_a_viewing_is_neither_completed_nor_missed(nile: Brokerage) -> None:
    viewing = book(nile)["viewing_id"]
    for step in ("complete", "no-show"):
        assert told(take(nile.operator, viewing, step)) == (409, "Not yet begun")


def test_a_cancelled_viewing_frees_its_slot(nile: Brokerage) -> None:
    first = book(nile)
    assert post(nile, id="second").status_code == 409
    take(nile.operator, first["viewing_id"], "cancel", reason="travels")
    assert post(nile, id="second").status_code == 201


def test_a_follow_up_is_told_once_by_its_key(nile: Brokerage) -> None:
    viewing = begun(nile)
    take(nile.operator, viewing, "complete")
    path, headers = f"/api/viewings/{viewing}/follow-up", {"idempotency-key": "f-1"}
    bodies = ({"outcome": "thinking"}, {"outcome": "thinking"}, {"outcome": "offer"})
    answers = [nile.operator.post(path, json=body, headers=headers) for body in bodies]
    assert [one.status_code for one in answers] == [201, 200, 422]
    assert take(nile.operator, viewing, "follow-up", outcome="offer", id="f-2").status_code == 201


# fmt: off
ODD: list[tuple[str, str, Mapping[str, Any]]] = [
    ("outcome",     "follow-up", {}),
    ("outcome",     "follow-up", {"outcome": "bliss"}),
    ("occurred_at", "confirm",   {"occurred_at": ahead()}),
    ("occurred_at", "confirm",   {"occurred_at": "yesterday"}),
    ("occurred_at", "confirm",   {"occurred_at": "0001-01-01T00:00:00+14:00"}),
    ("notes",       "complete",  {"notes": 7}),
    ("notes",       "confirm",   {"notes": "nothing to note"}),
    ("reason",      "cancel",    {"reason": ""}),
    ("id",          "follow-up", {"outcome": "offer", "id": "x" * 201}),
]
# fmt: on


@pytest.mark.parametrize(("field", "step", "body"), ODD)
def test_a_step_that_makes_no_sense_is_refused_by_the_field(
    busy: Brokerage, field: str, step: str, body: Mapping[str, Any]
) -> None:
    response = take(busy.operator, str(uuid4()), step, **body)
    assert response.status_code == 422, response.text
    assert fields_of(response) == [field]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"7", b"null", b"{", b'{"reason": "\\ud800"}', b"\xff"])
def test_a_body_of_a_step_is_an_object(busy: Brokerage, body: bytes) -> None:
    response = busy.operator.post(f"/api/viewings/{uuid4()}/cancel", content=body)
    assert response.status_code in (400, 422), response.text
    problem_of(response)


@pytest.mark.parametrize("name", ["x", "%00", "a%20b", "x" * 300, "1" * 36])
def test_an_odd_viewing_id_is_refused_by_its_name(busy: Brokerage, name: str) -> None:
    for response in (
        busy.operator.post(f"/api/viewings/{name}/confirm", json={}), busy.reader.get(f"/api/viewings/{name}"),
        busy.reader.get(f"/api/viewings/{name}/qr.png"),
    ):  # fmt: skip
        assert response.status_code == 422
        assert fields_of(response) == ["viewing_id"]


def test_who_may_take_steps_and_who_may_not(nile: Brokerage, delta: Brokerage) -> None:
    viewing = begun(nile)
    assert take(nile.reader, viewing, "confirm").status_code == 403
    assert take(nile.browser, viewing, "confirm").status_code == 403
    assert take(delta.operator, viewing, "confirm").status_code == 404
    assert delta.reader.get(f"/api/viewings/{viewing}/qr.png").status_code == 404
    assert take(nile.producer, viewing, "confirm").status_code == 201


# Lists, scores and conversions.


def test_a_viewing_is_listed_with_what_it_may_lead_to(stage: Stage, nile: Brokerage) -> None:
    viewing = book(nile, starts_at=MONDAY, party_size=2, phone="01001234567", asked_for_broker=True)["viewing_id"]
    take(nile.operator, viewing, "confirm")
    stage.settled()
    (listed,) = nile.read("/api/viewings")["items"]
    # 40; a party of two 5, booked at once 5, a broker by name 5, confirmed 5
    assert (listed["conversion_probability"], listed["lead_quality_score"]) == (60, 6)
    assert (listed["id"], listed["status"]) == (viewing, "confirmed")
    assert (listed["timeline"], listed["competition"], listed["viewings_in_14_days"]) == ("within_month", "low", 1)
    assert listed["broker"] == {
        "viewings": 1, "completed": 0, "missed": 0, "cancelled": 0, "followed_up": 0, "offers": 0,
        "second_viewings": 0, "offer_rate": None,
    }  # fmt: skip
    assert {one["rule"] for one in listed["reasons"]} == {"party", "quick", "by_name", "confirmed"}
    one = nile.read(f"/api/viewings/{viewing}")
    assert one["person_id"] == listed["person_id"] == nile.subject_of(viewing)
    assert [entry["kind"] for entry in one["history"]] == [
        "viewings.requested.v1", "viewings.booked.v1", "viewings.confirmed.v1",
    ]  # fmt: skip


def test_a_viewing_tells_meta_when_it_is_booked_and_when_it_was(stage: Stage, nile: Brokerage) -> None:
    viewing = begun(nile, phone="01001234567", price="4000000.00")
    take(nile.operator, viewing, "complete", notes="liked the garden")
    take(nile.operator, viewing, "follow-up", outcome="offer", notes="below the price")
    stage.settled()
    told_meta = {one["category"]: float(one["value"]) for one in nile.read("/api/conversions")["items"]}
    assert told_meta == {"property_viewing_scheduled": 100_000, "property_viewing_completed": 200_000}
    one = nile.read(f"/api/viewings/{viewing}")
    assert (one["outcome"], one["broker"]["completed"], one["broker"]["offer_rate"]) == ("offer", 1, 1.0)
    assert [entry["fields"].get("notes") for entry in one["history"]] == [
        None, None, "liked the garden", "below the price"
    ]  # fmt: skip
    journey = nile.read(f"/api/people/{one['person_id']}/journey")["items"]
    caused = {entry["kind"]: [cause["slot"] for cause in entry["caused"]] for entry in journey}
    assert caused["viewings.booked.v1"] == ["viewing_scheduled"]
    assert caused["viewings.completed.v1"] == ["viewing_completed"]
    (person,) = nile.read("/api/people")["items"]
    assert person["viewings"] == 1


def test_competition_counts_what_is_near_and_not_cancelled(stage: Stage, nile: Brokerage) -> None:
    first, second, third, _, _ = (
        book(nile, path, broker_id=f"b{nth}", starts_at=ahead(hours))
        for nth, (path, hours) in enumerate([
            (BOOK, 200), (BOOK, 200 - 7 * 24), (BOOK, 200 + 7 * 24), (BOOK, 201 + 7 * 24),
            ("/api/properties/flat-1/book-viewing", 200),
        ])
    )  # fmt: skip
    stage.settled()
    assert nile.read(f"/api/viewings/{first['viewing_id']}")["viewings_in_14_days"] == 3
    assert nile.read(f"/api/viewings/{first['viewing_id']}")["competition"] == "medium"
    take(nile.operator, second["viewing_id"], "cancel")
    stage.settled()
    assert nile.read(f"/api/viewings/{first['viewing_id']}")["viewings_in_14_days"] == 2
    assert nile.read(f"/api/viewings/{third['viewing_id']}")["viewings_in_14_days"] == 3


def test_lists_are_filtered_and_paged(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    flat = "/api/properties/flat-1/book-viewing"
    made = [
        book(nile, (BOOK, flat)[nth % 2], broker_id=f"b{nth % 3}", starts_at=ahead(nth), email=f"a{nth}@example.com")
        for nth in range(6)
    ]  # fmt: skip
    ids = [one["viewing_id"] for one in made]
    take(nile.operator, ids[0], "cancel")
    stage.settled()

    def listed(**query: Any) -> list[int]:
        return [ids.index(one["id"]) for one in nile.read("/api/viewings", **query)["items"]]

    assert listed() == [5, 4, 3, 2, 1, 0]
    assert listed(status="cancelled") == [0]
    assert listed(status="scheduled", property_id="villa-7") == [4, 2]
    assert listed(broker_id="b1") == [4, 1]
    assert listed(**{"from": ahead(1), "to": ahead(3)}) == [2, 1]
    assert listed(person_id=nile.subject_of(ids[3])) == [3]
    assert listed(person_id=str(uuid4())) == []
    seen, cursor = [], None
    while True:
        page = nile.read("/api/viewings", limit=4, **({"cursor": cursor} if cursor else {}))
        seen += [ids.index(one["id"]) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1, 0]
    assert delta.read("/api/viewings")["items"] == []
    assert delta.reader.get(f"/api/viewings/{ids[0]}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [{"status": "postponed"}, {"from": "soon"}, {"limit": 0}, {"cursor": "x"}, {"person_id": "anna"}, {"broker": "x"}],
)
def test_a_question_that_makes_no_sense_is_refused(busy: Brokerage, query: dict[str, Any]) -> None:
    response = busy.reader.get("/api/viewings", params=query)
    assert response.status_code == 422
    assert fields_of(response) == list(query)
