"""Whose accounts on messaging channels are whose: connected by people, read by the door for every webhook."""

import asyncio
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import psycopg
import structlog
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.secrets import PUT, SecretStore
from adapters.postgres.template_syncs import sync_soon
from adapters.sealing import MasterKey, seal, unseal
from application.channels import AccountTaken
from application.ports.webhooks import AppSecrets, Part, Route
from domain.brokerage.events import ChannelConnected

TOKEN, WEBHOOK_SECRET = "channel/{}/{}/token", "channel/{}/{}/webhook_secret"
"""Names of an account's secrets, by channel and account id."""
APP_SECRETS, VERIFY_TOKEN = "app/{}/secrets", "app/{}/verify_token"
"""Names of an app's secrets: a JSON list, the newest first; and a JSON list of tokens of verification."""

REFRESH_S = 2.0
"""How old what is known may be before it is read again, beside the work."""
STALE_S = 30.0
"""How old it may be before a webhook waits for it to be read again."""
AT_ONCE_S = 0.5
"""Between readings that an unknown account asks for."""

ACCOUNTS = "SELECT brokerage_id, channel, account_id, provider, app, business_id, page_id FROM channels.accounts"
SECRETS = "SELECT brokerage_id, name, sealed FROM registry.secrets WHERE name LIKE 'app/%' OR name LIKE 'channel/%'"
# fmt: off
CLAIM = """
INSERT INTO channels.accounts AS a (channel, account_id, brokerage_id, provider, app, business_id, page_id, name, agent)
VALUES (%(channel)s, %(account_id)s, %(brokerage_id)s, %(provider)s, %(app)s, %(business_id)s, %(page_id)s, %(name)s,
        %(agent)s)
ON CONFLICT (channel, account_id) DO UPDATE
   SET provider = excluded.provider, app = excluded.app, business_id = excluded.business_id,
       page_id = excluded.page_id, name = excluded.name, agent = excluded.agent
 WHERE a.brokerage_id = excluded.brokerage_id
RETURNING 1
"""
# fmt: on
RELEASE = "DELETE FROM channels.accounts WHERE channel = %s AND account_id = %s AND brokerage_id = %s"
WHATSAPP_TOKEN = re.compile(r"channel/whatsapp/[^/]+/token$")
NOTE_APP = "INSERT INTO channels.apps (brokerage_id, app) VALUES (%s, %s) ON CONFLICT DO NOTHING"
FORGET_SECRETS = "DELETE FROM registry.secrets WHERE brokerage_id = %s AND name = ANY(%s)"
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))"

log = structlog.get_logger("masar.channels")


@dataclass(frozen=True, slots=True)
class Routes:
    """The Routing of one moment, with the secrets opened."""

    accounts: dict[tuple[str, str], Route] = field(default_factory=dict)
    pages: dict[tuple[str, str], Route] = field(default_factory=dict)
    businesses: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    apps: dict[str, tuple[AppSecrets, ...]] = field(default_factory=dict)
    webhook_secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def owners(self, part: Part) -> Sequence[Route]:
        """Return the connected accounts that an item speaks of."""
        if part.account is not None and part.channel is not None:
            name = (part.channel, part.account)
            found = self.accounts.get(name) or self.pages.get(name)
            return (found,) if found else ()
        return self.businesses.get(part.business_id or "", ())

    def app(self, name: str) -> Sequence[AppSecrets]:
        """Return the apps of this name."""
        return self.apps.get(name, ())

    def of_360dialog(self, account_id: str) -> tuple[Route, str] | None:
        """Return an account that 360dialog hosts, and the secret that its webhooks bring; None without either."""
        route, secret = self.accounts.get(("whatsapp", account_id)), self.webhook_secrets.get(account_id)
        return (route, secret) if route and route.provider == "360dialog" and secret else None


