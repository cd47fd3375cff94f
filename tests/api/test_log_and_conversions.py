"""The log with causes and effects, conversions with what became of them, tours summed up."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope
from domain.ads.events import ConversionsSent
from tests.api.stage import Brokerage, Stage, ago, problem_of, touchpoint
from tests.api.test_people import ANNA, looked_around

PERSONAL = (*ANNA.values(), "41.32.9.9", "Mozilla/5.0 (canary)", "https://example.com/villa?secret=1")


def sent(stage: Stage, brokerage: Brokerage, conversion: dict[str, Any], **told: Any) -> None:
    """Record that a request named this conversion, as the worker does."""
    own: dict[str, Any] = {
        "dataset_id": conversion["dataset_id"], "conversion_ids": (conversion["id"],), "occurred_at": datetime.now(UTC),
    }  # fmt: skip
    fact = ConversionsSent.model_validate(own | told)
    with connect(stage.url, "masar_projector") as connection:
        with connection.transaction():
            append_in(connection, [Envelope(uuid4(), 1, fact, brokerage.brokerage_id, cause_id=None)])
        flush(connection)
    stage.settled()


@pytest.fixture(scope="module")
def toured(stage: Stage) -> Brokerage:
    """A brokerage with a hot tour, a short one, a lead, and one who forbade tracking."""
    toured = stage.brokerage()
    person = {**ANNA, "ip": "41.32.9.9", "user_agent": "Mozilla/5.0 (canary)"}
    toured.post(*looked_around(person), touchpoint("leads.form_submitted.v1", person=person, page_url=PERSONAL[-1]))
    toured.post(*looked_around({"email": "short@example.com"}, "tour-2", dwell_s=5))
    other = {"email": "no@example.com"}
    toured.post(
        touchpoint("people.consent_withdrawn.v1", {"purpose": "meta_tracking"}, person=other, occurred_at=ago(90)),
        touchpoint("leads.form_submitted.v1", person=other),
    )
    stage.settled()
    return toured


def test_what_is_personal_is_sealed_in_the_log(toured: Brokerage) -> None:
    listed = toured.reader.get("/api/events", params={"limit": 200}).text
    one = next(one for one in toured.read("/api/events")["items"] if one["kind"] == "leads.form_submitted.v1")
    single = toured.reader.get(f"/api/events/{one['id']}").text
    for value in PERSONAL:
        assert value not in listed
        assert value not in single
    assert one["fields"]["hints"] == {"sealed": True}


def test_a_fact_shows_what_caused_it_and_what_it_caused(stage: Stage, nile: Brokerage) -> None:
    nile.post(
        *(touchpoint("properties.saved.v1", person=one) for one in ({"visitor_id": "v-1"}, {"email": "a@example.com"}))
    )
    asked = str(uuid4())
    both = touchpoint("leads.form_submitted.v1", person={"visitor_id": "v-1", "email": "a@example.com"})
    answer = nile.producer.post("/api/touchpoints", json=[both], headers={"x-request-id": asked}).json()
    stage.settled()
    event = nile.read(f"/api/events/{answer['items'][0]['event_id']}")
    assert (event["kind"], event["position"], event["causes"]) == (both["kind"], answer["items"][0]["position"], [])
    assert [one["slot"] for one in event["conversions"]] == ["lead_form"]
    assert [one["kind"] for one in event["effects"]] == ["people.subjects_linked.v1"]
    effect = nile.read(f"/api/events/{event['effects'][0]['id']}")
    assert [one["id"] for one in effect["causes"]] == [event["id"]]
    assert effect["correlation_id"] == asked


def test_setting_up_is_in_the_log_too(nile: Brokerage) -> None:
    items = nile.read("/api/events")["items"]
    kinds = [one["kind"] for one in items]
    assert kinds == ["brokerage.registered.v1", "brokerage.policy_activated.v1", "brokerage.dataset_connected.v1"]
    assert [nile.read(f"/api/events/{one['id']}")["kind"] for one in items] == kinds


@pytest.mark.parametrize(
    "name",
    [
        "7", "%00", "0a11ce00-0000-4000-8000-000000000001", "0a11ce00-0000-4000-8000-000000000001.2",
        "0a11ce00-0000-4000-8000-000000000001.x", "0a11ce00-0000-4000-8000-000000000001.-1",
        "0a11ce00-0000-4000-8000-000000000001.0", "0a11ce00-0000-4000-8000-000000000001.99999999999999999999",
        "0a11ce00-0000-4000-8000-000000000001." + "9" * 5000, "x" * 5000,
    ],
)  # fmt: skip
def test_no_fact_is_not_found(busy: Brokerage, name: str) -> None:
    assert problem_of(busy.reader.get(f"/api/events/{name}"))["status"] == 404


def test_a_hot_tour_is_worth_a_purchase_and_says_why(toured: Brokerage) -> None:
    conversion = next(one for one in toured.read("/api/conversions")["items"] if one["slot"] == "tour_outcome"
                      and one["event_name"] == "Purchase")  # fmt: skip
    assert (float(conversion["value"]), conversion["currency"], conversion["status"]) == (500, "EGP", "waiting")
    one = toured.read(f"/api/conversions/{conversion['id']}")
    assert one["cause"]["kind"] == "tours.completed.v1"
    assert one["cause"]["id"] == conversion["cause_id"]
    assert one["policy_row"]["slot"] == "tour_outcome"
    assert one["policy_row"]["why"]
    assert (one["attempts"], one["outbox_state"]) == ([], "waiting")
    assert not [value for value in PERSONAL if value in str(one)]


def test_what_was_withheld_says_why(toured: Brokerage) -> None:
    withheld = toured.read("/api/conversions", status="withheld")["items"]
    assert [(one["slot"], one["reason"]) for one in withheld] == [("lead_form", "no_consent")]


def test_every_attempt_is_shown_and_the_last_word_holds(stage: Stage, nile: Brokerage) -> None:
    nile.post(touchpoint("leads.form_submitted.v1", person=ANNA))
    stage.settled()
    conversion = nile.read("/api/conversions")["items"][0]
    sent(stage, nile, conversion, outcome="transient", status=503, message="temporarily unavailable")
    sent(stage, nile, conversion, outcome="accepted", status=200, fbtrace_id="AbC")
    one = nile.read(f"/api/conversions/{conversion['id']}")
    assert (one["status"], one["tries"]) == ("accepted", 2)
    assert [(each["outcome"], each["status"]) for each in one["attempts"]] == [("transient", 503), ("accepted", 200)]
    assert one["attempts"][1]["fbtrace_id"] == "AbC"
    summary = nile.read("/api/conversions", summary=True)
    assert (summary["by_status"], summary["total_conversions"]) == ({"accepted": 1}, 1)
    assert summary["total_revenue_cents"] == Decimal(conversion["value"]) * 100
    person = nile.read(f"/api/people/{conversion['person_id']}")
    assert person["conversions"][0]["outcome"] == "accepted"
    assert person["highest_value_sent"] == {
        "value": conversion["value"], "currency": "EGP", "conversion_id": conversion["id"],
    }  # fmt: skip


def test_amounts_of_different_currencies_are_never_added(stage: Stage, nile: Brokerage) -> None:
    for value_minor, currency in ((10_050, "EGP"), (700, "USD"), (50, "EGP")):
        asked = {"event_name": "Purchase", "value_minor": value_minor, "currency": currency}
        nile.post(touchpoint("ads.conversion_asked.v1", asked, person=ANNA))
    stage.settled()
    for conversion in nile.read("/api/conversions")["items"]:
        sent(stage, nile, conversion, outcome="accepted", status=200)
    summary = nile.read("/api/conversions", summary=True)
    assert (summary["total_conversions"], summary["total_revenue_cents"]) == (3, 10_100)
    revenue = [(one["currency"], Decimal(one["value"])) for one in summary["revenue"]]
    assert revenue == [("EGP", Decimal(101)), ("USD", Decimal(7))]


def test_a_summary_adds_up(toured: Brokerage) -> None:
    items = toured.read("/api/conversions", limit=200)["items"]
    summary = toured.read("/api/conversions", summary=True)
    assert sum(row["conversions"] for row in summary["rows"]) == len(items)
    assert sum(summary["by_status"].values()) == len(items)
    assert summary["withheld"] == {"no_consent": 1}
    assert (summary["total_conversions"], summary["total_revenue_cents"]) == (0, 0)
    only = toured.read("/api/conversions", summary=True, event_name="Purchase")
    assert {row["event_name"] for row in only["rows"]} == {"Purchase"}


def test_no_conversion_is_not_found(busy: Brokerage) -> None:
    assert problem_of(busy.reader.get(f"/api/conversions/{uuid4()}"))["status"] == 404
    assert problem_of(busy.reader.get("/api/conversions/7"))["status"] == 422


def test_tours_are_summed_up(toured: Brokerage) -> None:
    sums = toured.read("/api/tours/analytics")
    assert (sums["sessions"], sums["closed"], sums["hot"], sums["cold"] + sums["warm"]) == (2, 2, 1, 1)
    assert sums["mean_time_s"] == (720 + 30) / 2
    assert sums["mean_rooms"] == 6
    assert [(row["property_id"], row["sessions"]) for row in sums["by_property"]] == [("villa-7", 2)]
    assert sum(row["sessions"] for row in sums["by_day"]) == 2
    assert toured.read("/api/tours/analytics", property_id="flat-1")["sessions"] == 0
    assert toured.read("/api/tours/analytics", until=ago(86_400))["sessions"] == 0


def test_tours_of_nobody_add_up_to_nothing(nile: Brokerage) -> None:
    sums = nile.read("/api/tours/analytics")
    assert (sums["sessions"], sums["mean_score"], sums["mean_time_s"], sums["by_day"]) == (0, 0, 0, [])


def test_every_event_id_of_a_conversion_is_a_uuid_or_the_browsers(stage: Stage, nile: Brokerage) -> None:
    browser = {"id": "browser-7", "name": "Lead"}
    nile.post(
        touchpoint("leads.form_submitted.v1", person=ANNA, browser_event=browser),
        touchpoint("leads.form_submitted.v1", person=ANNA),
    )
    stage.settled()
    ids = {one["event_id"] for one in nile.read("/api/conversions")["items"]}
    assert len(ids) == 2
    assert UUID((ids - {"browser-7"}).pop())
