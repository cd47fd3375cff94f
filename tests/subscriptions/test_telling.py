"""Subscribers told of facts: from the log through the outbox to a receiver, on a real database."""

import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from adapters.postgres.alerts import review_alerts
from adapters.postgres.connections import connect
from adapters.postgres.endpoints import Wanted
from adapters.postgres.outbox import Outbox
from adapters.postgres.subscriptions import PAGE, feed_once, forget_deliveries
from application.subscriptions import is_signed, new_secret
from tests.outside.receiver import Receiver, Says
from tests.subscriptions.stage import Subscribed


def test_a_fact_reaches_its_subscriber_signed(own: Subscribed, there: Receiver) -> None:
    (event,) = own.happen("walk", email="mona@example.com")
    own.feed()
    own.tell()
    (asked,) = there.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert is_signed([own.secret], asked.headers, asked.body, datetime.now(UTC))
    told = json.loads(asked.body)
    assert set(told) == {"type", "timestamp", "data"}
    assert (told["type"], told["data"]["id"]) == ("tours.started.v1", event)
    assert told["data"]["fields"]["session_id"] == "session-walk"
    assert told["data"]["fields"]["hints"] == {"sealed": True}
    assert "mona" not in asked.body.decode()
    assert own.deliveries("state, attempts") == [("delivered", 1)]
    assert own.attempts() == [("delivered", 200, None, "ok")]
    assert own.waiting() == 0


def test_personal_values_are_told_to_those_who_asked(own: Subscribed, there: Receiver) -> None:
    trusted = own.subscribe(personal=True)
    own.happen("walk", email="mona@example.com")
    own.feed()
    own.tell(trusted)
    assert json.loads(there.asked[0].body)["data"]["fields"]["hints"]["email"] == "mona@example.com"


def test_the_erased_are_told_to_nobody(own: Subscribed, there: Receiver) -> None:
    trusted = own.subscribe(personal=True)
    own.happen("walk", email="mona@example.com")
    own.feed()
    erased = "UPDATE registry.subjects SET wrapped_key = NULL WHERE brokerage_id = %s RETURNING 1"
    assert own.query(erased)
    own.tell(trusted)
    assert json.loads(there.asked[0].body)["data"]["fields"]["hints"] == {"erased": True}


def test_each_is_told_what_it_asked_for_and_only_of_its_own_brokerage(own: Subscribed, there: Receiver) -> None:
    other = Subscribed(own.stage, there)
    leads, everything, off = own.subscribe("leads.*"), own.subscribe("*"), own.subscribe(enabled=False)
    own.happen("walk")
    own.feed()
    told = own.query("SELECT endpoint_id FROM subscriptions.deliveries WHERE brokerage_id = %s")
    assert {one for (one,) in told} == {own.id, everything}
    assert other.deliveries() == []
    assert {leads, off}.isdisjoint(one for (one,) in told)


def test_a_new_subscription_begins_now(own: Subscribed) -> None:
    own.happen("before")
    later = own.subscribe()
    own.happen("after")
    own.feed()
    told = own.query("SELECT endpoint_id FROM subscriptions.deliveries WHERE brokerage_id = %s")
    assert sorted(one for (one,) in told) == sorted([own.id, own.id, later])


