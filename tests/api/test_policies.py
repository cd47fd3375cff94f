"""An operator owns the rules: lists, copies, edits, activates, takes back, and simulates them."""

import threading
from pathlib import Path
from typing import Any

import httpx

from adapters.dramatiq.hands import WorkerSettings
from adapters.dramatiq.worker import run_worker
from adapters.sealing import MasterKey
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of, touchpoint
from tests.patience import eventually


def policy(nile: Brokerage, name: str = "brief", **query: Any) -> dict[str, Any]:
    document: dict[str, Any] = nile.read(f"/api/policies/{name}", **query)["policy"]
    return document


def mine(nile: Brokerage) -> dict[str, Any]:
    """Copy `brief` as `mine`; return its document."""
    response = nile.operator.post("/api/policies/brief/copy", json={"to": "mine"})
    assert response.status_code == 201, response.text
    document: dict[str, Any] = response.json()["policy"]
    return document


def write(nile: Brokerage, document: dict[str, Any], name: str = "mine") -> httpx.Response:
    return nile.operator.put(f"/api/policies/{name}", json=document)


# Listed and read.


def test_a_new_brokerage_has_what_is_shipped_and_one_in_force(nile: Brokerage) -> None:
    listed = nile.read("/api/policies")
    assert {one["name"] for one in listed["items"] if one["shipped"]} == {"brief", "plain"}
    assert listed["active"]["label"] == "brief@2"
    (activation,) = listed["active"]["activations"]
    assert (activation["revision"], activation["rolled_back_from"]) == (1, None)


def test_a_policy_is_read_as_one_document_that_can_be_written_again(nile: Brokerage) -> None:
    mine(nile)
    read = nile.read("/api/policies/mine")
    assert (read["copied_from"], read["version"], read["findings"]) == ("brief@2", 1, [])
    assert write(nile, read["policy"]).json()["version"] == 1  # it says just the same


def test_a_version_that_is_not_there_is_not_found(nile: Brokerage) -> None:
    for path in ("/api/policies/nobody", "/api/policies/brief?version=99"):
        assert nile.reader.get(path).status_code == 404
    assert nile.operator.post("/api/policies/activate", json={"name": "nobody"}).status_code == 404


def test_another_brokerage_does_not_see_it(nile: Brokerage, delta: Brokerage) -> None:
    mine(nile)
    assert delta.reader.get("/api/policies/mine").status_code == 404


def test_a_reader_changes_nothing(nile: Brokerage) -> None:
    document = policy(nile)
    assert nile.reader.put("/api/policies/mine", json=document).status_code == 403
    for path in ("activate", "rollback", "simulate", "brief/copy"):
        assert nile.reader.post(f"/api/policies/{path}", json={}).status_code == 403


# Written.


def test_a_change_is_a_new_version_and_the_old_one_stays(nile: Brokerage) -> None:
    document = mine(nile)
    changed = write(nile, document | {"bands": {"hot": 80, "warm": 30}})
    assert changed.status_code == 200
    assert changed.json()["version"] == 2
    assert policy(nile, "mine", version=1)["bands"] == document["bands"]
    assert policy(nile, "mine")["bands"] == {"hot": 80, "warm": 30}


def test_the_document_names_the_policy_where_the_path_does_not(nile: Brokerage) -> None:
    response = nile.operator.put("/api/policies", json=policy(nile) | {"name": "ours"})
    assert response.json()["label"] == "ours@1"


def test_what_is_shipped_is_not_written_over(nile: Brokerage) -> None:
    assert write(nile, policy(nile), "brief").status_code == 409
    mine(nile)
    assert nile.operator.post("/api/policies/plain/copy", json={"to": "mine"}).status_code == 409


def test_a_wrong_field_is_named_by_its_path(nile: Brokerage) -> None:
    document = mine(nile)
    document["conversions"][3]["once_per"] = "whenever"
    document["scores"][0]["rows"][1]["points"] = -5
    document["bands"] = {"hot": 10, "warm": 90}
    response = write(nile, document)
    assert response.status_code == 422
    assert set(fields_of(response)) == {"conversions.3.once_per", "scores.0.rows.1.points", "bands"}
    assert fields_of(write(nile, document | {"name": "other"})) == ["name"]
    assert fields_of(nile.operator.put("/api/policies", json=[])) == [""]
    assert fields_of(nile.operator.put("/api/policies", json=policy(nile) | {"name": "activate"})) == ["name"]


def test_text_that_cannot_be_kept_is_refused(nile: Brokerage) -> None:
    document = mine(nile)
    document["silent"] = {"tours.started.v1": "no\x00thing"}
    assert fields_of(write(nile, document)) == ["silent.tours.started.v1"]


def test_rows_that_would_never_fire_are_pointed_out(nile: Brokerage) -> None:
    document = mine(nile)
    row = document["conversions"][0]
    document["conversions"][0] = row | {"when": [{"fact": "moon_phase", "at_least": 1}]}
    document["scores"][0]["rows"][0] |= {"above": 300, "below": 200}
    findings = write(nile, document).json()["findings"]
    assert [(one["place"], one["never_fires"]) for one in findings] == [
        (f"scores[0] tours.{document['scores'][0]['rows'][0]['rule']}", True),
        (f"conversions[0] {row['slot']}", True),
    ]
    assert "moon_phase" in findings[1]["says"]


