"""The one place where a port of the application meets its adapter."""

from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from adapters.paymob.secrets import PaymobSecrets
from adapters.postgres.batcher import Batcher
from adapters.postgres.calendars import PostgresCalendars
from adapters.postgres.connections import pool
from adapters.postgres.decided import DecidedFacts
from adapters.postgres.houses import Houses
from adapters.postgres.keyring import KeyRing
from adapters.postgres.log import LogOpenedLater
from adapters.postgres.onto_person import OntoPerson
from adapters.postgres.writer import Writer
from api.auth.keys import Doorkeeper
from api.rates import Rates
from api.settings import Settings

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


@dataclass(slots=True)
class Services:
    """What the API's endpoints call."""

    settings: Settings
    pool: Pool
    overseer: Pool  # sees the backlog of all brokerages, for readiness and metrics only
    log: LogOpenedLater
    batcher: Batcher
    decided: DecidedFacts
    calendars: PostgresCalendars
    onto_person: OntoPerson
    keyring: KeyRing
    doorkeeper: Doorkeeper
    houses: Houses
    rates: Rates
    browser_rates: Rates
    address_rates: Rates
    paymob: PaymobSecrets

    async def region_of(self, brokerage_id: UUID) -> str:
        """Return the region in which a brokerage's local phone numbers are read."""
        return (await self.houses.house(brokerage_id)).region

    async def close(self) -> None:
        """Finish what was taken in, then close everything."""
        await self.batcher.close()
        await self.pool.close()
        await self.overseer.close()
        self.keyring.close()
        self.log.close()


async def open_services(settings: Settings) -> Services:
    """Open what an API process needs; works while the database is still away."""
    url, master = settings.database(), settings.master()
    connections = pool(url, size=settings.readers)
    overseer = pool(url, "masar_projector", size=1)
    for one in (connections, overseer):
        await one.open(wait=False)
    log = LogOpenedLater(url)
    return Services(
        settings=settings,
        pool=connections,
        overseer=overseer,
        log=log,
        batcher=Batcher(lambda: Writer(url, master, log), most_waiting=settings.most_waiting),
        decided=DecidedFacts(url, log),
        calendars=PostgresCalendars(connections, master),
        onto_person=OntoPerson(url, master, log),
        keyring=KeyRing(url, master),
        doorkeeper=Doorkeeper(connections),
        houses=Houses(connections),
        rates=Rates(settings.requests_per_minute),
        browser_rates=Rates(settings.browser_requests_per_minute),
        address_rates=Rates(settings.address_requests_per_minute),
        paymob=PaymobSecrets(url, master),
    )
