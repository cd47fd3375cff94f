"""Agents take threads over by the API: one holder at a time, idempotent, visible, and only in their own brokerage."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.messaging.threads import thread_of
from tests.api.stage import Brokerage, Stage, fields_of, problem_of, touchpoint

ACCOUNT = "107000000000009"
DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id, inbound, last_inbound_at,
                             last_arrived_at, state)
VALUES (%s, %s, %s, 'whatsapp', %s, 1, now(), now(), 'ACTIVE')
"""


@pytest.fixture
def thread(stage: Stage, nile: Brokerage) -> UUID:
    """A thread of the brokerage, whose customer wrote just now."""
    event = nile.verdict(touchpoint(person={"phone": f"+2010{uuid4().int % 10**8:08d}"}))["event_id"]
    stage.settled()
    subject = UUID(nile.subject_of(event))
    thread_id = thread_of(nile.brokerage_id, "whatsapp", ACCOUNT, subject)
    stage.owner.execute(DESK, (thread_id, nile.brokerage_id, subject, ACCOUNT))
    return thread_id


def post(nile: Brokerage, thread: UUID, what: str, **body: Any) -> httpx.Response:
    return nile.operator.post(f"/api/conversations/{thread}/{what}", json=body)


def test_an_agent_takes_over_and_gives_back(nile: Brokerage, thread: UUID) -> None:
    taken = post(nile, thread, "takeover", agent="omar", reason="a big buyer", minutes=30)
    assert taken.status_code == 201, taken.text
    told = taken.json()
    assert (told["status"], told["holder"], told["agent"], told["fence"]) == ("taken", "agent", "omar", 1)
    assert (told["state"], told["cancelled"], told["going"]) == ("WAITING_AGENT", [], [])
    again = post(nile, thread, "takeover", agent="omar", minutes=30)
    assert (again.status_code, again.json()["status"], again.json()["fence"]) == (200, "already_held", 1)
    back = post(nile, thread, "release", agent="omar")
    assert (back.json()["status"], back.json()["holder"], back.json()["fence"]) == ("released", "assistant", 2)
    assert post(nile, thread, "release").json()["status"] == "not_held"
    kinds = [one["kind"] for one in nile.read("/api/events", limit=200)["items"]]
    assert kinds.count("messaging.holder_changed.v1") == 2
    assert kinds.count("messaging.state_changed.v1") == 2


def test_a_second_agent_is_told_who_holds_it(nile: Brokerage, thread: UUID) -> None:
    until = post(nile, thread, "takeover", agent="omar").json()["held_until"]
    refused = post(nile, thread, "takeover", agent="sara")
    assert refused.status_code == 409
    problem = refused.json()
    assert (problem["holder"], problem["until"], problem["title"]) == ("omar", until, "Held by another")
    assert post(nile, thread, "release", agent="sara").status_code == 409
    assert post(nile, thread, "close", agent="sara").status_code == 409
    by_force = post(nile, thread, "takeover", agent="sara", force=True)
    assert (by_force.status_code, by_force.json()["agent"], by_force.json()["fence"]) == (201, "sara", 2)


def test_closing_is_done_once(nile: Brokerage, thread: UUID) -> None:
    closed = post(nile, thread, "close", reason="sold").json()
    assert (closed["status"], closed["state"], closed["survey"]) == ("closed", "CLOSED", None)
    assert post(nile, thread, "close").json()["status"] == "already_closed"


def test_a_survey_is_asked_for_within_the_window(nile: Brokerage, thread: UUID) -> None:
    closed = post(nile, thread, "close", survey="ar").json()
    assert UUID(closed["survey"])


def test_who_waits_for_a_human_is_listed_until_somebody_takes_over(
    stage: Stage, nile: Brokerage, delta: Brokerage, thread: UUID
) -> None:
    stage.owner.execute("UPDATE messaging.desks SET state = 'WAITING_AGENT' WHERE thread_id = %s", (thread,))
    (wanted,) = nile.read("/api/notifications")["items"]
    assert (wanted["thread_id"], wanted["channel"], wanted["unanswered"]) == (str(thread), "whatsapp", 1)
    assert delta.read("/api/notifications")["items"] == []
    post(nile, thread, "takeover", agent="omar")
    assert nile.read("/api/notifications")["items"] == []


@pytest.mark.parametrize("what", ["takeover", "release", "close"])
def test_the_thread_of_another_brokerage_is_not_found(delta: Brokerage, thread: UUID, what: str) -> None:
    refused = post(delta, thread, what, agent="omar")
    assert (refused.status_code, problem_of(refused)["detail"]) == (404, "there is no such thread")


def test_readers_take_nothing_over(nile: Brokerage, thread: UUID) -> None:
    asked = {"agent": "omar"}
    assert nile.reader.post(f"/api/conversations/{thread}/takeover", json=asked).status_code == 403
    assert nile.producer.post(f"/api/conversations/{thread}/takeover", json=asked).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "agent"), ({"agent": ""}, "agent"), ({"agent": "  "}, "agent"), ({"agent": "a\x00b"}, "agent"),
        ({"agent": "omar", "minutes": 0}, "minutes"), ({"agent": "omar", "minutes": 10**9}, "minutes"),
        ({"agent": "omar", "reason": ""}, "reason"), ({"agent": "omar", "why": "x"}, "why"),
        ({"agent": "omar", "force": "perhaps"}, "force"), ({"agent": "omar", "force": 0}, "force"),
        ({"agent": 7}, "agent"), ([], ""),
        ({"agent": "\ud800"}, "agent"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_by_field(nile: Brokerage, thread: UUID, body: Any, field: str) -> None:
    refused = nile.operator.post(f"/api/conversations/{thread}/takeover", content=json.dumps(body))
    assert (refused.status_code, fields_of(refused)) == (422, [field])