# In force.


def test_an_activation_holds_for_what_comes_and_can_be_taken_back(stage: Stage, nile: Brokerage) -> None:
    document = mine(nile)
    for row in document["conversions"]:
        if row["slot"] == "lead_form":
            row["value"] = {"fixed": 77}
    write(nile, document)
    first = lead(stage, nile)
    activated = nile.operator.post("/api/policies/activate", json={"name": "mine"})
    assert (activated.json()["label"], activated.json()["revision"]) == ("mine@2", 2)
    second = lead(stage, nile)
    taken_back = nile.operator.post("/api/policies/rollback")
    assert (taken_back.json()["label"], taken_back.json()["revision"]) == ("brief@2", 3)
    third = lead(stage, nile)
    assert [one["policy"] for one in (first, second, third)] == ["brief@2", "mine@2", "brief@2"]
    assert (second["value"], first["value"] == third["value"]) == ("77", True)
    active = nile.read("/api/policies")["active"]
    assert [one["rolled_back_from"] for one in active["activations"]] == [None, 2]
    assert nile.operator.post("/api/policies/rollback").status_code == 409


def test_a_policy_cannot_be_in_force_from_the_future_or_from_before_there_was_anything(nile: Brokerage) -> None:
    asked = {"name": "plain", "effective_from": ago(-600)}
    assert fields_of(nile.operator.post("/api/policies/activate", json=asked)) == ["effective_from"]
    asked = {"name": "plain", "effective_from": "yesterday", "when": 1}
    assert set(fields_of(nile.operator.post("/api/policies/activate", json=asked))) == {"effective_from", "when"}
    for never in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1999-12-31T23:59:59Z"):
        asked = {"name": "plain", "effective_from": never}
        assert fields_of(nile.operator.post("/api/policies/activate", json=asked)) == ["effective_from"]
    assert nile.read("/api/policies")["active"]["label"] == "brief@2"  # the set-up can still be read
    since = ago(86_400)
    done = nile.operator.post("/api/policies/activate", json={"name": "plain", "effective_from": since})
    assert done.json()["effective_from"][:19] == since[:19]


def lead(stage: Stage, nile: Brokerage) -> dict[str, Any]:
    """Post a lead form; return the conversion that it caused."""
    event = nile.verdict(touchpoint("leads.form_submitted.v1", occurred_at=ago(0), person={"email": "m@mail.example"}))
    stage.settled()
    found = nile.read("/api/conversions")["items"]
    (one,) = [one for one in found if one["cause_id"] == event["event_id"]]
    conversion: dict[str, Any] = nile.read(f"/api/conversions/{one['id']}")
    return conversion


# Simulated.


def test_a_simulation_is_carried_out_by_a_worker_and_changes_nothing(
    stage: Stage, nile: Brokerage, tmp_path: Path
) -> None:
    lead(stage, nile)
    document = policy(nile) | {"name": "dear"}
    for row in document["conversions"]:
        if row["slot"] == "lead_form":
            row["value"] = {"fixed": 1_000}
    asked = nile.operator.post("/api/policies/simulate", json={"policy": document})
    assert asked.status_code == 202
    place = asked.json()["location"]
    assert asked.headers["location"] == place
    assert nile.read(place)["state"] == "waiting"
    stop = threading.Event()
    settings = WorkerSettings(stage.url, None, MasterKey.parse(MASTER_KEY), "http://127.0.0.1:9", threads=2)
    worker = threading.Thread(target=run_worker, args=(settings, stop))
    worker.start()
    try:
        eventually(lambda: nile.read(place)["state"] in ("done", "failed"))
    finally:
        stop.set()
        worker.join()
    over = nile.read(place)
    assert over["error"] is None
    assert over["progress"]["facts"] == over["progress"]["target"] == over["result"]["facts"]
    (line,) = over["result"]["by_event_and_week"]
    assert (line["event_name"], line["would"]["value"], line["was"]["count"]) == ("Lead", 1_000, 1)
    assert over["result"]["conversions"] == {"same": 0, "other_value": 1, "no_longer": 0, "newly": 0}
    assert nile.read("/api/policies")["active"]["label"] == "brief@2"
    assert [one["id"] for one in nile.read("/api/policies/simulations")["items"]] == [asked.json()["id"]]


def test_what_cannot_be_simulated_is_refused(nile: Brokerage, delta: Brokerage) -> None:
    def refused(body: Any) -> httpx.Response:
        return nile.operator.post("/api/policies/simulate", json=body)

    assert fields_of(refused({})) == ["name"]
    assert refused({"name": "nobody"}).status_code == 404
    broken = policy(nile) | {"bands": {"hot": 1, "warm": 2}}
    assert fields_of(refused({"policy": broken})) == ["policy.bands"]
    assert problem_of(nile.reader.get("/api/policies/simulations/nonsense"))["status"] == 422
    asked = nile.operator.post("/api/policies/simulate", json={"name": "plain"}).json()
    assert delta.reader.get(asked["location"]).status_code == 404
