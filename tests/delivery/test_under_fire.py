"""Workers are killed and answers get lost: what was in hand goes on at once, and nothing innocent pays for it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from adapters.dramatiq.pulse import Pulse
from adapters.meta.conversions_api import MetaConversions
from adapters.postgres.outbox import MOST_CRASHES, Outbox
from application.delivery_rules import company, in_company
from application.ports.conversions import Accepted, Answer, Unanswered
from application.ports.outbox import LeaseLost
from tests.delivery.stage import Stage
from tests.delivery.test_worker import at_work
from tests.patience import eventually

A_SECOND = timedelta(seconds=1)
UNTIL = "SELECT leased_until FROM outbox.messages WHERE id = %s"
LEFT = "SELECT extract(epoch FROM leased_until - now())::float8 FROM outbox.messages WHERE id = %s"


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


def messaging(stage: Stage, **lead: Any) -> str:
    """A conversion that happened in a conversation: Meta counts each repeat of it."""
    message = stage.lead(**lead)
    mark = '{"at_most_once": true, "action_source": "chat"}'
    stage.db.rows(
        "UPDATE outbox.messages SET payload = convert_to((convert_from(payload, 'UTF8')::jsonb || %s::jsonb)::text, "
        "'UTF8') WHERE id = %s RETURNING 1",
        mark,
        message,
    )
    return message


def crashes(stage: Stage) -> dict[str, int]:
    rows = stage.db.rows("SELECT id, crashes FROM outbox.messages WHERE brokerage_id = %s", stage.brokerage_id)
    return {str(message): number for message, number in rows}


def drain_killed(stage: Stage, *, asked: bool) -> None:
    """Drain with a worker that is killed: before it asks Meta, or after Meta took what it sent."""
    with stage.delivery() as deliver:
        send = deliver.sink.send

        def dies(*arguments: Any) -> Accepted:
            send(*arguments)
            raise Killed

        def dies_before(*_: Any) -> Any:
            raise Killed

        if asked:
            deliver.sink.send = dies  # type: ignore[method-assign]
        else:
            deliver.sink.draft = dies_before  # type: ignore[method-assign]
        with suppress(Killed):
            deliver.drain(stage.lane)
    stage.lose_workers()


# What a worker holds.


def test_what_a_living_worker_holds_stays_its_own_however_long_it_takes(stage: Stage) -> None:
    lead = stage.lead()
    with stage.delivery() as deliver:
        (leased,) = deliver.queue.lease(stage.lane, 1)
        stage.db.rows(
            "UPDATE outbox.messages SET leased_until = now() + interval '1 s' WHERE id = %s RETURNING 1", lead
        )
        Pulse(stage.db.url, lambda: [leased.lease], lease_s=30).beat()
        ((left,),) = stage.db.rows(LEFT, lead)
        assert 25 < left <= 30


def test_a_pulse_renews_nothing_that_another_took_over(stage: Stage) -> None:
    lead = stage.lead()
    with stage.delivery() as slow, stage.delivery() as other:
        (mine,) = slow.queue.lease(stage.lane, 1)
        stage.lose_workers()
        other.queue.lease(stage.lane, 1)
        ((before,),) = stage.db.rows(LEFT, lead)
        Pulse(stage.db.url, lambda: [mine.lease], lease_s=300).beat()
        ((after,),) = stage.db.rows(LEFT, lead)
    assert after <= before


def test_a_request_is_not_made_under_a_lease_that_ran_out(stage: Stage) -> None:
    stage.lead()
    with stage.delivery() as slow, stage.delivery() as other:
        asleep = slow.words

        class Sleeps:
            """Meanwhile the lease runs out, and another worker does the work."""

            def forbidden(self, *arguments: Any) -> Any:
                answer = asleep.forbidden(*arguments)
                stage.lose_workers()
                other.drain(stage.lane)
                return answer

        with stage.delivery(words=Sleeps()) as sleepy, pytest.raises(LeaseLost):
            sleepy.drain(stage.lane)
    assert stage.meta.requests() == 1


def test_a_request_may_last_longer_than_its_lease(stage: Stage) -> None:
    lead, renewals = stage.lead(), []

    def send(dataset_id: str, *_: Any) -> Accepted:
        if dataset_id == stage.dataset_id:
            ((first,),) = stage.db.rows(UNTIL, lead)
            later = first + 3 * A_SECOND
            renewals.append(eventually(lambda: [at for (at,) in stage.db.rows(UNTIL, lead) if at > later]))
            return Accepted(Answer(status=200), 1)
        raise Unanswered(Answer())

    short = replace(stage.settings(), lease_s=3)
    with patched(send), patch.object(stage, "settings", lambda _redis: short), at_work(stage, None):
        eventually(lambda: stage.states()[lead] == "done")
    assert (len(renewals), stage.outcomes(lead)) == (1, ["accepted"])


# Who is to blame for a lost worker.


def test_workers_killed_while_they_wait_for_an_answer_never_count_against_a_message(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(3)]
    for _ in range(MOST_CRASHES + 1):
        drain_killed(stage, asked=True)
    assert set(crashes(stage).values()) == {0}
    stage.drain_until("done", *leads)
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(leads)


def test_workers_killed_while_waiting_do_not_shrink_the_batches(stage: Stage) -> None:
    leads = {stage.lead() for _ in range(5)}
    for _ in range(3):
        drain_killed(stage, asked=True)
    with stage.delivery() as deliver:
        assert {str(one.id) for one in deliver.queue.lease(stage.lane, 1000)} == leads


def test_a_message_is_given_up_only_after_it_was_alone_with_the_workers_it_cost(stage: Stage) -> None:
    lead = stage.lead()
    sizes = [1000 >> 3 * crash for crash in range(MOST_CRASHES)]
    assert [max(1, size) for size in sizes][-3:] == [1, 1, 1]
    for crash in range(MOST_CRASHES):
        assert (stage.states()[lead], crashes(stage)[lead]) == ("waiting", crash)
        drain_killed(stage, asked=False)
    assert stage.states()[lead] == "dead"


def test_an_answer_clears_the_record_of_a_message(stage: Stage) -> None:
    lead = stage.lead()
    drain_killed(stage, asked=False)
    assert crashes(stage)[lead] == 1
    stage.meta.plan(fail_next=["transient"])
    stage.drain()
    assert (stage.states()[lead], crashes(stage)[lead]) == ("waiting", 0)


def test_notes_about_requests_do_not_pile_up(stage: Stage) -> None:
    stage.lead()
    stage.drain()
    assert stage.db.rows("SELECT 1 FROM outbox.under_way WHERE brokerage_id = %s", stage.brokerage_id) == []


# Events that Meta would count twice.


def test_an_event_of_a_conversation_without_an_answer_is_not_sent_again_by_itself(stage: Stage) -> None:
    message = messaging(stage)
    stage.meta.plan(fail_next=["lost_after_processing"])
    stage.drain()
    assert (stage.states()[message], stage.outcomes(message)) == ("dead", ["unknown"])
    assert stage.told()[0]["final"] is True
    Outbox(stage.db.work).sweep()
    stage.drain()
    assert len(stage.meta.received(stage.dataset_id)) == 1


@pytest.mark.parametrize("fault", ["bad_json", "server_error_after_processing"])
def test_an_answer_that_proves_nothing_is_no_answer(stage: Stage, fault: str) -> None:
    message = messaging(stage)
    stage.meta.plan(fail_next=[fault])
    stage.drain()
    assert stage.states()[message] == "dead"
    assert len(stage.meta.received(stage.dataset_id)) == 1


def test_an_event_of_a_conversation_that_was_surely_not_taken_is_tried_again(stage: Stage) -> None:
    message = messaging(stage)
    stage.meta.plan(fail_next=["transient"])
    stage.drain_until("done", message)
    assert stage.outcomes(message) == ["transient", "accepted"]


def test_a_worker_killed_after_asking_leaves_a_conversations_event_unknown(stage: Stage) -> None:
    message = messaging(stage)
    drain_killed(stage, asked=True)
    stage.drain()
    assert (stage.states()[message], stage.outcomes(message)) == ("dead", ["unknown"])
    assert len(stage.meta.received(stage.dataset_id)) == 1


def test_a_worker_killed_before_asking_costs_a_conversations_event_nothing(stage: Stage) -> None:
    message = messaging(stage)
    drain_killed(stage, asked=False)
    stage.drain_until("done", message)
    assert stage.outcomes(message) == ["accepted"]


def test_work_that_breaks_off_after_asking_leaves_it_unknown_too(stage: Stage) -> None:
    message = messaging(stage)
    with stage.delivery() as deliver:
        send = deliver.sink.send

        def breaks(*arguments: Any) -> Accepted:
            send(*arguments)
            raise RuntimeError("the disk is full")

        deliver.sink.send = breaks  # type: ignore[method-assign]
        with suppress(RuntimeError):
            deliver.drain(stage.lane)
        deliver.queue.put_back("the work broke")  # type: ignore[attr-defined]
    stage.db.rows("UPDATE outbox.messages SET due_at = now() WHERE id = %s RETURNING 1", message)
    stage.drain()
    assert stage.outcomes(message) == ["unknown"]


def test_the_setting_sends_it_again_where_a_loss_is_worse_than_a_repeat(stage: Stage) -> None:
    message = messaging(stage)
    stage.meta.plan(fail_next=["lost_after_processing"])
    eventually(lambda: _drained(stage, at_least_once=True) and stage.states()[message] == "done")
    assert stage.outcomes(message) == ["unknown", "accepted"]


def _drained(stage: Stage, **changes: Any) -> bool:
    with stage.delivery(**changes) as deliver:
        deliver.drain(stage.lane)
    return True


def test_events_of_conversations_and_of_websites_never_share_a_request(stage: Stage) -> None:
    web, chat = stage.lead(), messaging(stage)
    stage.drain()
    assert sorted(one["conversion_ids"] for one in stage.told()) == sorted([[web], [chat]])


def test_a_request_is_made_of_those_that_have_all_in_common(stage: Stage) -> None:
    for _ in range(4):
        stage.lead()
    now = datetime.now(UTC)
    with stage.delivery() as deliver:
        leased = deliver.queue.lease(stage.lane, 10)
    for one, changes in zip(leased, _payloads(now), strict=True):
        one.payload.update(changes)  # type: ignore[attr-defined]
    groups = in_company(leased, lambda one: company(one, now))
    assert [len(those) for _, those in groups] == [1, 1, 1, 1]
    assert groups[0][0].old
    assert {common.partner_agent for common, _ in groups} == {None, "masar"}


def _payloads(now: datetime) -> Iterable[dict[str, Any]]:
    yield {}
    yield {"partner_agent": "masar"}
    yield {"event_time": int(now.timestamp()) - 2 * 86_400}
    yield {"action_source": "business_messaging"}


def test_what_meta_says_it_received_is_kept_with_the_request(stage: Stage) -> None:
    stage.lead()
    stage.lead()
    stage.drain()
    assert [one["received"] for one in stage.told()] == [2]


# Neighbours.


def test_a_slow_dataset_does_not_delay_another(stage: Stage) -> None:
    slow = Stage(stage.db, stage.meta)
    slow.store_token()
    waiting, lead = slow.lead(), stage.lead()
    accepted = []

    def send(dataset_id: str, *_: Any) -> Accepted:
        if dataset_id == slow.dataset_id:
            eventually(lambda: accepted)  # answers only once the other is done
        if dataset_id != stage.dataset_id:
            raise Unanswered(Answer())
        accepted.append(dataset_id)
        return Accepted(Answer(status=200), 1)

    with patched(send), at_work(stage, None):
        eventually(lambda: stage.states()[lead] == "done")
    assert accepted == [stage.dataset_id]
    assert slow.states()[waiting] in ("leased", "waiting")


def patched(send: Any) -> Any:
    """Every worker of this process sends by this."""
    return patch.object(MetaConversions, "send", lambda _self, *arguments: send(*arguments))
