"""Brokerages with their keys on a real database, and the touchpoints that their producers post."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.log import BrokerageLog, open_log
from adapters.postgres.streams import PostgresStreams
from api.auth.issuing import SCOPES, KeyKind, create_key
from application.brokerages import brokerage_id_of, decide_dataset, decide_registration, fold, stream_of
from domain.brokerage.events import BrokerageRegistered, DatasetConnected
from domain.catalogue import TOUCHPOINTS
from domain.scoring.brief import BRIEF
from domain.shared.fact import ENVELOPE
from tests.patience import PATIENCE_S, eventually

SITE = "https://www.site.example"
ROOM = "tours.room_visited.v1"
GOLDEN = Path(__file__).parent.parent / "golden"
"""A value for every field that some kind of touchpoint needs."""


def needed(kind: str) -> list[str]:
    """Return the fields that a kind cannot do without, beside the envelope."""
    fields = TOUCHPOINTS[kind].model_fields
    return [name for name, info in fields.items() if info.is_required() and name not in ENVELOPE]


def touchpoint(kind: str = ROOM, payload: Mapping[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    """Return an item as a producer posts it: the least its kind needs, and what is given."""
    golden: dict[str, Any] = json.loads((GOLDEN / f"{kind}.json").read_text())["required"]
    least = {name: golden[name] for name in needed(kind)}
    own = {"id": f"t-{uuid4()}", "kind": kind, "occurred_at": ago(60), "payload": {**least, **(payload or {})}}
    return own | beside


def ago(seconds: float) -> str:
    """Return the moment so many seconds ago as RFC 3339."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """Return the problem document of a refusal, having checked its shape."""
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert set(document) == {"type", "title", "status", "detail", "errors", "request_id"}
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    assert all(set(one) == {"field", "message"} and one["message"] for one in document["errors"])
    return document


def fields_of(response: httpx.Response) -> list[str]:
    """Return the fields that a refusal names."""
    return [one["field"] for one in problem_of(response)["errors"]]


@dataclass
class Brokerage:
    """One brokerage, and a client for each kind of key."""

    brokerage_id: UUID
    keys: dict[str, str]
    producer: httpx.Client
    reader: httpx.Client
    operator: httpx.Client
    browser: httpx.Client

    def post(self, *items: Any) -> dict[str, Any]:
        """Post items; return the answer with their verdicts."""
        response = self.producer.post("/api/touchpoints", json={"touchpoints": list(items)})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def verdict(self, item: Any) -> dict[str, Any]:
        """Post one item; return its verdict."""
        verdict: dict[str, Any] = self.post(item)["items"][0]
        return verdict

    def read(self, path: str, **query: Any) -> Any:
        """Return what a reader sees at a path."""
        response = self.reader.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def subject_of(self, event_id: str) -> str:
        """Return whose a fact is."""
        return str(self.read(f"/api/events/{event_id}")["subject_id"])


@dataclass
class Stage:
    """The running application, its database as the owner sees it, and its log."""

    base: str
    url: str
    log: Path
    owner: Connection[Any] = field(init=False)
    _library: BrokerageLog = field(init=False)
    _clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owner = connect(self.url, "masar_owner")
        self._library = open_log(self.url)
        self._app = connect(self.url, "masar_app")
        self._streams = PostgresStreams(self._app, self._library)

    def brokerage(self, **settings: Any) -> Brokerage:
        """Register a new brokerage with a dataset, a policy since a week ago, and a key of each kind."""
        slug, now = f"b-{uuid4().hex[:12]}", datetime.now(UTC)
        own, stream = brokerage_id_of(slug), stream_of(brokerage_id_of(slug))
        wanted = BrokerageRegistered(name=slug, occurred_at=now, **settings)
        policy = BRIEF.model_copy(update={"effective_from_s": int((now - timedelta(days=7)).timestamp())})
        dataset = DatasetConnected(dataset_id=str(uuid4().int)[:15], occurred_at=now)
        self.owner.execute("INSERT INTO auth.brokerages (brokerage_id, slug) VALUES (%s, %s)", (own, slug))
        self._streams.change(own, stream, lambda facts: decide_registration(fold(facts), wanted, policy))
        self._streams.change(own, stream, lambda facts: decide_dataset(fold(facts), dataset))
        keys = {kind: self.key(own, kind) for kind in SCOPES}  # type: ignore[arg-type]
        return Brokerage(own, keys, **{kind: self.client(key) for kind, key in keys.items()})

    def key(
        self, brokerage_id: UUID, kind: KeyKind, producer: str = "site", origins: Sequence[str] = (SITE,)
    ) -> str:  # fmt: skip
        """Return a new key; `origins` are a browser's."""
        return create_key(self.owner, brokerage_id, kind, producer, origins if kind == "browser" else ())

    def client(self, key: str | None = None, base: str | None = None) -> httpx.Client:
        """Return a client that shows this key; it needs no certificates, which take it a megabyte and 20 ms to read."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        client = httpx.Client(base_url=base or self.base, headers=headers, timeout=PATIENCE_S, verify=False)
        self._clients.append(client)
        return client

    def settled(self) -> None:
        """Wait until every read model has seen everything posted so far."""
        newest = self.owner.execute("SELECT coalesce(max(notification_id), 0) FROM log.masar_events").fetchone()
        behind = "SELECT count(*) FROM projection.builds WHERE status = 'live' AND position < %s"
        eventually(lambda: self.owner.execute(behind, newest).fetchone() == (0,))

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients:
            client.close()
        self._app.close()
        self._library.close()
        self.owner.close()
