"""What one thread of a worker works with: its own connections, and the use cases on them."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

from adapters.analyser.builtin import BuiltinAnalyser
from adapters.assistant.settings import AssistantSettings, NoticePorts, ThreadPorts, notice_work, thread_work
from adapters.channels.clients import INSTAGRAM, Hosts, PlatformClients
from adapters.channels.rates import ChannelRates, make_shaper
from adapters.lifetime_value.later import LoadedLater
from adapters.media.clamav import ClamAV
from adapters.media.platforms import PlatformFiles, allowing
from adapters.media.vault import FolderVault
from adapters.meta.conversions_api import MetaConversions
from adapters.meta.graph import TIMEOUT_S, VERSION, GraphClient
from adapters.meta.settings import DEFAULTS, MetaSettings
from adapters.openai.settings import ModelSettings
from adapters.outside.addresses import Rules
from adapters.outside.client import GuardedClient
from adapters.postgres.audience_syncs import PostgresAudienceWork
from adapters.postgres.clock import DatabaseClock
from adapters.postgres.colleagues import PostgresColleagues
from adapters.postgres.desks import PostgresDesks
from adapters.postgres.keyring import KeyRing
from adapters.postgres.notices import PostgresAgents, PostgresNotices
from adapters.postgres.outbox import LEASE_SECONDS
from adapters.postgres.outgoing import PostgresOutgoing, RefNames
from adapters.postgres.quiet_sessions import QuietSessions
from adapters.postgres.rental_history import CustomersOfRentals, LogOfRentals
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.secrets import SecretStore
from adapters.postgres.simulate import ProcessRuns
from adapters.postgres.stories import PostgresStories
from adapters.postgres.work import Line, Work
from adapters.sealing import MasterKey, key_id_of
from application.analyse_conversation import AnalyseConversation
from application.close_quiet_session import CloseQuietSession
from application.deliver_conversions import PROBE_S, DeliverConversions
from application.fetch_media import FetchMedia
from application.fit_value_model import FitValueModel
from application.outgoing_reconcile import ReconcileSend
from application.outgoing_templates import SyncTemplates
from application.ports.analysis import ConversationAnalyser
from application.ports.channels import Shaper
from application.ports.outbox import Entry, Lane, Leased, LeaseLost, Settled
from application.record_value_change import RecordValueChange
from application.request_send import RequestSend
from application.send_message import SendMessage
from application.simulate_policy import SimulatePolicy
from application.sync_audience import CarryOutSync
from application.tell_new_fit import TellNewFit
from application.watch_datasets import LOOK_EVERY_S
from domain.conversations.events import ConversationEnded
from domain.messaging.windows import RULES, WindowRules
from domain.shared.personal import Sealed
from domain.tours.events import TourEnded
from projections.conversation_sessions import CONVERSATION_SESSIONS
from projections.tour_sessions import TOUR_SESSIONS

WAIT_ELSEWHERE = frozenset({"fetch_media", "analyse_conversation", "sync_templates"})
"""Kinds whose work is to wait for others, for minutes: a worker that is lost meanwhile is not the message's fault."""
MOST_EXCUSED = 20
"""After so many leases it may be the message's fault after all."""
UNKNOWN = timedelta(minutes=1)
"""How long a message of an unknown kind waits for a worker that knows it."""

log = structlog.get_logger("masar.worker")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works. `test_events` sends a dataset's test event code along, which Meta counts as live.

    `messaging_at_least_once` repeats events of business messaging of which nobody knows; Meta counts each repeat.
    """

    url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    master: MasterKey = field(repr=False)
    graph_url: str
    graph_version: str = VERSION
    meta: MetaSettings = DEFAULTS
    threads: int = 4
    test_events: bool = False
    messaging_at_least_once: bool = False
    probe_s: float = PROBE_S
    lease_s: int = LEASE_SECONDS
    timeout_s: float = TIMEOUT_S
    model: ModelSettings | None = None
    watch_every_s: float = LOOK_EVERY_S
    dialog360_url: str = "https://waba-v2.360dialog.io"
    media_dir: Path = Path(".masar/media")
    clamav_url: str | None = None
    outside: Rules = Rules()  # noqa: RUF009 - frozen
    instagram_url: str = INSTAGRAM
    channel_rates: ChannelRates = ChannelRates()  # noqa: RUF009 - frozen
    windows: WindowRules = RULES

    assistant: AssistantSettings = AssistantSettings()  # noqa: RUF009 - frozen

    def hosts(self) -> Hosts:
        """Return where the messaging platforms are."""
        return Hosts(self.graph_url, self.instagram_url, self.dialog360_url, self.graph_version, self.timeout_s)


def _analyser(model: ModelSettings) -> ConversationAnalyser:
    from adapters.openai.analyser import OpenAIAnalyser  # half a second of loading, for those who have a model

    return OpenAIAnalyser(model)


class FreshKeys:
    """A key ring that remembers nothing between batches: a key destroyed elsewhere is gone here too."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def open_all(self, values: Iterable[Sealed]) -> list[Any]:
        """Return the plain values, ERASED where a key is gone by now."""
        sealed = list(values)
        for subject_id in {key_id_of(one.token) for one in sealed}:
            self._ring.forget(subject_id)
        return self._ring.open_all(sealed)


