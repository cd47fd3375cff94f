"""One person as read: contact, score with reasons, journey, and the visitor who turned out to be them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.stage import Brokerage, Stage, ago, fields_of, problem_of, touchpoint

ROOMS = ("hall", "kitchen", "bedroom", "bath", "balcony", "study")
ANNA = {"name": "Anna Said", "email": "Anna@Example.com", "phone": "01001234567", "fbp": "fb.1.1700000000000.42"}


def looked_around(person: dict[str, str], session: str = "tour-1", dwell_s: float = 120) -> list[dict[str, Any]]:
    """Return a whole tour of six rooms, every touchpoint with the same hints."""
    tour = {"session_id": session, "property_id": "villa-7", "rooms_available": 6}
    rooms = [
        touchpoint(payload={**tour, "room": room, "dwell_s": dwell_s}, person=person, occurred_at=ago(500 - nth))
        for nth, room in enumerate(ROOMS)
    ]
    return [
        touchpoint("tours.started.v1", tour, person=person, occurred_at=ago(1000)),
        *rooms,
        touchpoint("tours.completed.v1", tour, person=person, occurred_at=ago(100)),
    ]


def test_a_long_tour_makes_a_hot_person_and_says_why(stage: Stage, nile: Brokerage) -> None:
    answer = nile.post(*looked_around(ANNA))
    stage.settled()
    subject = nile.subject_of(answer["items"][0]["event_id"])
    person = nile.read(f"/api/people/{subject}")
    assert (person["id"], person["known"], person["quality"], person["touchpoints"]) == (subject, True, "hot", 8)
    assert {one["rule"] for one in person["reasons"]} >= {"long_look", "very_long_look", "many_rooms", "nearly_all"}
    assert all(one["why"] and one["points"] and one["events"] for one in person["reasons"])
    tour = person["tours"][0]
    assert (tour["session_id"], tour["total_time_s"], tour["score"]) == ("tour-1", 720, person["score"])
    assert tour["rooms"]["kitchen"] == {"visits": 1, "dwell_s": 120}
    assert (tour["rooms_available"], tour["completion_rate"], tour["finished"]) == (6, 1.0, True)
    assert tour["started_at"] < tour["last_at"] == person["last_at"]


def test_contact_is_shown_opened_to_whom_may_read(stage: Stage, nile: Brokerage) -> None:
    event_id = nile.verdict(touchpoint("leads.form_submitted.v1", person=ANNA))["event_id"]
    stage.settled()
    person = nile.read(f"/api/people/{nile.subject_of(event_id)}")
    assert person["contact"] == ANNA
    (listed,) = nile.read("/api/people", known="true")["items"]
    assert listed["contact"] == {"name": "Anna Said", "email": "Anna@Example.com", "phone": "01001234567"}
    assert "state" not in listed
    assert person["lead_forms"][0]["event_id"] == event_id


def test_a_list_of_people_says_nothing_of_a_visitor_and_mixes_up_nobody(stage: Stage, nile: Brokerage) -> None:
    nile.post(
        touchpoint("leads.form_submitted.v1", person={"first_name": "Omar", "email": "omar@mail.example"}),
        touchpoint(person={"visitor_id": "v-1"}),
        touchpoint("leads.form_submitted.v1", person={"phone": "01009998877"}),
    )
    stage.settled()
    listed = [one["contact"] for one in nile.read("/api/people")["items"]]
    assert sorted(listed, key=str) == [
        {"first_name": "Omar", "email": "omar@mail.example"}, {"phone": "01009998877"}, {},
    ]  # fmt: skip


def test_a_lead_form_keeps_its_chance_and_what_it_may_bring(stage: Stage, nile: Brokerage) -> None:
    asked = {"price_min_minor": 300_000_000, "price_max_minor": 500_000_000, "location": "Maadi"}
    event_id = nile.verdict(touchpoint("leads.form_submitted.v1", asked, person=ANNA))["event_id"]
    stage.settled()
    (form,) = nile.read(f"/api/people/{nile.subject_of(event_id)}")["lead_forms"]
    assert (form["score"], form["conversion_probability"]) == (55, 55)  # price 20, place 15, e-mail 10, phone 10
    assert form["estimated_value"] == 100_000  # 4,000,000 × 0.025


def test_only_a_tour_after_another_of_the_same_home_is_a_second_visit(stage: Stage, nile: Brokerage) -> None:
    answer = nile.post(*looked_around(ANNA), *looked_around(ANNA, "tour-2"))
    stage.settled()
    tours = nile.read(f"/api/people/{nile.subject_of(answer['items'][0]['event_id'])}")["tours"]
    returned = {one["session_id"]: one["milestones"].get("multiple_visits") for one in tours}
    assert returned["tour-1"] is None
    assert returned["tour-2"]


def test_the_newest_word_counts_whatever_the_order(stage: Stage, nile: Brokerage) -> None:
    new = touchpoint("leads.form_submitted.v1", person={**ANNA, "name": "Anna Said"}, occurred_at=ago(10))
    old = touchpoint("leads.form_submitted.v1", person={**ANNA, "name": "A. Said"}, occurred_at=ago(900))
    answer = nile.post(new, old)
    stage.settled()
    person = nile.read(f"/api/people/{nile.subject_of(answer['items'][0]['event_id'])}")
    assert person["contact"]["name"] == "Anna Said"
    assert person["touchpoints"] == 2


def test_the_journey_tells_what_each_touchpoint_scored_and_caused(stage: Stage, nile: Brokerage) -> None:
    lead = touchpoint("leads.form_submitted.v1", {"location": "Maadi"}, person=ANNA, occurred_at=ago(5))
    answer = nile.post(lead, *reversed(looked_around(ANNA)))
    stage.settled()
    journey = nile.read(f"/api/people/{nile.subject_of(answer['items'][0]['event_id'])}/journey")
    items = journey["items"]
    assert [one["occurred_at"] for one in items] == sorted(one["occurred_at"] for one in items)
    assert [items[0]["kind"], items[-1]["kind"]] == ["tours.started.v1", "leads.form_submitted.v1"]
    assert journey["truncated"] is False
    assert journey["next_action"] == {"do": "call", "why": "walked a home thoroughly, nobody spoke with them"}
    kitchen = next(one for one in items if one["fields"].get("room") == "kitchen")
    assert {one["rule"] for one in kitchen["scored"]} >= {"long_look", "many_rooms"}
    assert all(one["of"] == "tour-1" and one["why"] and one["policy"] for one in kitchen["scored"])
    assert kitchen["fields"]["hints"]["email"] == ANNA["email"]
    caused = {slot["slot"]: one["kind"] for one in items for slot in one["caused"]}
    assert caused["lead_form"] == "leads.form_submitted.v1"
    assert "tour_outcome" in caused


def test_a_visitor_who_tells_who_they_are_is_one_person_from_the_start(stage: Stage, nile: Brokerage) -> None:
    visitor, anna = {"visitor_id": "v-1"}, {"email": "anna@example.com"}
    anonymous = nile.subject_of(nile.verdict(touchpoint("properties.saved.v1", person=visitor))["event_id"])
    known = nile.subject_of(nile.verdict(touchpoint("leads.form_submitted.v1", person=anna))["event_id"])
    stage.settled()
    assert {one["id"] for one in nile.read("/api/people")["items"]} == {anonymous, known}

    nile.post(touchpoint("leads.form_submitted.v1", person={**visitor, **anna}))
    stage.settled()
    assert [one["id"] for one in nile.read("/api/people")["items"]] == [known]
    person = nile.read(f"/api/people/{anonymous}")
    assert person == nile.read(f"/api/people/{known}")
    assert (person["id"], sorted(person["subjects"])) == (known, sorted([anonymous, known]))
    assert (person["touchpoints"], person["saved"]) == (3, ["villa-7"])
    journey = nile.read(f"/api/people/{anonymous}/journey")
    assert journey == nile.read(f"/api/people/{known}/journey")
    assert "properties.saved.v1" in {one["kind"] for one in journey["items"]}
    by_old, by_new = (nile.read("/api/events", person=one)["items"] for one in (anonymous, known))
    assert by_old == by_new
    by_old, by_new = (nile.read("/api/conversions", person_id=one)["items"] for one in (anonymous, known))
    assert by_old == by_new != []


def test_a_journey_is_there_before_any_read_model(nile: Brokerage) -> None:
    subject = nile.subject_of(nile.verdict(touchpoint())["event_id"])
    assert nile.read(f"/api/people/{subject}/journey")["items"][0]["kind"] == "tours.room_visited.v1"


def test_the_same_journey_is_read_under_analytics(nile: Brokerage) -> None:
    subject = nile.subject_of(nile.verdict(touchpoint())["event_id"])
    person, analytics = (nile.reader.get(path).json() for path in (
        f"/api/people/{subject}/journey", f"/api/analytics/journey/{subject}"))  # fmt: skip
    assert person["items"][0]["id"] == analytics["items"][0]["id"]


@pytest.mark.parametrize("path", ["/api/people/{}", "/api/people/{}/journey"])
def test_nobody_is_not_found(nile: Brokerage, path: str) -> None:
    assert problem_of(nile.reader.get(path.format(uuid4())))["status"] == 404
    for name in ("7", "anna@example.com", "%00", "x" * 300):
        response = nile.reader.get(path.format(name))
        assert response.status_code == 422
        assert fields_of(response) == ["person_id"]


def test_consents_are_shown_as_last_said(stage: Stage, nile: Brokerage) -> None:
    said = [("given", "meta_tracking", 50), ("withdrawn", "meta_tracking", 40), ("given", "profiling", 30)]
    items = [
        touchpoint(f"people.consent_{word}.v1", {"purpose": purpose}, person=ANNA, occurred_at=ago(seconds))
        for word, purpose, seconds in said
    ]
    answer = nile.post(*items)
    stage.settled()
    person = nile.read(f"/api/people/{nile.subject_of(answer['items'][0]['event_id'])}")
    assert person["consents"] == {"meta_tracking": False, "profiling": True}


def test_a_human_makes_two_people_one_and_nothing_is_sent_again(stage: Stage, nile: Brokerage) -> None:
    first = nile.verdict(touchpoint("leads.form_submitted.v1", person={"email": "work@mail.example"}))["event_id"]
    second = nile.verdict(touchpoint("leads.form_submitted.v1", person={"email": "home@mail.example"}))["event_id"]
    stage.settled()
    person, other = nile.subject_of(first), nile.subject_of(second)
    sent = [one["id"] for one in nile.read("/api/conversions")["items"]]
    path = f"/api/people/{person}/merge"
    merged = nile.operator.post(path, json={"other_id": other})
    assert (merged.status_code, merged.json()["status"]) == (201, "merged")
    stage.settled()
    again = nile.operator.post(path, json={"other_id": other})
    assert (again.status_code, again.json()["status"]) == (200, "already_one")
    assert nile.operator.post(path, json={"other_id": str(uuid4())}).status_code == 404
    assert fields_of(nile.operator.post(path, json={"other": other}))
    one = nile.read(f"/api/people/{other}")
    assert (one["id"], one["touchpoints"], one["forms"]) == (person, 2, 2)
    assert set(one["subjects"]) == {person, other}
    assert [one["id"] for one in nile.read("/api/conversions")["items"]] == sent
    assert nile.reader.post(path, json={"other_id": other}).status_code == 403
