"""Credentials of brokerages, sealed; a new token sets waiting conversions free."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.postgres.outbox import RELEASE_PARKED
from adapters.sealing import MasterKey, seal, unseal
from application.ports.conversions import Credentials
from application.ports.outbox import Lane

TOKEN, APP_SECRET, TEST_CODE = "dataset/{}/token", "dataset/{}/app_secret", "dataset/{}/test_event_code"
"""Names of a dataset's secrets, by its id."""
ACCOUNT_TOKEN, ACCOUNT_SECRET = "ad_account/{}/token", "ad_account/{}/app_secret"
"""Names of an ad account's secrets, by its number."""

GET = "SELECT name, sealed FROM registry.secrets WHERE brokerage_id = %s AND name = ANY(%s)"
PUT = """
INSERT INTO registry.secrets (brokerage_id, name, sealed) VALUES (%s, %s, %s)
ON CONFLICT (brokerage_id, name) DO UPDATE SET sealed = excluded.sealed, set_at = now()
"""
NAMES = "SELECT name FROM registry.secrets WHERE brokerage_id = %s ORDER BY name"
LOOK_AGAIN = """
INSERT INTO outbox.watches (brokerage_id, dataset_id) VALUES (%s, %s)
ON CONFLICT (brokerage_id, dataset_id) DO UPDATE SET writes_proved = false, next_at = now()
"""
SEND_AGAIN = """
UPDATE outbox.messages SET due_at = now()
 WHERE brokerage_id = %s AND kind IN ('send_message', 'sync_templates') AND state = 'waiting' AND due_at > now()
   AND convert_from(payload, 'UTF8')::jsonb ->> 'account_id' = %s
"""
CLOSE = "DELETE FROM outbox.circuits WHERE brokerage_id = %s AND dataset_id = %s AND NOT throttled"


class SecretStore:
    """Secrets by brokerage and name. `connection` gives an autocommit connection as `masar_registry`.

    Test event codes are given out only with `test_events`: Meta counts test events as live ones.
    """

    def __init__(
        self, connection: Callable[[], Connection[Any]], master: MasterKey, *, test_events: bool = False
    ) -> None:
        self._connection, self._master, self._test_events = connection, master, test_events

    def put(self, brokerage_id: UUID, name: str, value: str) -> None:
        """Store a secret, or replace it. A dataset's token or app secret lets its parked conversions go again."""
        sealed = seal(self._key(brokerage_id), brokerage_id, value.encode(), _place(brokerage_id, name))
        connection = self._connection()
        with connection.transaction():
            connection.execute(PUT, (brokerage_id, name, sealed.encode()))
            kind, _, rest = name.partition("/")
            dataset_id, _, secret = rest.partition("/")
            if kind == "dataset" and secret in ("token", "app_secret"):
                connection.execute("SET LOCAL ROLE masar_projector")
                connection.execute(LOOK_AGAIN, (brokerage_id, dataset_id))
                connection.execute(CLOSE, (brokerage_id, dataset_id))
                connection.execute(RELEASE_PARKED, (brokerage_id, dataset_id))
            if kind == "channel" and name.endswith("/token"):
                connection.execute("SET LOCAL ROLE masar_projector")
                connection.execute(SEND_AGAIN, (brokerage_id, name.split("/")[2]))

    def get(self, brokerage_id: UUID, name: str) -> str | None:
        """Return a secret, None where it was never stored or does not open with this master key."""
        return self._get(brokerage_id, [name]).get(name)

    def some(self, brokerage_id: UUID, names: list[str]) -> dict[str, str]:
        """Return those of several secrets that are there."""
        return self._get(brokerage_id, names)

    def names(self, brokerage_id: UUID) -> list[str]:
        """Return the names of a brokerage's secrets, in order."""
        return [str(row[0]) for row in self._connection().execute(NAMES, (brokerage_id,)).fetchall()]

    def credentials(self, lane: Lane) -> Credentials | None:
        """Return what opens a dataset, None without a token."""
        names = [name.format(lane.dataset_id) for name in (TOKEN, APP_SECRET, TEST_CODE)]
        token, app_secret, code = map(self._get(lane.brokerage_id, names).get, names)
        return Credentials(token, app_secret, code if self._test_events else None) if token else None

    def _get(self, brokerage_id: UUID, names: list[str]) -> dict[str, str]:
        rows = self._connection().execute(GET, (brokerage_id, names)).fetchall()
        key = self._key(brokerage_id)
        opened = {name: unseal(key, bytes(sealed).decode(), _place(brokerage_id, name)) for name, sealed in rows}
        return {name: plain.decode() for name, plain in opened.items() if plain is not None}

    def _key(self, brokerage_id: UUID) -> bytes:
        return self._master.derive(f"secrets/{brokerage_id}")


def _place(brokerage_id: UUID, name: str) -> str:
    return f"{brokerage_id}|secret|{name}"
