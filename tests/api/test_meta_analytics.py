"""Figures about conversions: they add up, and each opens the list that it counts."""

from tests.api.stage import Brokerage, Stage, ago, touchpoint

KNOWN = {"email": "anna@example.com"}
COUNTED = ("accepted", "withheld", "rejected", "dead", "waiting", "parked", "unknown", "merged")


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
        assert row["decided"] == sum(row[status] for status in COUNTED)
        for status in ("decided", *COUNTED):
            assert len(nile.reader.get(row["lists"][status]).json()["items"]) == row[status]
    for row in found["reasons"]:
        assert len(nile.reader.get(row["list"]).json()["items"]) == row["conversions"]


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
