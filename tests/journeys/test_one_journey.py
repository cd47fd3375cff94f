"""One buyer's way through all processes: touchpoints in, a score with reasons, conversions counted once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.journeys.running import Masar, running, until
from tests.journeys.touring import tour, visitor


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

    def told() -> bool:
        accepted = [one for one in masar.listed("/api/conversions") if one["status"] == "accepted"]
        return len(accepted) >= 4 and masar.settled()

    until(told, "the conversions' acceptance")
    people = [one for one in masar.listed("/api/people") if one["known"]]
    assert len(people) == 1, "the visitor and the person of the form are one"
    person = masar.get(f"/api/people/{people[0]['id']}")
    assert person["quality"] == "hot"
    assert person["contact"]["name"] == "Nadia Fouad"
    journey = masar.get(f"/api/people/{person['id']}/journey")["items"]
    assert {entry["kind"] for entry in journey} >= {"tours.started.v1", "tours.completed.v1", "leads.form_submitted.v1"}
    closing = next(entry for entry in journey if entry["kind"] == "tours.completed.v1")
    assert "Purchase" in {one["event_name"] for one in closing["caused"]}

    conversions = {(one["event_name"], one["event_id"]) for one in masar.listed("/api/conversions")}
    ledger = masar.ledger()
    assert {(one["event_name"], one["event_id"]) for one in ledger} == conversions
    assert len(ledger) == len(conversions), "each was sent once, as nothing failed"


def test_a_rebuild_equals_the_live_read_models_and_emits_nothing(masar: Masar) -> None:
    until(masar.settled, "a quiet moment")
    before = masar.cli("backlog")["outbox"], len(masar.ledger())
    replayed = masar.cli("replay", "all")
    assert [one["different"] for one in replayed] == [0, 0, 0, 0]
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
    assert one["policy_row"]["policy"] == "brief@1"
    assert [attempt["outcome"] for attempt in one["attempts"]] == ["transient", "accepted"]
