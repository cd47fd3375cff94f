"""What sending leaves behind: alerts while an account cannot send, and nothing that nobody needs any more."""

from typing import Any

from adapters.postgres.alerts import review_alerts
from adapters.postgres.outgoing import KEPT_DAYS, forget_old
from tests.sending.stage import TOKEN, Sending

OPEN = "SELECT subject, dataset_id, count FROM outbox.alerts WHERE brokerage_id = %s AND cleared_at IS NULL"
REQUESTED = """
INSERT INTO messaging.requests (brokerage_id, name, fingerprint, created_at)
VALUES (%s, %s, 'f', now() - make_interval(days => %s))
"""
NAMES = "SELECT name FROM messaging.requests WHERE brokerage_id = %s"
ADDRESSED = "INSERT INTO messaging.addresses (thread_id, brokerage_id, kind, sealed) VALUES (%s, %s, 'phone', 's')"
ADDRESSES = "SELECT count(*) FROM messaging.addresses WHERE brokerage_id = %s"


def alerts(talk: Sending) -> list[tuple[Any, ...]]:
    review_alerts(talk.line())
    return talk.db.rows(OPEN, talk.brokerage_id)


def test_a_dead_token_of_an_account_is_told_until_one_that_works_is_there(talk: Sending) -> None:
    talk.plan("dead_token")
    (send_id,) = talk.asks("hello")
    talk.run(send_id)
    assert alerts(talk) == [("channel_held", f"whatsapp/{talk.account}", 1)]
    assert alerts(talk) == [("channel_held", f"whatsapp/{talk.account}", 1)]
    talk.run(send_id)
    assert (talk.state(send_id)[0], alerts(talk)) == ("done", [])


def test_an_account_without_a_token_is_told_too(start: Any) -> None:
    talk: Sending = start(token=None)
    talk.wrote()
    (send_id,) = talk.asks("hello")
    talk.run(send_id)
    assert alerts(talk) == [("channel_held", f"whatsapp/{talk.account}", 1)]
    talk.store_token(TOKEN)
    talk.run(send_id)
    assert alerts(talk) == []


def test_keys_are_forgotten_after_a_month_and_addresses_once_the_customer_wrote(talk: Sending) -> None:
    for name, days in (("old", KEPT_DAYS + 1), ("new", KEPT_DAYS - 1)):
        talk.db.owner.execute(REQUESTED, (talk.brokerage_id, name.encode(), days))
    unanswered = "00000000-0000-4000-8000-00000000ad00"
    for thread_id in (talk.thread_id, unanswered):
        talk.db.owner.execute(ADDRESSED, (thread_id, talk.brokerage_id))
    forget_old(talk.line())
    assert [bytes(name) for (name,) in talk.db.rows(NAMES, talk.brokerage_id)] == [b"new"]
    assert talk.db.rows(ADDRESSES, talk.brokerage_id) == [(1,)]
