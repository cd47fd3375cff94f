"""What the inbox of the demo tells, and that its week is what the stand-in takes."""

from typing import Any

import pytest

from adapters.simulator.messages.play import Saying
from api.cli.demo.customers import ACCOUNTS, LONG, WEEK, Past
from api.cli.demo.inbox import Told, lines_of

CHANNEL = {one.id: one.channel for one in ACCOUNTS}


def thread(channel: str, status: str) -> dict[str, Any]:
    return {"channel": channel, "status": status}


@pytest.mark.parametrize("one", [one for one in WEEK if not one.echo], ids=lambda one: f"{one.days} {one.name}")
def test_the_stand_in_takes_each_message_of_the_week(one: Past) -> None:
    said = Saying(channel=CHANNEL[one.account], account=one.account, user=one.user, **one.said)
    assert said.model_dump(exclude_none=True).keys() >= set(one.said)


def test_the_week_has_every_channel_and_runs_forwards() -> None:
    assert {CHANNEL[one.account] for one in WEEK} == {"whatsapp", "messenger", "instagram"}
    assert {one.provider for one in ACCOUNTS} == {"meta", "360dialog"}
    assert [one.days for one in WEEK] == sorted((one.days for one in WEEK), reverse=True)


def test_the_long_answer_is_more_than_instagram_takes() -> None:
    assert len(LONG.encode()) > 1_000


def test_threads_are_counted_by_channel_and_state() -> None:
    told = Told(threads=[thread("whatsapp", "ACTIVE"), thread("whatsapp", "CLOSED"), thread("messenger", "ACTIVE")])
    assert next(lines_of(told)) == "3 threads: 1 on messenger, 2 on whatsapp; 2 ACTIVE, 1 CLOSED"


def test_a_second_time_says_so() -> None:
    assert list(lines_of(Told(fresh=False)))[1:] == ["played here before, so nobody writes anew"]
