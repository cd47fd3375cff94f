"""Touchpoints on their way into a real log, and eyes on what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.log import BrokerageLog, open_log
from adapters.postgres.mapper import Envelope, SealingMapper, StoredFact
from adapters.postgres.projector import live_build, runner_of
from adapters.postgres.recorder import FlushedRecorder
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.ports.touchpoints import Observed, Verdict
from domain.people.hints import PersonHints
from domain.shared.fact import Fact, Touchpoint
from projections.catalogue import BY_NAME
from projections.runner import Runner
from tests.cast import NILE_HOMES, NOON, Told, started

MASTER = MasterKey(b"m" * 32)
AGO = datetime.now(UTC) - NOON
"""From the cast's noon to now: what Meta is told must not be old when the log's clock records it."""
ROWS = "SELECT notification_id, topic, subject_id, brokerage_id, originator_id FROM log.masar_events ORDER BY 1"


def observed(
    item_id: str, fact: Touchpoint | None = None, *, brokerage_id: UUID = NILE_HOMES, producer: str = "site",
    when: datetime | None = None, **hints: str,
) -> Observed:  # fmt: skip
    """Return a touchpoint as the API hands it on, of today; by default somebody opens a tour."""
    fact = fact or started(session=f"session-{item_id}")
    fact = fact.model_copy(update={"occurred_at": when or fact.occurred_at + AGO})
    if hints:
        fact = fact.model_copy(update={"hints": PersonHints.model_validate(hints)})
    body = orjson.dumps([fact.model_dump(mode="json"), hints])
    return Observed(brokerage_id, producer, item_id, fact, body, uuid4(), "EG", len(body))


@dataclass
class Stage:
    """One process that writes to a log, and the read models behind it."""

    url: str
    log: BrokerageLog = field(init=False)
    writer: Writer = field(init=False)
    owner: Connection[Any] = field(init=False)
    opened: list[Connection[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = open_log(self.url)
        self.writer = Writer(self.url, MASTER)
        self.owner = connect(self.url, "masar_owner")

    @property
    def recorder(self) -> FlushedRecorder:
        assert isinstance(self.log.recorder, FlushedRecorder)
        return self.log.recorder

    def close(self) -> None:
        self.writer.close()
        self.log.close()
        for connection in (self.owner, *self.opened):
            connection.close()

    def write(self, *touchpoints: Observed) -> list[Verdict]:
        return self.writer.write(touchpoints)

    def statuses(self, *touchpoints: Observed) -> list[str]:
        return [verdict.status for verdict in self.write(*touchpoints)]

    def subjects(self, *touchpoints: Observed) -> list[UUID]:
        """Write touchpoints and return whose they are in the log."""
        events = [verdict.event_id for verdict in self.write(*touchpoints)]
        whose = {event: subject for _, _, subject, _, event in self.rows()}
        return [whose[event] for event in events if event]

    def rows(self) -> list[tuple[int, str, UUID, UUID, UUID]]:
        """Return (position, kind, subject, brokerage, stream) of everything in the log."""
        return self.owner.execute(ROWS).fetchall()

    def kinds(self, context: str) -> list[str]:
        """Return the kinds of one context in the log, in order."""
        return [kind for _, kind, *_ in self.rows() if kind.startswith(f"{context}.")]

    def decide(self, *told: Told, brokerage_id: UUID = NILE_HOMES) -> list[UUID]:
        """Append facts that our own rules decided, each a stream of its own."""
        facts = [one.fact.model_copy(update={"occurred_at": one.fact.occurred_at + AGO}) for one in told]
        envelopes = [
            Envelope(uuid4(), 1, fact, brokerage_id, one.subject_id) for fact, one in zip(facts, told, strict=True)
        ]
        self.recorder.insert_events([SealingMapper().to_stored_event(one) for one in envelopes])
        return [one.originator_id for one in envelopes]

    def smuggle(self, kind: str, state: bytes, subject_id: UUID | None = None) -> None:
        """Append a state that no release of ours would write."""
        stored = StoredFact(uuid4(), 1, kind, state, NILE_HOMES, subject_id, started().occurred_at)
        with connect(self.url, "masar_ingest") as connection:
            self.recorder.append_touchpoints(connection, [stored])

    def runner(self, name: str) -> Runner[Any]:
        """Return a runner of the live build on a connection of its own."""
        connection = connect(self.url, "masar_projector")
        self.opened.append(connection)
        build = live_build(connection, name)
        assert build is not None
        return runner_of(connection, build)

    def project(self, *names: str) -> None:
        """Bring read models up to the end of the log."""
        for name in names or BY_NAME:
            runner = self.runner(name)
            while runner.step():
                pass

    def query(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.owner.execute(statement.encode(), arguments or None).fetchall()


def stored(facts: Sequence[Fact], brokerage_id: UUID = NILE_HOMES) -> list[StoredFact]:
    """Return facts as streams of one, ready to be appended."""
    return [SealingMapper().to_stored_event(Envelope(uuid4(), 1, fact, brokerage_id)) for fact in facts]
