"""What the stand-in says of tokens, datasets, their quality and the datasets of accounts."""

from typing import Any

import httpx
import pytest

from tests.simulator.conftest import Stand, error_of
from tests.simulator.events import DATASET, NOW, TOKEN, person, purchase, sha256, website, whatsapp


def token_data(stand: Stand, token: str, asked_with: str = TOKEN) -> dict[str, Any]:
    response = stand.get("debug_token", token=asked_with, input_token=token)
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def test_a_token_that_lives_is_valid_with_its_scopes(stand: Stand) -> None:
    stand.register(DATASET, token=TOKEN, expires_at=NOW + 60, scopes=["ads_management", "page_events"])
    data = token_data(stand, TOKEN)
    assert (data["is_valid"], data["expires_at"]) == (True, NOW + 60)
    assert data["scopes"] == ["ads_management", "page_events"]
    assert "error" not in data


@pytest.mark.parametrize("way", ["declared", "registered", "expired"])
def test_a_dead_token_is_told_as_such(stand: Stand, way: str) -> None:
    stand.register(DATASET, token="EAAsim-dying", dead_token=way == "registered", expires_at=NOW + 1)
    if way == "declared":
        stand.plan(dead_tokens=["EAAsim-dying"])
    if way == "expired":
        stand.clock.now += 1
    data = token_data(stand, "EAAsim-dying")
    assert (data["is_valid"], data["error"]["code"], data["error"]["subcode"]) == (False, 190, 463)
    for response in (
        stand.get("debug_token", token="EAAsim-dying", input_token="EAAsim-dying"),
        stand.get(DATASET, token="EAAsim-dying", fields="id,name"),
        stand.send(website(), access_token="EAAsim-dying"),
    ):
        assert (response.status_code, error_of(response)) == (401, (190, 463))


def test_a_token_of_a_dataset_whose_plan_kills_it_is_dead(stand: Stand) -> None:
    stand.register(DATASET, token="EAAsim-dying")
    stand.plan(dataset=DATASET, dies_after=0)
    assert token_data(stand, "EAAsim-dying")["is_valid"] is False
    assert token_data(stand, TOKEN)["is_valid"] is True


def test_a_token_nobody_registered_is_judged_by_the_setting(stand: Stand) -> None:
    assert token_data(stand, "EAAsim-other")["is_valid"] is True
    stand.configure(accept_any_token=False)
    assert token_data(stand, "EAAsim-other")["is_valid"] is False


def test_asking_about_a_token_needs_a_token_and_one_to_ask_about(stand: Stand) -> None:
    assert error_of(stand.get("debug_token", token=None, input_token=TOKEN)) == (190, None)
    assert error_of(stand.get("debug_token")) == (100, None)
    assert error_of(stand.http.get(f"/v1.0/debug_token?access_token={TOKEN}")) == (2635, None)


def test_a_dataset_answers_the_fields_asked_for(stand: Stand) -> None:
    stand.register(DATASET, token=TOKEN, name="Homes of Maadi", unavailable=True)
    asked = "id,name,last_fired_time,is_unavailable"
    known = {"id": DATASET, "name": "Homes of Maadi", "is_unavailable": True}
    assert stand.get(DATASET, fields=asked).json() == known
    stand.send(website())
    assert stand.get(DATASET, fields=asked).json() == {**known, "last_fired_time": "2026-09-21T14:13:20+00:00"}


def test_an_unknown_field_is_refused(stand: Stand) -> None:
    response = stand.get(DATASET, fields="name,shoe_size")
    assert (response.status_code, error_of(response)) == (400, (100, None))
    assert "shoe_size" in response.json()["error"]["message"]


def test_quality_tells_coverage_by_event_name(stand: Stand) -> None:
    stand.send(website(), website(event_id="look-2", user_data={"em": [sha256("a")], "client_user_agent": "M"}))
    stand.send(website(event_name="Lead", user_data=person(client_user_agent="M", fbc="fb.1.1700000000000.IwA")))
    stand.send(purchase())
    web = stand.get("dataset_quality", dataset_id=DATASET, agent_name="masar", fields="web{event_name}").json()["web"]
    assert [one["event_name"] for one in web] == ["Lead", "ViewContent"]  # a purchase by phone is not measured
    look = web[1]["event_match_quality"]
    coverage = {one["identifier"]: one["coverage"]["percentage"] for one in look["match_key_feedback"]}
    assert coverage == {"em": 100.0, "ph": 50.0, "client_user_agent": 100.0}
    lead = web[0]["event_match_quality"]
    assert 0 < look["composite_score"] < lead["composite_score"] <= 10
    assert error_of(stand.get("dataset_quality")) == (100, None)


def created(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    dataset_id: str = response.json()["id"]
    return dataset_id


@pytest.mark.parametrize("kind", ["page", "waba", "instagram"])
def test_an_account_gets_one_dataset_of_its_own_kind(stand: Stand, kind: str) -> None:
    stand.http.put("/_simulator/assets/555000111", json={"kind": kind}).raise_for_status()
    assert stand.get("555000111/dataset").json() == {"data": []}
    dataset_id = created(stand.post("555000111/dataset", dataset_name="Chats"))
    assert created(stand.post("555000111/dataset")) == dataset_id
    assert stand.get("555000111/dataset").json() == {"data": [{"id": dataset_id}]}
    response = stand.send(whatsapp(), path=f"/v26.0/{dataset_id}/events")
    assert response.status_code == (200 if kind == "waba" else 400)


def test_an_account_nobody_knows_has_no_dataset(stand: Stand) -> None:
    assert error_of(stand.get("1/dataset")) == (100, 33)
    assert error_of(stand.post("1/dataset")) == (100, 33)
    assert error_of(stand.http.post("/v26.0/1/dataset")) == (190, None)
