"""Looking back: people parted again, and pages as they were at a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from application.brokerages import stream_of
from domain.brokerage.events import PolicyActivated
from domain.scoring.plain import PLAIN
from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of, touchpoint

WORK, HOME = {"email": "work@mail.example"}, {"email": "home@mail.example"}


def now(stage: Stage) -> str:
    """Return the database's time, which is the time of recording."""
    row = stage.owner.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def form(nile: Brokerage, person: dict[str, str], **fields: Any) -> str:
    """Post a lead form and return whose it is."""
    verdict = nile.verdict(touchpoint("leads.form_submitted.v1", fields, person=person, occurred_at=ago(60)))
    return nile.subject_of(verdict["event_id"])


def then(nile: Brokerage, path: str, moment: str) -> dict[str, Any]:
    """Return what a page showed at a moment, without the moment."""
    answer: dict[str, Any] = nile.read(path, as_of=moment)
    assert datetime.fromisoformat(answer.pop("as_of")["time"]) == datetime.fromisoformat(moment)
    return answer


def test_two_people_are_made_one_and_parted_any_number_of_times(stage: Stage, nile: Brokerage) -> None:
    person, other = form(nile, WORK), form(nile, HOME)
    stage.settled()
    apart = [nile.read(f"/api/people/{one}") for one in (person, other)]
    sent = [one["id"] for one in nile.read("/api/conversions")["items"]]
    facts = set()
    for _ in range(3):
        merged = nile.operator.post(f"/api/people/{person}/merge", json={"other_id": other})
        assert (merged.status_code, merged.json()["status"]) == (201, "merged")
        stage.settled()
        assert nile.read(f"/api/people/{other}")["subjects"] == [person, other]
        parted = nile.operator.post(f"/api/people/{person}/unmerge", json={"subject_id": other})
        assert parted.status_code == 201
        said = parted.json()
        assert (said["status"], said["person_id"], said["parted_id"]) == ("parted", person, other)
        stage.settled()
        assert [one["subjects"] for one in (nile.read(f"/api/people/{one}") for one in (person, other))] == [
            [person],
            [other],
        ]
        facts |= {merged.json()["event_id"], *said["event_ids"]}
    assert len(facts) == 6
    again = [nile.read(f"/api/people/{one}") for one in (person, other)]
    for page in (*apart, *again):
        for of_now in ("intent", "multiplier", "multipliers", "conversions"):  # as hours go by, and deliveries
            page.pop(of_now, None)
    assert again == apart
    assert [one["id"] for one in nile.read("/api/conversions")["items"]] == sent


def test_parting_right_after_merging_does_not_wait_for_the_read_model(stage: Stage, nile: Brokerage) -> None:
    person, other = form(nile, WORK), form(nile, HOME)
    stage.settled()
    assert nile.operator.post(f"/api/people/{person}/merge", json={"other_id": other}).status_code == 201
    assert nile.operator.post(f"/api/people/{person}/unmerge", json={"subject_id": other}).status_code == 201
    stage.settled()
    assert nile.read(f"/api/people/{other}")["subjects"] == [other]


def test_a_visitor_whom_a_human_parted_is_not_linked_again_by_the_next_touchpoint(
    stage: Stage, nile: Brokerage
) -> None:
    visitor, anna = {"visitor_id": "v-77"}, {"email": "anna@mail.example"}
    anonymous = nile.subject_of(nile.verdict(touchpoint("properties.saved.v1", person=visitor))["event_id"])
    known = form(nile, anna)
    assert form(nile, visitor | anna) == known
    stage.settled()
    assert nile.read(f"/api/people/{anonymous}")["id"] == known
    assert nile.operator.post(f"/api/people/{known}/unmerge", json={"subject_id": anonymous}).status_code == 201
    nile.post(touchpoint("leads.form_submitted.v1", person=visitor | anna))
    stage.settled()
    assert nile.read(f"/api/people/{anonymous}")["id"] == anonymous


