"""Figures of conversions reconcile with their list; credit goes to the visits before them, and adds up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint
from tests.patience import PATIENCE_S

ASKED = "ads.conversion_asked.v1"
PATHS = ("/api/conversions/metrics", "/api/conversions/attribution-analysis")
HOUR, DAY = 3600, 86_400


def visit(who: str, seconds_ago: float, **beside: Any) -> dict[str, Any]:
    person = {"email": f"{who}@mail.example", **beside.pop("hints", {})}
    return touchpoint("web.page_viewed.v1", {"page": "listing"}, person=person, occurred_at=ago(seconds_ago), **beside)


def bought(who: str, seconds_ago: float, value_minor: int, **beside: Any) -> dict[str, Any]:
    payload = {"event_name": "Purchase", "value_minor": value_minor, "currency": "EGP"}
    person = {"email": f"{who}@mail.example"}
    return touchpoint(ASKED, payload, person=person, occurred_at=ago(seconds_ago), **beside)


@pytest.fixture(scope="module")
def shop(stage: Stage) -> Brokerage:
    """Anna clicked an ad, came back by a newsletter and bought twice; Basem just bought; Carim only looked."""
    shop = stage.brokerage()
    shop.post(
        visit("anna", 3 * DAY, hints={"fbclid": "IwAR1"}, utm={"source": "fb", "medium": "cpc", "campaign": "spring"}),
        visit("anna", 2 * DAY, utm={"source": "news", "medium": "email", "campaign": "june"}),
        bought("anna", 20 * HOUR, 10_001),
        bought("anna", 1 * HOUR, 500),
        bought("basem", 2 * HOUR, 7),
        visit("carim", 2 * HOUR),
        bought("dina", 2 * HOUR, 99, test=True),
    )
    stage.settled()
    return shop


def test_totals_are_those_of_the_summary(shop: Brokerage) -> None:
    span = {"since": ago(28 * DAY), "until": ago(-60)}
    summary = shop.read("/api/conversions", summary=True, **span)
    for by in ("day", "week", "month", "campaign"):
        found = shop.read("/api/conversions/metrics", by=by, **span)
        totals = found["totals"]
        assert totals["conversions"] == sum(row["conversions"] for row in summary["rows"]) == 4
        assert totals["accepted"] == summary["total_conversions"]
        assert Decimal(totals["value"]["EGP"]) == sum(Decimal(row["value"]) for row in summary["rows"])
        assert sum(one["conversions"] for one in found["items"]) == totals["conversions"]
        assert sum(Decimal(one["value"]["EGP"]) for one in found["items"]) == Decimal(totals["value"]["EGP"])
        assert len(shop.reader.get(totals["list"]).json()["items"]) == totals["conversions"]


def test_rates_count_people_and_times_count_from_the_first_touch_and_the_last_click(shop: Brokerage) -> None:
    totals = shop.read("/api/conversions/metrics")["totals"]
    assert (totals["converting_people"], totals["people_seen"]) == (2, 3)
    assert totals["rate"] == pytest.approx(0.6667)
    assert (totals["repeating_people"], totals["repeat_rate"]) == (1, 0.5)
    # Anna's first touch was three days ago, Basem's and Dina's is their conversion itself.
    assert totals["first_touch_to_conversion_s"] == pytest.approx((3 * DAY - 20 * HOUR + 3 * DAY - HOUR) / 4, abs=5)
    assert totals["after_a_click"] == 2
    assert totals["last_click_to_conversion_s"] == pytest.approx((2 * DAY - 20 * HOUR + 2 * DAY - HOUR) / 2, abs=5)


def test_by_campaign_each_conversion_is_its_campaigns(shop: Brokerage) -> None:
    items = shop.read("/api/conversions/metrics", by="campaign")["items"]
    assert {one["campaign"]: one["conversions"] for one in items} == {"june": 2, None: 2}
    assert {one["campaign"]: one["people_seen"] for one in items}["june"] == 1


def test_filters_hold(shop: Brokerage) -> None:
    assert shop.read("/api/conversions/metrics", event_name="Lead")["totals"]["conversions"] == 0
    assert shop.read("/api/conversions/metrics", dataset="99999")["totals"]["conversions"] == 0
    early = shop.read("/api/conversions/metrics", until=ago(12 * HOUR))
    assert (early["totals"]["conversions"], early["totals"]["mean_value"]) == (1, {"EGP": "100.01"})


def names(found: dict[str, Any], model: str) -> dict[str, Any]:
    (one,) = [one for one in found["models"] if one["model"] == model]
    return {item["name"]: item["value_minor"] for item in one["items"] if item["conversions"]}


def test_credit_goes_to_the_visits_before(shop: Brokerage) -> None:
    found = shop.read("/api/conversions/attribution-analysis")
    assert found["total"] == {"conversions": 3.0, "value_minor": {"EGP": 10_508}}
    assert found["unattributed"] == {"conversions": 1.0, "value_minor": {"EGP": 7}}
    assert names(found, "first") == {"ad": {"EGP": 10_501}}
    assert names(found, "last") == {"campaign": {"EGP": 10_501}}
    assert names(found, "linear") == {"ad": {"EGP": 5_251}, "campaign": {"EGP": 5_250}}
    assert {one["model"] for one in found["models"] if one["note"]} == {"markov", "shapley"}
    by_campaign = shop.read("/api/conversions/attribution-analysis", model="first", dimension="campaign")
    assert names(by_campaign, "first") == {"spring": {"EGP": 10_501}}
    assert [one["model"] for one in by_campaign["models"]] == ["first"]


def test_a_shorter_look_back_forgets_the_ad(shop: Brokerage) -> None:
    found = shop.read("/api/conversions/attribution-analysis", model="first", lookback_days=2)
    assert names(found, "first") == {"campaign": {"EGP": 10_501}}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "hour"}, "by"),
        ({"since": "2026-02-02T00:00:00Z", "until": "2026-02-01T00:00:00Z"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"since": "0001-02-01T00:00:00Z", "until": "0001-03-01T00:00:00Z", "model": "first"}, "since"),
        ({"model": "best"}, "model"),
        ({"dimension": "person"}, "dimension"),
        ({"lookback_days": 0}, "lookback_days"),
        ({"half_life_days": "nan"}, "half_life_days"),
    ],
)
def test_a_bad_question_names_its_field(busy: Brokerage, query: dict[str, Any], field: str) -> None:
    path = PATHS[1] if {"model", "dimension", "lookback_days", "half_life_days"} & query.keys() else PATHS[0]
    response = busy.reader.get(path, params=query)
    assert response.status_code == 422
    assert any(field in one for one in fields_of(response))


def test_another_brokerage_sees_nothing(shop: Brokerage, delta: Brokerage) -> None:
    assert delta.read(PATHS[0])["totals"]["conversions"] == delta.read(PATHS[0])["totals"]["people_seen"] == 0
    found = delta.read(PATHS[1])
    assert (found["total"], found["influenced"]) == ({"conversions": 0.0, "value_minor": {}}, [])


@pytest.mark.parametrize("path", PATHS)
def test_readers_read(busy: Brokerage, path: str) -> None:
    assert busy.producer.get(path).status_code == 403
    assert httpx.get(f"{busy.reader.base_url}{path}", timeout=PATIENCE_S).status_code == 401
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert busy.operator.get(path, params={"until": later}).status_code == 200
