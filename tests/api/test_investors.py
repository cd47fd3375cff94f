"""Investors over HTTP: signals and milestones of a person named by our id or by the producer's own."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, Stage, fields_of

SIGNALS, MILESTONES = "signals", "milestones"
PATHS = [SIGNALS, MILESTONES]
BODIES: dict[str, dict[str, Any]] = {
    SIGNALS: {"signal": "roi_calculated"},
    MILESTONES: {"milestone": "first_property_offer_made"},
}


def path(person: str, what: str = SIGNALS) -> str:
    return f"/api/investors/{person}/{what}"


def somebody(brokerage: Brokerage, crm_id: str = "crm-1", **fields: Any) -> str:
    """Make a person known by a lead form; return our id of them."""
    body = {"id": str(uuid4()), "person_id": crm_id, **fields}
    return brokerage.subject_of(brokerage.producer.post("/api/leads", json=body).json()["event_id"])


@pytest.mark.parametrize("what", PATHS)
def test_our_id_and_the_producers_own_name_the_same_person(nile: Brokerage, what: str) -> None:
    ours = somebody(nile)
    for name in (ours, "crm-1", ours.upper()):
        response = nile.producer.post(path(name, what), json={"id": str(uuid4()), **BODIES[what]})
        assert response.status_code == 201, response.text
        assert nile.subject_of(response.json()["event_id"]) == ours


def test_what_lands_on_a_person_is_scored_and_told(stage: Stage, nile: Brokerage) -> None:
    ours = somebody(nile, phone="01001234567")
    budget = {"id": "s-1", "signal": "budget_stated", "budget": "8000000"}
    assert nile.producer.post(path(ours), json=budget).status_code == 201
    assert nile.producer.post(path("crm-1"), json={"id": "s-2", "portfolio_signal": "bulk_inquiry_made"}).is_success
    assert nile.producer.post(path(ours, MILESTONES), json=BODIES[MILESTONES]).status_code == 201
    stage.settled()
    told = {one["event_name"]: one for one in nile.read("/api/conversions")["items"]}
    assert {name: float(one["value"]) for name, one in told.items() if name != "Lead"} == {
        "Purchase": 500, "InitiateCheckout": 120_000,
    }  # fmt: skip
    assert {one["reason"] for one in told.values()} == {None}
    (person,) = nile.read("/api/people")["items"]
    assert person["investor_type"] == "institutional"


def test_a_person_whom_nobody_knows_is_not_found(nile: Brokerage, delta: Brokerage) -> None:
    theirs = somebody(delta)
    for name in (str(uuid4()), theirs):
        response = nile.producer.post(path(name), json={"id": str(uuid4()), **BODIES[SIGNALS]})
        assert response.status_code == 404, response.text


def test_a_producer_may_number_its_people_by_uuid(nile: Brokerage) -> None:
    own = str(uuid4())
    ours = somebody(nile, own)
    response = nile.producer.post(path(own), json={"id": "s-1", **BODIES[SIGNALS]})
    assert nile.subject_of(response.json()["event_id"]) == ours


def test_a_producers_new_person_becomes_known(nile: Brokerage) -> None:
    first, second = (
        nile.producer.post(path("crm-9"), json={"id": name, **BODIES[SIGNALS]}).json() for name in ("s-1", "s-2")
    )
    assert nile.subject_of(first["event_id"]) == nile.subject_of(second["event_id"])


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("by_us", [True, False])
def test_a_repeat_gets_the_first_answer_and_other_content_is_a_conflict(
    nile: Brokerage, what: str, by_us: bool
) -> None:  # fmt: skip
    name = somebody(nile) if by_us else "crm-1"
    body = {"id": "once", "occurred_at": "2026-01-01T00:00:00Z", **BODIES[what]}
    first, again = (nile.producer.post(path(name, what), json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event_id"] == again.json()["event_id"]
    other = nile.producer.post(path(name, what), json={**body, "property_id": "villa-7"})
    assert (other.status_code, fields_of(other)) == (409, ["id"])
    keyed = nile.producer.post(path(name, what), json={**BODIES[what]}, headers={"idempotency-key": "once"})
    assert keyed.status_code == 422


def test_one_id_is_not_two_peoples(nile: Brokerage) -> None:
    anna, basem = somebody(nile, "crm-1"), somebody(nile, "crm-2")
    body = {"id": "once", **BODIES[SIGNALS]}
    assert nile.producer.post(path(anna), json=body).status_code == 201
    assert nile.producer.post(path(basem), json=body).status_code == 409


def test_a_milestone_is_named_by_its_person(nile: Brokerage) -> None:
    ours = somebody(nile)

    def step(person: str, **body: Any) -> int:
        return nile.producer.post(path(person, MILESTONES), json=body).status_code

    assert [step(ours, milestone="roi_calculator_used") for _ in range(2)] == [201, 200]
    assert [step("crm-2", milestone="roi_calculator_used") for _ in range(2)] == [201, 200]
    referral = {"milestone": "referral_to_other_investors"}
    assert [step(ours, **referral, referral_id=name) for name in ("r-1", "r-1", "r-2")] == [201, 200, 201]
    assert step(ours, **referral) == 422  # nothing tells it from a second one


def test_a_signal_needs_an_id(busy: Brokerage) -> None:
    response = busy.producer.post(path("crm-1"), json=BODIES[SIGNALS])
    assert (response.status_code, fields_of(response)) == (422, ["id"])


# fmt: off
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (SIGNALS,    {"signal": "telepathy"},                               "signal"),
    (SIGNALS,    {"signal": None},                                      "signal"),
    (SIGNALS,    {},                                                    "signal"),
    (SIGNALS,    {"signal": "bulk_inquiry", "units": 0},                "units"),
    (SIGNALS,    {"signal": "bulk_inquiry", "units": "three"},          "units"),
    (SIGNALS,    {"signal": "budget_stated", "budget": "a lot"},        "budget"),
    (SIGNALS,    {"signal": "budget_stated", "budget": -5},             "budget_minor"),
    (SIGNALS,    {"signal": "roi_calculated", "currency": "pounds"},    "currency"),
    (SIGNALS,    {"signal": "roi_calculated", "signal_data": [1]},      "signal_data"),
    (SIGNALS,    {"signal": "roi_calculated", "magic": 1},              "magic"),
    (MILESTONES, {"milestone": "moon_reached"},                         "milestone"),
    (MILESTONES, {"milestone": ["x"]},                                  "milestone"),
    (MILESTONES, {},                                                    "milestone"),
    (MILESTONES, {"milestone": "roi_calculator_used", "referral_id": "a b"}, "referral_id"),
]
# fmt: on


@pytest.mark.parametrize("by_us", [True, False])
@pytest.mark.parametrize(("what", "body", "field"), REFUSED)
def test_a_bad_field_is_named(busy: Brokerage, what: str, body: dict[str, Any], field: str, by_us: bool) -> None:
    name = somebody(busy) if by_us else "crm-1"
    response = busy.producer.post(path(name, what), json={"id": str(uuid4()), **body})
    assert response.status_code == 422, response.text
    assert fields_of(response) == [field]


def test_whose_it_is_is_said_once(busy: Brokerage) -> None:
    ours = somebody(busy)
    by_us = busy.producer.post(path(ours), json={"id": "s-1", **BODIES[SIGNALS], "phone": "01001234567"})
    by_them = busy.producer.post(path("crm-1"), json={"id": "s-1", **BODIES[SIGNALS], "person_id": "crm-2"})
    assert (by_us.status_code, fields_of(by_us)) == (422, ["person"])
    assert (by_them.status_code, fields_of(by_them)) == (422, ["person_id"])


@pytest.mark.parametrize("name", ["%00", "x" * 5000, "a%00b", "%ED%A0%80"])
def test_an_odd_id_in_the_path_is_refused(busy: Brokerage, name: str) -> None:
    response = busy.producer.post(path(name), json={"id": str(uuid4()), **BODIES[SIGNALS]})
    assert response.status_code == 422 or name == "%ED%A0%80", response.text
    assert response.status_code < 500


@pytest.mark.parametrize("what", PATHS)
@pytest.mark.parametrize("body", [[], "x", 1, True, {"person": "anna"}])
def test_a_body_is_an_object(busy: Brokerage, what: str, body: Any) -> None:
    assert busy.producer.post(path("crm-1", what), json=body).status_code == 422


def test_only_producers_may_post(busy: Brokerage) -> None:
    assert busy.reader.post(path("crm-1"), json={"id": "x", **BODIES[SIGNALS]}).status_code == 403


def test_what_lands_on_an_erased_person_is_refused(stage: Stage, nile: Brokerage) -> None:
    ours = somebody(nile)
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (ours,))
    assert nile.producer.post(path(ours), json={"id": "s-1", **BODIES[SIGNALS]}).status_code == 404


def test_an_address_of_a_page_is_sealed_for_the_person(nile: Brokerage) -> None:
    ours = somebody(nile)
    body = {"id": "s-1", **BODIES[SIGNALS], "page_url": "https://nile.example/?email=mona@example.com"}
    event = nile.producer.post(path(ours), json=body).json()["event_id"]
    journey = {one["id"]: one for one in nile.read(f"/api/people/{ours}/journey")["items"]}
    assert journey[event]["fields"]["page_url"] == body["page_url"]


@pytest.mark.parametrize(
    ("body", "listing"),
    [
        ({"price": "1000000.50", "area": "Maadi"}, {"price_minor": 100_000_050, "area": "Maadi"}),
        ({"price_cents": 700, "currency": "USD"}, {"price_minor": 700, "currency": "USD"}),
        ({"listing": {"price_minor": 9}, "property_type": "villa"}, {"price_minor": 9, "property_type": "villa"}),
    ],
)
def test_a_save_may_tell_of_the_home(busy: Brokerage, body: dict[str, Any], listing: dict[str, Any]) -> None:
    response = busy.producer.post("/api/properties/v-1/save", json={"id": str(uuid4()), **body})
    assert response.status_code == 201, response.text
    assert busy.read(f"/api/events/{response.json()['event_id']}")["fields"]["listing"] == listing


@pytest.mark.parametrize("body", [{"price": "cheap"}, {"price": -1}, {"listing": 5}, {"bedrooms": "two"}])
def test_a_save_with_a_home_that_cannot_be_is_refused(busy: Brokerage, body: dict[str, Any]) -> None:
    assert busy.producer.post("/api/properties/v-1/save", json={"id": str(uuid4()), **body}).status_code == 422


def test_the_persons_page_shows_investor_appraisals_and_saves(stage: Stage, nile: Brokerage) -> None:
    ours = somebody(nile)
    budget = {"id": "s-1", "signal": "budget_stated", "budget": 4_000_000}
    nile.producer.post(path(ours), json=budget)
    nile.producer.post("/api/appraisals", json={"appraisal_id": "ap-1", "person_id": "crm-1", "premium": True})
    nile.producer.post("/api/properties/v-1/save", json={"id": "v-1", "person_id": "crm-1", "saved_from": "comparison"})
    stage.settled()
    page = nile.read(f"/api/people/{ours}")
    assert (page["investor"]["investor_type"], page["investor"]["commission_potential"]) == ("unknown", 100_000)
    (appraisal,), (save,) = page["appraisals"], page["saves"]
    assert (appraisal["appraisal_id"], appraisal["seller_likelihood"]) == ("ap-1", 15)
    assert (save["property_id"], save["score"]) == ("v-1", 30)
