"""Figures about conversions: they add up, and each opens the list that it counts."""

from tests.api.stage import Brokerage, Stage, ago, touchpoint

KNOWN = {"email": "anna@example.com"}
STATUSES = ("accepted", "withheld", "rejected", "dead", "waiting", "parked", "unknown", "merged")


def test_every_number_opens_the_list_that_it_counts(stage: Stage, nile: Brokerage) -> None:
    nile.post(
        touchpoint("leads.form_submitted.v1", person=KNOWN, occurred_at=ago(60)),
        touchpoint("leads.form_submitted.v1", person={"name": "nobody"}, occurred_at=ago(50)),
        touchpoint("leads.form_submitted.v1", person=KNOWN, occurred_at=ago(40), test=True),
    )
    stage.settled()
    found = nile.read("/api/admin/analytics/meta")
    assert found["totals"]["decided"] == 3
    assert (found["totals"]["withheld"], found["totals"]["waiting"]) == (2, 1)
    assert {row["reason"]: row["conversions"] for row in found["reasons"]} == {"no_match_key": 1, "test_traffic": 1}
    tables = [found["totals"], *(row for by in ("event", "dataset", "source", "day") for row in found[f"by_{by}"])]
    for row in tables:
        assert row["decided"] == sum(row[status] for status in STATUSES)
        for status in ("decided", "sent", *STATUSES):
            assert len(nile.reader.get(row["lists"][status]).json()["items"]) == row[status]
    for row in found["reasons"]:
        assert len(nile.reader.get(row["list"]).json()["items"]) == row["conversions"]


def test_missing_fields_currencies_and_parity_open_their_lists_too(stage: Stage, nile: Brokerage) -> None:
    asked = {"event_name": "Lead", **KNOWN, "value": 5}
    both, pixel = {"event_id": "px-1"}, {"event_id": "px-2", "source": "pixel"}
    for more in ({}, {"currency": "USD"}, both, pixel):
        assert nile.producer.post("/api/conversions/track-event", json=asked | more).status_code == 201
    stage.settled()
    found = nile.read("/api/admin/analytics/meta")
    (lead,) = found["parity"]
    assert (lead["server"], lead["both"], lead["pixel_only"]) == (3, 1, 1)
    for who in ("server", "both", "pixel_only"):
        assert len(nile.reader.get(lead["lists"][who]).json()["items"]) == lead[who]
    assert [row["conversions"] for row in found["missing"]] == [3]
    for row in (*found["missing"], *found["currencies"]):
        assert len(nile.reader.get(row["list"]).json()["items"]) == row["conversions"]
    for row in found["by_day"]:
        assert row["lists"]["decided"].count("since=") == 1


def test_a_day_that_the_span_cuts_opens_its_part_only(stage: Stage, nile: Brokerage) -> None:
    nile.post(
        *(
            touchpoint("leads.form_submitted.v1", person=KNOWN, occurred_at=f"2026-02-01T{at}:00:00Z")
            for at in ("08", "10", "12")
        )
    )
    stage.settled()
    span = {"since": "2026-02-01T09:00:00Z", "until": "2026-02-01T11:00:00Z"}
    (day,) = nile.read("/api/admin/analytics/meta", **span)["by_day"]
    assert day["decided"] == 1
    assert len(nile.reader.get(day["lists"]["decided"]).json()["items"]) == 1


def test_quality_is_estimated_and_the_best_missing_field_named(stage: Stage, nile: Brokerage) -> None:
    nile.post(touchpoint("leads.form_submitted.v1", person=KNOWN, occurred_at=ago(60)))
    stage.settled()
    found = nile.read("/api/admin/analytics/meta")
    assert 0 < found["totals"]["match_quality"] < 10
    assert found["missing"][0]["conversions"] == 1


def test_a_span_that_is_none_is_refused(nile: Brokerage) -> None:
    wrong = {"since": "2026-02-02T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    answer = nile.reader.get("/api/admin/analytics/meta", params=wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "since"
