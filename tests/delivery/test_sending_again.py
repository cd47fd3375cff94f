"""An operator corrects what Meta refused and has it sent again: the same conversion, told otherwise."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.postgres.connections import conninfo
from adapters.postgres.fixing import NoSuchMessage, resend
from adapters.postgres.queries import reconciliation
from application.fix_conversion import CannotResend, Wish
from tests.delivery.stage import Stage
from tests.delivery.test_under_fire import messaging

READ = """
SELECT outcome, tries, accepted_at IS NOT NULL, given_up, corrections FROM read_models.deliveries
 WHERE brokerage_id = %s AND key = %s
"""


def again(stage: Stage, conversion: str, **wish: Any) -> UUID | None:
    return resend(
        stage.db.url, stage.brokerage_id, UUID(conversion), Wish(**wish), by="0a1b2c", correlation_id=uuid4()
    )  # fmt: skip


def read(stage: Stage, conversion: str) -> tuple[Any, ...]:
    stage.db.project("deliveries")
    return stage.db.rows(READ, stage.brokerage_id, conversion)[0]


def rejected(stage: Stage) -> str:
    """A conversion that Meta refused by name."""
    lead = stage.lead()
    stage.meta.plan(fail_next=[{"outcome": "error", "code": 100, "subcode": 2804048}])
    stage.drain()
    assert stage.states()[lead] == "dead"
    return lead


def test_a_rejected_one_is_corrected_and_accepted_under_the_same_id_and_time(stage: Stage) -> None:
    lead = rejected(stage)
    again(stage, lead, event_name="Contact", value=12.5, currency="USD", custom={"step": 2}, drop_fields=("em",))
    stage.drain_until("done", lead)
    (event,) = stage.meta.received(stage.dataset_id)
    assert (event["event_name"], event["event_id"]) == ("Contact", lead)
    assert {"value": 12.5, "currency": "USD", "step": 2}.items() <= event["custom_data"].items()
    assert "em" not in event["user_data_keys"]
    before, after = (one for one in stage.told() if lead in one["conversion_ids"])
    assert (before["outcome"], after["outcome"]) == ("rejected", "accepted")


def test_the_correction_is_a_fact_that_says_what_changed_and_by_whom(stage: Stage) -> None:
    lead = rejected(stage)
    again(stage, lead, value=12.5, custom={"form_score": None}, drop_fields=("ph",))
    (fact,) = stage.db.facts(stage.brokerage_id, "ads.conversion_corrected.v1")
    occurred_at = fact.pop("occurred_at")
    assert datetime.fromisoformat(occurred_at).tzinfo is not None
    assert fact == {
        "conversion_id": lead, "dataset_id": stage.dataset_id, "by": "0a1b2c", "value": 12.5,
        "custom": {"form_score": None}, "dropped": ["phone", "phone_sha256"],
    }  # fmt: skip


def test_the_read_model_keeps_what_was_finally_sent(stage: Stage) -> None:
    lead = rejected(stage)
    assert read(stage, lead)[:4] == ("rejected", 1, False, False)
    again(stage, lead, value=12.5)
    assert read(stage, lead)[:4] == (None, 1, False, False)
    stage.drain_until("done", lead)
    outcome, tries, accepted, given_up, corrections = read(stage, lead)
    assert (outcome, tries, accepted, given_up) == ("accepted", 2, True, False)
    assert (corrections["value"], corrections["by"]) == (12.5, "0a1b2c")


def test_without_corrections_it_is_sent_as_it_was(stage: Stage) -> None:
    lead = rejected(stage)
    again(stage, lead)
    stage.drain_until("done", lead)
    assert stage.meta.counted(stage.dataset_id) == [lead]


def test_an_accepted_one_is_never_sent_again(stage: Stage) -> None:
    lead = stage.lead()
    stage.drain()
    with pytest.raises(CannotResend, match="done"):
        again(stage, lead, value=1.0)
    assert stage.db.facts(stage.brokerage_id, "ads.conversion_corrected.v1") == []


def test_a_parked_one_is_due_at_once_and_its_dataset_tried(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    lead = stage.lead()
    stage.drain()
    stage.meta.register(stage.dataset_id)
    assert again(stage, lead) is None, "nothing was decided anew"
    stage.drain_until("done", lead)


def test_one_that_is_being_sent_is_left_alone(stage: Stage) -> None:
    lead = stage.lead()
    with stage.delivery() as deliver:
        deliver.queue.lease(stage.lane, 1)
        with pytest.raises(CannotResend, match="right now"):
            again(stage, lead)


def test_one_that_is_too_old_is_not_sent(stage: Stage) -> None:
    lead = rejected(stage)
    stage.db.rows("UPDATE outbox.messages SET expires_at = now() WHERE id = %s RETURNING 1", lead)
    with pytest.raises(CannotResend, match="too old"):
        again(stage, lead)


def test_an_unknown_one_needs_a_word_that_a_repeat_is_meant(stage: Stage) -> None:
    message = messaging(stage)
    stage.meta.plan(fail_next=["lost_after_processing"])
    stage.drain()
    assert read(stage, message)[:4] == ("unknown", 1, False, True)
    with pytest.raises(CannotResend, match="confirm"):
        again(stage, message)
    again(stage, message, confirm=True)
    stage.drain_until("done", message)
    assert read(stage, message)[:4] == ("accepted", 2, True, False)


def test_two_may_not_become_one_to_meta(stage: Stage) -> None:
    lead, other = rejected(stage), stage.lead()
    stage.db.rows(
        "UPDATE outbox.messages SET also_unique = %s WHERE id = %s RETURNING 1",
        f"{stage.dataset_id}|Contact|{lead}",
        other,
    )
    with pytest.raises(CannotResend, match="another conversion"):
        again(stage, lead, event_name="Contact")
    assert stage.states()[lead] == "dead"


def test_nobody_reaches_another_brokerages_conversions(stage: Stage) -> None:
    lead = rejected(stage)
    with pytest.raises(NoSuchMessage):
        again(Stage(stage.db, stage.meta), lead)


def test_what_was_sent_is_reconciled_with_what_was_received(stage: Stage) -> None:
    leads = [stage.lead(), stage.lead()]
    stage.meta.plan(fail_next=["lost_after_processing"])
    stage.drain_until("done", *leads)
    rejected(stage)
    (row,), unknown, accepted = asyncio.run(_reconciled(stage))
    assert (row["dataset_id"], row["sent"], row["received"], row["unknown"]) == (stage.dataset_id, 5, 2, 2)
    assert (row["refused"], row["missing"], row["given_up"]) == (1, 0, 0)
    assert sorted(unknown[0]["conversion_ids"]) == sorted(leads)
    assert [one["outcome"] for one in accepted] == ["accepted"]
    assert accepted[0]["fbtrace_id"]


async def _reconciled(stage: Stage) -> tuple[Any, Any, Any]:
    now = datetime.now(UTC)
    window = {"since": now - timedelta(days=1), "until": now + timedelta(days=1)}
    connection = await psycopg.AsyncConnection.connect(
        conninfo(stage.db.url, "masar_app"), row_factory=dict_row, autocommit=True
    )
    async with connection, connection.transaction():
        await connection.execute("SELECT set_config('masar.brokerage', %s, true)", (str(stage.brokerage_id),))
        brokerage_id = stage.brokerage_id
        return (
            await reconciliation.by_day(connection, brokerage_id, **window),
            await reconciliation.behind(connection, brokerage_id, "unknown", **window),
            await reconciliation.behind(connection, brokerage_id, "received", **window),
        )
