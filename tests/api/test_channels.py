"""Accounts on channels: connected once over all brokerages, their secrets never shown."""

from typing import Any

import pytest

from tests.api.hooks import Door, door_of, number, text
from tests.api.stage import Brokerage, Stage, fields_of, problem_of


def whatsapp(**more: Any) -> dict[str, Any]:
    return {"channel": "whatsapp", "account_id": number(), **more}


def test_an_account_is_listed_with_which_secrets_are_set(nile: Brokerage) -> None:
    told = whatsapp(token="EAAG-token", name="Zamalek", agent="Mona", business_id="102290129340398")
    answer = nile.operator.post("/api/channels", json=told)
    assert answer.status_code == 200
    (shown,) = nile.read("/api/channels")["items"]
    assert answer.json() == shown
    assert {name: shown[name] for name in ("channel", "account_id", "app", "name", "agent", "token_set")} == {
        "channel": "whatsapp", "account_id": told["account_id"], "app": "main", "name": "Zamalek", "agent": "Mona",
        "token_set": True,
    }  # fmt: skip
    assert shown["webhook"] == "/api/webhooks/meta/main"
    assert not shown["app_secrets_set"]
    assert "EAAG" not in nile.reader.get("/api/channels").text


def test_connecting_again_changes_it_and_keeps_the_secrets(nile: Brokerage) -> None:
    told = whatsapp(token="one")
    nile.operator.post("/api/channels", json=told)
    del told["token"]
    for _ in range(2):
        nile.operator.post("/api/channels", json=told | {"agent": "Mona"})
    (shown,) = nile.read("/api/channels")["items"]
    assert (shown["agent"], shown["token_set"]) == ("Mona", True)
    facts = nile.read("/api/events", kind="brokerage.channel_connected.v1")["items"]
    assert len(facts) == 2


def test_an_account_is_one_brokerages_only(nile: Brokerage, delta: Brokerage) -> None:
    told = whatsapp()
    assert nile.operator.post("/api/channels", json=told).status_code == 200
    refused = delta.operator.post("/api/channels", json=told)
    assert refused.status_code == 409
    problem_of(refused)
    assert delta.read("/api/channels")["items"] == []
    assert delta.read("/api/events", kind="brokerage.channel_connected.v1")["items"] == []
    path = f"/api/channels/whatsapp/{told['account_id']}"
    assert delta.operator.delete(path).status_code == 404
    assert nile.operator.delete(path).status_code == 204
    assert delta.operator.post("/api/channels", json=told).status_code == 200


def test_what_comes_for_an_account_taken_away_is_stored_nowhere(stage: Stage, nile: Brokerage) -> None:
    door: Door = door_of(stage, nile)
    assert nile.operator.delete(f"/api/channels/whatsapp/{door.account}").status_code == 204
    assert nile.read("/api/channels")["items"] == []
    for path in (None, "/api/webhooks/meta"):  # its app is known still, and has neighbours
        assert door.post(door.body(text("201001112233")), path=path).status_code == 200
    assert (door.deliveries(), door.facts()) == ([], [])
    assert nile.operator.delete(f"/api/channels/whatsapp/{door.account}").status_code == 404


@pytest.mark.parametrize(("wrong", "field"), [
    ({"channel": "telegram"}, "channel"), ({"account_id": "a b"}, "account_id"),
    ({"account_id": "x" * 65}, "account_id"), ({"app": "a/b"}, "app"), ({"business_id": "abc"}, "business_id"),
    ({"token": "with space"}, "token"),
    ({"colour": "red"}, "colour"),
])  # fmt: skip
def test_what_is_wrong_is_named(nile: Brokerage, wrong: dict[str, Any], field: str) -> None:
    response = nile.operator.post("/api/channels", json=whatsapp() | wrong)
    assert response.status_code == 422
    assert fields_of(response) == [field]


def test_readers_do_not_connect_and_360dialog_has_no_messenger(nile: Brokerage) -> None:
    assert nile.reader.post("/api/channels", json=whatsapp()).status_code == 403
    wrong = {"channel": "messenger", "account_id": number(), "provider": "360dialog"}
    assert nile.operator.post("/api/channels", json=wrong).status_code == 422
