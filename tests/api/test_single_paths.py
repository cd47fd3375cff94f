"""One touchpoint at its own path: flat bodies, older spellings, a repeat gets the first answer again."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, ago, fields_of, problem_of

LEADS = "/api/leads"
BODIES: Mapping[str, dict[str, Any]] = {
    "/api/tours/t-1/milestone": {"milestone": "shared_tour"},
    "/api/tours/t-1/complete": {},
    LEADS: {"location": "New Cairo"},
    "/api/properties/v-1/save": {"saved_from": "tour"},
}
OTHER: Mapping[str, dict[str, Any]] = {
    "/api/tours/t-1/milestone": {"milestone": "tour_downloaded"},
    "/api/tours/t-1/complete": {"finished": False},
    LEADS: {"location": "Zamalek"},
    "/api/properties/v-1/save": {"saved_from": "comparison"},
}
TOLD = list(BODIES)


@pytest.mark.parametrize("path", TOLD)
def test_a_repeat_with_its_own_id_gets_the_first_answer(nile: Brokerage, path: str) -> None:
    body = {"id": "once", "occurred_at": ago(60), **BODIES[path]}
    first, again = nile.producer.post(path, json=body), nile.producer.post(path, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["status"], again.json()["status"]) == ("accepted", "duplicate")
    assert first.json()["event_id"] == again.json()["event_id"]


@pytest.mark.parametrize("path", TOLD)
def test_other_content_under_a_known_id_is_a_conflict(nile: Brokerage, path: str) -> None:
    nile.producer.post(path, json={"id": "once", **BODIES[path]})
    response = nile.producer.post(path, json={"id": "once", **OTHER[path]})
    assert response.status_code == 409
    assert fields_of(response) == ["id"]


@pytest.mark.parametrize("path", TOLD)
def test_a_repeat_with_an_idempotency_key_gets_the_first_answer(nile: Brokerage, path: str) -> None:
    headers = {"idempotency-key": "k-1"}
    first = nile.producer.post(path, json=BODIES[path], headers=headers)
    again = nile.producer.post(path, json=BODIES[path], headers=headers)
    other = nile.producer.post(path, json=OTHER[path], headers=headers)
    assert [one.status_code for one in (first, again, other)] == [201, 200, 422]
    assert first.json()["event_id"] == again.json()["event_id"]
    assert problem_of(other)["errors"]


def test_the_same_idempotency_key_at_another_path_is_refused(nile: Brokerage) -> None:
    headers = {"idempotency-key": "k-1"}
    answers = [nile.producer.post(path, json=BODIES[path], headers=headers).status_code for path in TOLD]
    assert answers == [201, 422, 422, 422]


def test_of_twenty_at_once_one_is_first_and_all_get_its_fact(nile: Brokerage) -> None:
    def post(_: int) -> Any:
        return nile.producer.post(LEADS, json={"location": "Maadi"}, headers={"idempotency-key": "k-1"})

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(post, range(20)))
    assert sorted(one.status_code for one in answers) == [200] * 19 + [201]
    assert len({one.json()["event_id"] for one in answers}) == 1


def test_a_milestone_is_named_by_its_session(nile: Brokerage) -> None:
    def reach(session: str, milestone: str) -> int:
        return nile.producer.post(f"/api/tours/{session}/milestone", json={"milestone": milestone}).status_code

    assert [reach("t-1", "shared_tour"), reach("t-1", "shared_tour")] == [201, 200]
    assert [reach("t-1", "tour_downloaded"), reach("t-2", "shared_tour")] == [201, 201]


def test_a_session_is_completed_once(nile: Brokerage) -> None:
    first, again = (nile.producer.post("/api/tours/t-1/complete", json={}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert nile.producer.post("/api/tours/t-1/complete", json={"finished": False}).status_code == 409


@pytest.mark.parametrize("path", [LEADS, "/api/properties/v-1/save"])
def test_what_has_no_natural_name_needs_an_id(busy: Brokerage, path: str) -> None:
    response = busy.producer.post(path, json=BODIES[path])
    assert response.status_code == 422
    assert fields_of(response) == ["id"]


@pytest.mark.parametrize("name", ["x" * 201, "", 7, True, ["a"], "a\x00b"])
def test_an_id_is_short_text(busy: Brokerage, name: Any) -> None:
    response = busy.producer.post(LEADS, json={"id": name})
    assert response.status_code == 422
    assert fields_of(response) == ["id"]


def test_without_a_time_it_happened_when_it_came(nile: Brokerage) -> None:
    event_id = nile.producer.post(LEADS, json={"id": "l-1"}).json()["event_id"]
    event = nile.read(f"/api/events/{event_id}")
    assert datetime.fromisoformat(event["occurred_at"]) <= datetime.fromisoformat(event["recorded_at"])


def test_older_spellings_mean_the_same(nile: Brokerage) -> None:
    older = {
        "id": "l-1", "email_address": "Anna@Example.com", "phone_number": "0100 123 4567", "full_name": "Anna Said",
        "ip_address": "41.32.0.1", "client_user_agent": "Mozilla/5.0", "user_id": "crm-7",
        "utm_source": "facebook", "utm_medium": "cpc", "price_range": {"min": 2500000, "max": "3000000.50"},
        "property_type": "apartment", "timeline": "now",
    }  # fmt: skip
    response = nile.producer.post(LEADS, json=older)
    assert response.status_code == 201, response.text
    subject = nile.subject_of(response.json()["event_id"])
    fields = nile.read(f"/api/people/{subject}/journey")["items"][0]["fields"]
    assert fields["hints"] == {
        "email": "Anna@Example.com", "phone": "0100 123 4567", "name": "Anna Said", "ip": "41.32.0.1",
        "user_agent": "Mozilla/5.0", "person_id": "crm-7",
    }  # fmt: skip
    assert fields["utm"] == {"source": "facebook", "medium": "cpc"}
    assert (fields["price_min_minor"], fields["price_max_minor"]) == (250_000_000, 300_000_050)


def test_flat_words_join_those_of_an_object(nile: Brokerage) -> None:
    body = {"id": "l-1", "person": {"email": "a@example.com"}, "phone": "+201001234567",
            "utm": {"source": "facebook"}, "utm_campaign": "spring"}  # fmt: skip
    subject = nile.subject_of(nile.producer.post(LEADS, json=body).json()["event_id"])
    fields = nile.read(f"/api/people/{subject}/journey")["items"][0]["fields"]
    assert fields["hints"] == {"email": "a@example.com", "phone": "+201001234567"}
    assert fields["utm"] == {"source": "facebook", "campaign": "spring"}


@pytest.mark.parametrize(
    "prices",
    [
        5, "1-2", [1, 2], {"from": 1}, {"min": "1e9999999"}, {"min": "1e999999999999999999"}, {"min": 1e308},
        {"min": "NaN"}, {"max": "Infinity"}, {"min": True}, {"min": 0.001}, {"min": -5}, {"min": {}}, {"min": ""},
        {"min": 10**30}, {"min": 1, "currency": "pounds"}, {"min": 1, "currency": 7}, {"min": 2, "max": 1},
    ],
)  # fmt: skip
def test_a_price_range_that_is_none_is_refused(busy: Brokerage, prices: Any) -> None:
    response = busy.producer.post(LEADS, json={"id": str(uuid4()), "price_range": prices})
    assert response.status_code == 422, response.text
    assert fields_of(response)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("location", "x" * 81), ("timeline", "soon"), ("email", "x" * 501), ("person", "anna"), ("occurred_at", 1),
        ("utm", []), ("tenant_id", "x"), ("brokerage_id", "x"), ("role", "admin"), ("kind", "tours.started.v1"),
        ("payload", {"location": "Giza"}), ("hint_kinds", ["email"]), ("is_conversion", True), ("session_id", "t-1"),
    ],
)  # fmt: skip
def test_a_bad_or_unknown_field_is_named(busy: Brokerage, field: str, value: Any) -> None:
    response = busy.producer.post(LEADS, json={"id": str(uuid4()), field: value})
    assert response.status_code == 422
    assert fields_of(response)[0].split(".")[-1] == field


@pytest.mark.parametrize("path", TOLD)
@pytest.mark.parametrize("body", [[], "x", 1, True])
def test_a_body_is_an_object(busy: Brokerage, path: str, body: Any) -> None:
    assert busy.producer.post(path, json=body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        rb'{"id": "\ud800"}',
        rb'{"id": "a", "\ud800": 1}',
        rb'{"id": "a", "email": "\udfff"}',
        rb'{"id": "a", "utm_\ud800": "x"}',
        rb'{"id": "a", "price_min_minor": NaN}',
        rb'{"id": "a", "price_range": {"min": 1e999}}',
        b'{"id": "a", "price_range": {"min": "1e' + b"9" * 100_000 + b'"}}',
        b'{"id": "a", "location": ' + b"[" * 900 + b"]" * 900 + b"}",
    ],
)
def test_what_no_database_can_hold_is_refused(busy: Brokerage, body: bytes) -> None:
    response = busy.producer.post(LEADS, content=body)
    assert response.status_code == 422, response.text
    assert fields_of(response)


@pytest.mark.parametrize("milestone", ["platinum", "", None, 7, {}, "x" * 5000, "a\x00b"])
def test_a_milestone_is_one_of_the_list(busy: Brokerage, milestone: Any) -> None:
    response = busy.producer.post("/api/tours/t-9/milestone", json={"milestone": milestone})
    assert response.status_code == 422
    assert fields_of(response) == ["milestone"]


@pytest.mark.parametrize("word", ["complete", "milestone", "save"])
@pytest.mark.parametrize(
    "name",
    [
        "a%20b",
        "%00",
        "a%00b",
        "x" * 200,
        "x" * 5000,
        "%D9%85",
        "%FF%FE",
        "%2e%2e",
        "-a",
        "a;b",
        "%F0%9F%8F%A0",
        "%0d%0a",
    ],
)
def test_an_odd_id_in_a_path_is_refused_by_its_name(busy: Brokerage, word: str, name: str) -> None:
    path = f"/api/properties/{name}/save" if word == "save" else f"/api/tours/{name}/{word}"
    body = {"id": str(uuid4())} if word == "save" else BODIES[f"/api/tours/t-1/{word}"]
    response = busy.producer.post(path, json=body)
    assert response.status_code == 422, response.text
    assert fields_of(response) == ["property_id" if word == "save" else "session_id"]


@pytest.mark.parametrize(
    "path", ["/api/tours/a%2Fb/complete", "/api/tours//complete", "/api/tours/t-1/complete/", "/api/tours/t-1"]
)
def test_a_path_that_is_none_is_not_found(busy: Brokerage, path: str) -> None:
    assert problem_of(busy.producer.post(path, json={}))["status"] == 404


def test_an_id_may_hold_colons_dots_and_dashes(nile: Brokerage) -> None:
    response = nile.producer.post("/api/tours/tour:2026.11-20_a/complete", json={})
    assert response.status_code == 201
    event = nile.read(f"/api/events/{response.json()['event_id']}")
    assert event["fields"]["session_id"] == "tour:2026.11-20_a"
