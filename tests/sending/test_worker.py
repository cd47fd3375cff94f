"""The worker as it runs: whoever takes the hint sends, and many at once stay within the rate."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from adapters.dramatiq.hands import Crew, WorkerSettings
from tests.delivery.stage import MASTER
from tests.patience import PATIENCE_S, eventually
from tests.sending.stage import Sending


def settings(talk: Sending) -> WorkerSettings:
    base = str(talk.platform.base_url)
    return WorkerSettings(
        talk.db.url, None, MASTER, base, instagram_url=base, dialog360_url=base, timeout_s=PATIENCE_S
    )  # fmt: skip


def test_a_hint_is_enough(talk: Sending) -> None:
    (send_id,) = talk.asks("hello")
    crew = Crew(settings(talk))
    try:
        crew.hands().run_one(send_id)
    finally:
        crew.close()
    assert talk.outcomes(send_id) == [("accepted", "answer")]


def test_threads_that_all_take_the_same_hint_send_it_once(talk: Sending) -> None:
    sends = [talk.asks(f"message {nth}")[0] for nth in range(6)]
    crew = Crew(settings(talk))

    def take(send_id: UUID) -> None:
        crew.hands().run_one(send_id)

    def all_sent() -> bool:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(take, [*sends, *sends]))
        for one in sends:  # what waits for its turn is due at once
            if talk.state(one)[0] == "waiting":
                talk.make_due(one)
        return all(talk.state(one)[0] == "done" for one in sends)

    try:
        eventually(all_sent)
    finally:
        crew.close()
    assert [one["text"]["body"] for one in talk.received()] == [f"message {nth}" for nth in range(6)]
    summary = talk.control("GET", "messages/summary")
    assert (summary["rate_limits"], summary["callbacks"]["repeated"]) == ({}, {})
