"""Lists: their order, their cursors, their filters, and what is said of a wrong question."""

from typing import Any
from urllib.parse import quote

import pytest

from api.reading import encode_cursor
from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint

LISTS = ("/api/people", "/api/events", "/api/conversions")
READS = (*LISTS, "/api/tours/analytics")


@pytest.fixture(scope="module")
def full(stage: Stage) -> Brokerage:
    """A brokerage with seven people, each a lead of another score or none at all."""
    full = stage.brokerage()
    for nth in range(7):
        answers = dict(list({"location": "Giza", "timeline": "now", "property_type": "villa"}.items())[: nth % 4])
        person = {"email": f"p{nth}@example.com"} if nth < 5 else {"fbp": f"fb.1.1.{nth}"}
        full.post(touchpoint("leads.form_submitted.v1", answers, person=person, occurred_at=ago(600 - nth)))
    stage.settled()
    return full


def paged(brokerage: Brokerage, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """Return a whole list, read page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(50):
        answer = brokerage.read(path, limit=limit, **query, **({"cursor": cursor} if cursor else {}))
        assert len(answer["items"]) <= limit
        items += answer["items"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return items
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_make_the_same_list(full: Brokerage, path: str, limit: int) -> None:
    whole = full.read(path, limit=200)
    assert whole["next_cursor"] is None
    assert len(whole["items"]) >= 7
    assert paged(full, path, limit) == whole["items"]


def test_people_come_best_first(full: Brokerage) -> None:
    people = full.read("/api/people")["items"]
    assert [(-one["score"]) for one in people] == sorted(-one["score"] for one in people)
    assert len({one["score"] for one in people}) > 2


def test_facts_come_in_the_order_of_the_log(full: Brokerage) -> None:
    positions = [one["position"] for one in full.read("/api/events")["items"]]
    assert positions == sorted(set(positions))


def test_conversions_come_newest_first(full: Brokerage) -> None:
    positions = [one["position"] for one in full.read("/api/conversions")["items"]]
    assert positions == sorted(positions, reverse=True)


def test_people_are_filtered_by_quality_and_by_being_known(full: Brokerage) -> None:
    everyone = full.read("/api/people")["items"]
    known = full.read("/api/people", known=True)["items"]
    assert (len(known), len(everyone)) == (5, 7)
    for quality in ("hot", "warm", "cold"):
        found = full.read("/api/people", quality=quality)["items"]
        assert found == [one for one in everyone if one["quality"] == quality]
    assert paged(full, "/api/people", 2, known=True) == known


def test_facts_are_filtered_by_kind_stream_time_and_position(full: Brokerage) -> None:
    everything = full.read("/api/events")["items"]
    leads = [one for one in everything if one["kind"] == "leads.form_submitted.v1"]
    third = leads[2]
    assert full.read("/api/events", kind="leads.form_submitted.v1")["items"] == leads
    assert full.read("/api/events", kind=["leads.form_submitted.v1", "tours.acted.v1"])["items"] == leads
    assert full.read("/api/events", aggregate=third["id"])["items"] == [third]
    assert full.read("/api/events", person=third["subject_id"])["items"] == [third]
    assert full.read("/api/events", person_id=third["subject_id"])["items"] == [third]
    since = full.read("/api/events", since=third["occurred_at"], kind="leads.form_submitted.v1")["items"]
    until = full.read("/api/events", until=third["occurred_at"], kind="leads.form_submitted.v1")["items"]
    assert (since, until) == (leads[2:], leads[:2])
    after = full.read("/api/events", position=third["position"])["items"]
    assert after == [one for one in everything if one["position"] > third["position"]]
    assert paged(full, "/api/events", 2, kind="leads.form_submitted.v1") == leads


def test_conversions_are_filtered(full: Brokerage) -> None:
    everything = full.read("/api/conversions")["items"]
    one = everything[3]
    for name, value in (
        ("person", one["person_id"]), ("person_id", one["subject_id"]), ("event_name", "Lead"),
        ("conversion_type", "Lead"), ("dataset_id", one["dataset_id"]), ("status", one["status"]),
        ("since", one["occurred_at"]),
    ):  # fmt: skip
        found = full.read("/api/conversions", **{name: value})["items"]
        assert one in found, name
        assert all(other in everything for other in found)
    for name, value in (("event_name", "Purchase"), ("dataset_id", "1"), ("status", "dead"), ("until", ago(86_400))):
        assert full.read("/api/conversions", **{name: value})["items"] == [], name


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1e3", "ten", "", "9" * 30])
@pytest.mark.parametrize("path", LISTS)
def test_a_limit_is_1_to_200(full: Brokerage, path: str, limit: str) -> None:
    response = full.reader.get(path, params={"limit": limit})
    assert response.status_code == 422
    assert fields_of(response) == ["limit"]


CURSORS = [
    "", "x", "é", "%00", "AAAA", "bnVsbA", "W10", "e30", "Ww", "A" * 10_000,
    encode_cursor("a", "b"), encode_cursor(1, 2), encode_cursor(1, 2, 3), encode_cursor("x"),
    encode_cursor(None, None), encode_cursor(1.5, "x"), encode_cursor([1], {}), encode_cursor(2**63, 2**63),
    encode_cursor("\x00"), encode_cursor(1, "\x00"), encode_cursor(True), encode_cursor(-1, "not-a-uuid"),
]  # fmt: skip


@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_is_not_ours_is_refused(full: Brokerage, path: str, cursor: str) -> None:
    response = full.reader.get(path, params={"cursor": cursor})
    assert response.status_code == 422, response.text
    assert fields_of(response) == ["cursor"]


@pytest.mark.parametrize("number", [2**62, -(2**62), 0])
@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_from_beyond_a_list_still_makes_a_page(full: Brokerage, path: str, number: int) -> None:
    place = (number,) if path == "/api/events" else (number, "0a11ce00-0000-4000-8000-000000000001")
    whole = full.read(path, limit=200)["items"]
    assert full.read(path, cursor=encode_cursor(*place), limit=200)["items"] in ([], whole)


WRONG = [
    ("/api/people", "quality", "lukewarm"), ("/api/people", "known", "perhaps"),
    ("/api/events", "person", "anna"), ("/api/events", "aggregate", "\x00"), ("/api/events", "position", "-1"),
    ("/api/events", "position", str(2**63)), ("/api/events", "position", "9" * 5000), ("/api/events", "kind", "\x00"),
    ("/api/conversions", "person_id", "anna"), ("/api/conversions", "status", "fine"),
    ("/api/conversions", "event_name", "a\x00"), ("/api/conversions", "conversion_type", "\x00"),
    ("/api/conversions", "dataset_id", "\x00"), ("/api/conversions", "summary", "maybe"),
    ("/api/tours/analytics", "property_id", "\x00"), ("/api/tours/analytics", "property_id", "x" * 5000),
    *((path, name, value) for path in READS if path != "/api/people" for name in ("since", "until")
      for value in ("yesterday", "2026-13-01T00:00:00Z", "\x00", "9" * 400)),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name", "value"), WRONG)
def test_a_wrong_filter_is_named(full: Brokerage, path: str, name: str, value: str) -> None:
    response = full.reader.get(path, params={name: value})
    assert response.status_code == 422, response.text
    assert fields_of(response)[0].split(".")[0] == name


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-01T10:00:00+23:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-01",
        "2026-11-01T10:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", READS[1:])
def test_any_moment_may_be_asked_for(full: Brokerage, path: str, moment: str) -> None:
    for name in ("since", "until"):
        assert full.reader.get(f"{path}?{name}={quote(moment)}").status_code == 200


@pytest.mark.parametrize("name", ["brokerage_id", "tenant", "include", "sort", "persons", "filter[name]", "order_by"])
@pytest.mark.parametrize("path", READS)
def test_a_question_nobody_understands_is_refused(full: Brokerage, path: str, name: str) -> None:
    response = full.reader.get(path, params={name: "x"})
    assert response.status_code == 422
    assert fields_of(response) == [name]
