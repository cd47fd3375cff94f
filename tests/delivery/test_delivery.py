"""Conversions from the outbox to Meta: each counted once, whatever happens on the way."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.postgres.bodies import open_body
from adapters.postgres.outbox import Outbox
from application.ports.conversions import Accepted, Draft, Unsendable
from application.ports.outbox import LeaseLost
from domain.people.events import ConsentWithdrawn
from domain.people.hints import PersonHints
from domain.shared.personal import ERASED
from tests.delivery.stage import CHROME, MASTER, Stage


def test_what_is_due_is_accepted_in_one_request(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(3)]
    stage.drain()
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(leads)
    assert {stage.states()[one] for one in leads} == {"done"}
    (told,) = stage.told()
    assert (told["outcome"], told["status"], sorted(told["conversion_ids"])) == ("accepted", 200, sorted(leads))
    assert {"em", "external_id", "client_user_agent"} <= set(told["fields"])


def test_an_event_tells_who_what_and_where_as_meta_wants_it(stage: Stage) -> None:
    lead = stage.lead(email="Mona@Mail.Example ", fbclid="IwAR0CaseKept", ip="197.32.1.9", user_agent=CHROME)
    stage.drain()
    (event,) = stage.meta.received(stage.dataset_id)
    assert event["event_name"] == "Lead"
    assert event["action_source"] == "website"
    assert {"em", "fbc", "external_id", "client_ip_address", "client_user_agent"} <= set(event["user_data_keys"])
    assert event["custom_data"]["order_id"] == event["custom_data"]["touchpoint_id"]
    assert event["custom_data"]["currency"] == "EGP"
    assert event["event_id"] == lead


def test_a_passing_weakness_is_tried_again_under_the_same_id_and_time(stage: Stage) -> None:
    lead = stage.lead()
    stage.meta.plan(fail_next=["transient", "server_error"])
    stage.drain_until("done", lead)
    assert stage.outcomes(lead) == ["transient", "transient", "accepted"]
    (event,) = stage.meta.received(stage.dataset_id)
    assert (event["event_id"], event["anomalies"]) == (lead, [])


@pytest.mark.parametrize(
    "fault", ["lost_after_processing", "bad_json", "html", "server_error_after_processing"]
)  # fmt: skip
def test_an_answer_lost_after_the_work_was_done_counts_once(stage: Stage, fault: str) -> None:
    lead = stage.lead()
    stage.meta.plan(fail_next=[fault])
    stage.drain_until("done", lead)
    assert stage.meta.counted(stage.dataset_id) == [lead]
    receipts = stage.meta.received(stage.dataset_id)
    assert [one["outcome"] for one in receipts] == ["counted", "duplicate"]
    assert receipts[1]["anomalies"] == []


def test_one_bad_event_is_found_and_the_others_are_counted(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(12)]
    bad = leads[7]
    with stage.delivery() as deliver:
        deliver.sink.draft = _with_a_bad_event(deliver.sink.draft, bad)  # type: ignore[method-assign]
        deliver.drain(stage.lane)
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(set(leads) - {bad})
    assert stage.states()[bad] == "dead"
    assert stage.outcomes(bad)[-1] == "rejected"
    (refusal,) = [one for one in stage.told() if one["outcome"] == "rejected"]
    assert (refusal["conversion_ids"], refusal["subcode"]) == ([bad], 2804036)
    assert "lead_id" in refusal["message"]
    assert stage.meta.requests() <= 2 * 4 + 2  # 2·log₂(12) + 2


def test_requests_never_mix_the_young_with_those_near_the_limit(stage: Stage) -> None:
    leads = [stage.lead(), stage.lead(ago=timedelta(hours=30)), stage.lead(ago=timedelta(days=2))]
    stage.drain()
    assert [sorted(one["conversion_ids"]) for one in stage.told()] == [sorted(leads[1:]), [leads[0]]]


def test_a_dead_token_parks_the_dataset_and_a_new_one_sets_it_free(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, token="EAAnew")
    leads = [stage.lead(), stage.lead()]
    stage.drain()
    assert {stage.states()[one] for one in leads} == {"parked"}
    assert str(stage.circuit()).startswith("190")
    requests = stage.meta.requests()

    late = stage.lead()
    stage.drain()
    assert stage.states()[late] == "parked"
    assert stage.meta.requests() == requests, "no storm of requests with a token that is dead"

    stage.store_token("EAAnew")
    stage.drain()
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted([*leads, late])
    assert stage.circuit() is None


def test_a_held_dataset_goes_on_by_itself_when_a_probe_succeeds(stage: Stage) -> None:
    stage.probe_s = 0.05
    leads = [stage.lead(), stage.lead()]
    stage.meta.plan(fail_next=["dead_token", "dead_token"])
    stage.drain()
    stage.drain_until("done", *leads)
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(leads)
    assert stage.circuit() is None


def test_without_credentials_nothing_is_sent_and_nothing_is_lost(stage: Stage) -> None:
    poor = Stage(stage.db, stage.meta)
    lead = poor.lead()
    poor.drain()
    assert (poor.states()[lead], poor.circuit()) == ("parked", "no credentials")
    assert poor.outcomes(lead) == ["parked"]
    poor.store_token()
    poor.drain()
    assert poor.meta.counted(poor.dataset_id) == [lead]


def test_a_throttled_dataset_waits_as_long_as_meta_asks(stage: Stage) -> None:
    lead = stage.lead()
    stage.meta.plan(fail_next=["throttle"], estimated_time_to_regain_access=2)
    stage.drain()
    later = stage.lead()
    stage.drain()
    assert stage.meta.counted(stage.dataset_id) == []
    rows = stage.db.rows("SELECT due_at - now() FROM outbox.messages WHERE id = ANY(%s::uuid[])", [lead, later])
    assert all(timedelta(seconds=110) < row[0] < timedelta(seconds=140) for row in rows)
    assert stage.outcomes(lead) == ["throttled"]


def test_consent_withdrawn_before_sending_wins(stage: Stage) -> None:
    hints: dict[str, Any] = {"email": "basem@mail.example", "ip": "197.32.1.9"}
    lead = stage.lead(**hints)
    stage.observe(_withdrawal(hints))
    stage.drain()
    assert stage.meta.received(stage.dataset_id) == []
    assert (stage.states()[lead], stage.outcomes(lead)) == ("done", ["withheld"])
    assert stage.told()[0]["message"] == "no_consent"


def test_a_withdrawal_that_is_in_the_log_and_not_yet_read_holds_the_event_back(stage: Stage) -> None:
    hints: dict[str, Any] = {"email": "nadia@mail.example"}
    lead = stage.lead(**hints)
    stage.db.project, project = (lambda *names: None), stage.db.project  # type: ignore[method-assign]
    try:
        stage.observe(_withdrawal(hints))
    finally:
        stage.db.project = project  # type: ignore[method-assign]
    stage.drain()
    assert stage.meta.received(stage.dataset_id) == []
    assert stage.states()[lead] == "waiting"
    stage.db.project()
    stage.drain_until("done", lead)
    assert stage.outcomes(lead) == ["withheld"]


def test_what_became_too_old_is_withheld_and_does_not_spoil_the_rest(stage: Stage) -> None:
    young, old = stage.lead(), stage.lead(ago=timedelta(days=6))
    stage.clock = lambda: datetime.now(UTC) + timedelta(days=1, minutes=1)
    stage.drain()
    assert stage.meta.counted(stage.dataset_id) == [young]
    assert (stage.states()[old], stage.outcomes(old)) == ("done", ["withheld"])


def test_an_erased_person_is_not_told_of(stage: Stage) -> None:
    lead = stage.lead(email="erased@mail.example")

    class Gone:
        def open_all(self, values: Any) -> list[Any]:
            return [ERASED for _ in values]

    with stage.delivery(keys=Gone()) as deliver:
        deliver.drain(stage.lane)
    assert stage.meta.received(stage.dataset_id) == []
    assert stage.told()[0]["message"] == "no_match_key"
    assert stage.states()[lead] == "done"


def test_a_worker_that_slept_past_its_lease_records_nothing(stage: Stage) -> None:
    lead = stage.lead()
    with stage.delivery() as slow, stage.delivery() as other:
        send = slow.sink.send

        def sleepy(*arguments: Any) -> Accepted:
            """Meanwhile the lease runs out, and another worker does the work."""
            answer = send(*arguments)
            stage.db.owner.execute(
                "UPDATE outbox.messages SET leased_until = now() - interval '1 s' WHERE id = %s", (lead,)
            )
            stage.db.owner.execute(
                "UPDATE outbox.messages SET state = 'waiting', due_at = now() WHERE id = %s", (lead,)
            )
            other.drain(stage.lane)
            return answer

        slow.sink.send = sleepy  # type: ignore[method-assign, assignment]
        with pytest.raises(LeaseLost):
            slow.drain(stage.lane)
    assert stage.meta.counted(stage.dataset_id) == [lead]
    assert stage.outcomes(lead) == ["accepted"]


def test_a_batch_in_one_workers_hands_is_not_in_anothers(stage: Stage) -> None:
    leads = {stage.lead() for _ in range(4)}
    with stage.delivery() as first, stage.delivery() as second:
        mine = {str(one.id) for one in first.queue.lease(stage.lane, 3)}
        others = {str(one.id) for one in second.queue.lease(stage.lane, 1000)}
    assert mine | others == leads
    assert not mine & others


def test_a_refusal_that_names_no_event_holds_the_dataset_rather_than_killing_events(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(8)]
    stage.meta.plan(fail_next=[{"outcome": "error", "code": 100}] * 6)
    stage.drain()
    assert {stage.states()[one] for one in leads} == {"parked"}
    assert stage.meta.requests() <= 6
    stage.store_token()
    stage.drain()
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(leads)


def test_the_body_of_every_request_is_kept_sealed(stage: Stage) -> None:
    lead = stage.lead(email="kept@mail.example")
    stage.drain()
    ((request_id, sealed),) = stage.db.rows(
        "SELECT request_id, sealed FROM outbox.bodies WHERE brokerage_id = %s", stage.brokerage_id
    )
    assert lead.encode() not in bytes(sealed)
    body = open_body(MASTER, stage.brokerage_id, request_id, bytes(sealed))
    assert body is not None
    assert [one["event_id"] for one in body["data"]] == [lead]
    assert open_body(MASTER, uuid4(), request_id, bytes(sealed)) is None


def test_nothing_is_left_in_hand_after_a_stop(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(6)]
    with stage.delivery() as deliver:
        deliver.sink.draft = _with_a_bad_event(deliver.sink.draft, leads[2])  # type: ignore[method-assign]
        going = iter([True, True, True, False, False])
        deliver.drain(stage.lane, lambda: next(going, False))
    assert "leased" not in stage.states().values()
    stage.drain_until("done", *(set(leads) - {leads[2]}))


def test_a_work_that_crashed_is_done_by_another(stage: Stage) -> None:
    lead = stage.lead()
    with stage.delivery() as deliver:
        deliver.queue.lease(stage.lane, 1000)  # and then the process is killed
    stage.lose_workers()
    stage.drain_until("done", lead)
    assert stage.meta.counted(stage.dataset_id) == [lead]


def test_a_message_that_keeps_killing_its_worker_is_set_aside_and_the_others_go_on(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(4)]
    bad = leads[1]

    def deadly(message: Any, opened: Any, now: datetime) -> Draft | Unsendable:
        if message["event_id"] == bad:
            raise SystemExit("out of memory")
        return draft(message, opened, now)

    with stage.delivery() as deliver:
        draft = deliver.sink.draft
        deliver.sink.draft = deadly  # type: ignore[method-assign, assignment]
        for _ in range(10):
            with suppress(SystemExit):
                deliver.drain(stage.lane)
            stage.lose_workers()
    assert stage.states()[bad] == "dead"
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(set(leads) - {bad})


def test_what_was_parked_as_its_dataset_was_let_go_is_found_again(stage: Stage) -> None:
    lead = stage.lead()
    stage.db.rows("UPDATE outbox.messages SET state = 'parked' WHERE id = %s RETURNING 1", lead)
    Outbox(stage.db.work).sweep()
    stage.drain()
    assert stage.meta.counted(stage.dataset_id) == [lead]


def test_what_expires_while_parked_is_withheld_in_the_end(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    lead = stage.lead(ago=timedelta(days=6))
    stage.drain()
    assert stage.states()[lead] == "parked"
    stage.db.rows("UPDATE outbox.messages SET expires_at = now() WHERE id = %s RETURNING 1", lead)
    Outbox(stage.db.work).sweep()
    stage.drain()
    assert (stage.states()[lead], stage.outcomes(lead)) == ("done", ["parked", "withheld"])


@pytest.mark.parametrize("place", [0, 1])
def test_a_bad_event_is_told_from_a_bad_dataset_by_its_company(stage: Stage, place: int) -> None:
    leads = {stage.lead(), stage.lead()}
    refused = {"outcome": "error", "code": 100}
    alone = [refused, "ok"] if place == 0 else ["ok", refused]
    stage.meta.plan(fail_next=[refused, *alone])
    stage.drain()
    assert sorted(stage.states()[one] for one in leads) == ["dead", "done"]
    assert stage.circuit() is None


def _withdrawal(hints: dict[str, str]) -> ConsentWithdrawn:
    return ConsentWithdrawn(purpose="meta_tracking", occurred_at=datetime.now(UTC), hints=PersonHints(**hints))


def _with_a_bad_event(draft: Any, bad: str) -> Any:
    """A draft that Meta refuses in a way our own checks let pass."""

    def drafted(payload: Any, opened: Any, now: datetime) -> Any:
        made = draft(payload, opened, now)
        if payload["event_id"] == bad:
            made.event["user_data"]["lead_id"] = "12"
        return made

    return drafted


def test_the_body_of_a_request_is_forgotten_after_a_month(stage: Stage) -> None:
    owner = stage.db.owner
    owner.execute(
        "INSERT INTO outbox.bodies (request_id, brokerage_id, sealed, created_at) VALUES "
        "(gen_random_uuid(), %(id)s, 'old', now() - interval '31 days'), "
        "(gen_random_uuid(), %(id)s, 'new', now() - interval '29 days')",
        {"id": stage.brokerage_id},
    )
    assert Outbox(stage.db.work).forget_bodies() == 1
    rows = owner.execute("SELECT sealed FROM outbox.bodies WHERE brokerage_id = %s", (stage.brokerage_id,)).fetchall()
    assert [bytes(sealed) for (sealed,) in rows] == [b"new"]
