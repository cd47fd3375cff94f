"""The ledger shows what arrived and counts as Meta would."""

from pathlib import Path
from typing import Any

import httpx

from adapters.simulator.app import create_app
from tests.patience import PATIENCE_S
from tests.simulator.conftest import Clock, Stand
from tests.simulator.events import DATASET, EVENTS, TOKEN, person, purchase, sha256, website, whatsapp
from tests.simulator.server import running

HOUR_S = 3_600


def outcomes(stand: Stand) -> list[str]:
    return [entry["outcome"] for entry in stand.ledger()]


def test_an_entry_tells_what_was_received_without_personal_text(stand: Stand) -> None:
    data = person(client_user_agent="Mozilla/5.0", fbc="fb.1.1700000000000.IwAbC")
    event = website(user_data=data, custom_data={"value": 3, "currency": "EGP"})
    answer = stand.send(event, test_event_code="TEST77").json()
    (entry,) = stand.ledger()
    assert entry["request_id"] == answer["fbtrace_id"]
    assert entry["dataset"] == DATASET
    assert (entry["event_name"], entry["event_id"], entry["event_time"]) == (
        "ViewContent",
        "look-1",
        event["event_time"],
    )
    assert entry["action_source"] == "website"
    assert entry["custom_data"] == {"value": 3, "currency": "EGP"}
    assert entry["user_data_keys"] == ["client_user_agent", "em", "fbc", "ph"]
    assert entry["user_data_hashes"]["ph"] == [sha256("201001234567")]
    assert entry["user_data_hashes"]["fbc"] == [sha256("fb.1.1700000000000.IwAbC")]
    assert entry["test_event_code"] == "TEST77"
    assert entry["received_at"].startswith("2026-09-21T")
    assert "IwAbC" not in stand.http.get("/_simulator/ledger").text


def test_the_same_name_and_id_count_once_in_48_hours(stand: Stand) -> None:
    stand.send(website())
    stand.clock.now += 48 * HOUR_S
    stand.send(website())
    assert outcomes(stand) == ["counted", "duplicate"]
    stand.clock.now += 1
    stand.send(website())
    stand.send(website())
    assert outcomes(stand) == ["counted", "duplicate", "counted", "duplicate"]


def test_duplicates_inside_one_request_count_once(stand: Stand) -> None:
    assert stand.send(website(), website()).json()["events_received"] == 2
    assert outcomes(stand) == ["counted", "duplicate"]


def test_another_name_dataset_or_no_id_is_another_event(stand: Stand) -> None:
    stand.send(website(), website(event_name="Lead"), website(event_id=None), website(event_id=None))
    stand.send(website(), path="/v26.0/999/events")
    assert outcomes(stand) == ["counted"] * 5


def test_business_messaging_counts_every_receipt_and_shows_the_repeat(stand: Stand) -> None:
    stand.send(whatsapp())
    stand.send(whatsapp())
    assert [(entry["outcome"], entry["receipt"]) for entry in stand.ledger()] == [
        ("counted", 1),
        ("counted", 2),
    ]
    totals = stand.summary()["datasets"][DATASET]["LeadSubmitted"]
    assert (totals["counted"], totals["repeats"], totals["duplicates"]) == (2, 1, 0)


def test_repeats_can_be_listed_and_show_what_counted_twice(stand: Stand) -> None:
    stand.send(website(), website(), website(event_id="look-2"))
    for _ in range(3):
        stand.send(whatsapp())
    named = [(one["event_name"], one["key"], one["receipts"], one["counted"]) for one in stand.repeated()]
    assert named == [("ViewContent", "look-1", 2, 1), ("LeadSubmitted", "chat-1", 3, 3)]


def visited(event_id: str, **changes: Any) -> dict[str, Any]:
    """A purchase in the office."""
    return {**purchase(order_id="A-77"), "action_source": "physical_store", "event_id": event_id, **changes}


def test_in_store_events_count_once_per_order_within_a_week(stand: Stand) -> None:
    stand.send(visited("v-1"), visited("v-2"))  # another id, the same order
    stand.clock.now += 7 * 24 * HOUR_S
    stand.send(visited("v-3"))
    stand.clock.now += 1
    stand.send(visited("v-4"))
    assert outcomes(stand) == ["counted", "duplicate", "duplicate", "counted"]


def test_in_store_events_without_an_order_count_once_per_person_and_moment(stand: Stand) -> None:
    plain = visited("v-1", custom_data={"value": 5, "currency": "EGP"})
    another = {**plain, "user_data": {"ph": [sha256("201117654321")]}}
    stand.send(plain, {**plain, "event_id": "v-2"}, another, {**plain, "event_time": plain["event_time"] - 1})
    assert outcomes(stand) == ["counted", "duplicate", "counted", "counted"]


