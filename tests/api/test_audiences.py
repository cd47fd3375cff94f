"""Audiences over HTTP: defined, sized, brought in line with Meta's list, consent and erasure respected at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from adapters.dramatiq.hands import Crew, WorkerSettings
from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey
from adapters.simulator.app import create_app
from tests.api.served import MASTER_KEY, served
from tests.api.stage import Brokerage, Stage, ago, fields_of, touchpoint
from tests.patience import PATIENCE_S
from tests.simulator.server import running

LEAD, CONSENT, WITHDRAWN = "leads.form_submitted.v1", "people.consent_given.v1", "people.consent_withdrawn.v1"
SEEN = {"name": "Seen lately", "segment": {"seen_within_days": 30}, "ad_account_id": "act_42"}


@dataclass
class Meta:
    """The API beside a stand-in for Meta: their addresses, and a worker that does what it is told to."""

    api: str
    graph: str
    worker: Crew

    def people(self, list_id: str) -> int:
        """Return how many people are on a list."""
        known = httpx.get(f"{self.graph}/_simulator/audiences", timeout=PATIENCE_S).json()["data"]
        (people,) = [one["people"] for one in known if one["id"] == list_id]
        return int(people)

    def create(self, operator: httpx.Client) -> dict[str, Any]:
        """Create the audience and carry out its first synchronisation; return the outcome as the audience shows it."""
        created = operator.post("/api/conversions/create-audience", json=SEEN)
        assert created.status_code == 201, created.text
        return self._carried_out(operator, created.json()["sync"])

    def sync(self, operator: httpx.Client, audience_id: str) -> dict[str, Any]:
        """Ask for a synchronisation and carry it out; return the outcome as the audience shows it."""
        asked = operator.post(f"/api/audiences/{audience_id}/sync")
        assert asked.status_code == 202, asked.text
        return self._carried_out(operator, asked.json())

    def _carried_out(self, operator: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
        self.worker.hands().run_one(UUID(asked["id"]))
        shown = operator.get(f"/api/audiences/{asked['audience_id']}").json()
        assert (shown["under_way"], shown["last_sync"]["id"]) == (None, asked["id"])
        return {**shown["last_sync"], "audience_id": asked["audience_id"]}


@pytest.fixture(scope="module")
def meta(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meta]:
    log: Path = tmp_path_factory.mktemp("audiences") / "api.log"
    with running(create_app()) as graph, served(stage.url, log, graph_url=graph) as base:
        worker = Crew(WorkerSettings(stage.url, None, MasterKey.parse(MASTER_KEY), graph))
        yield Meta(base, graph, worker)
        worker.close()


def lead(number: int, seconds_ago: float = 60, **beside: Any) -> dict[str, Any]:
    person = {"email": f"person{number}@mail.example", "phone": f"+2010{number:08}"}
    return touchpoint(LEAD, person=person, occurred_at=ago(seconds_ago), **beside)


def withdrawal(number: int, purpose: str = "meta_tracking") -> dict[str, Any]:
    person = {"email": f"person{number}@mail.example"}
    return touchpoint(WITHDRAWN, {"purpose": purpose}, person=person, occurred_at=ago(1))


def keep_token(stage: Stage, house: Brokerage, name: str = "ad_account/42/token") -> None:
    with connect(stage.url, "masar_registry") as registry:
        SecretStore(lambda: registry, MasterKey.parse(MASTER_KEY)).put(house.brokerage_id, name, "EAAgood")


def test_a_list_at_meta_follows_the_segment(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    nile.post(*(lead(number) for number in range(102)))
    stage.settled()
    keep_token(stage, nile)
    operator = stage.client(nile.keys["operator"], meta.api)
    sync = meta.create(operator)
    assert (sync["outcome"], sync["added"], sync["size"], sync["invalid"]) == ("done", 102, 102, 0)
    assert meta.people(sync["meta_audience_id"]) == 102

    nile.post(withdrawal(0), withdrawal(1, "profiling"), lead(500))
    stage.settled()
    again = meta.sync(operator, sync["audience_id"])
    assert (again["outcome"], again["added"], again["removed"], again["size"]) == ("done", 1, 2, 101)
    assert meta.people(sync["meta_audience_id"]) == 101

    nile.post(*(withdrawal(number) for number in range(2, 60)))
    stage.settled()
    fewer = meta.sync(operator, sync["audience_id"])
    assert (fewer["outcome"], fewer["removed"], fewer["size"]) == ("too_small", 58, 43)
    assert meta.people(sync["meta_audience_id"]) == 43

    shown = nile.read(f"/api/audiences/{sync['audience_id']}")
    assert (shown["size"], shown["without_consent"], shown["listed"], shown["large_enough"]) == (43, 60, 43, False)
    assert [one["outcome"] for one in shown["syncs"]] == ["too_small", "done", "done"]
    assert [one["kind"] for one in nile.read("/api/events", kind="audiences.synced.v1")["items"]] == [
        "audiences.synced.v1"
    ] * 3


def test_an_erased_person_is_taken_off(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    nile.post(*(lead(number) for number in range(101)))
    stage.settled()
    keep_token(stage, nile, f"dataset/{next(iter(_datasets(nile)))}/token")
    operator = stage.client(nile.keys["operator"], meta.api)
    created = meta.create(operator)
    person = nile.read("/api/people", limit=1)["items"][0]["id"]
    stage.owner.execute("UPDATE registry.subjects SET wrapped_key = NULL WHERE subject_id = %s", (person,))
    again = meta.sync(operator, created["audience_id"])
    assert (again["outcome"], again["removed"], again["size"]) == ("done", 1, 100)
    assert meta.people(created["meta_audience_id"]) == 100


def test_a_sync_waits_for_a_worker_and_shows_how_far_it_is(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    nile.post(*(lead(number) for number in range(100)))
    stage.settled()
    keep_token(stage, nile)
    operator = stage.client(nile.keys["operator"], meta.api)
    audience = operator.post("/api/audiences", json=SEEN).json()["id"]
    asked = operator.post(f"/api/audiences/{audience}/sync")
    assert (asked.status_code, asked.json()["state"]) == (202, "waiting")
    assert operator.post(f"/api/audiences/{audience}/sync").status_code == 409
    waiting = nile.read(f"/api/audiences/{audience}")["under_way"]
    assert (waiting["id"], waiting["state"], waiting["progress"]["added"]) == (asked.json()["id"], "waiting", 0)

    meta.worker.hands().run_one(UUID(asked.json()["id"]))
    shown = nile.read("/api/audiences")["items"][0]
    assert (shown["under_way"], shown["last_sync"]["added"]) == (None, 100)
    fact = nile.read(f"/api/events/{asked.json()['id']}")
    assert (fact["kind"], fact["correlation_id"]) == ("audiences.synced.v1", asked.headers["x-request-id"])


def _datasets(house: Brokerage) -> set[str]:
    facts = house.read("/api/events", kind="brokerage.dataset_connected.v1")["items"]
    return {one["fields"]["dataset_id"] for one in facts}


def test_a_sync_that_was_given_up_is_seen_until_another_is_asked_for(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    keep_token(stage, nile)
    operator = stage.client(nile.keys["operator"], meta.api)
    audience = operator.post("/api/audiences", json=SEEN).json()["id"]
    lost = operator.post(f"/api/audiences/{audience}/sync").json()["id"]
    stage.owner.execute("UPDATE outbox.messages SET state = 'dead' WHERE id = %s", (lost,))
    shown = nile.read(f"/api/audiences/{audience}")["under_way"]
    assert (shown["id"], shown["state"]) == (lost, "given_up")
    assert meta.sync(operator, audience)["outcome"] == "too_small"


def test_too_few_people_are_no_audience(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    nile.post(*(lead(number) for number in range(5)))
    stage.settled()
    keep_token(stage, nile)
    sync = meta.create(stage.client(nile.keys["operator"], meta.api))
    assert (sync["outcome"], sync["size"], sync["meta_audience_id"]) == ("too_small", 0, None)


def test_what_meta_refuses_is_told_in_its_words(stage: Stage, nile: Brokerage, meta: Meta) -> None:
    nile.post(*(lead(number) for number in range(100)))
    stage.settled()
    keep_token(stage, nile)
    operator = stage.client(nile.keys["operator"], meta.api)
    audience = operator.post("/api/audiences", json=SEEN).json()["id"]
    terms = f"{meta.graph}/_simulator/audiences/terms"
    assert httpx.put(terms, json={"accepted": False}, timeout=PATIENCE_S).status_code == 200
    failed = meta.sync(operator, audience)
    assert (failed["outcome"], failed["added"], failed["size"]) == ("failed", 0, 0)
    assert failed["message"].startswith("200/1870090: ")
    httpx.put(terms, json={"accepted": True}, timeout=PATIENCE_S)
    assert meta.sync(operator, audience)["added"] == 100


SEGMENTS: list[tuple[dict[str, Any], int]] = [
    ({"seen_within_days": 1}, 2),
    ({"not_seen_within_days": 1}, 1),
    ({"converted": ["Lead"]}, 3),
    ({"converted": ["Lead"], "converted_within_days": 1}, 2),
    ({"converted": ["Purchase"], "value_at_least": 100}, 1),
    ({"converted": ["Purchase"], "value_at_least": 100.5}, 0),
    ({"conversions_at_least": 2}, 1),
    ({"never_converted": True, "converted": ["Purchase"]}, 2),
    ({"score_at_most": 100}, 3),
    ({"score_at_least": 100}, 0),
    ({"platforms": ["saves", "tours"]}, 1),
    ({"all_platforms": ["saves", "tours"]}, 0),
    ({"saved": ["villa-7"]}, 1),
    ({"saved": ["villa-8"]}, 0),
]


@pytest.fixture(scope="module")
def three(stage: Stage) -> Brokerage:
    """Three people: one saved a home, one bought something, one was last seen three days ago."""
    three = stage.brokerage()
    bought = {"event_name": "Purchase", "value_minor": 10_000, "currency": "EGP"}
    three.post(
        lead(1), lead(2), lead(3, 3 * 86_400),
        touchpoint("properties.saved.v1", {"property_id": "villa-7"}, person={"email": "person1@mail.example"},
                   test=True),
        touchpoint("ads.conversion_asked.v1", bought, person={"email": "person2@mail.example"}),
    )  # fmt: skip
    stage.settled()
    return three


@pytest.mark.parametrize(("segment", "size"), SEGMENTS)
def test_a_segment_is_of_whom_it_says(three: Brokerage, segment: dict[str, Any], size: int) -> None:
    defined = three.operator.post("/api/audiences", json={**SEEN, "name": str(segment), "segment": segment})
    assert defined.status_code == 201, defined.text
    assert three.read(f"/api/audiences/{defined.json()['id']}")["size"] == size


def test_how_a_segment_converts_is_shown(three: Brokerage) -> None:
    name = {**SEEN, "name": "how", "segment": {"converted": ["Purchase"]}}
    defined = three.operator.post("/api/audiences", json=name).json()
    shown = three.read(f"/api/audiences/{defined['id']}")
    assert (shown["size"], shown["conversion_rate"]) == (1, 1.0)
    assert set(shown["mean_value"]) == {"EGP"}


def test_a_definition_has_versions_and_stays_in_its_ad_account(nile: Brokerage) -> None:
    first = nile.operator.post("/api/audiences", json=SEEN)
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert nile.operator.post("/api/audiences", json=SEEN).status_code == 200
    second = nile.operator.post("/api/audiences", json={**SEEN, "segment": {"qualities": ["hot"]}}).json()
    assert (second["version"], second["id"]) == (2, first.json()["id"])
    shown = nile.read(f"/api/audiences/{second['id']}")
    assert (shown["segment"], [one["version"] for one in shown["earlier"]]) == ({"qualities": ["hot"]}, [1])
    assert [one["name"] for one in nile.read("/api/audiences")["items"]] == ["Seen lately"]


def test_without_a_token_nothing_is_synchronised(nile: Brokerage) -> None:
    refused = nile.operator.post("/api/conversions/create-audience", json=SEEN)
    assert refused.status_code == 409
    defined = nile.operator.post("/api/conversions/create-audience", json={**SEEN, "sync": False})
    assert (defined.status_code, defined.json()["sync"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SEEN, "segment": {}}, "segment"),
        ({**SEEN, "segment": {"qualities": ["tepid"]}}, "segment.qualities.0"),
        ({**SEEN, "segment": {"likes": 1}}, "segment.likes"),
        ({**SEEN, "ad_account_id": "../me"}, "ad_account_id"),
        ({**SEEN, "name": ""}, "name"),
        ({**SEEN, "sync": 0}, "sync"),
        ({**SEEN, "segment": {"never_converted": 0}}, "segment.never_converted"),
        ({"segment": SEEN["segment"], "ad_account_id": "1"}, "name"),
    ],
)
def test_a_bad_body_names_its_field(busy: Brokerage, body: Any, field: str) -> None:
    for path in ("/api/audiences", "/api/conversions/create-audience"):
        response = busy.operator.post(path, json=body)
        assert response.status_code == 422
        assert fields_of(response)[0] == field


def test_another_brokerage_sees_and_syncs_nothing(nile: Brokerage, delta: Brokerage) -> None:
    one = nile.operator.post("/api/audiences", json=SEEN).json()["id"]
    assert delta.read("/api/audiences")["items"] == []
    assert delta.reader.get(f"/api/audiences/{one}").status_code == 404
    assert delta.operator.post(f"/api/audiences/{one}/sync").status_code == 404


def test_only_operators_change_audiences(busy: Brokerage) -> None:
    one = "0a11ce00-0000-4000-8000-000000000001"
    for path in ("/api/audiences", "/api/conversions/create-audience", f"/api/audiences/{one}/sync"):
        assert busy.reader.post(path, json={}).status_code == 403
    assert busy.producer.get("/api/audiences").status_code == 403
