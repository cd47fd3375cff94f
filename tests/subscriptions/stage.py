"""A brokerage with a subscriber on this machine: the feed and the worker's hands run by a test, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.dramatiq.notifier import Post
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.outside.postman import GuardedPostman
from adapters.postgres.connections import connect
from adapters.postgres.endpoints import Endpoints, Wanted
from adapters.postgres.outbox import LEASE_SECONDS
from adapters.postgres.subscriptions import EndpointSecrets, feed_once
from application.subscriptions import new_secret
from tests.outside.receiver import Receiver
from tests.postgres.stage import MASTER, Stage, observed

WITHIN_S = 5.0


@dataclass
class Subscribed:
    """A brokerage, its subscriber, and what the database says of both."""

    stage: Stage
    there: Receiver
    brokerage_id: UUID = field(default_factory=uuid4)
    secret: str = field(default_factory=new_secret)

    def __post_init__(self) -> None:
        self.work = connect(self.stage.url, "masar_projector")
        self.stage.opened.append(self.work)
        self.endpoints = Endpoints(self.work, EndpointSecrets(MASTER), self.brokerage_id, "op1")
        self.id = self.subscribe()

    def subscribe(self, *kinds: str, secret: str = "", **wanted: Any) -> UUID:
        chosen = {"url": self.there.url("/hook"), "kinds": list(kinds or ("tours.*",)), "description": "", **wanted}
        full = Wanted(**{"enabled": True, "personal": False, **chosen})
        return self.endpoints.create(full, secret or self.secret)

    def happen(self, *names: str, **hints: str) -> list[str]:
        """Let tours start; return the ids of their facts."""
        verdicts = self.stage.write(*(observed(one, brokerage_id=self.brokerage_id, **hints) for one in names))
        return [str(one.event_id) for one in verdicts]

    def feed(self) -> None:
        while feed_once(self.work):
            pass

    @contextmanager
    def post(self, within_s: float = WITHIN_S) -> Iterator[Post]:
        client = GuardedClient(Rules.of(hosts=[self.there.authority]))
        post = Post(self.stage.url, MASTER, LEASE_SECONDS, GuardedPostman(client, within_s))
        try:
            yield post
        finally:
            post.close()

    def tell(self, subscriber: UUID | None = None, *, within_s: float = WITHIN_S) -> None:
        """Send what is due."""
        with self.post(within_s) as post:
            while post.run((self.brokerage_id, subscriber or self.id), lambda: True):
                pass

    def later(self, by: timedelta = timedelta(hours=25)) -> None:
        """Let time pass for everything of this brokerage: what waits is due, and a day is over."""
        self.query("UPDATE outbox.messages SET due_at = due_at - %s WHERE brokerage_id = %s RETURNING 1", by)
        self.query(
            "UPDATE subscriptions.deliveries SET created_at = created_at - %s, expires_at = created_at"
            " WHERE brokerage_id = %s RETURNING 1", by,
        )  # fmt: skip
        self.query(
            "UPDATE subscriptions.endpoints SET held_until = held_until - %s WHERE brokerage_id = %s RETURNING 1", by
        )

    def query(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self.stage.query(statement, *arguments, self.brokerage_id)

    def deliveries(self, columns: str = "state") -> list[tuple[Any, ...]]:
        return self.query(
            f"SELECT {columns} FROM subscriptions.deliveries WHERE brokerage_id = %s ORDER BY position, id"
        )

    def attempts(self) -> list[tuple[Any, ...]]:
        listed = "SELECT outcome, status, why, excerpt FROM subscriptions.attempts WHERE brokerage_id = %s"
        return self.query(f"{listed} ORDER BY at, number")

    def waiting(self) -> int:
        found = self.query("SELECT count(*) FROM outbox.messages WHERE state <> 'done' AND brokerage_id = %s")
        return int(found[0][0])

    def shown(self, columns: str) -> tuple[Any, ...]:
        return self.query(
            f"SELECT {columns} FROM subscriptions.endpoints WHERE id = '{self.id}' AND brokerage_id = %s"
        )[0]