class Hands:
    """One thread's connections and use cases; whatever breaks off is put back."""

    def __init__(
        self, settings: WorkerSettings, graph: GraphClient, platforms: PlatformClients, shaper: Shaper
    ) -> None:  # fmt: skip
        self._master = settings.master
        self._line = Line(settings.url, "masar_projector")
        self._registry = Line(settings.url, "masar_registry")
        self._ring = KeyRing(settings.url, settings.master)
        self._work = Work(self._line, settings.master, settings.lease_s)
        self._clock = DatabaseClock(self._line)
        self._deliver = DeliverConversions(
            queue=self._work,
            circuits=self._work,
            words=self._work,
            keys=FreshKeys(self._ring),
            safe=SecretStore(self._registry, settings.master, test_events=settings.test_events),
            sink=MetaConversions(graph, settings.meta),
            probe_s=settings.probe_s,
            at_least_once=settings.messaging_at_least_once,
            clock=self._clock,
        )
        self._seals = SubjectSeals(self._registry, settings.master)
        self._book = PostgresOutgoing(self._line, SecretStore(self._registry, settings.master))
        self._desks = PostgresDesks(self._lent)
        self._sends = RequestSend(self._seals, self._book, settings.windows)
        tours, talks = QuietSessions(self._line, TOUR_SESSIONS), QuietSessions(self._line, CONVERSATION_SESSIONS)
        self._alone: dict[str, Callable[[Leased], None]] = {
            "close_tour": CloseQuietSession(TourEnded, tours, self._work, self._clock).run,
            "close_conversation": CloseQuietSession(ConversationEnded, talks, self._work, self._clock).run,
            "fetch_media": self._fetch_media(settings).run,
            "fit_value_model": FitValueModel(LogOfRentals(self._line), LoadedLater(), self._work, self._clock).run,
            "record_value_change": RecordValueChange(self._work).run,
            "tell_new_fit": TellNewFit(CustomersOfRentals(self._line), self._work, self._clock).run,
            "simulate_policy": SimulatePolicy(ProcessRuns(settings.url, self._line), self._work, self._clock).run,
            "sync_audience": CarryOutSync(self._audiences(settings), self._work, self._clock).run,
            "analyse_conversation": AnalyseConversation(
                keys=FreshKeys(self._ring),
                seals=SubjectSeals(self._registry, settings.master),
                records=self._work,
                builtin=BuiltinAnalyser(),
                model=_analyser(settings.model) if settings.model else None,
            ).run,
            **self._sending(settings, platforms, shaper),
            **thread_work(settings.assistant, self._thread_ports()),
            **notice_work(settings.assistant, self._notice_ports(settings, platforms, shaper)),
        }

    def _audiences(self, settings: WorkerSettings) -> PostgresAudienceWork:
        safe, keys = SecretStore(self._registry, settings.master), FreshKeys(self._ring)
        return PostgresAudienceWork(
            self._line, keys, safe, settings.master, settings.graph_url, settings.graph_version, settings.lease_s
        )  # fmt: skip

    def _sending(
        self, settings: WorkerSettings, platforms: PlatformClients, shaper: Shaper
    ) -> dict[str, Callable[[Leased], None]]:  # fmt: skip
        keys = FreshKeys(self._ring)
        send = SendMessage(
            desks=self._desks, book=self._book, consents=self._book, open_all=keys.open_all, seals=self._seals,
            channels=platforms, shaper=shaper, records=self._work, name_of=RefNames(settings.master),
            windows=settings.windows, files=FolderVault(settings.media_dir, self._ring.key_of), clock=self._clock,
        )  # fmt: skip
        return {
            "send_message": send.run,
            "reconcile_send": ReconcileSend(self._book, keys.open_all, self._seals, self._work, self._clock).run,
            "sync_templates": SyncTemplates(self._book, platforms, self._work, self._clock).run,
        }

    def _notice_ports(
        self, settings: WorkerSettings, platforms: PlatformClients, shaper: Shaper
    ) -> NoticePorts:  # fmt: skip
        book = PostgresNotices(self._line, PostgresAgents(self._line, settings.master), self._book)
        stories, names = PostgresStories(self._line), RefNames(settings.master)
        return NoticePorts(book, stories, FreshKeys(self._ring), platforms, shaper, self._work, names, self._clock)

    def _thread_ports(self) -> ThreadPorts:
        stories, agents = PostgresStories(self._line), PostgresAgents(self._line, self._master)
        return ThreadPorts(
            stories, self._desks, self._work, FreshKeys(self._ring), self._sends, self._run_one,
            PostgresColleagues(agents, self._registry, self._master), self._clock,
        )  # fmt: skip

    @contextmanager
    def _lent(self) -> Iterator[Connection[Any]]:
        """Lend the connection for one piece of work; it stays open."""
        yield self._line()

    def _fetch_media(self, settings: WorkerSettings) -> FetchMedia:
        own = (settings.graph_url, settings.dialog360_url)
        files = PlatformFiles(
            GuardedClient(allowing(settings.outside, own)),
            self._book.account,
            graph=f"{settings.graph_url}/{settings.graph_version}",
            dialog360=settings.dialog360_url,
        )
        scanner = ClamAV(settings.clamav_url) if settings.clamav_url else None
        vault = FolderVault(settings.media_dir, self._ring.key_of, scanner)
        return FetchMedia(FreshKeys(self._ring), self._work, files, vault, self._clock)

    def drain(self, lane: Lane, go_on: Callable[[], bool]) -> None:
        """Deliver a lane's due conversions; whatever goes wrong is logged, and what was in hand waits again."""
        with structlog.contextvars.bound_contextvars(brokerage_id=str(lane.brokerage_id), dataset_id=lane.dataset_id):
            self._guarded(lambda: self._deliver.drain(lane, go_on))

    def run_one(self, message_id: UUID) -> None:
        """Carry out one message if it is due and free."""
        with structlog.contextvars.bound_contextvars(message_id=str(message_id)):
            self._guarded(lambda: self._run_one(message_id))

    def held(self) -> list[int]:
        """Return the leases in hand; to be called from any thread."""
        return self._work.held()

    def close(self) -> None:
        """Let everything go."""
        self._work_back("the worker stops")
        for one in (self._line, self._registry, self._ring):
            with suppress(psycopg.Error):
                one.close()

    def _run_one(self, message_id: UUID) -> None:
        message = self._work.lease_one(message_id)
        if message is not None:
            with structlog.contextvars.bound_contextvars(correlation_id=str(message.correlation_id)):
                self._carry_out(message)

    def _carry_out(self, message: Leased) -> None:
        if (carry_out := self._alone.get(message.kind)) is not None:
            if message.kind in WAIT_ELSEWHERE and message.attempts <= MOST_EXCUSED:
                self._work.about_to_ask([message])
            carry_out(message)
            return
        log.error("unknown_message", kind=message.kind)  # written by a newer release: it waits for a newer worker
        later = self._clock() + UNKNOWN
        self._work.record(Entry([Settled(message, "waiting", later, f"this release has no worker for {message.kind}")]))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except LeaseLost as lost:
            log.warning("lease_lost", why=str(lost))
            self._work_back("its batch was lost to another worker")
        except psycopg.OperationalError as away:
            log.warning("database_away", error=type(away).__name__)
            self._line.close()
            self._registry.close()
            self._ring.close()
            self._work_back("the database went away")
        except Exception as defect:
            log.exception("work_broke")
            self._work_back(f"the work broke: {type(defect).__name__}", broke=True)
        else:
            self._work.forget()

    def _work_back(self, why: str, *, broke: bool = False) -> None:
        """Put back what is still leased; where even that fails, the leases run out by themselves."""
        with suppress(psycopg.Error):
            self._work.put_back(why, broke=broke)


class Crew:
    """Gives each thread hands of its own."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._graph = GraphClient(settings.graph_url, settings.graph_version, settings.timeout_s)
        self._platforms = PlatformClients(settings.hosts())
        self._shaper = make_shaper(settings.redis_url, settings.channel_rates)
        self._local = threading.local()
        self._all: list[Hands] = []
        self._lock = threading.Lock()

    def hands(self) -> Hands:
        """Return the calling thread's hands."""
        hands: Hands | None = getattr(self._local, "hands", None)
        if hands is None:
            hands = self._local.hands = Hands(self._settings, self._graph, self._platforms, self._shaper)
            with self._lock:
                self._all.append(hands)
        return hands

    def held(self) -> list[int]:
        """Return the leases in all hands."""
        with self._lock:
            return [lease for hands in self._all for lease in hands.held()]

    def close(self) -> None:
        """Let all hands go, once their threads have ended."""
        for hands in self._all:
            hands.close()
        self._graph.close()
        self._platforms.close()
