"""An operator sees what was given up, corrects it, looks into requests, and tests the set-up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from adapters.meta.graph import VERSION
from adapters.postgres.alerts import review_alerts
from adapters.postgres.bodies import seal_body
from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from adapters.simulator.app import create_app
from tests.api.served import MASTER_KEY, served
from tests.api.stage import Brokerage, Stage, fields_of, problem_of, touchpoint
from tests.patience import PATIENCE_S
from tests.simulator.server import running

LEAD = "leads.form_submitted.v1"


def conversion(stage: Stage, nile: Brokerage, *, dead: str | None = "100/2804048: value is bad") -> str:
    """A lead form's conversion, given up for a reason."""
    person = {"email": f"{uuid4().hex}@mail.example", "phone": "+201001234567"}
    nile.post(touchpoint(LEAD, {"form_id": "callback"}, person=person))
    stage.settled()
    (one,) = stage.owner.execute(
        "SELECT id FROM outbox.messages WHERE brokerage_id = %s ORDER BY position DESC LIMIT 1", (nile.brokerage_id,)
    ).fetchone() or (None,)
    if dead:
        stage.owner.execute(
            "UPDATE outbox.messages SET state = 'dead', last_error = %s, settled_at = now() WHERE id = %s", (dead, one)
        )
    return str(one)


def retry(nile: Brokerage, one: str, body: Any = None) -> httpx.Response:
    return nile.operator.post(f"/api/conversions/{one}/retry", json=body)


# Dead letters.


def test_what_was_given_up_is_listed_with_its_reason_and_no_contact(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile)
    (found,) = nile.operator.get("/api/conversions/dead-letters").json()["items"]
    assert (found["id"], found["reason"]) == (one, "100/2804048: value is bad")
    assert (found["payload"]["event_name"], found["payload"]["contact_kinds"]) == ("Lead", ["email", "phone"])
    assert "token" not in str(found)


def test_the_list_goes_on_behind_its_cursor(stage: Stage, nile: Brokerage) -> None:
    ones = [conversion(stage, nile) for _ in range(3)]
    first = nile.operator.get("/api/conversions/dead-letters", params={"limit": 2}).json()
    rest = nile.operator.get("/api/conversions/dead-letters", params={"limit": 2, "cursor": first["next_cursor"]})
    assert [one["id"] for one in [*first["items"], *rest.json()["items"]]] == ones[::-1]


def test_another_brokerage_sees_and_touches_nothing(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    one = conversion(stage, nile)
    assert delta.operator.get("/api/conversions/dead-letters").json()["items"] == []
    assert retry(delta, one).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/conversions/dead-letters"),
        ("POST", f"/api/conversions/{UUID(int=1)}/retry"),
        ("GET", f"/api/conversions/{UUID(int=1)}/attempts/{UUID(int=2)}/body"),
        ("POST", "/api/conversions/test-setup"),
        ("GET", "/api/test-meta"),
    ],
)
def test_operating_is_for_operators(busy: Brokerage, method: str, path: str) -> None:
    assert busy.reader.request(method, path).status_code == 403
    assert httpx.request(method, f"{busy.reader.base_url}{path}").status_code == 401


# Sending again.


