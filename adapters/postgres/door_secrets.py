"""The secret with which a system outside signs what it sends us, by brokerage, remembered for a moment."""

import threading
import time
from uuid import UUID

from adapters.postgres.connections import connect
from adapters.postgres.secrets import SecretStore
from adapters.sealing import MasterKey

N8N_SECRET, PAYMOB_SECRET = "n8n/secret", "paymob/hmac_secret"
"""Names of the secrets with which workflow tools and Paymob sign."""
REMEMBERED_S = 5.0
"""How soon a new secret holds. Who guesses at brokerages must not cost a connection each time."""
MOST_REMEMBERED = 1_000


class DoorSecrets:
    """Reads one kind of secret, by its name, through the registry's role; thread-safe."""

    def __init__(self, url: str, master: MasterKey, name: str) -> None:
        self._url, self._master, self._name = url, master, name
        self._lock = threading.Lock()
        self._known: dict[UUID, tuple[float, str | None]] = {}

    def of(self, brokerage_id: UUID) -> str | None:
        """Return a brokerage's secret, None where it has none. Raises psycopg.OperationalError."""
        with self._lock:
            known = self._known.get(brokerage_id)
            if known is not None and known[0] > time.monotonic():
                return known[1]
            with connect(self._url, "masar_registry", name="door") as registry:
                found = SecretStore(lambda: registry, self._master).get(brokerage_id, self._name)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[brokerage_id] = (time.monotonic() + REMEMBERED_S, found)
            return found
