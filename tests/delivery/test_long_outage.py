"""Meta is away until the first conversions are eight days old: what is told late, and what is too late.

And what waits for longest of all: that on which our own work breaks.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.meta.conversions_api import MetaConversions
from adapters.meta.graph import GraphClient
from tests.delivery.stage import Stage
from tests.patience import PATIENCE_S

DUE = "UPDATE outbox.messages SET due_at = now() WHERE brokerage_id = %s AND state = 'waiting' RETURNING 1"
LATEST = "SELECT extract(epoch FROM max(due_at) - now())::float8 FROM outbox.messages WHERE brokerage_id = %s"


def on_day(stage: Stage, day: float) -> None:
    """It is so many days later by the clock of workers."""
    stage.clock = lambda: datetime.now(UTC) + timedelta(days=day)


def tried_in_vain(stage: Stage) -> None:
    """All that waits is tried, and nobody is there."""
    stage.db.rows(DUE, stage.brokerage_id)
    nobody = GraphClient("http://127.0.0.1:9", timeout_s=PATIENCE_S)
    with stage.delivery(sink=MetaConversions(nobody)) as deliver:
        deliver.drain(stage.lane)
    nobody.close()


def test_what_waited_too_long_is_withheld_and_the_rest_is_counted_once(stage: Stage) -> None:
    old = [stage.lead(ago=timedelta(days=4, hours=one)) for one in range(3)]
    young = [stage.lead(ago=timedelta(days=2)), stage.lead()]
    for day in (0.0, 0.25, 0.5, 1.0, 2.0, 2.7):
        on_day(stage, day)
        tried_in_vain(stage)
    assert set(stage.states().values()) == {"waiting"}, "an outage costs no message"
    assert {one for message in (*old, *young) for one in stage.outcomes(message)} == {"transient"}
    assert stage.circuit() is None, "nobody has to set anything free"

    on_day(stage, 4)
    requests = stage.meta.requests()
    stage.db.rows(DUE, stage.brokerage_id)
    stage.drain()
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(young)
    assert stage.meta.requests() == requests + 1, "those that are too old spoil no request"
    assert [stage.outcomes(message)[-1] for message in (*old, *young)] == ["withheld"] * 3 + ["accepted"] * 2
    assert set(stage.states().values()) == {"done"}


def test_however_long_it_lasts_they_go_within_minutes_of_its_end(stage: Stage) -> None:
    stage.lead()
    attempts = "UPDATE outbox.messages SET attempts = 5000 WHERE brokerage_id = %s RETURNING 1"
    stage.db.rows(attempts, stage.brokerage_id)  # days of trying
    tried_in_vain(stage)
    ((due_s,),) = stage.db.rows(LATEST, stage.brokerage_id)
    assert due_s <= 300


def test_a_conversion_on_which_the_work_breaks_is_found_alone_and_the_others_go_on(stage: Stage) -> None:
    leads = [stage.lead() for _ in range(5)]
    bad = leads[2]
    due = "UPDATE outbox.messages SET due_at = now() - make_interval(secs => %s) WHERE id = %s RETURNING 1"
    with stage.delivery() as deliver:
        send = deliver.sink.send

        def breaks(dataset_id: str, credentials: Any, events: Any) -> Any:
            if bad in [one["event_id"] for one in events]:
                raise RuntimeError("a defect")
            return send(dataset_id, credentials, events)

        deliver.sink.send = breaks  # type: ignore[method-assign]
        for _ in range(8):
            with suppress(RuntimeError):
                deliver.drain(stage.lane)
            deliver.queue.put_back("the work broke", broke=True)  # type: ignore[attr-defined]
            waiting = [one for one, state in stage.states().items() if state == "waiting"]
            for one in waiting:  # what breaks the work waits longest
                stage.db.rows(due, 0 if one == bad else 5, one)
    assert stage.states() == {one: "waiting" if one == bad else "done" for one in leads}
    assert sorted(stage.meta.counted(stage.dataset_id)) == sorted(set(leads) - {bad})
