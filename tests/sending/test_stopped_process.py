"""A worker's process is stopped by the system while it waits for an answer, past its lease, and goes on."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from adapters.postgres.outbox import Outbox
from adapters.postgres.work import Work
from tests.delivery.stage import MASTER
from tests.embedded.processes import ROOT
from tests.outside.receiver import Says, receiver
from tests.patience import PATIENCE_S, eventually
from tests.sending.stage import Sending

WORKER = """
import sys, threading
from adapters.dramatiq.hands import WorkerSettings
from adapters.dramatiq.worker import run_worker
from tests.delivery.stage import MASTER
url, base = sys.argv[1:]
run_worker(WorkerSettings(url, None, MASTER, base, threads=1, lease_s=1, timeout_s=600), threading.Event())
"""
OVER = (
    "SELECT 1 FROM outbox.messages WHERE id = %s AND (state = 'waiting' OR state = 'leased' AND leased_until < now())"
)
TAKEN = orjson.dumps({"messages": [{"id": "wamid.stopped"}]})


@contextmanager
def worker(talk: Sending, base: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WORKER, talk.db.url, base]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as said, subprocess.Popen(command, env=environment, stdout=said, stderr=said) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_sends_once_and_records_nothing_that_another_settled(talk: Sending, tmp_path: Path) -> None:
    release, log = threading.Event(), tmp_path / "worker.log"
    (send_id,) = talk.asks()
    with receiver() as there:
        there.otherwise = Says(before=lambda: release.wait(2 * PATIENCE_S), body=TAKEN)

        def requests() -> int:
            return sum(str(send_id).encode() in one.body for one in there.asked)

        with worker(talk, there.url("").rstrip("/"), log) as process:
            eventually(requests, "the request")
            process.send_signal(signal.SIGSTOP)
            eventually(lambda: talk.db.rows(OVER, send_id), "the end of its lease")
            Outbox(talk.db.work).sweep()
            talk.make_due(send_id)
            other = Work(talk.line, MASTER)
            leased = other.lease_one(send_id)
            assert leased is not None
            talk.worker(records=other).run(leased)
            release.set()
            process.send_signal(signal.SIGCONT)
            eventually(lambda: "lease_lost" in log.read_text(errors="replace"), "its notice that it came too late")
            assert requests() == 1
    assert talk.outcomes(send_id) == [("unknown", "worker")]
    assert talk.received() == [], "the other sent nothing"
