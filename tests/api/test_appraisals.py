"""Appraisals over HTTP: a request, its milestones, older spellings, and what is refused."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, Stage, fields_of

APPRAISALS = "/api/appraisals"


def asked(brokerage: Brokerage, **body: Any) -> str:
    """Post an appraisal; return its event's id."""
    response = brokerage.producer.post(APPRAISALS, json=body)
    assert response.status_code == 201, response.text
    return str(response.json()["event_id"])


def test_a_request_and_its_milestones_become_conversions(stage: Stage, nile: Brokerage) -> None:
    asked(nile, appraisal_id="ap-1", estimated_value="10000000.00", express=True, inherited=True, year_built=1980,
          questions_about_selling=2, phone="01001234567")  # fmt: skip
    path = f"{APPRAISALS}/ap-1/milestone"
    posted = [nile.producer.post(path, json={"milestone": name, "phone": "01001234567"}).status_code
              for name in ("consultation_booked", "consultation_booked", "express_delivery_chosen")]  # fmt: skip
    assert posted == [201, 200, 201]
    stage.settled()
    told = [(one["event_name"], float(one["value"])) for one in nile.read("/api/conversions")["items"]]
    assert sorted(told) == [
        ("AddPaymentInfo", 75_000), ("InitiateCheckout", 25_000), ("Purchase", 200_000), ("Schedule", 100_000),
    ]  # fmt: skip
    (person,) = nile.read("/api/people")["items"]
    assert person["seller_likelihood"] == 70


def test_an_appraisal_is_requested_once(nile: Brokerage) -> None:
    first, again = (nile.producer.post(APPRAISALS, json={"appraisal_id": "ap-1"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event_id"] == again.json()["event_id"]
    assert nile.producer.post(APPRAISALS, json={"appraisal_id": "ap-1", "express": True}).status_code == 409


def test_an_appraisal_without_an_id_of_its_own_has_its_requests(nile: Brokerage) -> None:
    by_id = asked(nile, id="r-1")
    key = {"idempotency-key": "k-1"}
    by_key = nile.producer.post(APPRAISALS, json={}, headers=key).json()["event_id"]
    ids = [nile.read(f"/api/events/{event}")["fields"]["appraisal_id"] for event in (by_id, by_key)]
    assert ids == ["r-1", "k-1"]


# fmt: off
SPELLINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"estimated_value": 1500000.5},                          {"estimated_value_minor": 150_000_050}),
    ({"estimated_value_cents": 150},                          {"estimated_value_minor": 150}),
    ({"value_range": {"min": "1", "max": 2.5, "currency": "USD"}},
     {"value_min_minor": 100, "value_max_minor": 250, "currency": "USD"}),
    ({"property_age": 12},                                    {"property_age_years": 12}),
    ({"market_research_seconds": 400},                        {"market_research_s": 400}),
    ({"property_type": "villa", "city": "Cairo", "listing": {"area": "Maadi"}},
     {"listing": {"property_type": "villa", "city": "Cairo", "area": "Maadi"}}),
    ({"motives": ["moving", "job"]},                          {"motives": ["moving", "job"]}),
]
# fmt: on


@pytest.mark.parametrize(("body", "stored"), SPELLINGS)
def test_older_spellings_mean_the_same(busy: Brokerage, body: dict[str, Any], stored: dict[str, Any]) -> None:
    fields = busy.read(f"/api/events/{asked(busy, id=str(uuid4()), **body)}")["fields"]
    assert {name: fields[name] for name in stored} == stored


# fmt: off
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"estimated_value": 1.001},                         "estimated_value"),
    ({"estimated_value": True},                          "estimated_value"),
    ({"estimated_value": "1e999"},                       "estimated_value"),
    ({"estimated_value": -1},                            "estimated_value_minor"),
    ({"estimated_value": 1, "estimated_value_minor": 1}, "estimated_value"),
    ({"value_range": 5},                                 "value_range"),
    ({"value_range": {"min": "x"}},                      "value_range.min"),
    ({"value_range": {"min": 2, "max": 1}},              ""),
    ({"currency": "pounds"},                             "currency"),
    ({"return_visits": -1},                              "return_visits"),
    ({"return_visits": "many"},                          "return_visits"),
    ({"market_research_s": -5},                          "market_research_s"),
    ({"express": "yes"},                                 "express"),
    ({"motives": ["boredom"]},                           "motives.0"),
    ({"year_built": 3000},                               "year_built"),
    ({"listing": "villa"},                               "listing"),
    ({"listing": {"bedrooms": -1}},                      "listing.bedrooms"),
    ({"listing": []},                                    "listing"),
    ({"listing": {"city": "Giza"}, "city": "Cairo"},     "listing.city"),
    ({"appraisal_id": "a b"},                            "appraisal_id"),
    ({"seller_likelihood": 99},                          "seller_likelihood"),
    ({"occurred_at": 1700000000000},                     "occurred_at"),
]
# fmt: on


@pytest.mark.parametrize(("body", "field"), REFUSED)
def test_a_bad_field_is_named(busy: Brokerage, body: dict[str, Any], field: str) -> None:
    response = busy.producer.post(APPRAISALS, json={"id": str(uuid4()), **body})
    assert response.status_code == 422, response.text
    assert field in fields_of(response) or (field == "" and fields_of(response))


@pytest.mark.parametrize("body", [{}, {"express": True}, [], "x", 7])
def test_a_request_names_its_appraisal(busy: Brokerage, body: Any) -> None:
    assert busy.producer.post(APPRAISALS, json=body).status_code == 422


@pytest.mark.parametrize("milestone", ["platinum", "", None, 7, {}, "x" * 5000, "a\x00b"])
def test_a_milestone_is_one_of_the_list(busy: Brokerage, milestone: Any) -> None:
    response = busy.producer.post(f"{APPRAISALS}/ap-9/milestone", json={"milestone": milestone})
    assert response.status_code == 422
    assert fields_of(response) == ["milestone"]


@pytest.mark.parametrize("name", ["a%20b", "%00", "x" * 5000, "%D9%85", "-a"])
def test_an_odd_id_in_the_path_is_refused_by_its_name(busy: Brokerage, name: str) -> None:
    response = busy.producer.post(f"{APPRAISALS}/{name}/milestone", json={"milestone": "report_downloaded"})
    assert response.status_code == 422, response.text
    assert fields_of(response) == ["appraisal_id"]


def test_a_bad_appraisal_costs_its_neighbours_nothing(busy: Brokerage) -> None:
    def item(payload: dict[str, Any]) -> dict[str, Any]:
        return {"id": str(uuid4()), "kind": "appraisals.requested.v1", "occurred_at": "2026-01-01T00:00:00Z",
                "payload": {"appraisal_id": str(uuid4()), **payload}}  # fmt: skip

    verdicts = busy.post(item({}), item({"return_visits": -1}), item({"inherited": True}))["items"]
    assert [one["status"] for one in verdicts] == ["accepted", "rejected", "accepted"]


def test_only_producers_may_post(busy: Brokerage) -> None:
    assert busy.reader.post(APPRAISALS, json={"id": "x"}).status_code == 403
    assert busy.reader.post(f"{APPRAISALS}/x/milestone", json={}).status_code == 403
