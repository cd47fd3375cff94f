"""Templates are read from the platform page by page; what is new, changed or gone becomes a fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.postgres.outbox import add_messages
from adapters.postgres.template_syncs import keep_syncing, standing_id, sync_soon
from application.outgoing_templates import EVERY_S, LATEST_S, SOONEST_S
from domain.brokerage.rulebook import House
from domain.messaging.events import NoticeReceived
from domain.shared.fact import Recorded
from domain.shared.outbox import OutboxMessage
from projections.templates import TEMPLATES, Template
from tests.sending.stage import TOKEN, WABA, Sending

BROKERAGE = uuid4()


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


STANDING = "SELECT id, state, attempts FROM outbox.messages WHERE brokerage_id = %s AND kind = 'sync_templates'"
NOT_READY = {"outcome": "error", "code": 100, "subcode": 33, "status": 400}


def stands(talk: Sending) -> UUID:
    """Have templates kept in step by themselves; return the message that does it."""
    keep_syncing(talk.line())
    return standing_id(talk.brokerage_id, WABA)


def waits_s(talk: Sending, message_id: UUID) -> float:
    rows = talk.db.rows(
        "SELECT extract(epoch FROM due_at - now())::float8 FROM outbox.messages WHERE id = %s", message_id
    )
    return float(rows[0][0])


def runs(talk: Sending, message_id: UUID) -> tuple[str, str | None]:
    talk.make_due(message_id)
    return talk.sync(message_id)


def test_a_first_read_that_is_refused_is_done_again_by_itself(start: Any) -> None:
    talk: Sending = start()
    at_the_platform(talk, "viewing")
    own = stands(talk)
    talk.control("PUT", "faults", {"fail_next": [NOT_READY, NOT_READY]}, route="templates")
    for most_s in (SOONEST_S, 2 * SOONEST_S):  # later and later
        state, why = runs(talk, own)
        assert (state, bool(why)) == ("waiting", True)
        assert most_s / 2 < waits_s(talk, own) <= most_s
    assert told(talk) == []
    assert runs(talk, own) == ("waiting", None)
    assert told(talk) == [("viewing", "APPROVED", False)]
    assert LATEST_S < waits_s(talk, own) <= EVERY_S


def test_what_changes_later_is_told_by_the_same_message(start: Any) -> None:
    talk: Sending = start()
    own = stands(talk)
    for status in ("APPROVED", "PAUSED", "APPROVED"):
        at_the_platform(talk, "viewing", status=status)
        runs(talk, own)
    assert [status for _, status, _ in told(talk)] == ["APPROVED", "PAUSED", "APPROVED"]


def test_an_account_has_one_standing_message_however_often_it_is_looked_at(start: Any) -> None:
    talk: Sending = start()
    own = stands(talk)
    runs(talk, own)
    assert stands(talk) == own
    assert talk.db.rows(STANDING, talk.brokerage_id) == [(own, "waiting", 1)]
    assert waits_s(talk, own) > LATEST_S


def test_without_a_token_it_rests_until_there_is_one(start: Any) -> None:
    talk: Sending = start(token=None)
    at_the_platform(talk, "viewing")
    own = stands(talk)
    assert runs(talk, own)[0] == "done"
    stands(talk)
    assert talk.state(own)[0] == "done"
    talk.store_token(TOKEN)
    sync_soon(talk.line(), talk.brokerage_id, [talk.account])
    assert talk.sync(own) == ("waiting", None)
    assert told(talk) == [("viewing", "APPROVED", False)]


def test_a_token_that_works_brings_forward_what_was_refused(start: Any) -> None:
    talk: Sending = start()
    own = stands(talk)
    talk.control("PUT", "faults", {"fail_next": [NOT_READY]}, route="templates")
    runs(talk, own)
    assert waits_s(talk, own) > 0
    sync_soon(talk.line(), talk.brokerage_id, [talk.account])
    assert waits_s(talk, own) <= 0


def notice(second: int, **more: Any) -> Recorded:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=second)
    fact = NoticeReceived.model_validate({
        "channel": "whatsapp", "account_id": WABA, "about": "message_template_status_update", "template": "viewing",
        "language": "ar", "status": "APPROVED", "occurred_at": at, **more,
    })  # fmt: skip
    return Recorded(second, uuid4(), 1, BROKERAGE, None, at, None, None, fact)


def followed(*notices: Recorded) -> list[OutboxMessage]:
    """What the platform's words about templates are followed by, each message once."""
    put = [TEMPLATES.step(Template(), one, House(), "")[1][1] for one in notices]
    return list({one.id: one for messages in put for one in messages}.values())


def test_words_of_the_platform_about_templates_are_followed_by_one_read_a_minute() -> None:
    (first, second) = followed(notice(5), notice(30, template="offer"), notice(59), notice(61))
    assert [one.due_at.isoformat() for one in (first, second)] == [
        "2026-11-20T12:01:00+00:00", "2026-11-20T12:02:00+00:00",
    ]  # fmt: skip
    assert {one.payload["business_id"] for one in (first, second)} == {WABA}


def test_a_read_that_follows_a_word_of_the_platform_finds_the_number(start: Any) -> None:
    talk: Sending = start()
    at_the_platform(talk, "viewing")
    (message,) = followed(notice(0))
    with talk.db.work.cursor(binary=True) as cursor:
        add_messages(cursor, [replace(message, id=uuid4(), brokerage_id=talk.brokerage_id)])
    ((own, _, _),) = talk.db.rows(STANDING, talk.brokerage_id)
    assert runs(talk, own) == ("done", None)
    assert told(talk) == [("viewing", "APPROVED", False)]
