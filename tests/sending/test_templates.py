"""Templates are read from the platform page by page; what is new, changed or gone becomes a fact."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from adapters.postgres.outbox import add_messages
from domain.shared.outbox import OutboxMessage
from tests.sending.stage import WABA, Sending


def sync(talk: Sending, **more: bool) -> tuple[str, str | None]:
    """Have the templates read now; return what became of the message."""
    own = uuid4()
    message = OutboxMessage(
        id=own, brokerage_id=talk.brokerage_id, kind="sync_templates", due_at=datetime.now(UTC),
        payload={"account_id": talk.account, **more}, cause_id=own, position=0,
    )  # fmt: skip
    with talk.db.work.cursor(binary=True) as cursor:
        add_messages(cursor, [message])
    talk.make_due(own)
    return talk.sync(own)


def at_the_platform(talk: Sending, name: str, **more: Any) -> None:
    template = {"name": name, "language": "ar", "status": "APPROVED", "category": "UTILITY"}
    body = {"components": [{"type": "BODY", "text": "See you"}]}
    talk.control("PUT", f"templates/{WABA}", {**template, **body, **more})


def told(talk: Sending) -> list[tuple[str, str, bool]]:
    """What the facts say, in order: name, status, whether it is gone."""
    facts = talk.facts("messaging.template_synced.v1")
    return [(one["name"], one["status"], one["gone"]) for one in facts]


def test_all_pages_are_read_and_a_second_sync_tells_nothing_new(start: Any) -> None:
    talk: Sending = start()
    for nth in range(250):
        at_the_platform(talk, f"t{nth:03}")
    assert sync(talk) == ("done", None)
    assert sorted(told(talk)) == [(f"t{nth:03}", "APPROVED", False) for nth in range(250)]
    sync(talk)
    assert len(told(talk)) == 250


def test_a_change_is_told(start: Any) -> None:
    talk: Sending = start()
    at_the_platform(talk, "viewing")
    sync(talk)
    at_the_platform(talk, "viewing", status="PAUSED")
    sync(talk)
    assert told(talk) == [("viewing", "APPROVED", False), ("viewing", "PAUSED", False)]


def test_without_a_token_the_sync_ends_and_says_why(start: Any) -> None:
    talk: Sending = start(token=None)
    state, why = sync(talk)
    assert (state, why) == ("dead", "the account has no token, or no business account is named for it")


def test_a_sync_that_nobody_asked_for_ends_quietly(start: Any) -> None:
    talk: Sending = start(token=None)
    state, _why = sync(talk, unasked=True)
    assert state == "done"


def test_a_template_that_is_gone_is_told_once(start: Any) -> None:
    talk: Sending = start()
    at_the_platform(talk, "viewing")
    sync(talk)
    delete(talk, "viewing")
    sync(talk)
    sync(talk)
    assert told(talk) == [("viewing", "APPROVED", False), ("viewing", "APPROVED", True)]


def delete(talk: Sending, name: str) -> None:
    headers = {"authorization": "Bearer EAAsending"}
    path = f"/v26.0/{WABA}/message_templates"
    talk.platform.request("DELETE", path, params={"name": name}, headers=headers).raise_for_status()
