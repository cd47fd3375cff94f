"""Planned faults happen as they would on a real network, and only as planned."""

from collections import Counter
from typing import Any

import httpx
import orjson
import pytest

from adapters.simulator.app import create_app
from tests.patience import PATIENCE_S, eventually
from tests.simulator.conftest import Clock, Stand, error_of
from tests.simulator.events import DATASET, EVENTS, TOKEN, website
from tests.simulator.server import running


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_a_lost_answer_is_a_dead_connection_though_the_event_was_taken(http: str) -> None:
    with running(create_app(clock=Clock()), http=http) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        stand = Stand(client, Clock())
        stand.plan(fail_next=["lost_after_processing"])
        with pytest.raises(httpx.TransportError) as lost:
            stand.send(website())
        assert not isinstance(lost.value, httpx.TimeoutException)
        assert [entry["outcome"] for entry in stand.ledger()] == ["counted"]
        stand.send(website())  # the client tries again with the same id
        assert [entry["outcome"] for entry in stand.ledger()] == ["counted", "duplicate"]


def test_a_cut_connection_leaves_no_trace_in_the_servers_log(
    stand: Stand, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    stand.plan(fail_next=["lost_after_processing", "lost_before_processing"])
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            stand.send(website())
    assert stand.http.get("/_simulator/health").json() == {"status": "ok"}
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_request_lost_on_the_way_leaves_nothing(stand: Stand) -> None:
    stand.plan(fail_next=["lost_before_processing"])
    with pytest.raises(httpx.TransportError):
        stand.send(website())
    assert stand.ledger() == []
    assert stand.summary()["requests"] == {"lost_before_processing": 1}


def test_a_lost_answer_to_a_bad_request_takes_nothing(stand: Stand) -> None:
    stand.plan(fail_next=["lost_after_processing"])
    with pytest.raises(httpx.TransportError):
        stand.send(website(event_name=None))
    assert stand.ledger() == []


@pytest.mark.parametrize(("code", "subcode"), [(4, 1504022), (17, 2446079), (613, 1487742), (80004, None)], ids=str)
def test_throttling_tells_how_long_to_wait(stand: Stand, code: int, subcode: int | None) -> None:
    stand.plan(throttle_share=1, throttle_codes=[code], estimated_time_to_regain_access=7)
    response = stand.send(website())
    assert (response.status_code, error_of(response)) == (429, (code, subcode))
    (usage,) = orjson.loads(response.headers["x-business-use-case-usage"])[DATASET]
    assert usage["estimated_time_to_regain_access"] == 7
    assert stand.ledger() == []


NOT_PROCESSED = {
    "server_error": ({500, 503}, (1, None)),
    "transient": ({400}, (2, None)),
    "throttle": ({429}, None),
    "dead_token": ({401}, (190, 463)),
}


@pytest.mark.parametrize("outcome", NOT_PROCESSED)
def test_a_failure_before_processing_takes_nothing(stand: Stand, outcome: str) -> None:
    statuses, error = NOT_PROCESSED[outcome]
    stand.plan(fail_next=[outcome])
    response = stand.send(website())
    assert response.status_code in statuses
    assert error in (None, error_of(response))
    assert response.json()["error"]["is_transient"] is (outcome == "transient")
    assert stand.ledger() == []


def test_a_server_error_may_come_after_the_work(stand: Stand) -> None:
    stand.plan(fail_next=[{"outcome": "server_error_after_processing", "status": 503}])
    assert stand.send(website()).status_code == 503
    assert len(stand.ledger()) == 1


@pytest.mark.parametrize("outcome", ["bad_json", "html"])
def test_an_unreadable_success_still_took_the_event(stand: Stand, outcome: str) -> None:
    stand.plan(fail_next=[outcome])
    response = stand.send(website())
    assert response.status_code == 200
    with pytest.raises(ValueError):  # noqa: PT011 - any parser's complaint will do
        response.json()
    assert len(stand.ledger()) == 1


def test_any_graph_error_can_be_asked_for(stand: Stand) -> None:
    stand.plan(fail_next=[{"outcome": "error", "code": 200, "subcode": 1, "status": 403}])
    response = stand.send(website())
    assert (response.status_code, error_of(response)) == (403, (200, 1))


def test_dead_tokens_are_refused_until_revived(stand: Stand) -> None:
    stand.plan(dead_tokens=[TOKEN])
    response = stand.send(website())
    assert (response.status_code, error_of(response)) == (401, (190, 463))
    assert stand.send(website(), access_token="EAAsim-alive").status_code == 200
    assert stand.http.get(f"/v26.0/{DATASET}?access_token={TOKEN}").status_code == 401
    stand.plan()
    assert stand.send(website()).status_code == 200


def test_tokens_may_die_in_the_middle_of_a_run(stand: Stand) -> None:
    stand.plan(dies_after=2)
    assert [stand.send(website()).status_code for _ in range(4)] == [200, 200, 401, 401]
    assert stand.http.get("/_simulator/faults").json()["dies_after"] == 0
    assert error_of(stand.get(DATASET)) == (190, 463)
    stand.plan()
    assert stand.send(website()).status_code == 200


def test_one_dataset_may_have_faults_of_its_own(stand: Stand) -> None:
    stand.plan(dataset=DATASET, fail_next=["throttle"], dies_after=1)
    assert stand.send(website(), path="/v26.0/999/events").status_code == 200
    assert stand.send(website()).status_code == 429
    assert stand.send(website(), path="/v26.0/999/events").status_code == 200
    assert stand.send(website()).status_code == 401
    assert stand.http.get("/_simulator/faults").json()["dies_after"] is None
    stand.plan()  # for all: ends the others
    assert stand.send(website()).status_code == 200


def test_the_queue_is_consumed_in_order_and_then_things_go_well(stand: Stand) -> None:
    stand.plan(fail_next=["server_error", "ok", "throttle"])
    statuses = [stand.send(website()).status_code // 100 for _ in range(4)]
    assert statuses == [5, 2, 4, 2]
    assert stand.http.get("/_simulator/faults").json()["fail_next"] == []


def fates(stand: Stand, seed: int) -> list[int]:
    stand.plan(seed=seed, throttle_share=0.3, transient_share=0.3, server_error_share=0.2)
    return [stand.send(website()).status_code for _ in range(60)]


def test_the_same_seed_gives_the_same_fates_in_about_the_planned_shares(stand: Stand) -> None:
    first = fates(stand, seed=11)
    assert fates(stand, seed=11) == first
    assert fates(stand, seed=12) != first
    counts = Counter(first)
    assert 8 <= counts[429] <= 28
    assert 8 <= counts[400] <= 28
    assert counts[200] >= 3


@pytest.mark.parametrize(
    "plan", [{"throttle_share": 0.6, "bad_json_share": 0.6}, {"throttle_share": 2}, {"laziness": 1}]
)
def test_an_impossible_plan_is_refused(stand: Stand, plan: dict[str, Any]) -> None:
    assert stand.http.put("/_simulator/faults", json=plan).status_code == 422


def test_a_slow_answer_comes_after_the_work(stand: Stand) -> None:
    stand.plan(latency_ms=60_000)
    asked = {"data": [website()], "access_token": TOKEN}
    with pytest.raises(httpx.ReadTimeout):
        stand.http.post(EVENTS, json=asked, timeout=httpx.Timeout(PATIENCE_S, read=0.3))
    assert len(eventually(stand.ledger)) == 1


def test_a_reset_ends_every_fault(stand: Stand) -> None:
    stand.plan(server_error_share=1, fail_next=["throttle"], dead_tokens=[TOKEN])
    stand.http.post("/_simulator/reset")
    assert stand.send(website()).status_code == 200
