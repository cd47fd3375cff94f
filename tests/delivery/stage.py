"""A brokerage with a real database behind it and a strict stand-in for Meta in front of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx

from adapters.dramatiq.hands import WorkerSettings
from adapters.meta.conversions_api import MetaConversions
from adapters.meta.graph import GraphClient
from adapters.postgres import projector
from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.keyring import KeyRing
from adapters.postgres.mapper import Envelope
from adapters.postgres.outbox import Outbox
from adapters.postgres.secrets import SecretStore
from adapters.postgres.work import Line, Work
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.deliver_conversions import DeliverConversions
from application.ports.outbox import Lane
from application.ports.touchpoints import Observed
from domain.brokerage.events import BrokerageRegistered, DatasetConnected, PolicyActivated
from domain.leads.events import LeadFormSubmitted
from domain.people.hints import PersonHints
from domain.scoring.brief import BRIEF
from domain.shared.fact import Fact, Touchpoint
from tests.patience import PATIENCE_S, eventually

MASTER = MasterKey(b"the master key of all the tests!")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = ("tour_sessions", "conversation_sessions", "people", "conversions", "deliveries")
DATASETS = count(700_000_001)
CHROME = "Mozilla/5.0 (Linux; Android 14) Chrome/131.0"


@dataclass
class Meta:
    """The stand-in as a tester sees it."""

    url: str
    http: httpx.Client

    def plan(self, **faults: Any) -> None:
        self.http.put("/_simulator/faults", json=faults).raise_for_status()

    def register(self, dataset_id: str, **dataset: Any) -> None:
        self.http.put(f"/_simulator/datasets/{dataset_id}", json=dataset).raise_for_status()

    def received(self, dataset_id: str) -> list[dict[str, Any]]:
        """Every receipt of every event, oldest first."""
        asked: dict[str, str | int] = {"dataset": dataset_id, "limit": 10_000}
        found: list[dict[str, Any]] = self.http.get("/_simulator/ledger", params=asked).json()["data"]
        return found

    def counted(self, dataset_id: str) -> list[str]:
        """The ids of the events that count."""
        return [one["event_id"] for one in self.received(dataset_id) if one["outcome"] == "counted"]

    def requests(self) -> int:
        return int(sum(self.http.get("/_simulator/summary").json()["requests"].values()))


class Database:
    """The log and the read models, driven by hand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.writer = Writer(url, MASTER)
        self.owner = connect(url, "masar_owner")
        self.work = connect(url, "masar_projector")

    def close(self) -> None:
        self.writer.close()
        self.owner.close()
        self.work.close()

    def append(self, brokerage_id: UUID, *facts: Fact) -> None:
        """Append facts that our own rules or operators decided."""
        with self.work.transaction():
            append_in(self.work, [Envelope(uuid4(), 1, fact, brokerage_id) for fact in facts])
        flush(self.work)

    def project(self, *names: str) -> None:
        """Bring read models up to the end of the log."""
        for name in names or MODELS:
            build = projector.live_build(self.work, name)
            assert build is not None
            runner = projector.runner_of(self.work, build)
            while runner.step():
                pass

    def rows(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(statement.encode(), arguments).fetchall()

    def facts(self, brokerage_id: UUID, kind: str) -> list[dict[str, Any]]:
        """The stored states of a brokerage's facts of a kind, in order."""
        return [row[0] for row in self.rows(
            "SELECT convert_from(state, 'UTF8')::jsonb FROM log.masar_events WHERE brokerage_id = %s AND topic = %s "
            "ORDER BY notification_id", brokerage_id, kind,
        )]  # fmt: skip


@dataclass
class Stage:
    """One brokerage with one dataset, its people, and a delivery to run by hand."""

    db: Database
    meta: Meta
    brokerage_id: UUID = field(default_factory=uuid4)
    dataset_id: str = field(default_factory=lambda: str(next(DATASETS)))
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    probe_s: float = 60.0

    def __post_init__(self) -> None:
        self.lane = Lane(self.brokerage_id, self.dataset_id)
        self.secrets = SecretStore(Line(self.db.url, "masar_registry"), MASTER)
        self.db.append(
            self.brokerage_id,
            BrokerageRegistered(name="Nile Homes", occurred_at=LONG_AGO),
            DatasetConnected(dataset_id=self.dataset_id, occurred_at=LONG_AGO),
            PolicyActivated(policy=BRIEF, revision=1, occurred_at=LONG_AGO),
        )

    def store_token(self, token: str = "EAAgood") -> None:
        self.secrets.put(self.brokerage_id, f"dataset/{self.dataset_id}/token", token)

    def observe(self, fact: Touchpoint) -> UUID:
        """Append a touchpoint and project it; return its log entry."""
        observed = Observed(self.brokerage_id, "site", str(uuid4()), fact, b"{}", uuid4(), "EG", 300)
        (verdict,) = self.db.writer.write([observed])
        assert verdict.event_id is not None, verdict
        self.db.project()
        return verdict.event_id

    def lead(self, *, ago: timedelta = timedelta(seconds=5), **hints: Any) -> str:
        """Somebody asks to be called; return the id of the conversion that this causes."""
        hints = hints or {"email": f"{uuid4().hex}@mail.example", "ip": "197.32.1.9", "user_agent": CHROME}
        entry = self.observe(LeadFormSubmitted(
            form_id="callback", occurred_at=datetime.now(UTC) - ago, hints=PersonHints(**hints),
            page_url="https://homes.example/maadi/12?utm=x",
        ))  # fmt: skip
        rows = self.db.rows("SELECT id FROM outbox.messages WHERE cause_id = %s", entry)
        return str(rows[0][0])

    @contextmanager
    def delivery(self, **changes: Any) -> Iterator[DeliverConversions]:
        """The use case on connections of its own, as one worker thread has it."""
        line, ring = Line(self.db.url, "masar_projector"), KeyRing(self.db.url, MASTER)
        graph = GraphClient(self.meta.url, timeout_s=PATIENCE_S)
        work = Work(line, MASTER)
        ports = {
            "queue": work, "circuits": work, "words": work, "keys": ring, "safe": self.secrets,
            "sink": MetaConversions(graph), "probe_s": self.probe_s, "clock": self.clock,
        }  # fmt: skip
        try:
            yield DeliverConversions(**{**ports, **changes})
        finally:
            line.close()
            ring.close()
            graph.close()

    def drain(self) -> None:
        with self.delivery() as deliver:
            deliver.drain(self.lane)

    def states(self) -> dict[str, str]:
        """Message → its state."""
        rows = self.db.rows("SELECT id, state FROM outbox.messages WHERE brokerage_id = %s", self.brokerage_id)
        return {str(message): state for message, state in rows}

    def drain_until(self, state: str, *messages: str) -> None:
        """Drain, again as retries come due, until these messages are in a state."""

        def reached() -> bool:
            self.drain()
            return all(self.states()[one] == state for one in messages)

        eventually(reached, f"{state} of all messages")

    def told(self) -> list[dict[str, Any]]:
        """The facts about requests, in order."""
        return self.db.facts(self.brokerage_id, "ads.conversions_sent.v1")

    def outcomes(self, message: str) -> list[str]:
        """What became of one conversion, request by request."""
        return [one["outcome"] for one in self.told() if message in one["conversion_ids"]]

    def lose_workers(self) -> None:
        """Let all leases run out as if their workers were gone, and have the messages found."""
        mine = "WHERE brokerage_id = %s AND state ="
        lost = f"UPDATE outbox.messages SET leased_until = now() - interval '1 s' {mine} 'leased' RETURNING 1"
        self.db.rows(lost, self.brokerage_id)
        Outbox(self.db.work).sweep()
        self.db.rows(f"UPDATE outbox.messages SET due_at = now() {mine} 'waiting' RETURNING 1", self.brokerage_id)

    def circuit(self) -> str | None:
        rows = self.db.rows("SELECT reason FROM outbox.circuits WHERE brokerage_id = %s", self.brokerage_id)
        return rows[0][0] if rows else None

    def settings(self, redis_url: str | None = None) -> WorkerSettings:
        return WorkerSettings(
            self.db.url, redis_url, MASTER, self.meta.url, threads=2, probe_s=self.probe_s, timeout_s=PATIENCE_S
        )  # fmt: skip