def test_every_fact_is_told_once_whoever_feeds(own: Subscribed) -> None:
    events = own.happen(*(f"walk-{number}" for number in range(40)))
    with connect(own.stage.url, "masar_projector") as second:
        threads = [
            threading.Thread(target=lambda line=line: [feed_once(line) for _ in range(20)])
            for line in (own.work, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    own.feed()
    told = [str(one) for (one,) in own.deliveries("event_id")]
    assert sorted(told) == sorted(events)


def test_the_feed_reads_page_by_page_and_nothing_twice(own: Subscribed) -> None:
    start = own.stage.query("SELECT position FROM subscriptions.feed")[0][0]
    own.happen(*(f"walk-{number}" for number in range(5)))
    moved = feed_once(own.work)
    assert 5 <= moved <= PAGE
    assert own.stage.query("SELECT position FROM subscriptions.feed")[0][0] == start + moved
    assert feed_once(own.work) == 0
    assert len(own.deliveries()) == 5


def test_a_feed_that_is_broken_off_leaves_nothing_half(own: Subscribed) -> None:
    own.happen("walk")
    before = own.stage.query("SELECT position FROM subscriptions.feed")
    with pytest.raises(psycopg.errors.DivisionByZero), own.work.transaction():
        own.work.execute("SELECT 1 / least(%s, 0)", (feed_once(own.work),))
    assert own.stage.query("SELECT position FROM subscriptions.feed") == before
    assert own.deliveries() == []
    own.feed()
    assert len(own.deliveries()) == 1


def test_what_fails_is_tried_again_under_the_same_id(own: Subscribed, there: Receiver) -> None:
    own.happen("walk")
    own.feed()
    there.otherwise = Says(503, body=b"come \x00back\x1b")
    own.tell()
    assert own.deliveries("state, attempts") == [("waiting", 1)]
    assert own.attempts() == [("again", 503, None, "come �back�")]
    there.otherwise = Says(204, body=b"")
    own.later(timedelta(minutes=1))
    own.tell()
    assert len({one.headers["webhook-id"] for one in there.asked}) == 1
    assert [one.body for one in there.asked[1:]] == [there.asked[0].body]
    assert own.deliveries("state, attempts") == [("delivered", 2)]
    assert own.shown("failures, last_failure") == (0, "status 503")


def test_a_subscriber_that_hangs_is_left_after_its_time(own: Subscribed, there: Receiver) -> None:
    release = threading.Event()
    there.otherwise = Says(before=lambda: release.wait(30))
    own.happen("walk")
    own.feed()
    try:
        own.tell(within_s=0.1)
    finally:
        release.set()
    assert own.attempts()[0][:3] == ("again", None, "it took too long")


def test_one_that_fails_does_not_hold_up_another(own: Subscribed, there: Receiver) -> None:
    there.says["/broken"] = Says(500)
    broken = own.subscribe(url=there.url("/broken"))
    own.happen(*(f"walk-{number}" for number in range(5)))
    own.feed()
    own.tell(broken)
    own.tell()
    assert [one.path for one in there.asked].count("/hook") == 5
    assert [one.path for one in there.asked].count("/broken") == 3  # then it is left alone


def test_after_a_day_it_is_disabled_and_says_why(own: Subscribed, there: Receiver) -> None:
    there.otherwise = Says(500)
    own.happen("walk")
    own.feed()
    own.tell()
    own.later()
    own.tell()
    assert own.deliveries("state, attempts") == [("failed", 2)]
    assert own.shown("enabled, disabled_why") == (False, "nothing was taken for 24 hours: status 500")
    own.happen("another")
    own.feed()
    assert len(own.deliveries()) == 1


def test_gone_disables_at_once_and_the_rest_is_dropped(own: Subscribed, there: Receiver) -> None:
    there.otherwise = Says(410)
    own.happen("one", "two")
    own.feed()
    own.tell()
    assert sorted(own.deliveries()) == [("dropped",), ("failed",)]
    assert own.shown("enabled") == (False,)
    assert len(there.asked) == 1


def test_enabled_again_what_was_missed_can_be_sent(own: Subscribed, there: Receiver) -> None:
    there.otherwise = Says(410)
    own.happen("one", "two")
    own.feed()
    own.tell()
    there.otherwise = Says()
    own.endpoints.change(own.id, Wanted(enabled=True))
    assert own.endpoints.replay(own.id) == 2
    own.tell()
    assert own.deliveries() == [("delivered",), ("delivered",)]
    assert own.shown("enabled, disabled_why") == (True, None)
    assert own.endpoints.replay(own.id) == 0


def test_a_delivery_is_sent_again_under_its_own_id(own: Subscribed, there: Receiver) -> None:
    own.happen("walk")
    own.feed()
    own.tell()
    ((delivery,),) = own.deliveries("id")
    assert own.endpoints.replay(own.id, delivery) == 1
    assert own.endpoints.replay(own.id, delivery) == 0  # it waits already
    own.tell()
    assert [one.headers["webhook-id"] for one in there.asked] == [str(delivery)] * 2
    assert own.deliveries("state, attempts") == [("delivered", 2)]


def test_while_a_secret_is_rotated_both_sign(own: Subscribed, there: Receiver) -> None:
    new = new_secret()
    assert own.endpoints.rotate(own.id, new, timedelta(hours=1)) is not None
    own.happen("walk")
    own.feed()
    own.tell()
    (asked,) = there.asked
    assert [is_signed([one], asked.headers, asked.body, datetime.now(UTC)) for one in (new, own.secret)] == [True, True]
    own.endpoints.rotate(own.id, new_secret(), timedelta(0))
    own.happen("next")
    own.feed()
    own.tell()
    asked = there.asked[1]
    assert [is_signed([one], asked.headers, asked.body, datetime.now(UTC)) for one in (new, own.secret)] == [
        False,
        False,
    ]


def test_secrets_are_kept_sealed(own: Subscribed) -> None:
    assert own.secret.removeprefix("whsec_") not in own.shown("secret")[0]


def test_a_deleted_one_is_told_nothing_more(own: Subscribed, there: Receiver) -> None:
    own.happen("walk")
    own.feed()
    assert own.endpoints.delete(own.id)
    own.tell()
    assert (there.asked, own.deliveries(), own.waiting()) == ([], [], 0)


def test_what_was_written_while_it_was_deleted_goes_nowhere(own: Subscribed, there: Receiver) -> None:
    own.happen("walk")
    own.feed()
    own.query("DELETE FROM subscriptions.endpoints WHERE brokerage_id = %s RETURNING 1")
    own.tell()
    assert (there.asked, own.deliveries(), own.waiting()) == ([], [("dropped",)], 0)


def test_an_alert_says_that_one_was_disabled_until_it_is_enabled_again(own: Subscribed, there: Receiver) -> None:
    there.otherwise = Says(410)
    own.happen("walk")
    own.feed()
    own.tell()
    review_alerts(own.work)
    open_ones = "SELECT subject, count FROM outbox.alerts WHERE brokerage_id = %s AND cleared_at IS NULL"
    assert own.query(open_ones) == [("subscription_disabled", 1)]
    own.endpoints.change(own.id, Wanted(enabled=True))
    review_alerts(own.work)
    assert own.query(open_ones) == []
    own.endpoints.change(own.id, Wanted(enabled=False))  # whoever does it themselves need not be told
    review_alerts(own.work)
    assert own.query(open_ones) == []


def test_a_lost_worker_costs_a_lease_and_no_message(own: Subscribed, there: Receiver) -> None:
    own.happen("walk")
    own.feed()
    with own.post() as lost:
        assert len(lost.book.lease(own.brokerage_id, own.id, 10)) == 1
        own.query(
            "UPDATE outbox.messages SET leased_until = now() - interval '1 s' WHERE brokerage_id = %s RETURNING 1"
        )
        Outbox(own.work).sweep()
    own.tell()
    assert len(there.asked) == 1
    assert own.deliveries() == [("delivered",)]


def test_who_is_of_this_network_is_never_called(own: Subscribed, there: Receiver) -> None:
    inside = own.subscribe(url=f"http://localhost:{there.port}/hook")
    own.happen("walk")
    own.feed()
    own.tell(inside)
    assert there.asked == []
    assert own.attempts()[0][2].startswith("the address is none of the public internet")


def test_what_is_old_is_forgotten(own: Subscribed) -> None:
    own.happen("walk")
    own.feed()
    own.tell()
    own.later(timedelta(days=31))
    own.query("UPDATE subscriptions.attempts SET at = at - interval '31 days' WHERE brokerage_id = %s RETURNING 1")
    assert forget_deliveries(own.work) == 2
    assert (own.deliveries(), own.attempts()) == ([], [])


def test_nobody_changes_a_neighbours_subscription(own: Subscribed, there: Receiver) -> None:
    other = Subscribed(own.stage, there)
    assert not other.endpoints.change(own.id, Wanted(enabled=False))
    assert not other.endpoints.delete(own.id)
    assert other.endpoints.rotate(own.id, new_secret(), timedelta(0)) is None
    assert other.endpoints.known(own.id) is None
    assert own.endpoints.known(uuid4()) is None
    assert own.shown("enabled") == (True,)
