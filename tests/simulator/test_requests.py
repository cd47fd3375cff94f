"""What a request must look like before any event is read: version, credentials, body."""

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from tests.simulator.conftest import Stand, error_of
from tests.simulator.events import DATASET, EVENTS, TOKEN, website


@pytest.mark.parametrize("version", ["v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0"])
def test_living_versions_are_served(stand: Stand, version: str) -> None:
    assert stand.send(website(), path=f"/{version}/{DATASET}/events").status_code == 200


@pytest.mark.parametrize("path", ["v20.0/{id}/events", "v27.0/{id}/events", "v26/{id}/events", "{id}/events"])
def test_other_versions_and_none_are_refused(stand: Stand, path: str) -> None:
    response = stand.send(website(), path="/" + path.format(id=DATASET))
    assert (response.status_code, error_of(response)) == (400, (2635, None))
    assert stand.summary()["requests"] == {"2635": 1}


def test_an_unknown_path_is_a_graph_error(stand: Stand) -> None:
    response = stand.http.get("/v26.0/1/2/3")
    assert (response.status_code, error_of(response)) == (400, (2500, None))


@pytest.mark.parametrize(
    "where",
    [
        {"params": {"access_token": TOKEN}},
        {"headers": {"Authorization": f"Bearer {TOKEN}"}},
        {"body": {"access_token": TOKEN}},
    ],
    ids=["query", "header", "body"],
)
def test_the_token_may_come_in_query_header_or_body(stand: Stand, where: dict[str, Any]) -> None:
    body = {"data": [website()], **where.pop("body", {})}
    stand.register(DATASET, token=TOKEN)
    assert stand.http.post(EVENTS, json=body, **where).status_code == 200


def test_a_form_carries_the_events_as_json_text(stand: Stand) -> None:
    form = {"access_token": TOKEN, "data": orjson.dumps([website(event_name="مشاهدة")]).decode()}
    response = stand.http.post(EVENTS, data=form)
    assert response.json()["events_received"] == 1
    assert stand.ledger()[0]["event_name"] == "مشاهدة"


def test_no_token_is_401(stand: Stand) -> None:
    response = stand.http.post(EVENTS, json={"data": [website()]})
    assert (response.status_code, error_of(response)) == (401, (190, None))


def test_a_registered_dataset_takes_only_its_token(stand: Stand) -> None:
    stand.register(DATASET, token="EAAsim-other")
    response = stand.send(website())
    assert (response.status_code, error_of(response)) == (401, (190, 467))
    assert stand.send(website(), access_token="EAAsim-other").status_code == 200


def test_unregistered_datasets_can_be_closed(stand: Stand) -> None:
    stand.configure(accept_any_token=False)
    assert error_of(stand.send(website())) == (190, 467)
    stand.register(DATASET, token=TOKEN)
    assert stand.send(website()).status_code == 200


def test_a_dataset_that_cannot_exist_is_100_33(stand: Stand) -> None:
    assert error_of(stand.send(website(), path="/v26.0/my-pixel/events")) == (100, 33)


def test_a_dead_token_stays_dead_until_replaced(stand: Stand) -> None:
    stand.register(DATASET, token=TOKEN, dead_token=True)
    for response in (stand.send(website()), stand.http.get(f"/v26.0/{DATASET}?access_token={TOKEN}")):
        assert (response.status_code, error_of(response)) == (401, (190, 463))
    stand.register(DATASET, token=TOKEN)
    assert stand.send(website()).status_code == 200


def test_the_app_secret_proof_is_checked_where_a_secret_is_known(stand: Stand) -> None:
    stand.register(DATASET, token=TOKEN, app_secret="s3cret")
    proof = hmac.new(b"s3cret", TOKEN.encode(), hashlib.sha256).hexdigest()
    assert stand.send(website(), appsecret_proof=proof).status_code == 200
    for wrong in ({}, {"appsecret_proof": "0" * 64}, {"appsecret_proof": "é"}):
        response = stand.send(website(), **wrong)
        assert (response.status_code, error_of(response)) == (400, (100, None))


def test_credentials_can_be_checked_without_sending(stand: Stand) -> None:
    stand.register(DATASET, token=TOKEN, name="Homes of Maadi")
    response = stand.http.get(f"/v26.0/{DATASET}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.json() == {"id": DATASET, "name": "Homes of Maadi"}
    assert stand.http.get(f"/v26.0/{DATASET}").status_code == 401
    assert stand.summary()["requests"] == {}


@pytest.mark.parametrize("data", [None, [], {}, "[", "{}", 7], ids=repr)
def test_data_must_be_a_list_of_at_least_one(stand: Stand, data: Any) -> None:
    response = stand.http.post(EVENTS, json={"access_token": TOKEN, "data": data})
    assert (response.status_code, error_of(response)) == (400, (100, None))


def test_a_thousand_events_are_taken_and_one_more_is_too_many(stand: Stand) -> None:
    events = [website(event_id=f"look-{number}") for number in range(1_001)]
    assert error_of(stand.send(*events)) == (100, None)
    assert stand.summary()["events_received"] == 0
    assert stand.send(*events[:1_000]).json()["events_received"] == 1_000


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"not json", {}),
        (b"[1]", {}),
        (b'{"data":[NaN]}', {}),
        (b"\x1f\x8b", {"Content-Encoding": "gzip"}),
    ],
)
def test_an_unreadable_body_is_refused(stand: Stand, content: bytes, headers: dict[str, str]) -> None:
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", **headers}
    response = stand.http.post(EVENTS, content=content, headers=sent)
    assert (response.status_code, error_of(response)) == (400, (100, None))


def test_a_misspelt_parameter_is_refused_in_strict_mode_alone(stand: Stand) -> None:
    assert error_of(stand.send(website(), test_event_cod="TEST1")) == (100, None)
    stand.configure(strict=False)
    assert stand.send(website(), test_event_cod="TEST1").status_code == 200


def test_the_answer_and_the_error_have_metas_shape(stand: Stand) -> None:
    accepted = stand.send(website()).json()
    assert sorted(accepted) == ["events_received", "fbtrace_id", "messages"]
    error = stand.send(website(event_name=None)).json()["error"]
    assert sorted(error) == [
        "code",
        "error_subcode",
        "error_user_msg",
        "error_user_title",
        "fbtrace_id",
        "is_transient",
        "message",
        "type",
    ]
    assert error["fbtrace_id"] != accepted["fbtrace_id"]
