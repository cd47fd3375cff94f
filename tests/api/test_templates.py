"""Templates as last synced, and syncing them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope
from domain.messaging.events import NoticeReceived, TemplateSynced
from domain.shared.fact import Fact
from tests.api.stage import Brokerage, Stage

WABA, NOW = "810700000000009", datetime.now(UTC)


def append(stage: Stage, brokerage: Brokerage, *facts: Fact) -> None:
    with connect(stage.url, "masar_projector") as connection:
        with connection.transaction():
            append_in(connection, [Envelope(uuid4(), 1, fact, brokerage.brokerage_id) for fact in facts])
        flush(connection)
    stage.settled()


def synced(name: str = "viewing", **more: object) -> TemplateSynced:
    own = {"account_id": WABA, "name": name, "language": "ar", "status": "APPROVED", "occurred_at": NOW}
    return TemplateSynced.model_validate(own | more)


def test_templates_are_listed_with_what_the_platform_told_since(stage: Stage, nile: Brokerage) -> None:
    paused = NoticeReceived(
        channel="whatsapp", account_id=WABA, about="message_template_status_update", template="offer", language="ar",
        status="paused", reason="low quality", occurred_at=NOW + timedelta(minutes=1),
    )  # fmt: skip
    append(
        stage, nile, synced(category="UTILITY", quality="GREEN", components=({"type": "BODY", "text": "See you"},)),
        synced("offer"), synced("old", gone=True), paused,
    )  # fmt: skip
    listed = nile.read("/api/templates")["items"]
    assert [(one["name"], one["status"], one["reason"]) for one in listed] == [
        ("offer", "PAUSED", "low quality"), ("viewing", "APPROVED", None),
    ]  # fmt: skip
    assert listed[1]["components"] == [{"type": "BODY", "text": "See you"}]
    assert [one["name"] for one in nile.read("/api/templates", status="approved")["items"]] == ["viewing"]
    assert [one["name"] for one in nile.read("/api/templates", name="old", gone=True)["items"]] == ["old"]


def test_an_older_word_does_not_undo_a_newer_one(stage: Stage, nile: Brokerage) -> None:
    append(stage, nile, synced(status="PAUSED"), synced(occurred_at=NOW - timedelta(hours=1)))
    assert [one["status"] for one in nile.read("/api/templates")["items"]] == ["PAUSED"]


def test_a_sync_is_work_for_a_worker(stage: Stage, nile: Brokerage, delta: Brokerage) -> None:
    assert nile.operator.post("/api/templates/sync").status_code == 409
    stage.owner.execute(
        "INSERT INTO channels.accounts (brokerage_id, channel, account_id, provider, business_id) "
        "VALUES (%s, 'whatsapp', 'sync-1', 'meta', %s), (%s, 'whatsapp', 'sync-2', 'meta', %s)",
        (nile.brokerage_id, WABA, nile.brokerage_id, WABA),
    )
    answer = nile.operator.post("/api/templates/sync")
    assert (answer.status_code, answer.json()["accounts"]) == (202, ["sync-1"])
    waiting = "SELECT count(*) FROM outbox.messages WHERE brokerage_id = %s AND kind = 'sync_templates'"
    assert stage.owner.execute(waiting, (nile.brokerage_id,)).fetchone() == (1,)
    assert nile.reader.post("/api/templates/sync").status_code == 403
    assert delta.read("/api/templates")["items"] == []


NUMBER = """
INSERT INTO channels.accounts (brokerage_id, channel, account_id, provider, business_id)
VALUES (%s, 'whatsapp', %s, 'meta', %s)
"""
DESK = """
INSERT INTO messaging.desks (thread_id, brokerage_id, subject_id, channel, account_id)
VALUES (%s, %s, %s, 'whatsapp', %s)
"""


def template_sent(brokerage: Brokerage, thread_id: UUID, name: str, *texts: str) -> Any:
    parameters = [{"type": "text", "text": one} for one in texts]
    template = {"name": name, "language": "ar", "components": [{"type": "body", "parameters": parameters}]}
    return brokerage.operator.post(f"/api/conversations/{thread_id}/messages", json={"template": template})


def test_only_a_template_of_the_numbers_own_business_account_may_be_sent(stage: Stage, nile: Brokerage) -> None:
    thread_id = uuid4()
    stage.owner.execute(NUMBER, (nile.brokerage_id, "own-1", "810700000000021"))
    stage.owner.execute(DESK, (thread_id, nile.brokerage_id, uuid4(), "own-1"))
    append(
        stage, nile, synced("ours_own", account_id="810700000000021"),
        synced("of_another", account_id="810700000000022"),
    )  # fmt: skip
    refused = template_sent(nile, thread_id, "of_another")
    assert (refused.status_code, refused.json()["rule"]) == (409, "template_not_approved")
    assert [one["name"] for one in refused.json()["templates"]] == ["ours_own"]


def test_a_template_needs_as_many_parameters_as_its_text_has_places(stage: Stage, nile: Brokerage) -> None:
    thread_id = uuid4()
    stage.owner.execute(NUMBER, (nile.brokerage_id, "own-2", "810700000000031"))
    stage.owner.execute(DESK, (thread_id, nile.brokerage_id, uuid4(), "own-2"))
    components = ({"type": "BODY", "text": "{{1}}: {{2}}, {{1}}"},)
    append(stage, nile, synced("meet", account_id="810700000000031", components=components))
    for texts in ((), ("Mona",), ("Mona", "10:00", "more")):
        refused = template_sent(nile, thread_id, "meet", *texts)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "template.components.body")


def test_a_number_that_gets_a_token_has_its_templates_read(stage: Stage, nile: Brokerage) -> None:
    body = {"channel": "whatsapp", "account_id": "fresh-1", "business_id": "810700000000041", "token": "EAAfresh"}
    assert nile.operator.post("/api/channels", json=body).status_code == 200
    asked = (
        "SELECT convert_from(payload, 'UTF8') FROM outbox.messages WHERE brokerage_id = %s AND kind = 'sync_templates'"
    )
    for _ in range(2):  # a newer token has them read again, by the one message of the account
        told = stage.owner.execute(asked, (nile.brokerage_id,)).fetchall()
        assert [one for (one,) in told] == ['{"account_id":"fresh-1","standing":true}']
        assert nile.operator.post("/api/channels", json=body | {"token": "EAAfresher"}).status_code == 200