def test_a_corrected_one_waits_to_be_sent_and_says_so_in_the_log(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile)
    answer = retry(nile, one, {"value": 12.5, "drop_fields": ["ph"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "waiting"
    fact = nile.read(f"/api/events/{answer.json()['event_id']}")
    assert fact["kind"] == "ads.conversion_corrected.v1"
    assert (fact["fields"]["value"], fact["fields"]["dropped"]) == (12.5, ["phone", "phone_sha256"])
    assert nile.operator.get("/api/conversions/dead-letters").json()["items"] == []


def test_without_a_body_it_is_sent_as_it_was(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile)
    assert nile.operator.post(f"/api/conversions/{one}/retry").status_code == 200
    assert retry(nile, one).json()["event_id"] is None, "it waits already"


def test_a_correction_that_breaks_a_rule_changes_nothing(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile)
    answer = retry(nile, one, {"event_time": 5, "value": "much"})
    assert answer.status_code == 422
    assert sorted(fields_of(answer)) == ["event_time", "value"]
    assert len(nile.operator.get("/api/conversions/dead-letters").json()["items"]) == 1


def test_one_that_is_over_answers_409(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile, dead=None)
    stage.owner.execute("UPDATE outbox.messages SET state = 'done', payload = NULL WHERE id = %s", (one,))
    answer = retry(nile, one)
    assert answer.status_code == 409
    assert "done" in problem_of(answer)["detail"]


def test_an_unknown_one_needs_to_be_confirmed(stage: Stage, nile: Brokerage) -> None:
    one = conversion(stage, nile, dead="unknown, not sent again by itself: no answer")
    assert retry(nile, one).status_code == 409
    assert retry(nile, one, {"confirm": True}).status_code == 200


@pytest.mark.parametrize("body", ["[1]", "{", '"x"', "{}{}"])
def test_a_body_that_is_no_wish_is_refused_with_its_reason(busy: Brokerage, body: str) -> None:
    answer = busy.operator.post(f"/api/conversions/{UUID(int=1)}/retry", content=body)
    assert answer.status_code in (400, 422)
    problem_of(answer)


# Bodies.


def test_the_body_of_a_request_shows_this_conversion_alone(stage: Stage, nile: Brokerage) -> None:
    one, request_id = conversion(stage, nile), uuid4()
    cause = {"touchpoint_id": nile.read(f"/api/conversions/{one}")["cause_id"]}
    events = [
        {"event_id": one, "event_name": "Lead", "custom_data": cause},
        {"event_id": one, "event_name": "PageView", "custom_data": {"touchpoint_id": "another's"}},
        {"event_id": "another's", "event_name": "Lead", "custom_data": cause},
    ]
    sealed = seal_body(MasterKey.parse(MASTER_KEY), nile.brokerage_id, request_id, {"data": events})
    stage.owner.execute(
        "INSERT INTO outbox.bodies (request_id, brokerage_id, sealed) VALUES (%s, %s, %s)",
        (request_id, nile.brokerage_id, sealed),
    )
    answer = nile.operator.get(f"/api/conversions/{one}/attempts/{request_id}/body")
    assert answer.json()["data"] == events[:1]
    assert str(request_id) in _log_line(stage, "body_opened")
    assert nile.operator.get(f"/api/conversions/{uuid4()}/attempts/{request_id}/body").status_code == 404
    assert nile.operator.get(f"/api/conversions/{one}/attempts/{uuid4()}/body").status_code == 404


def _log_line(stage: Stage, event: str) -> str:
    return next(line for line in stage.log.read_text().splitlines() if event in line)


# Alerts.


def test_open_alerts_are_listed_to_readers(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    conversion(stage, nile)
    with connect(stage.url, "masar_projector") as connection:
        review_alerts(connection)
    (alert,) = nile.read("/api/alerts")["items"]
    assert (alert["subject"], alert["count"], alert["cleared_at"]) == ("dead_letters", 1, None)
    assert delta.read("/api/alerts")["items"] == []


def test_alerts_go_on_behind_their_cursor(stage: Stage, nile: Brokerage) -> None:
    kinds = ("dataset_held", "dead_letters", "deadline_near")
    for kind in kinds:
        stage.owner.execute(
            "INSERT INTO outbox.alerts (id, brokerage_id, subject, says, since, raised_at, cleared_at) "
            "VALUES (gen_random_uuid(), %s, %s, 'so', now(), now(), %s)",
            (nile.brokerage_id, kind, "2026-03-01T12:00:00Z" if kind == "deadline_near" else None),
        )
    assert len(nile.read("/api/alerts")["items"]) == 2
    first = nile.read("/api/alerts", cleared=True, limit=2)
    rest = nile.read("/api/alerts", cleared=True, limit=2, cursor=first["next_cursor"])
    assert sorted(one["subject"] for one in [*first["items"], *rest["items"]]) == sorted(kinds)


# The set-up.


@pytest.fixture(scope="module")
def meta_url(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The application again, before a stand-in for Meta: (its address, the stand-in's)."""
    log: Path = tmp_path_factory.mktemp("set-up") / "api.log"
    with running(create_app()) as graph_url, served(stage.url, log, graph_url=graph_url) as base:
        yield base, graph_url


@pytest.fixture
def dataset_id(stage: Stage, nile: Brokerage) -> str:
    (state,) = stage.owner.execute(
        "SELECT convert_from(state, 'UTF8')::jsonb ->> 'dataset_id' FROM log.masar_events "
        "WHERE brokerage_id = %s AND topic = 'brokerage.dataset_connected.v1'",
        (nile.brokerage_id,),
    ).fetchone() or ("",)
    return str(state)


def keep(stage: Stage, nile: Brokerage, dataset_id: str, **secrets: str) -> None:
    with connect(stage.url, "masar_registry") as registry:
        store = SecretStore(lambda: registry, MasterKey.parse(MASTER_KEY))
        for name, secret in secrets.items():
            store.put(nile.brokerage_id, f"dataset/{dataset_id}/{name}", secret)


def checks(answer: httpx.Response) -> dict[str, tuple[bool | None, str]]:
    assert answer.status_code == 200, answer.text
    (dataset,) = answer.json()["datasets"]
    return {one["check"]: (one["ok"], one["says"]) for one in dataset["checks"]}


def test_a_dataset_without_a_token_says_how_to_give_one(stage: Stage, nile: Brokerage) -> None:
    found = checks(nile.operator.get("/api/test-meta"))
    assert found["token stored"][0] is False
    assert "masar dataset connect" in found["token stored"][1]


def test_a_good_set_up_is_proved_by_a_test_event(
    stage: Stage, nile: Brokerage, dataset_id: str, meta_url: tuple[str, str]
) -> None:
    base, graph_url = meta_url
    keep(stage, nile, dataset_id, token="EAAgood", test_event_code="TEST123")
    operator = stage.client(nile.keys["operator"], base)
    before = operator.get("/api/test-meta")
    assert checks(before)["test event"][0] is None, "looking sends nothing"
    assert before.json()["datasets"][0]["graph_version"] == VERSION
    answer = operator.post("/api/conversions/test-setup")
    assert answer.json()["ok"] is True
    assert {name: ok for name, (ok, _) in checks(answer).items()} == {
        "token stored": True, "token": True, "dataset": True, "test event": True,
    }  # fmt: skip
    ledger = httpx.get(f"{graph_url}/_simulator/ledger", params={"dataset": dataset_id}, timeout=PATIENCE_S).json()[
        "data"
    ]
    assert [one["test_event_code"] for one in ledger] == ["TEST123"]


def test_without_a_code_no_test_event_is_sent(
    stage: Stage, nile: Brokerage, dataset_id: str, meta_url: tuple[str, str]
) -> None:
    base, graph_url = meta_url
    keep(stage, nile, dataset_id, token="EAAgood")
    operator = stage.client(nile.keys["operator"], base)
    ok, says = checks(operator.post("/api/conversions/test-setup"))["test event"]
    assert ok is False
    assert "live" in says
    assert (
        httpx.get(f"{graph_url}/_simulator/ledger", params={"dataset": dataset_id}, timeout=PATIENCE_S).json()["data"]
        == []
    )
    given = operator.post("/api/conversions/test-setup", json={"dataset_id": dataset_id, "test_event_code": "TEST9"})
    assert checks(given)["test event"][0] is True


def test_a_dead_token_is_found(stage: Stage, nile: Brokerage, dataset_id: str, meta_url: tuple[str, str]) -> None:
    base, graph_url = meta_url
    httpx.put(
        f"{graph_url}/_simulator/datasets/{dataset_id}",
        json={"dead_token": True, "token": "EAAgone"},
        timeout=PATIENCE_S,
    )
    keep(stage, nile, dataset_id, token="EAAgone")
    answer = stage.client(nile.keys["operator"], base).get("/api/test-meta")
    assert answer.json()["ok"] is False
    ok, says = checks(answer)["token"]
    assert (ok, says.startswith("190")) == (False, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"test_event_code": "no spaces!"}, "test_event_code"),
        ({"dataset_id": 5}, "dataset_id"),
        ({"pixel": "1"}, "pixel"),
    ],
)
def test_a_bad_test_names_its_field(busy: Brokerage, body: Any, field: str) -> None:
    answer = busy.operator.post("/api/conversions/test-setup", json=body)
    assert answer.status_code == 422
    assert fields_of(answer) == [field]


def test_a_dataset_of_nobody_is_not_tested(busy: Brokerage) -> None:
    assert busy.operator.post("/api/conversions/test-setup", json={"dataset_id": "99999"}).status_code == 404