class RoutingTable:
    """Knows the routes of one database; reads them again beside the work. For one event loop."""

    def __init__(self, url: str, master: MasterKey) -> None:
        self._url, self._master = url, master
        self._routes: Routes | None = None
        self._read_s = self._asked_s = float("-inf")
        self._reading: asyncio.Task[Routes] | None = None
        self._opened: dict[tuple[UUID, str], tuple[bytes, str]] = {}
        self._lock = threading.Lock()
        self._lines: list[Connection[Any]] = []

    async def current(self) -> Routes:
        """Return what is known; at most STALE_S old. Raises psycopg.OperationalError where nothing is known yet."""
        age = time.monotonic() - self._read_s
        if self._routes is None or age > STALE_S:
            return await self.refreshed()
        if age > REFRESH_S and self._reading is None:
            self._start().add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._routes

    async def again(self) -> Routes:
        """Return the routes read anew, for somebody unknown; not more often than each AT_ONCE_S."""
        now = time.monotonic()
        if self._routes is not None and now - self._asked_s < AT_ONCE_S:
            return self._routes
        self._asked_s = now
        return await self.refreshed()

    async def refreshed(self) -> Routes:
        """Return the routes read anew. Raises psycopg.OperationalError where that cannot be and nothing is known."""
        try:
            return await asyncio.shield(self._reading or self._start())
        except psycopg.OperationalError:
            if self._routes is None:
                raise
            return self._routes

    def forget(self) -> None:
        """Have the routes read again before they are used next: this process changed them."""
        self._read_s = float("-inf")

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    def _start(self) -> asyncio.Task[Routes]:
        self._reading = asyncio.create_task(self._refresh())
        return self._reading

    async def _refresh(self) -> Routes:
        started = time.monotonic()
        try:
            self._routes = await asyncio.to_thread(self._read)
            self._read_s = started
            return self._routes
        except psycopg.OperationalError as away:
            log.warning("routes_not_read", error=type(away).__name__)
            raise
        finally:
            self._reading = None

    def _read(self) -> Routes:
        with self._lock:
            try:
                if not self._lines:
                    self._lines = [
                        connect(self._url, "masar_projector", name="routes"),
                        connect(self._url, "masar_registry", name="routes"),
                    ]
                overseer, registry = self._lines
                accounts = overseer.execute(ACCOUNTS).fetchall()
                secrets = self._open(registry.execute(SECRETS).fetchall())
            except psycopg.OperationalError:
                for line in self._lines:
                    line.close()
                self._lines = []
                raise
        return routes_of(accounts, secrets)

    def _open(self, rows: Sequence[tuple[Any, ...]]) -> dict[tuple[UUID, str], str]:
        """Return secrets in the clear; those that did not change since the last time are not opened again."""
        opened: dict[tuple[UUID, str], tuple[bytes, str]] = {}
        for brokerage_id, name, sealed in rows:
            key, token = (brokerage_id, name), bytes(sealed)
            before = self._opened.get(key)
            if before is not None and before[0] == token:
                opened[key] = before
            elif not name.endswith("/token"):
                place = f"{brokerage_id}|secret|{name}"
                plain = unseal(self._master.derive(f"secrets/{brokerage_id}"), token.decode(), place)
                if plain is not None:
                    opened[key] = (token, plain.decode())
        self._opened = opened
        return {key: plain for key, (_, plain) in opened.items()}


def routes_of(accounts: Sequence[tuple[Any, ...]], secrets: dict[tuple[UUID, str], str]) -> Routes:
    """Return the routes of these rows and opened secrets."""
    routes = Routes()
    for brokerage_id, channel, account_id, provider, app, business_id, page_id in accounts:
        route = Route(brokerage_id, channel, account_id, provider, app, business_id)
        routes.accounts[channel, account_id] = route
        if page_id is not None:
            routes.pages[channel, page_id] = route
        if business_id is not None:
            routes.businesses[business_id] = (*routes.businesses.get(business_id, ()), route)
        if provider == "360dialog" and (
            secret := secrets.get((brokerage_id, WEBHOOK_SECRET.format(channel, account_id)))
        ):
            routes.webhook_secrets[account_id] = secret
    names = {(brokerage_id, name.split("/")[1]) for brokerage_id, name in secrets if name.startswith("app/")}
    for brokerage_id, app in sorted(names, key=str):
        signing, verifying = (
            _listed(secrets.get((brokerage_id, name.format(app)))) for name in (APP_SECRETS, VERIFY_TOKEN)
        )
        routes.apps[app] = (*routes.apps.get(app, ()), AppSecrets(brokerage_id, app, signing, verifying))
    return routes


def _listed(kept: str | None) -> tuple[str, ...]:
    return tuple(orjson.loads(kept)) if kept else ()


