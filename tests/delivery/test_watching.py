"""A dataset that stopped taking events is noticed though nothing is sent, told of once, and let go when it recovers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.dramatiq.relay import Relay
from adapters.meta.dataset_checks import MetaDatasets
from adapters.postgres.alerts import open_alerts, review_alerts
from adapters.postgres.watches import PostgresWatchlist
from adapters.postgres.work import Line, Work
from application.ports.datasets import Seen, Verdict, Watched
from application.ports.outbox import Circuit
from application.watch_datasets import LOOK_EVERY_S, WatchDatasets, decide, worse
from tests.delivery.stage import MASTER, Stage

FIVE_MINUTES_S = 300.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def look(stage: Stage, *, graph_url: str | None = None) -> None:
    """Look at this brokerage's datasets, and at no other's."""
    line = Line(stage.db.url, "masar_projector")
    stage.db.rows("UPDATE outbox.watches SET next_at = now() + interval '1 day' RETURNING 1")
    mine = "UPDATE outbox.watches SET next_at = now() WHERE brokerage_id = %s RETURNING 1"
    stage.db.rows(mine, stage.brokerage_id)
    check = MetaDatasets(graph_url or stage.meta.url, timeout_s=2)
    work = Work(line, MASTER)
    watch = WatchDatasets(PostgresWatchlist(line), work, stage.secrets, check, work)
    while watch.look():
        pass
    check.close()
    line.close()


def alerts(stage: Stage, *, deadlines: bool = True) -> list[tuple[str, str]]:
    """Review, and return (subject, dataset) of this brokerage's open alerts."""
    review_alerts(stage.db.work, deadlines=deadlines)
    rows = stage.db.rows(
        "SELECT subject, dataset_id FROM outbox.alerts WHERE brokerage_id = %s AND cleared_at IS NULL ORDER BY 1",
        stage.brokerage_id,
    )
    return [(subject, dataset) for subject, dataset in rows]


def raised(stage: Stage) -> list[dict[str, Any]]:
    return stage.db.facts(stage.brokerage_id, "operations.alert_raised.v1")


def cleared(stage: Stage) -> list[dict[str, Any]]:
    return stage.db.facts(stage.brokerage_id, "operations.alert_cleared.v1")


# The watch.


def test_every_dataset_is_looked_at_twice_within_five_minutes() -> None:
    assert 2 * LOOK_EVERY_S < FIVE_MINUTES_S


