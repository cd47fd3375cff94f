"""One buyer's way through all processes: touchpoints in, a score with reasons, conversions counted once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.journeys.running import DATASET, Masar, running, until
from tests.journeys.touring import LISTING, save, talk, tour, view, visitor

HOME = "villa-zamalek"


@pytest.fixture(scope="module")
def masar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Masar]:
    with running(tmp_path_factory.mktemp("journey")) as one:
        yield one


def test_a_visitor_tours_becomes_known_and_meta_counts_it_once(masar: Masar) -> None:
    touring = tour("s-nadia", visitor(1))
    assert masar.post(touring)["accepted"] == len(touring)
    form = {
        "id": "form-nadia", "kind": "leads.form_submitted.v1", "occurred_at": datetime.now(UTC).isoformat(),
        "person": {**visitor(1), "name": "Nadia Fouad", "email": "Nadia.Fouad@mail.example", "phone": "٠١٠٠١٢٣٤٥٦٧"},
        "page_url": "https://homes.example/contact",
        "payload": {"location": "Zamalek", "timeline": "now", "property_type": "apartment"},
    }  # fmt: skip
    assert masar.post([form])["accepted"] == 1
    assert masar.post([*touring, form])["duplicate"] == len(touring) + 1

    until(masar.settled, "the conversions' acceptance")
    people = [masar.get(f"/api/people/{one['id']}") for one in masar.listed("/api/people") if one["known"]]
    (person,) = [one for one in people if one["contact"].get("name") == "Nadia Fouad"]
    assert person["tours"], "the visitor and the person of the form are one"
    assert person["quality"] == "hot"
    assert person["contact"]["name"] == "Nadia Fouad"
    journey = masar.get(f"/api/people/{person['id']}/journey")["items"]
    assert {entry["kind"] for entry in journey} >= {"tours.started.v1", "tours.completed.v1", "leads.form_submitted.v1"}
    closing = next(entry for entry in journey if entry["kind"] == "tours.completed.v1")
    assert "Purchase" in {one["event_name"] for one in closing["caused"]}

    own = [one for one in masar.listed("/api/conversions") if one["person_id"] == person["id"]]
    assert {one["status"] for one in own} == {"accepted"}
    counted = [one["event_id"] for one in masar.ledger()]
    assert [counted.count(one["event_id"]) for one in own] == [1] * len(own), "each was sent once, as nothing failed"


def test_a_rebuild_equals_the_live_read_models_and_emits_nothing(masar: Masar) -> None:
    until(masar.settled, "a quiet moment")
    before = masar.cli("backlog")["outbox"], len(masar.ledger())
    replayed = masar.cli("replay", "all")
    assert {one["different"] for one in replayed} == {0}
    assert all(one["swapped"] for one in replayed)
    masar.post(tour("s-after-the-swap", visitor(2)))
    until(lambda: len(masar.ledger()) > before[1] and masar.settled(), "conversions of the swapped-in reaction")
    sent = [(one["event_name"], one["event_id"]) for one in masar.ledger()]
    assert len(sent) == len(set(sent)), "nothing of the past was sent again"


def test_a_conversion_tells_its_cause_its_policy_row_and_every_attempt(masar: Masar) -> None:
    masar.faults(fail_next=["transient"])
    masar.post(tour("s-again", visitor(3)))
    until(
        lambda: [one for one in masar.listed("/api/conversions", status="accepted") if one["tries"] > 1], "a second try"
    )
    tried = next(one for one in masar.listed("/api/conversions", status="accepted") if one["tries"] > 1)
    one = masar.get(f"/api/conversions/{tried['id']}")
    assert one["cause"]["kind"].startswith("tours.")
    assert one["policy_row"]["policy"] == "brief@2"
    assert [attempt["outcome"] for attempt in one["attempts"]] == ["transient", "accepted"]


def test_a_buyer_tours_talks_saves_and_comes_to_see_the_home(masar: Masar) -> None:
    """What each step scores and is worth: of a home of ten million, by a buyer who means it more with each step."""
    buyer = {**visitor(4), "person_id": "crm-mona", "email": "mona@mail.example", "phone": "01012345678"}
    now = datetime.now(UTC)
    masar.post([
        view("mona-views", buyer, now - timedelta(hours=3), HOME),
        *tour("s-mona", buyer, started=now - timedelta(hours=2), home=HOME),
        *talk("c-mona", buyer, now - timedelta(hours=1), home=HOME),
    ])  # fmt: skip
    until(lambda: _told(masar).get("conversation_outcome"), "the outcome of the conversation, which was read first")
    masar.post([save("mona-saves", buyer, now - timedelta(minutes=20), HOME)])
    wish = {
        "id": "mona-wants-to-see-it", "person": buyer, "page_url": "https://homes.example/viewing", "listing": LISTING,
        "broker_id": "broker-hala", "asked_for_broker": True, "party_size": 2, "viewing_type": "in_person",
        "starts_at": (now - timedelta(minutes=5)).isoformat(), "ends_at": (now + timedelta(minutes=40)).isoformat(),
    }  # fmt: skip
    booked = masar.send(f"/api/properties/{HOME}/book-viewing", wish)
    assert booked["status"] == "scheduled"
    again = masar.send(f"/api/properties/{HOME}/book-viewing", wish)
    assert again == booked, "the same wish gets the same viewing"
    for step in ("confirm", "complete"):
        masar.send(f"/api/viewings/{booked['viewing_id']}/{step}", {})
    until(lambda: _told(masar).get("viewing_completed") and masar.settled(), "the acceptance of all of it")

    person = masar.get(f"/api/people/{_told(masar)['viewing_completed']['person_id']}")
    scores = {name: person[name][0]["score"] for name in ("tours", "conversations", "saves")}
    assert scores == {"tours": 95, "conversations": 100, "saves": 75}
    assert person["viewings"][0]["conversion_probability"] == 95
    assert (person["score"], person["quality"], person["policy"]) == (100, "hot", "brief@2")
    assert person["intent"] == 9.7857, "(0.3 × 95 + 0.4 × 100) / 0.7 / 10"

    # fmt: off
    expected = {  # slot → event, worth of it, multiplier
        "tour_milestone:bedroom_focused":           ("Search",               50,      1),
        "tour_milestone:shared_tour":               ("Share",                150,     1),
        "tour_outcome":                             ("Purchase",             500,     1),
        "conversation_milestone:financing_inquiry": ("AddPaymentInfo",       125,     1.5),  # the tour: an intent of 7
        "conversation_milestone:viewing_requested": ("Schedule",             300,     1.5),
        "conversation_milestone:contact_shared":    ("CompleteRegistration", 200,     1.5),
        "conversation_milestone:follow_up_agreed":  ("Subscribe",            150,     1.5),
        "conversation_outcome":                     ("Purchase",             25_000,  1.5),  # 10 % of 250,000
        "property_saved":                           ("AddToCart",            3_750,   3),    # a third platform as well
        "viewing_scheduled":                        ("Purchase",             250_000, 3),
        "viewing_completed":                        ("Purchase",             500_000, 3),
    }
    # fmt: on
    told = _told(masar)
    assert {slot: (one["event_name"], float(one["base_value"]), one["multiplier"]) for slot, one in told.items()} == (
        expected
    )
    assert {one["policy"] for one in told.values()} == {"brief@2"}
    assert {one["status"] for one in told.values()} == {"accepted"}
    ids = {one["event_id"] for one in told.values()}
    ledger = [entry for entry in masar.ledger() if entry["event_id"] in ids]
    assert {entry["outcome"] for entry in ledger} == {"counted"}
    assert {entry["dataset"] for entry in ledger} == {DATASET}
    assert sorted((entry["event_name"], entry["custom_data"]["value"]) for entry in ledger) == sorted(
        (event, worth * times) for event, worth, times in expected.values()
    )
    seen = next(entry for entry in ledger if entry["event_id"] == told["viewing_completed"]["event_id"])
    assert seen["action_source"] == "physical_store"
    assert seen["custom_data"]["conversion_probability"] == 100, "they came: 20 more, 100 at most"


def _told(masar: Masar) -> dict[str, dict[str, Any]]:
    """Return the buyer's conversions by slot: all of theirs are about the one home, or of sessions of their own."""
    found = [one for one in masar.listed("/api/conversions") if one["property_id"] == HOME]
    assert len({one["slot"] for one in found}) == len(found)
    return {one["slot"]: one for one in found}


def test_what_was_told_of_all_of_it_equals_a_replay(masar: Masar) -> None:
    until(masar.settled, "a quiet moment")
    assert [one for one in masar.cli("doctor", "--consistency", check=False) if not one["ok"]] == []