def test_what_cannot_be_parted_is_refused(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    person, other, foreign = form(nile, WORK), form(nile, HOME), form(delta, WORK)
    stage.settled()
    path = f"/api/people/{person}/unmerge"
    for not_them in (other, person):
        refused = problem_of(nile.operator.post(path, json={"subject_id": not_them}))
        assert (refused["status"], refused["title"]) == (409, "Not one person")
    for nobody in (str(uuid4()), foreign):
        assert nile.operator.post(path, json={"subject_id": nobody}).status_code == 404
        assert nile.operator.post(f"/api/people/{nobody}/unmerge", json={"subject_id": person}).status_code == 404
    for body in ({}, {"subject": other}, {"subject_id": 7}, {"subject_id": other, "by": "me"}, [], "x"):
        assert fields_of(nile.operator.post(path, json=body)) == ["subject_id"]
    assert nile.reader.post(path, json={"subject_id": other}).status_code == 403


def test_a_page_as_of_a_moment_shows_what_the_log_held_then(stage: Stage, nile: Brokerage) -> None:
    before = now(stage)
    person = form(nile, WORK, location="Maadi")
    first = now(stage)
    other = form(nile, HOME, timeline="now")
    stage.settled()
    one_form, two_people = nile.read(f"/api/people/{person}"), now(stage)
    nile.operator.post(f"/api/people/{person}/merge", json={"other_id": other})
    form(nile, WORK)
    stage.settled()
    merged = now(stage)
    nile.operator.post(f"/api/people/{person}/unmerge", json={"subject_id": other})
    stage.settled()

    path = f"/api/people/{person}"
    of_now = {"intent", "multiplier", "multipliers", "next_action", "conversions"}
    for moment in (first, two_people):
        shown = then(nile, path, moment)
        assert shown.keys() == one_form.keys()
        assert {name: shown[name] for name in shown.keys() - of_now} == {
            name: one_form[name] for name in one_form.keys() - of_now
        }
        assert [one["id"] for one in shown["conversions"]] == [one["id"] for one in one_form["conversions"]]
    shown = then(nile, f"/api/people/{other}", merged)
    assert (shown["id"], shown["subjects"], shown["touchpoints"]) == (person, [person, other], 3)
    assert shown["contact"]["email"] == WORK["email"]
    assert then(nile, path, now(stage))["touchpoints"] == nile.read(path)["touchpoints"] == 2
    nothing = then(nile, path, before)
    assert nothing.keys() == one_form.keys()
    assert (nothing["touchpoints"], nothing["contact"], nothing["conversions"], nothing["first_at"]) == (
        0,
        {},
        [],
        None,
    )


def test_a_journey_as_of_a_moment_ends_there(stage: Stage, nile: Brokerage) -> None:
    before = now(stage)
    person = form(nile, WORK)
    first = now(stage)
    form(nile, WORK)
    stage.settled()
    for path in (f"/api/people/{person}/journey", f"/api/analytics/journey/{person}"):
        whole = nile.read(path)
        assert len(whole["items"]) == 2
        shown = then(nile, path, first)
        assert shown.keys() == whole.keys()
        assert [one["id"] for one in shown["items"]] == [whole["items"][0]["id"]]
        assert {slot["slot"] for slot in shown["items"][0]["caused"]} == {"lead_form"}
        assert then(nile, path, before)["items"] == []


def test_the_rules_are_those_of_the_moment(stage: Stage, nile: Brokerage) -> None:
    consent = touchpoint("people.consent_given.v1", person=WORK)
    person = nile.subject_of(nile.verdict(consent)["event_id"])
    stage.settled()
    moment, page = now(stage), nile.read(f"/api/people/{person}")
    plain = PolicyActivated(policy=PLAIN, revision=2, occurred_at=datetime.now(UTC))
    stage._streams.change(nile.brokerage_id, stream_of(nile.brokerage_id), lambda _: [plain])
    nile.post(touchpoint("people.consent_given.v1", person=WORK))
    stage.settled()
    assert then(nile, f"/api/people/{person}", moment)["policy"] == page["policy"]
    assert nile.read(f"/api/people/{person}")["policy"] == PLAIN.label != page["policy"]


@pytest.mark.parametrize("path", ["/api/people/{}", "/api/people/{}/journey"])
def test_a_moment_that_is_none_is_refused(stage: Stage, nile: Brokerage, path: str) -> None:
    person = form(nile, WORK)
    stage.settled()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    for moment in (tomorrow, "9999-12-31T23:59:59Z", "yesterday", "2026-11-01T00:00:00", ""):
        response = nile.reader.get(path.format(person), params={"as_of": moment})
        assert response.status_code == 422, moment
        assert fields_of(response) == ["as_of"]
    long_ago = nile.reader.get(path.format(person), params={"as_of": "0001-01-01T00:00:00Z"})
    assert long_ago.status_code == 200
    assert problem_of(nile.reader.get(path.format(uuid4()), params={"as_of": now(stage)}))["status"] == 404
