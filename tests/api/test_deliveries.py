"""What came in is listed, opened by those allowed, and replayed without a second effect."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from adapters.postgres.deliveries import forget_old, forget_person
from application.ids import new_id
from tests.api.hooks import Door, door_of, text
from tests.api.stage import Brokerage, Stage
from tests.patience import eventually


@pytest.fixture
def door(stage: Stage, nile: Brokerage) -> Door:
    return door_of(stage, nile)


def newest_id(door: Door) -> str:
    return str(door.deliveries(limit=1)[0]["id"])


def test_the_list_goes_on_by_its_cursor_and_filters(door: Door) -> None:
    for nth in range(5):
        assert door.post(door.body(text(f"2010{nth}"))).status_code == 200
    first = door.brokerage.read("/api/webhook-deliveries", limit=3)
    rest = door.brokerage.read("/api/webhook-deliveries", limit=3, cursor=first["next_cursor"])
    ids = [one["id"] for one in first["items"] + rest["items"]]
    assert len(set(ids)) == 5
    assert rest["next_cursor"] is None
    times = [one["received_at"] for one in first["items"] + rest["items"]]
    assert times == sorted(times, reverse=True)
    assert len(door.deliveries(account=door.account)) == 5
    assert door.deliveries(account="1") == []
    assert door.deliveries(source="360dialog") == []
    assert door.deliveries(**{"from": times[0]}) == first["items"][:1]
    assert len(door.deliveries(to=times[0])) == 4


def test_only_operators_see_the_body_and_nobody_of_another_brokerage_anything(door: Door, delta: Brokerage) -> None:
    door.post(door.body(text("201001112233", "a secret wish")))
    path = f"/api/webhook-deliveries/{newest_id(door)}"
    assert "a secret wish" in door.brokerage.operator.get(path).json()["raw"]
    read = door.brokerage.reader.get(path).json()
    assert read["raw"] is None
    assert "201001112233" not in door.brokerage.reader.get(path).text
    assert read["items"][0]["verdict"] == "new"
    for client in (delta.reader, delta.operator):
        assert client.get(path).status_code == 404
        assert client.post(f"{path}/replay").status_code == (404 if client is delta.operator else 403)
    assert door.brokerage.reader.get(f"/api/webhook-deliveries/{uuid4()}").status_code == 404


def test_a_replay_has_the_same_result_and_no_second_effect(door: Door) -> None:
    door.post(door.body(text("201001112233", wamid="wamid.r"), {"type": "text"}))
    delivery, desks, facts = newest_id(door), door.desks(), door.facts()
    path = f"/api/webhook-deliveries/{delivery}/replay"
    before = door.newest()
    dry = door.brokerage.operator.post(path, params={"dry_run": True}).json()
    assert door.newest() == before
    told = door.brokerage.operator.post(path).json()
    assert told["items"] == dry["items"]
    assert [one.get("verdict") for one in told["items"]][:1] == ["known"]
    assert (door.desks(), door.facts()) == (desks, facts)
    after = door.newest()
    assert after["items"] == before["items"]
    assert after["replays"] == 1
    assert len(door.deliveries()) == 1


def test_a_fact_that_was_lost_comes_back_with_a_replay(door: Door) -> None:
    door.post(door.body(text("201001112233")))
    owner, whose = door.stage.owner, door.brokerage.brokerage_id
    with owner.transaction():
        owner.execute("ALTER TABLE log.masar_events DISABLE TRIGGER never_changed")
        owner.execute("DELETE FROM log.masar_events WHERE brokerage_id = %s AND topic LIKE 'messaging%%'", (whose,))
        owner.execute("DELETE FROM messaging.desks WHERE brokerage_id = %s", (whose,))
        owner.execute("ALTER TABLE log.masar_events ENABLE TRIGGER never_changed")
    assert [one["verdict"] for one in door.newest()["items"]] == ["lost"]
    told = door.brokerage.operator.post(f"/api/webhook-deliveries/{newest_id(door)}/replay").json()
    assert [one["verdict"] for one in told["items"]] == ["new"]
    assert [one["verdict"] for one in door.newest()["items"]] == ["new"]
    assert door.desks() == [(1, 0, "NEW", True)]


def test_deliveries_go_after_thirty_days_and_their_bodies_with_their_person(door: Door) -> None:
    door.post(door.body(text("201001112233")))
    door.post(door.body(text("201004445566")))
    new, old = (one["id"] for one in door.deliveries())
    owner = door.stage.owner
    aged = new_id(datetime.now(UTC) - timedelta(days=31))
    owner.execute("UPDATE webhooks.deliveries SET id = %s WHERE id = %s", (aged, old))
    with owner.transaction():
        owner.execute("SET LOCAL ROLE masar_projector")
        assert forget_old(owner) >= 1
    assert {one["id"]: one["kept"] for one in door.deliveries()} == {new: True}
    subject = door.brokerage.subject_of(door.facts()[-1]["id"])
    with owner.transaction():
        owner.execute("SET LOCAL ROLE masar_projector")
        assert forget_person(owner, uuid4(), [subject]) == 0
        assert forget_person(owner, door.brokerage.brokerage_id, [subject]) == 1
    assert [one["kept"] for one in door.deliveries()] == [False]
    replayed = door.brokerage.operator.post(f"/api/webhook-deliveries/{new}/replay")
    assert replayed.status_code == 409


def test_what_is_turned_away_is_counted(door: Door) -> None:
    def counted() -> int:
        row = door.stage.owner.execute(
            "SELECT coalesce(sum(count), 0) FROM webhooks.refusals WHERE source = 'meta' AND reason = 'no_signature'"
        ).fetchone()
        return int(row[0]) if row else 0

    before = counted()
    for _ in range(3):
        door.post(door.body(text("201001112233")), headers={})
    eventually(lambda: counted() == before + 3)