def test_in_store_events_are_compared_among_themselves_alone(stand: Stand) -> None:
    stand.send(visited("deal-1"), purchase(order_id="A-77"))
    assert outcomes(stand) == ["counted", "counted"]


def test_the_request_is_remembered_with_its_events(stand: Stand) -> None:
    stand.send(website(opt_out=True, data_processing_options=[]), partner_agent="masar")
    (entry,) = stand.ledger()
    assert entry["partner_agent"] == "masar"
    assert entry["data_processing_options"] == []
    assert "opt_out" in entry["fields"]


def test_a_repeat_that_says_otherwise_is_an_anomaly(stand: Stand) -> None:
    first = purchase()
    stand.send(first, {**first, "event_time": first["event_time"] - 1}, purchase(value=251), purchase())
    assert [entry["anomalies"] for entry in stand.ledger()] == [[], ["event_time"], ["value"], []]
    assert stand.summary()["datasets"][DATASET]["Purchase"]["anomalies"] == 2


def test_the_summary_adds_up_by_dataset_name_and_outcome(stand: Stand) -> None:
    stand.send(purchase(), {**purchase(value=0.1), "event_id": "deal-2"}, website())
    stand.send(purchase())
    stand.send(purchase(currency="LEX"))
    summary = stand.summary()
    assert summary["datasets"][DATASET]["Purchase"] == {
        "received": 3,
        "counted": 2,
        "duplicates": 1,
        "repeats": 0,
        "anomalies": 0,
        "value_sum": {"EGP": 250.1},
    }
    assert summary["datasets"][DATASET]["ViewContent"]["counted"] == 1
    assert summary["requests"] == {"accepted": 2, "100/2804019": 1}


def test_the_ledger_is_filtered_and_paged(stand: Stand) -> None:
    stand.send(*[website(event_id=f"look-{number}") for number in range(5)], purchase())
    assert [entry["event_id"] for entry in stand.ledger(event_name="Purchase")] == ["deal-1"]
    assert [entry["position"] for entry in stand.ledger(event_id="look-3")] == [4]
    assert stand.ledger(dataset="999") == []
    seen: list[str] = []
    cursor: int | None = 0
    while cursor is not None:
        query: dict[str, Any] = {"event_name": "ViewContent", "limit": 2, "cursor": cursor}
        page = stand.http.get("/_simulator/ledger", params=query).json()
        seen += [entry["event_id"] for entry in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [f"look-{number}" for number in range(5)]


def test_the_ledger_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "received" / "ledger.ndjson"
    clock = Clock()
    before = visit(path, clock, [website(), purchase(), whatsapp(), website(event_name="")])
    with path.open("ab") as file:
        file.write(b'{"position":99,"dataset":"1002')  # a process killed while writing
    clock.now += HOUR_S
    after = visit(path, clock, [website(), whatsapp()])
    assert [entry["outcome"] for entry in after] == ["counted", "counted", "counted", "duplicate", "counted"]
    assert after[:3] == before
    assert after[4]["receipt"] == 2
    assert visit(path, clock, []) == after


def visit(path: Path, clock: Clock, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Start on `path`, send each event in a request of its own, stop; return the ledger."""
    with (
        running(create_app(ledger_path=path, clock=clock)) as url,
        httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
    ):
        for event in events:
            http.post(EVENTS, json={"data": [event], "access_token": TOKEN})
        entries: list[dict[str, Any]] = http.get("/_simulator/ledger").json()["data"]
        return entries


def test_totals_are_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    visit(path, Clock(), [website(), website(), purchase(), purchase(value=9), website(event_name="")])
    summaries = []
    for _ in range(2):
        with running(create_app(ledger_path=path)) as url:
            summaries.append(httpx.get(f"{url}/_simulator/summary", timeout=PATIENCE_S).json())
    assert summaries[0] == summaries[1]
    assert summaries[0]["requests"] == {"accepted": 4, "100/2804016": 1}
    assert summaries[0]["datasets"][DATASET]["Purchase"]["anomalies"] == 1


def test_a_reset_empties_the_file_and_what_follows_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    with (
        running(create_app(ledger_path=path, clock=Clock())) as url,
        httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
    ):
        http.post(EVENTS, json={"data": [website()], "access_token": TOKEN})
        http.post("/_simulator/reset")
        assert path.read_bytes() == b""
        http.post(EVENTS, json={"data": [purchase()], "access_token": TOKEN})
    assert [entry["event_name"] for entry in visit(path, Clock(), [])] == ["Purchase"]
