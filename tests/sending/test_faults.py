"""Workers that stop, databases that go away, Redis emptied: a message goes once, and what is known of it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import redis

from adapters.channels.rates import ChannelRates, Shared, rates_of
from adapters.dramatiq.hands import Crew, Hands, WorkerSettings
from adapters.postgres.outbox import MOST_CRASHES, Outbox
from adapters.postgres.work import Work
from application.ports.channels import Account, ChannelClient, Sent, ToSend
from application.ports.outbox import LeaseLost
from domain.messaging.events import ReceiptReceived
from tests.delivery.stage import MASTER
from tests.patience import PATIENCE_S
from tests.sending.stage import Sending

RUN_OUT = """
UPDATE outbox.messages SET leased_until = now() - interval '1 s' WHERE id = %s AND state = 'leased' RETURNING lease
"""
STANDING = "SELECT state, crashes, extract(epoch FROM due_at - now())::float8 FROM outbox.messages WHERE id = %s"
CUT = "SELECT pg_terminate_backend(%s)"


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


@dataclass
class Meddled:
    """The platform's clients, with something that happens around each request."""

    channels: Any
    before: Callable[[], Any] = lambda: None
    after: Callable[[], Any] = lambda: None

    def client(self, account: Account) -> ChannelClient:
        own = self

        class Client:
            def send(self, account: Account, to_send: ToSend) -> Sent:
                own.before()
                sent: Sent = own.channels.client(account).send(account, to_send)
                own.after()
                return sent

        return Client()  # type: ignore[return-value]


def lose(talk: Sending, send_id: UUID) -> None:
    """Let the lease run out as if its worker were gone, and have the message found."""
    assert talk.db.rows(RUN_OUT, send_id)
    Outbox(talk.db.work).sweep()


def by_another(talk: Sending, send_id: UUID) -> None:
    """Another worker finds the message free and does what is to be done about it."""
    lose(talk, send_id)
    talk.make_due(send_id)
    other = Work(talk.line, MASTER)
    leased = other.lease_one(send_id)
    assert leased is not None
    talk.worker(records=other).run(leased)


def stands(talk: Sending, message_id: UUID) -> tuple[str, int, float]:
    """State, crashes, and seconds until it is due."""
    ((state, crashes, due_s),) = talk.db.rows(STANDING, message_id)
    return state, crashes, due_s


# A worker that is stopped and goes on, past its lease


def test_a_worker_stopped_before_its_note_does_not_send_what_another_sent(talk: Sending) -> None:
    (send_id,) = talk.asks()

    class Stops:
        """Stopped where it waits for its turn: the last moment before the note."""

        def take(self, *_: Any, **__: Any) -> float:
            by_another(talk, send_id)
            return 0.0

        def hold(self, *_: Any) -> None:
            pass

    with pytest.raises(LeaseLost):
        talk.run(send_id, shaper=Stops())
    assert len(talk.received()) == 1
    assert talk.outcomes(send_id) == [("accepted", "answer")]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_stopped_around_its_request_is_the_only_one_that_sends(talk: Sending, moment: str) -> None:
    """The other cannot know whether it went out, says so, and the receipt tells in the end."""
    (send_id,) = talk.asks()
    stopped = Meddled(talk.clients, **{moment: lambda: by_another(talk, send_id)})
    with pytest.raises(LeaseLost):
        talk.run(send_id, channels=stopped)
    assert len(talk.received()) == 1
    assert talk.outcomes(send_id) == [("unknown", "worker")]
    talk.came(ReceiptReceived(
        channel=talk.channel, account_id=talk.account, status="delivered", occurred_at=datetime.now(UTC),
        ref=uuid4(), thread_id=talk.thread_id, send_id=send_id,
    ))  # fmt: skip
    assert talk.reconcile() == ["done"]
    assert talk.outcomes(send_id) == [("unknown", "worker"), ("accepted", "receipt")]


# The database restarts in the middle of a send


def test_a_database_that_restarts_during_a_request_learns_its_answer(talk: Sending) -> None:
    (send_id,) = talk.asks()
    cut = Meddled(talk.clients, after=lambda: talk.db.rows(CUT, talk.line().info.backend_pid))
    assert talk.run(send_id, channels=cut) == ("done", None)
    assert len(talk.received()) == 1
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_an_answer_that_a_database_away_too_long_never_learns_is_not_asked_for_again(
    talk: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    (send_id,) = talk.asks()

    def away(*_: Any) -> None:
        raise psycopg.OperationalError("the server is starting up")

    with monkeypatch.context() as outage:
        outage.setattr(Work, "_record", away)
        outage.setattr("adapters.postgres.work.RECORD_TRIES_S", (0.0, 0.0))
        with pytest.raises(psycopg.OperationalError):
            talk.run(send_id)
    lose(talk, send_id)
    talk.run(send_id)
    assert len(talk.received()) == 1
    assert talk.outcomes(send_id) == [("unknown", "worker")]


# Work that breaks, and workers that are killed over and over


@contextmanager
def hands_of(talk: Sending) -> Iterator[Hands]:
    base = str(talk.platform.base_url)
    crew = Crew(WorkerSettings(
        talk.db.url, None, MASTER, base, instagram_url=base, dialog360_url=base, timeout_s=PATIENCE_S
    ))  # fmt: skip
    try:
        yield crew.hands()
    finally:
        crew.close()


def test_work_that_breaks_is_tried_ever_later_and_never_given_up_for_it(
    talk: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    (send_id,) = talk.asks()
    waits = []

    def breaks(_: Any) -> None:
        raise RuntimeError("a defect")

    with hands_of(talk) as hands:
        with monkeypatch.context() as defect:
            defect.setitem(hands._alone, "send_message", breaks)
            for _ in range(2 * MOST_CRASHES):
                talk.make_due(send_id)
                hands.run_one(send_id)
                state, crashes, due_s = stands(talk, send_id)
                assert (state, crashes <= MOST_CRASHES - 3) == ("waiting", True)
                waits.append(due_s)
        assert (waits[0] <= 2, 200 < waits[-1] <= 300) == (True, True)
        talk.make_due(send_id)
        hands.run_one(send_id)  # the release that mends it
    assert talk.outcomes(send_id) == [("accepted", "answer")]


@pytest.mark.parametrize("kind", ["fetch_media", "analyse_conversation", "sync_templates"])
def test_workers_killed_while_they_wait_for_others_never_cost_a_message(
    talk: Sending, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (message_id,) = talk.asks()
    talk.db.rows("UPDATE outbox.messages SET kind = %s WHERE id = %s RETURNING 1", kind, message_id)

    def killed(_: Any) -> None:
        raise Killed

    with hands_of(talk) as hands:
        monkeypatch.setitem(hands._alone, kind, killed)
        for _ in range(2 * MOST_CRASHES):
            talk.make_due(message_id)
            with suppress(Killed):
                hands.run_one(message_id)
            lose(talk, message_id)
        assert stands(talk, message_id)[:2] == ("waiting", 0)


# Redis emptied


def test_redis_emptied_of_everything_keeps_rates_again_from_there_on(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    shared = Shared(client, rates_of(ChannelRates()))
    name = f"whatsapp/{uuid4()}"
    while not shared.take(name, "mona", "whatsapp"):  # until she has had her burst
        pass
    client.flushall()
    client.script_flush()
    assert shared.take(name, "mona", "whatsapp") == 0, "what was counted is forgotten; where it minds the platform says"
    while not shared.take(name, "mona", "whatsapp"):
        pass
