"""The door for webhooks: signed ones durable through the real API process, against a bare FastAPI answer."""

from dataclasses import replace
from datetime import UTC, datetime

from adapters.postgres.channels import APP_SECRETS, PostgresChannels
from adapters.postgres.connections import connect
from adapters.postgres.setups import Setups
from api.cli.bench.ground import BenchFailed, Ground
from api.cli.bench.http import STEADY_CONNECTIONS, STEADY_PER_S, WARM_UP_S, bare_process, post
from api.cli.bench.load import Report
from api.cli.bench.rows import Row, alternate, compared, percentile
from api.cli.bench.sizes import Sizes
from application.channels import DEFAULT_APP, connect_channel
from domain.brokerage.events import ChannelConnected

SECRET, ACCOUNT, BUSINESS = "a-secret-for-the-bench", "106540352242922", "102290129340398"
CONNECTIONS = 64
COUNT = "SELECT count(*) FROM log.masar_events WHERE topic = 'messaging.message_received.v1'"


def webhook_rows(ground: Ground, sizes: Sizes, port: int) -> list[Row]:
    """Measure signed webhooks of one message each: by 64 connections, and latency at a steady rate.

    Raises BenchFailed where an answer was not good, or fewer messages are stored than were acknowledged.
    """
    connect_account(ground)
    door = _Door(ground, port)
    with bare_process(ground) as theirs:
        for warmed in (port, theirs):
            door.rate(warmed, WARM_UP_S, ours=warmed == port)
        measured = alternate(sizes.rounds, {
            "bare": lambda: door.rate(theirs, sizes.http_s, ours=False),
            "ours": lambda: door.rate(port, sizes.http_s, ours=True),
        })  # fmt: skip
    rows = [
        compared(f"webhook_{CONNECTIONS}c_vs_bare", "webhooks/s", measured["ours"], "bare FastAPI", measured["bare"])
    ]
    steady = door.post(port, sizes.open_loop_s, STEADY_CONNECTIONS, float(STEADY_PER_S))
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        rows.append(Row(f"webhook_{STEADY_PER_S}ps_{name}_ms", round(percentile(steady.latencies_ms, share), 2), "ms"))
    door.check()
    return rows


def connect_account(ground: Ground) -> None:
    """Connect the account that the load generator's webhooks name, and the secret that signs them."""
    channels = PostgresChannels(ground.url, ground.settings.master())
    channels.note_app(ground.brokerage_id, DEFAULT_APP)
    channels.add_to(ground.brokerage_id, APP_SECRETS.format(DEFAULT_APP), SECRET)
    wanted = ChannelConnected(
        channel="whatsapp", account_id=ACCOUNT, business_id=BUSINESS, app=DEFAULT_APP, occurred_at=datetime.now(UTC)
    )
    connect_channel(Setups(ground.url), channels, ground.brokerage_id, wanted, {})


class _Door:
    """Posts webhooks, counting what was acknowledged."""

    def __init__(self, ground: Ground, ours: int) -> None:
        self._ground, self._signing, self._ours = ground, replace(ground, key=SECRET), ours
        self._before, self._acknowledged = _stored(ground), 0

    def post(self, port: int, seconds: float, connections: int, per_s: float | None = None) -> Report:
        """Post webhooks to our own door."""
        report = post(self._signing, port, connections, seconds, per_s=per_s, kind="webhook")
        self._acknowledged += report.good
        return report

    def rate(self, port: int, seconds: float, *, ours: bool) -> float:
        """Return how many a second were taken: webhooks by ours, touchpoints by the bare one."""
        report = self.post(port, seconds, CONNECTIONS) if ours else post(self._ground, port, CONNECTIONS, seconds)
        return report.good / report.took_s

    def check(self) -> None:
        """Refuse figures of messages that are not there."""
        stored = _stored(self._ground) - self._before
        if stored < self._acknowledged:
            raise BenchFailed(f"{self._acknowledged} webhooks were acknowledged, but {stored} messages are stored")


def _stored(ground: Ground) -> int:
    with connect(ground.url, "masar_projector", name="bench") as connection:
        row = connection.execute(COUNT).fetchone()
    return int(row[0]) if row else 0
