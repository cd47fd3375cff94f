"""Custom audiences: lists of people in numbered batches, and what Meta refuses of them."""

from typing import Any

import httpx
import orjson
import pytest

from tests.simulator.conftest import Stand, error_of
from tests.simulator.events import sha256

ACCOUNT = "act_42"
NEW = {"name": "Hot buyers", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}


def people(*names: str) -> list[list[str]]:
    return [[sha256(name), ""] for name in names]


@pytest.fixture
def audience(stand: Stand) -> str:
    created: str = stand.post(f"{ACCOUNT}/customaudiences", **NEW).json()["id"]
    return created


def send(
    stand: Stand, audience: str, data: list[Any], *, seq: int | None = None, last: bool = False, session: int = 7,
    method: str = "POST", edge: str = "users", schema: Any = ("EMAIL", "PHONE"),
) -> httpx.Response:  # fmt: skip
    said = {"session_id": session, "batch_seq": seq, "last_batch_flag": last, "estimated_num_total": len(data)}
    body: dict[str, Any] = {"payload": {"schema": schema, "data": data}}
    return stand.post(f"{audience}/{edge}", method=method, **body, **({"session": said} if seq else {}))


def size(stand: Stand) -> int:
    (one,) = stand.http.get("/_simulator/audiences").json()["data"]
    people: int = one["people"]
    return people


def test_people_are_added_removed_and_replaced(stand: Stand, audience: str) -> None:
    answer = send(stand, audience, people("mona", "ali", "mona")).json()
    assert (answer["audience_id"], answer["num_received"], answer["num_invalid_entries"]) == (audience, 3, 0)
    assert size(stand) == 2
    send(stand, audience, people("ali", "nobody"), method="DELETE")
    assert size(stand) == 1
    send(stand, audience, people("a", "b"), seq=1, edge="usersreplace")
    assert size(stand) == 1  # not before the last batch
    send(stand, audience, people("c"), seq=2, last=True, edge="usersreplace")
    assert size(stand) == 3


def test_batches_are_numbered_without_a_gap_and_end_with_the_last(stand: Stand, audience: str) -> None:
    assert error_of(send(stand, audience, people("a"), seq=2)) == (2650, None)
    assert send(stand, audience, people("a"), seq=1).json()["num_received"] == 1
    assert error_of(send(stand, audience, people("c"), seq=3)) == (2650, None)
    assert error_of(send(stand, audience, people("a"), seq=1)) == (2650, None)
    assert error_of(send(stand, audience, people("b"), seq=2, method="DELETE")) == (2650, None)
    assert send(stand, audience, people("b"), seq=2, last=True).json()["num_received"] == 2
    assert error_of(send(stand, audience, people("c"), seq=3)) == (2650, None)
    assert send(stand, audience, people("c"), seq=1, session=8).status_code == 200
    assert size(stand) == 3


def test_ten_thousand_people_fit_a_request_and_one_more_does_not(stand: Stand, audience: str) -> None:
    many = [[sha256(str(number))] for number in range(10_001)]
    assert error_of(send(stand, audience, many, schema="EMAIL")) == (100, None)
    assert size(stand) == 0
    assert send(stand, audience, many[:10_000], schema="EMAIL").json()["num_received"] == 10_000


def test_entries_that_match_nobody_are_counted_and_shown_and_the_others_taken(stand: Stand, audience: str) -> None:
    bad = [["mona@homes.example", ""], ["", ""], [sha256(""), ""], [sha256("mona").upper(), ""], [sha256("a")]]
    answer = send(stand, audience, bad + people("mona")).json()
    assert (answer["num_received"], answer["num_invalid_entries"]) == (6, 5)
    assert answer["invalid_entry_samples"]["0"] == ["mona@homes.example", ""]
    assert size(stand) == 1


def test_own_ids_and_device_ids_are_sent_as_they_are(stand: Stand, audience: str) -> None:
    answer = send(stand, audience, [["buyer-7", "38400000-8cf0-11bd"]], schema=["EXTERN_ID", "MADID"]).json()
    assert answer["num_invalid_entries"] == 0


@pytest.mark.parametrize("schema", [["EMAIL", "SHOE_SIZE"], [], None, [7]])
def test_unknown_keys_are_refused(stand: Stand, audience: str, schema: Any) -> None:
    assert error_of(send(stand, audience, people("a"), schema=schema)) == (100, None)


@pytest.mark.parametrize("payload", [None, {}, {"schema": ["EMAIL"]}, {"schema": ["EMAIL"], "data": []}, "{"])
def test_a_batch_without_people_is_refused(stand: Stand, audience: str, payload: Any) -> None:
    assert error_of(stand.post(f"{audience}/users", payload=payload)) == (100, None)


def test_a_form_may_carry_payload_and_session_as_text(stand: Stand, audience: str) -> None:
    payload = orjson.dumps({"schema": ["EMAIL"], "data": [[sha256("a")]]}).decode()
    session = orjson.dumps({"session_id": 3, "batch_seq": 1, "last_batch_flag": True}).decode()
    assert stand.post(f"{audience}/users", payload=payload, session=session).json()["session_id"] == "3"


def test_nothing_goes_before_somebody_accepted_the_terms(stand: Stand, audience: str) -> None:
    stand.http.put("/_simulator/audiences/terms", json={"accepted": False}).raise_for_status()
    refused = (403, (200, 1870090))
    for response in (stand.post(f"{ACCOUNT}/customaudiences", **NEW), send(stand, audience, people("a"))):
        assert (response.status_code, error_of(response)) == refused


@pytest.mark.parametrize("without", NEW)
def test_an_audience_needs_name_kind_and_source(stand: Stand, without: str) -> None:
    said = {key: value for key, value in NEW.items() if key != without}
    assert error_of(stand.post(f"{ACCOUNT}/customaudiences", **said)) == (100, None)


def test_an_audience_needs_a_token_and_must_exist(stand: Stand) -> None:
    assert error_of(stand.http.post(f"/v26.0/{ACCOUNT}/customaudiences", json=NEW)) == (190, None)
    assert error_of(send(stand, "1", people("a"))) == (100, 33)