def test_a_token_that_died_holds_its_dataset_and_is_told_of_though_nothing_is_sent(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    assert str(stage.circuit()).startswith("190")
    assert alerts(stage) == [("dataset_held", stage.dataset_id)]
    assert stage.dataset_id in raised(stage)[0]["says"]


def test_a_dataset_that_recovers_is_let_go_and_its_alert_cleared(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    lead = stage.lead()
    stage.drain()
    assert stage.states()[lead] == "parked"
    assert alerts(stage) == [("dataset_held", stage.dataset_id)]
    stage.meta.register(stage.dataset_id)
    look(stage)
    assert stage.circuit() is None
    assert alerts(stage) == []
    assert [one["alert_id"] for one in cleared(stage)] == [one["alert_id"] for one in raised(stage)]
    stage.drain_until("done", lead)


def test_a_dead_token_is_told_of_once_though_nothing_waits_to_try_it_with(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    for _ in range(3):
        look(stage)
        assert alerts(stage) == [("dataset_held", stage.dataset_id)]
        due = "UPDATE outbox.circuits SET next_probe_at = now() WHERE dataset_id = %s RETURNING 1"
        stage.db.rows(due, stage.dataset_id)
        stage.drain()
    assert len(raised(stage)) == 1
    assert cleared(stage) == []
    stage.meta.register(stage.dataset_id)
    look(stage)
    assert (stage.circuit(), alerts(stage)) == (None, [])


def test_a_dataset_that_is_well_is_left_alone(stage: Stage) -> None:
    look(stage)
    assert stage.circuit() is None
    assert alerts(stage) == []
    rows = stage.db.rows("SELECT verdict FROM outbox.watches WHERE brokerage_id = %s", stage.brokerage_id)
    assert rows == [("good",)]


def test_a_check_that_cannot_tell_changes_nothing(stage: Stage) -> None:
    look(stage, graph_url="http://127.0.0.1:1")
    assert stage.circuit() is None
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    held = stage.circuit()
    look(stage, graph_url="http://127.0.0.1:1")
    assert stage.circuit() == held


def test_a_missing_permission_holds_a_dataset_until_an_event_is_taken_all_the_same(stage: Stage) -> None:
    stage.probe_s = 0.0
    line = Line(stage.db.url, "masar_projector")
    watched = PostgresWatchlist(line)
    watched.note(stage.lane, Seen("dataset", "forbidden", "200: no permission"))
    held = decide(Watched(stage.lane), Seen("dataset", "forbidden", "200: no permission"), None, datetime.now(UTC))
    assert held is not None
    Work(line, MASTER).record(held)
    lead = stage.lead()
    stage.drain_until("done", lead)
    assert stage.circuit() is None
    rows = stage.db.rows("SELECT writes_proved FROM outbox.watches WHERE brokerage_id = %s", stage.brokerage_id)
    assert rows == [(True,)]
    line.close()


def test_a_dataset_is_looked_at_by_one_process_at_a_time(stage: Stage) -> None:
    one, other = (Line(stage.db.url, "masar_projector") for _ in range(2))
    stage.db.rows("UPDATE outbox.watches SET next_at = now() + interval '1 day' RETURNING 1")
    stage.db.rows(
        "UPDATE outbox.watches SET next_at = now() WHERE brokerage_id = %s RETURNING 1", stage.brokerage_id
    )  # fmt: skip
    taken = PostgresWatchlist(one).take(60)
    assert taken == Watched(stage.lane)
    assert PostgresWatchlist(other).take(60) is None
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("verdict", "proved", "held", "does"),
    [
        ("dead", False, None, "opens"),
        ("dead", True, None, "opens"),
        ("forbidden", False, None, "opens"),
        ("forbidden", True, None, None),
        (None, False, None, None),
        (None, False, "watched", None),
        ("good", False, None, None),
        ("good", False, "watched", "closes"),
        ("good", False, "by delivery", None),
        ("dead", False, "by delivery", None),
        ("dead", False, "throttled", "opens"),
    ],
)
def test_what_a_finding_changes(
    stage: Stage, verdict: Verdict | None, proved: bool, held: str | None, does: str | None
) -> None:
    circuit = held and Circuit(stage.lane, "why", NOW, throttled=held == "throttled", watched=held == "watched")
    entry = decide(Watched(stage.lane, proved), Seen("x", verdict, "so"), circuit or None, NOW)
    assert entry is None if does is None else getattr(entry, does) is not None


def test_the_worse_of_two_findings_counts() -> None:
    good, unsure, dead = Seen("a", "good", ""), Seen("b", None, ""), Seen("c", "dead", "")
    assert worse(good, unsure) is unsure
    assert worse(dead, good) is dead


# Alerts.


def test_an_alert_is_raised_once_for_as_long_as_it_holds(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    for _ in range(3):
        assert alerts(stage) == [("dataset_held", stage.dataset_id)]
    assert len(raised(stage)) == 1


def test_a_second_occurrence_is_told_of_again(stage: Stage) -> None:
    for _ in range(2):
        stage.meta.register(stage.dataset_id, dead_token=True)
        look(stage)
        alerts(stage)
        stage.meta.register(stage.dataset_id)
        look(stage)
        alerts(stage)
    assert len({one["alert_id"] for one in raised(stage)}) == 2
    assert len(cleared(stage)) == 2


def test_a_dataset_without_credentials_is_told_of(stage: Stage) -> None:
    poor = Stage(stage.db, stage.meta)
    poor.lead()
    poor.drain()
    assert alerts(poor) == [("dataset_held", poor.dataset_id)]
    assert raised(poor)[0]["count"] == 1


def test_what_is_given_up_is_told_of_until_somebody_has_it_sent_again(stage: Stage) -> None:
    lead = stage.lead()
    stage.db.rows("UPDATE outbox.messages SET state = 'dead', settled_at = now() WHERE id = %s RETURNING 1", lead)
    assert alerts(stage) == [("dead_letters", stage.dataset_id)]
    stage.db.rows("UPDATE outbox.messages SET state = 'waiting' WHERE id = %s RETURNING 1", lead)
    assert alerts(stage) == []


def test_a_day_before_it_is_too_late_the_number_is_told_once_a_day(stage: Stage) -> None:
    near, far = stage.lead(ago=timedelta(days=6, hours=2)), stage.lead()
    assert (stage.states()[near], stage.states()[far]) == ("waiting", "waiting")
    assert alerts(stage) == []  # decided a moment ago: it is on its way
    earlier = "UPDATE outbox.messages SET created_at = created_at - interval '11 minutes'"
    stage.db.rows(f"{earlier} WHERE brokerage_id = %s RETURNING 1", stage.brokerage_id)
    assert alerts(stage) == [("deadline_near", stage.dataset_id)]
    assert alerts(stage, deadlines=False) == [("deadline_near", stage.dataset_id)]
    (told,) = raised(stage)
    assert told["count"] == 1
    yesterday = "UPDATE outbox.alerts SET since = since - interval '1 day', id = gen_random_uuid()"
    stage.db.rows(f"{yesterday} WHERE brokerage_id = %s RETURNING 1", stage.brokerage_id)
    stage.db.rows("SELECT 1")
    assert alerts(stage) == [("deadline_near", stage.dataset_id)]
    stage.drain_until("done", near, far)
    assert alerts(stage) == []


def test_the_relay_reviews_alerts_and_the_doctor_sees_them(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    stage.db.rows(
        "INSERT INTO auth.brokerages (brokerage_id, slug) VALUES (%s, %s) RETURNING 1",
        stage.brokerage_id,
        f"b-{stage.dataset_id}",
    )
    relay = Relay(stage.db.url, None)
    relay.tick(0.0)
    found = [one for one in open_alerts(stage.db.owner) if one[0] == f"b-{stage.dataset_id}"]
    assert [(subject, "190" in says) for _, subject, says, _ in found] == [("dataset_held", True)]


def test_two_reviews_at_once_raise_one_alert(stage: Stage) -> None:
    stage.meta.register(stage.dataset_id, dead_token=True)
    look(stage)
    with stage.db.owner.transaction():
        stage.db.owner.execute("SELECT pg_advisory_xact_lock(7246114093)")
        assert review_alerts(stage.db.work) == []
    assert [UUID(one["alert_id"]) for one in raised(stage)] == []
    assert alerts(stage) == [("dataset_held", stage.dataset_id)]
