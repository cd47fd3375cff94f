"""The one place where a port of the application meets its adapter."""

from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from adapters.channels.clients import Hosts, PlatformClients
from adapters.media.clamav import ClamAV
from adapters.media.vault import FolderVault
from adapters.postgres.batcher import Batcher, DeliveryBatcher
from adapters.postgres.calendars import PostgresCalendars
from adapters.postgres.channels import PostgresChannels, RoutingTable
from adapters.postgres.clock import LearnedClock, asking
from adapters.postgres.connections import pool
from adapters.postgres.decided import DecidedFacts
from adapters.postgres.deliveries import Refusals
from adapters.postgres.door_secrets import PAYMOB_SECRET, DoorSecrets
from adapters.postgres.holding import HoldingThreads
from adapters.postgres.houses import Houses
from adapters.postgres.keyring import KeyRing
from adapters.postgres.live import Live
from adapters.postgres.on_loop import connect_on_loop
from adapters.postgres.onto_person import OntoPerson
from adapters.postgres.receiver import DeliveryWriter
from adapters.postgres.sending_desk import SendingDesk
from adapters.postgres.setups import Setups
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
    now: LearnedClock  # the database's time; whatever is written goes by it
    batcher: Batcher
    deliveries: DeliveryBatcher
    routes: RoutingTable
    refusals: Refusals
    channels: PostgresChannels
    setups: Setups
    decided: DecidedFacts
    calendars: PostgresCalendars
    onto_person: OntoPerson
    keyring: KeyRing
    doorkeeper: Doorkeeper
    houses: Houses
    rates: Rates
    browser_rates: Rates
    address_rates: Rates
    paymob: DoorSecrets
    sending: SendingDesk
    platforms: PlatformClients
    live: Live
    holding: HoldingThreads
    vault: FolderVault

    async def region_of(self, brokerage_id: UUID) -> str:
        """Return the region in which a brokerage's local phone numbers are read."""
        return (await self.houses.house(brokerage_id)).region

    async def close(self) -> None:
        """Finish what was taken in, then close everything."""
        await self.now.close()
        await self.live.close()
        await self.batcher.close()
        await self.deliveries.close()
        await self.refusals.close()
        self.routes.close()
        await self.pool.close()
        await self.overseer.close()
        self.sending.close()
        self.platforms.close()
        self.keyring.close()


async def open_services(settings: Settings) -> Services:
    """Open what an API process needs; works while the database is still away."""
    url, master = settings.database(), settings.master()
    connections = pool(url, size=settings.readers)
    overseer = pool(url, "masar_projector", size=1)
    for one in (connections, overseer):
        await one.open(wait=False)
    now = LearnedClock(asking(overseer))
    await now.start()
    keyring = KeyRing(url, master)
    return Services(
        settings=settings,
        pool=connections,
        overseer=overseer,
        now=now,
        batcher=Batcher(lambda: Writer(url, master, connect_on_loop), most_waiting=settings.most_waiting),
        deliveries=DeliveryBatcher(
            lambda: DeliveryWriter(Writer(url, master, connect_on_loop), master),
            most_waiting=settings.most_waiting,
        ),
        routes=RoutingTable(url, master),
        refusals=Refusals(overseer),
        channels=PostgresChannels(url, master),
        setups=Setups(url),
        decided=DecidedFacts(url),
        calendars=PostgresCalendars(connections, master),
        onto_person=OntoPerson(url, master),
        keyring=keyring,
        doorkeeper=Doorkeeper(connections),
        houses=Houses(connections),
        rates=Rates(settings.requests_per_minute),
        browser_rates=Rates(settings.browser_requests_per_minute),
        address_rates=Rates(settings.address_requests_per_minute),
        paymob=DoorSecrets(url, master, PAYMOB_SECRET),
        sending=SendingDesk(url, master, keyring, settings.windows()),
        platforms=PlatformClients(
            Hosts(settings.graph_url, settings.instagram_url, settings.dialog360_url, settings.graph_version)
        ),
        live=Live(url, connections, keyring),
        holding=HoldingThreads(url, master, settings.windows()),
        vault=FolderVault(
            settings.media(), keyring.key_of, ClamAV(settings.clamav_url) if settings.clamav_url else None
        ),
    )
