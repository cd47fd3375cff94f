"""How agents are reached is set by operators of their own brokerage; every notice shows what became of it."""

from uuid import UUID, uuid4

import pytest

from domain.messaging.threads import thread_of
from tests.api.stage import Brokerage, Stage, fields_of, touchpoint

ACCOUNT = "107000000000019"
AGENTS = "/api/notifications/agents"
OMAR = {"phone": "+201001112233", "email": None, "template": "human_wanted", "language": "ar"}
DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id, state)
VALUES (%s, %s, %s, 'whatsapp', %s, 'WAITING_AGENT')
"""
NOTICE = """
INSERT INTO messaging.notices (id, brokerage_id, thread_id, agent, medium, why, since, outcome, reason)
VALUES (%s, %s, %s, 'omar', 'whatsapp', 'asked for', now(), 'failed', 'no such template')
"""


def test_an_agent_is_set_shown_changed_and_removed(nile: Brokerage, delta: Brokerage) -> None:
    operator, own = nile.operator, f"{AGENTS}/Omar Nabil"
    assert operator.put(own, json=OMAR).json() == {"agent": "Omar Nabil", **OMAR}
    mail = {"phone": None, "email": "omar@nile.example", "template": None, "language": None}
    assert operator.put(own, json={"email": "omar@nile.example"}).status_code == 200
    assert operator.get(own).json() == {"agent": "Omar Nabil", **mail}
    assert operator.get(AGENTS).json() == {"items": [{"agent": "Omar Nabil", **mail}]}
    assert delta.operator.get(AGENTS).json() == {"items": []}
    assert delta.operator.get(own).status_code == delta.operator.delete(own).status_code == 404
    assert nile.reader.get(AGENTS).status_code == 403
    assert operator.delete(own).status_code == 204
    assert operator.delete(own).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"phone": "+201001112233"}, ""),
        ({"phone": "01001112233", "template": "t", "language": "ar"}, "phone"),
        ({"email": "omar@nile.example\r\nBcc: all@x.example"}, "email"),
        ({"email": "a@b.example, c@d.example"}, "email"),
        ({"email": "omar@nile.example", "sms": "+2"}, "sms"),
    ],
)
def test_a_contact_that_reaches_nobody_is_refused(nile: Brokerage, body: dict[str, str], field: str) -> None:
    assert fields_of(nile.operator.put(f"{AGENTS}/omar", json=body)) == [field]


def test_notices_are_listed_and_shown_with_their_thread(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    event = nile.verdict(touchpoint(person={"phone": f"+2010{uuid4().int % 10**8:08d}"}))["event_id"]
    stage.settled()
    subject = UUID(nile.subject_of(event))
    thread_id = thread_of(nile.brokerage_id, "whatsapp", ACCOUNT, subject)
    stage.owner.execute(DESK, (thread_id, nile.brokerage_id, subject, ACCOUNT))
    stage.owner.execute(NOTICE, (uuid4(), nile.brokerage_id, thread_id))
    listed = nile.read("/api/notifications")
    assert [one["thread_id"] for one in listed["items"]] == [str(thread_id)]
    (notice,) = listed["notices"]
    assert (notice["thread_id"], notice["agent"], notice["medium"]) == (str(thread_id), "omar", "whatsapp")
    assert (notice["outcome"], notice["reason"], notice["why"]) == ("failed", "no such template", "asked for")
    assert delta.read("/api/notifications") == {"items": [], "notices": []}
