"""Conversions asked for directly, in Meta's spelling, the brokerage's own and the older one."""

from typing import Any

import pytest

from tests.api.stage import Brokerage, Stage, problem_of

ANNA = {"email": "anna@example.com", "phone": "01001234567"}


def conversions_of(stage: Stage, nile: Brokerage, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Post to a path and return what it caused."""
    answer = nile.producer.post(path, json=body)
    assert answer.status_code == 201, answer.text
    stage.settled()
    one = nile.read(f"/api/events/{answer.json()['event_id']}")
    return [nile.read(f"/api/conversions/{caused['id']}") for caused in one["conversions"]]


# fmt: off
ASKED: list[tuple[str, dict[str, Any], str, float | None]] = [
    ("/api/conversions/track-event",     {"event_name": "Subscribe", "value": "12.50"},            "Subscribe", 12.5),
    ("/api/conversions/track-event",     {"event_name": "SawTheSea"},                              "SawTheSea", None),
    ("/api/conversions/track-purchase",  {"value": 1000, "order_id": "o-1"},                       "Purchase", 1000),
    ("/api/conversions/track-lead",      {"value_cents": 250},                                     "Lead", 2.5),
    ("/api/conversions/track-page-view", {"page_url": "https://nile.example/villa-7"},             "PageView", None),
    ("/api/conversions/track-ecommerce", {"event_type": "add_to_cart"},                            "AddToCart", None),
    ("/api/conversions/auto-track-interaction", {"interaction_type": "property_view"},             "ViewContent", None),
    ("/api/conversions",                 {"conversion_type": "video_render", "value": 3},          "ViewContent", 3),
    ("/api/conversions",                 {"type": "loyalty_signup", "campaign_id": 77},         "loyalty_signup", None),
    ("/api/v1/integrations/meta/conversions", {"event_name": "Buy", "value": 90, "currency": "USD"}, "Buy", 90),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "event_name", "value"), ASKED)
def test_what_is_asked_for_is_what_is_told(
    stage: Stage, nile: Brokerage, path: str, body: dict[str, Any], event_name: str, value: float | None
) -> None:
    (one,) = conversions_of(stage, nile, path, {**body, **ANNA})
    assert one["event_name"] == event_name
    assert (None if one["value"] is None else float(one["value"])) == value
    assert one["currency"] == body.get("currency", "EGP")


def test_metas_own_spelling_of_an_event_is_understood(stage: Stage, nile: Brokerage) -> None:
    event = {
        "event_name": "Purchase", "event_id": "px-1", "action_source": "website",
        "event_source_url": "https://nile.example/thanks", "user_data": {"em": ["anna@example.com"], "fbp": "fb.1.1.2"},
        "custom_data": {"value": 150, "currency": "EGP", "content_ids": ["villa-7"], "order_id": "o-9", "plan": "gold"},
    }  # fmt: skip
    (one,) = conversions_of(stage, nile, "/api/conversions/track-event", event)
    assert (one["event_id"], one["property_id"], one["order_id"]) == ("px-1", "villa-7", "o-9")
    assert one["custom"]["plan"] == "gold"
    assert float(one["value"]) == 150


def test_the_things_that_an_event_is_about_are_told_as_metas_contents(stage: Stage, nile: Brokerage) -> None:
    contents = [
        {"id": "villa-7", "quantity": 1, "item_price": 90.5, "title": "Villa"},
        {"id": "flat-12", "quantity": 2},
    ]
    for body in (
        {"custom_data": {"contents": contents, "content_type": "product", "value": 150, "num_items": 3}},
        {"contents": contents, "value": 150},
    ):
        (one,) = conversions_of(
            stage, nile, "/api/conversions/track-event", {"event_name": "AddToCart", **ANNA, **body}
        )
        assert one["property_id"] == "villa-7"
        assert one["cause"]["fields"]["contents"] == [
            {"id": "villa-7", "quantity": 1, "item_price_minor": 9050, "title": "Villa"},
            {"id": "flat-12", "quantity": 2},
        ]


def test_one_order_is_told_once(stage: Stage, nile: Brokerage) -> None:
    body = {"value": 10, "order_id": "o-1", **ANNA}
    assert len(conversions_of(stage, nile, "/api/conversions/track-purchase", {**body, "id": "a"})) == 1
    assert conversions_of(stage, nile, "/api/conversions/track-purchase", {**body, "id": "b"}) == []


def test_a_checkout_and_the_purchase_after_it_are_two_things_of_one_order(stage: Stage, nile: Brokerage) -> None:
    order = {"order_id": "o-1", **ANNA}
    (checkout,) = conversions_of(
        stage, nile, "/api/conversions/track-ecommerce", {"event_type": "begin_checkout", **order}
    )
    (bought,) = conversions_of(stage, nile, "/api/conversions/track-purchase", {"value": 10, **order})
    assert (checkout["event_name"], bought["event_name"]) == ("InitiateCheckout", "Purchase")


def test_events_of_one_browser_id_are_told_apart_by_their_names(stage: Stage, nile: Brokerage) -> None:
    for name in ("PageView", "ViewContent"):
        body = {"event_name": name, "event_id": "px-1", **ANNA}
        (one,) = conversions_of(stage, nile, "/api/conversions/track-event", body)
        assert (one["event_name"], one["event_id"]) == (name, "px-1")
        assert nile.producer.post("/api/conversions/track-event", json=body).status_code == 200  # the same once more


def test_what_comes_hashed_as_metas_events_have_it_is_something_to_match_by(stage: Stage, nile: Brokerage) -> None:
    for given in ({"user_data": {"em": ["AB" * 32], "ph": ["cd" * 32]}}, {"email": "ab" * 32, "phone": "cd" * 32}):
        (one,) = conversions_of(stage, nile, "/api/conversions/track-event", {"event_name": "Lead", **given})
        assert one["status"] == "waiting"
        assert {"email_sha256", "phone_sha256"} <= set(one["match_keys"])
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    body = {"event_name": "Lead", "user_data": {"em": [nothing]}}
    (one,) = conversions_of(stage, nile, "/api/conversions/track-event", body)
    assert (one["status"], one["reason"]) == ("withheld", "no_match_key")


@pytest.mark.parametrize(
    "told",
    [
        {"campaign": "Spring", "ad_set": "Families", "ad": "Film 3", "ad_set_id": 77, "utm_source": "fb",
         "os": "Android"},
        {"attribution": {"campaign": "Spring", "ad_set": "Families", "ad_name": "Film 3", "ad_set_id": "77",
                         "utm_source": "fb", "os": "Android"}},
    ],
)  # fmt: skip
def test_the_ad_and_the_device_behind_it_are_listed(stage: Stage, nile: Brokerage, told: dict[str, Any]) -> None:
    body = {"conversion_type": "signup", "url": "https://www.site.example/thanks", **ANNA, **told}
    (one,) = conversions_of(stage, nile, "/api/conversions", body)
    known = {
        "campaign": "Spring",
        "adset": "Families",
        "ad": "Film 3",
        "adset_id": "77",
        "source": "fb",
        "os": "Android",
    }
    assert one["attribution"] == known


@pytest.mark.parametrize(
    "person",
    [
        {"person": {"birth_date": "1990-05-06", "gender": "f", "zip": "11511", "lead_id": "123456789012345"}},
        {"person": {"birth_date": "6 May 1990", "gender": "أنثى", "zip": "11511", "lead_id": "123456789012345"}},
        {"user_data": {"db": "19900506", "ge": "F", "zp": 11511, "lead_id": 123456789012345}},
        {"user_data": {"db": ["ab" * 32], "ge": ["cd" * 32], "zp": ["ef" * 32], "lead_id": 123456789012345}},
    ],
)
def test_the_rest_of_a_persons_data_is_taken_as_people_write_it(
    stage: Stage, nile: Brokerage, person: dict[str, Any]
) -> None:
    (one,) = conversions_of(stage, nile, "/api/conversions/track-event", {"event_name": "Lead", **person})
    assert one["status"] == "waiting"
    assert {"birth_date", "gender", "zip", "lead_id"} <= set(one["match_keys"])


def test_what_nobody_can_read_of_a_person_counts_for_nothing(stage: Stage, nile: Brokerage) -> None:
    body = {"event_name": "Lead", **ANNA, "person": {"birth_date": "in spring", "gender": "?"}}
    (one,) = conversions_of(stage, nile, "/api/conversions/track-event", body)
    assert one["status"] == "waiting"
    assert not {"birth_date", "gender"} & set(one["match_keys"])


def test_a_brokerages_own_name_of_a_conversion_is_shown_and_asked_for(stage: Stage, nile: Brokerage) -> None:
    for name in ("signup", "video_render"):
        (one,) = conversions_of(stage, nile, "/api/conversions", {"conversion_type": name, "source": "webhook", **ANNA})
        assert one["conversion_type"] == name
    for asked, told in (("signup", "signup"), ("video_render", "video_render"), ("ViewContent", "video_render")):
        found = nile.read("/api/conversions", conversion_type=asked)["items"]
        assert [one["conversion_type"] for one in found] == [told]
    assert nile.read("/api/conversions", conversion_type="subscription")["items"] == []


def test_what_the_pixel_told_is_kept_and_not_told_again(stage: Stage, nile: Brokerage) -> None:
    (one,) = conversions_of(stage, nile, "/api/conversions", {"conversion_type": "lead", "source": "pixel", **ANNA})
    assert (one["status"], one["reason"]) == ("withheld", "told_by_pixel")


def test_what_comes_with_a_test_code_is_not_told(stage: Stage, nile: Brokerage) -> None:
    body = {"event_name": "Lead", "test_event_code": "TEST1", **ANNA}
    (one,) = conversions_of(stage, nile, "/api/v1/integrations/meta/conversions", body)
    assert (one["status"], one["reason"]) == ("withheld", "test_traffic")


# fmt: off
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/api/conversions/track-event",    {},                                             "event_name"),
    ("/api/conversions/track-event",    {"event_name": "x" * 51},                       "event_name"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "value": -1},            "value"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "value": "1.234"},       "value"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "currency": "POUNDS"},   "currency"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "event_time": 1772366400000}, "event_time"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "event_time": 4102444800}, "occurred_at"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "user_data": 3},         "user_data"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "custom_data": []},      "custom_data"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "event_id": 7},          "event_id"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "event_id": ""},         "browser_event.id"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "order_id": 7},          "order_id"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "nonsense": 7},          "nonsense"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "contents": 7},          "contents"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "contents": [{"quantity": 1}]}, "contents.0.id"),
    ("/api/conversions/track-event",    {"event_name": "Lead", "contents": [{"id": "a", "item_price": "x"}]},
     "contents.0.item_price"),
    ("/api/conversions/track-purchase", {"currency": "EGP"},                            "value"),
    ("/api/conversions/track-ecommerce", {"event_type": "dance"},                       "event_type"),
    ("/api/conversions",                {"conversion_type": "Not A Word"},              "conversion_type"),
    ("/api/conversions",                {"conversion_type": "lead", "source": "rumour"}, "source"),
]
# fmt: on


@pytest.mark.parametrize(("path", "body", "field"), WRONG)
def test_what_is_wrong_is_named(nile: Brokerage, path: str, body: dict[str, Any], field: str) -> None:
    answer = nile.producer.post(path, json=body)
    assert answer.status_code == 422, answer.text
    assert field in [one["field"] for one in problem_of(answer)["errors"]]


def test_of_a_batch_a_bad_event_costs_only_itself(nile: Brokerage) -> None:
    events = [{"event_name": "Lead", "id": "1", **ANNA}, {"value": 3}, "text", {"event_name": "Search", "id": "2"}]
    answer = nile.producer.post("/api/conversions/batch-events", json={"events": events})
    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()["items"]] == ["accepted", "rejected", "rejected", "accepted"]
