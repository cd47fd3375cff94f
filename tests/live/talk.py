"""Facts of messaging put into the log as the door puts them, without any platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from adapters.postgres.append import append_in, flush
from adapters.postgres.connections import connect
from adapters.postgres.mapper import Envelope
from adapters.postgres.registry import Registry
from adapters.postgres.writer import Writer
from adapters.sealing import MasterKey
from application.ports.touchpoints import Observed
from domain.messaging.content import Content
from domain.messaging.events import MessageReceived, PlatformTouchpoint
from domain.messaging.threads import message_name, thread_of
from domain.people.hints import PersonHints
from domain.shared.fact import Channel, Fact
from tests.api.served import MASTER_KEY

ACCOUNT = "106540352242922"


class Talk:
    """One customer of a brokerage on WhatsApp, and what we record about the thread."""

    def __init__(self, url: str, brokerage_id: UUID, master: MasterKey, *, phone: str, channel: Channel) -> None:
        self.brokerage_id, self.channel, self.phone = brokerage_id, channel, phone
        self._writer = Writer(url, master)
        self._work = connect(url, "masar_projector")
        self._registry, self._master = connect(url, "masar_registry"), master
        self.subject_id: UUID | None = None

    def close(self) -> None:
        """Close every connection."""
        self._writer.close()
        self._work.close()
        self._registry.close()

    @property
    def thread_id(self) -> UUID:
        """The thread, once somebody said something."""
        assert self.subject_id is not None
        return thread_of(self.brokerage_id, self.channel, ACCOUNT, self.subject_id)

    def says(
        self, text: str | None = None, content: Content | None = None, kind: Any = "text", **more: Any
    ) -> UUID:  # fmt: skip
        """The customer writes; return the ref of the message."""
        wamid = f"wamid.{uuid4().hex}"
        fact = MessageReceived(
            occurred_at=datetime.now(UTC), channel=self.channel, account_id=ACCOUNT, message_type=kind,
            platform_id=wamid, text=text, content=content, hints=PersonHints(phone=self.phone), **more,
        )  # fmt: skip
        return self.observe(message_name(wamid), fact)

    def observe(self, name: str, fact: PlatformTouchpoint) -> UUID:
        """Record what a platform reports; return its log entry."""
        (entry,) = self.observe_all([(name, fact)])
        return entry

    def observe_all(self, named: list[tuple[str, PlatformTouchpoint]]) -> list[UUID]:
        """Record many at once."""
        batch = [Observed(self.brokerage_id, self.channel, name, fact, b"{}", uuid4(), "EG", 300)
                 for name, fact in named]  # fmt: skip
        verdicts = self._writer.write(batch)
        entries = [one.event_id for one in verdicts]
        assert all(entries), verdicts
        row = self._work.execute("SELECT subject_id FROM log.masar_events WHERE originator_id = %s", (entries[0],))
        self.subject_id = row.fetchone()[0]  # type: ignore[index]
        return [one for one in entries if one is not None]

    def key(self) -> bytes | None:
        """Return the customer's data key."""
        assert self.subject_id is not None
        return Registry(self._registry, self._master).keys([self.subject_id])[self.subject_id]

    def decide(self, fact: Fact, entry: UUID | None = None, cause_id: UUID | None = None) -> UUID:
        """Record what we decided about the thread; return its log entry."""
        entry = entry or uuid4()
        key = self.key()
        with self._work.transaction():
            append_in(self._work, [Envelope(entry, 1, fact, self.brokerage_id, self.subject_id, cause_id, key=key)])
        flush(self._work)
        return entry


@contextmanager
def talking(
    url: str, brokerage_id: UUID, *, phone: str = "+201001234567", channel: Channel = "whatsapp",
    master: MasterKey | None = None,
) -> Iterator[Talk]:  # fmt: skip
    """A customer of a brokerage for the time of a test."""
    talk = Talk(url, brokerage_id, master or MasterKey.parse(MASTER_KEY), phone=phone, channel=channel)
    try:
        yield talk
    finally:
        talk.close()