class PostgresChannels:
    """The accounts and apps of one database, changed by people: rarely, on connections of their own. Thread-safe."""

    def __init__(self, url: str, master: MasterKey) -> None:
        self._url, self._master = url, master

    def claim(self, brokerage_id: UUID, wanted: ChannelConnected) -> None:
        """Take an account for a brokerage, or change its own. Raises AccountTaken where it is another's."""
        row = wanted.model_dump(exclude={"kind", "occurred_at", "connected"}) | {"brokerage_id": brokerage_id}
        with connect(self._url, "masar_projector", name="channels") as connection, connection.transaction():
            if connection.execute(CLAIM, row).fetchone() is None:
                raise AccountTaken(f"{wanted.channel} account {wanted.account_id} is connected to another brokerage")
            if wanted.app is not None:
                connection.execute(NOTE_APP, (brokerage_id, wanted.app))

    def release(self, brokerage_id: UUID, channel: str, account_id: str) -> None:
        """Give an account up, and forget its secrets."""
        names = [name.format(channel, account_id) for name in (TOKEN, WEBHOOK_SECRET)]
        with connect(self._url, "masar_projector", name="channels") as connection:
            connection.execute(RELEASE, (channel, account_id, brokerage_id))
        with connect(self._url, "masar_registry", name="channels") as registry:
            registry.execute(FORGET_SECRETS, (brokerage_id, names))

    def put(self, brokerage_id: UUID, secrets: dict[str, str | None]) -> None:
        """Keep secrets by name; those that are None or empty are left as they were."""
        given = {name: one for name, one in secrets.items() if one}
        if given:
            with connect(self._url, "masar_registry", name="channels") as registry:
                store = SecretStore(lambda: registry, self._master)
                for name, secret in given.items():
                    store.put(brokerage_id, name, secret)
            self._sync_templates(brokerage_id, [name.split("/")[2] for name in given if WHATSAPP_TOKEN.match(name)])

    def _sync_templates(self, brokerage_id: UUID, accounts: list[str]) -> None:
        """Have the templates read of those numbers whose business account is known: they can be asked for now."""
        if not accounts:
            return
        with connect(self._url, "masar_projector", name="channels") as connection, connection.transaction():
            sync_soon(connection, brokerage_id, accounts)

    def are_set(self, brokerage_id: UUID) -> set[str]:
        """Return the names of the secrets that are kept."""
        with connect(self._url, "masar_registry", name="channels") as registry:
            return set(SecretStore(lambda: registry, self._master).names(brokerage_id))

    def add_to(self, brokerage_id: UUID, name: str, secret: str) -> int:
        """Put a secret at the head of a list of them; return how many there are."""
        return self._change(brokerage_id, name, lambda before: [secret, *(one for one in before if one != secret)])

    def retire(self, brokerage_id: UUID, name: str, ending: str) -> int:
        """Take the secrets that end so off a list; return how many are left. Raises LookupError where none does."""

        def without(before: list[str]) -> list[str]:
            left = [one for one in before if not one.endswith(ending)]
            if len(left) == len(before):
                raise LookupError(f"no secret ends with {ending!r}")
            return left

        return self._change(brokerage_id, name, without)

    def endings(self, brokerage_id: UUID, name: str) -> list[str]:
        """Return the last four characters of the secrets on a list, the newest first."""
        with connect(self._url, "masar_registry", name="channels") as registry:
            kept = SecretStore(lambda: registry, self._master).get(brokerage_id, name)
        return [one[-4:] for one in _listed(kept)]

    def note_app(self, brokerage_id: UUID, app: str) -> None:
        """Note that a brokerage has an app of this name."""
        with connect(self._url, "masar_projector", name="channels") as connection:
            connection.execute(NOTE_APP, (brokerage_id, app))

    def _change(self, brokerage_id: UUID, name: str, decide: Any) -> int:
        """Change a list of secrets, one change at a time."""
        with connect(self._url, "masar_registry", name="channels") as registry, registry.transaction():
            registry.execute(ONE_AT_A_TIME, (f"{brokerage_id}|{name}",))
            kept = SecretStore(lambda: registry, self._master).get(brokerage_id, name)
            after: list[str] = decide(list(_listed(kept)))
            sealed = seal(
                self._master.derive(f"secrets/{brokerage_id}"), brokerage_id, orjson.dumps(after),
                f"{brokerage_id}|secret|{name}",
            )  # fmt: skip
            registry.execute(PUT, (brokerage_id, name, sealed.encode()))
            return len(after)
