"""Keys: who may do what, what a stranger learns, how soon a revocation holds, how fast a key may ask."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from api.auth.issuing import SCOPES, revoke_key, split_key
from tests.api.served import served
from tests.api.stage import Brokerage, Stage, problem_of, touchpoint
from tests.patience import eventually

READ, WRITE = "/api/people", "/api/touchpoints"


def as_stranger(stage: Stage, authorization: str | bytes | None, path: str = READ) -> httpx.Response:
    shown = authorization.encode() if isinstance(authorization, str) else authorization
    headers = {} if shown is None else {b"authorization": shown}
    return stage.client().get(path, headers=headers)


def wrong_secret(key: str) -> str:
    *rest, secret = key.split("_", 3)
    return "_".join([*rest, secret[::-1]])


def without_id(response: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in problem_of(response).items() if name != "request_id"}


@pytest.mark.parametrize(
    "shown",
    [
        None, "", "Bearer", "Bearer:x", "Basic YTpi", "Bearer x", "Bearer masar", "Bearer masar_reader",
        "Bearer masar_reader_", "Bearer masar_reader__", "Bearer masar_reader_0123456789ab_",
        "Bearer masar_reader_0123456789ab_secret", "Bearer masar_admin_0123456789ab_secret",
        "Bearer masar_reader_' OR 1=1 --_secret", "Bearer masar_reader_0123456789ab_" + "x" * 60_000,
        "Bearer masar_reader_é_secret".encode("latin-1"), b"Bearer \xff\xfe", "bearer " * 50 + "x",
    ],
)  # fmt: skip
def test_a_stranger_is_told_nothing(stage: Stage, shown: str | bytes | None) -> None:
    response = as_stranger(stage, shown)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert without_id(response) == without_id(as_stranger(stage, "Bearer masar_reader_ffffffffffff_secret"))


def test_a_wrong_secret_looks_like_an_unknown_key(stage: Stage, nile: Brokerage) -> None:
    nile.read(READ)  # the key is known and remembered
    wrong = as_stranger(stage, f"Bearer {wrong_secret(nile.keys['reader'])}")
    unknown = as_stranger(stage, "Bearer masar_reader_ffffffffffff_secret")
    assert wrong.status_code == unknown.status_code == 401
    assert without_id(wrong) == without_id(unknown)
    assert set(wrong.headers) == set(unknown.headers)


def test_a_key_in_the_address_opens_nothing(stage: Stage, nile: Brokerage) -> None:
    key = nile.keys["reader"]
    for name in ("access_token", "key", "authorization", "token"):
        assert stage.client().get(READ, params={name: key}).status_code == 401


@pytest.mark.parametrize(
    ("kind", "path", "allowed"),
    [
        ("producer", WRITE, True), ("reader", WRITE, False), ("operator", WRITE, False),
        ("producer", READ, False), ("reader", READ, True), ("operator", READ, True),
    ],
)  # fmt: skip
def test_a_key_does_only_what_its_kind_may(nile: Brokerage, kind: str, path: str, allowed: bool) -> None:
    client: httpx.Client = getattr(nile, kind)
    response = client.post(path, json=[touchpoint()]) if path == WRITE else client.get(path)
    assert response.status_code == (200 if allowed else 403)
    if not allowed:
        assert problem_of(response)["title"] == "Not allowed"


def test_every_kind_of_key_has_a_client_in_these_tests(nile: Brokerage) -> None:
    assert set(nile.keys) == set(SCOPES)


def test_a_revoked_key_stops_within_seconds_and_looks_unknown(stage: Stage, nile: Brokerage) -> None:
    nile.read(READ)
    known = split_key(nile.keys["reader"])
    assert known is not None
    assert revoke_key(stage.owner, known[0])
    response = eventually(lambda: answer if (answer := nile.reader.get(READ)).status_code == 401 else None)
    assert without_id(response) == without_id(as_stranger(stage, "Bearer masar_reader_ffffffffffff_secret"))
    assert nile.operator.get(READ).status_code == 200


def test_a_refused_request_stores_nothing(nile: Brokerage) -> None:
    item = touchpoint()
    assert nile.reader.post(WRITE, json=[item]).status_code == 403
    assert nile.verdict(item)["status"] == "accepted"


def test_the_log_holds_no_key_and_nothing_personal(stage: Stage, nile: Brokerage) -> None:
    secret = {"email": "canary-mail@example.com", "phone": "+201055555555", "name": "Canary\r\n\x1b[31m ${jndi:x}"}
    person = {**secret, "name": "Canary Name"}
    nile.post(touchpoint(person=person, page_url="https://example.com/?canary-query"), touchpoint(person=secret))
    nile.producer.post("/api/leads", json={"id": "l-1", **secret})
    nile.producer.post(WRITE, content=b'["canary-broken')
    subject = nile.read("/api/events", kind="tours.room_visited.v1")["items"][0]["subject_id"]
    nile.reader.get(f"/api/people/{subject}/journey", params={"email": "canary-mail@example.com"})
    as_stranger(stage, f"Bearer {wrong_secret(nile.keys['reader'])}")
    nile.reader.get("/canary-path")
    eventually(lambda: stage.log.read_text().count(str(nile.brokerage_id)) >= 4)
    said = stage.log.read_text()
    for key in nile.keys.values():
        assert key not in said
        assert key.split("_", 3)[3] not in said
        assert wrong_secret(key).split("_", 3)[3] not in said
    for canary in ("canary", "Canary", "201055555555"):
        assert canary not in said


def test_above_its_rate_a_key_waits_and_others_do_not(stage: Stage, tmp_path: Path) -> None:
    nile, delta = stage.brokerage(), stage.brokerage()
    with served(stage.url, tmp_path / "api.log", requests_per_minute=5) as base:
        client = stage.client(nile.keys["producer"], base)
        answers = [client.post(WRITE, json=[touchpoint()]) for _ in range(7)]
        assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
        assert problem_of(answers[-1])["title"] == "Too many requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert stage.client(delta.keys["producer"], base).post(WRITE, json=[touchpoint()]).status_code == 200
        assert stage.client(nile.keys["reader"], base).get(READ).status_code == 200
