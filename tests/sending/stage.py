"""A customer who wrote, a strict stand-in for the platform, and a worker to be run by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from adapters.channels.clients import Hosts, PlatformClients
from adapters.channels.rates import ChannelRates, Here, rates_of
from adapters.postgres.outgoing import PostgresOutgoing, RefNames
from adapters.postgres.seals import SubjectSeals
from adapters.postgres.secrets import SecretStore
from application.outgoing import Draft
from application.outgoing_reconcile import ReconcileSend
from application.outgoing_templates import SyncTemplates
from application.ports.channels import Shaper
from application.ports.touchpoints import Observed
from application.request_send import RequestSend
from application.send_message import SendMessage
from domain.messaging.content import Content
from domain.messaging.events import PlatformTouchpoint
from domain.messaging.threads import message_name
from domain.people.hints import PersonHints
from domain.shared.fact import Touchpoint
from tests.assistant.stage import ACCOUNTS, Talk
from tests.delivery.stage import MASTER
from tests.patience import PATIENCE_S

TOKEN, WABA, ROUTE = "EAAsending", "810700000000001", "messages"
DISOWN = "DELETE FROM channels.accounts WHERE channel = %s AND account_id = %s"
OWN = """
INSERT INTO channels.accounts (channel, account_id, brokerage_id, provider, business_id) VALUES (%s, %s, %s, %s, %s)
"""
MESSAGES = """
SELECT id, state, last_error, due_at, asked FROM outbox.messages
 WHERE brokerage_id = %s AND kind = %s ORDER BY position, id
"""


class Free:
    """No rate at all."""

    def __init__(self) -> None:
        self.held: list[tuple[str, float]] = []

    def take(self, account: str, thread: str, channel: str, *, heavy: bool = False) -> float:
        return 0.0

    def hold(self, scope: str, seconds: float) -> None:
        self.held.append((scope, seconds))


@dataclass
class Sending(Talk):
    """One customer and what is sent to them."""

    platform: httpx.Client = field(default_factory=httpx.Client)
    shaper: Shaper = field(default_factory=Free)
    provider: str = "meta"
    token: str | None = TOKEN

    def __post_init__(self) -> None:
        super().__post_init__()
        self.account = ACCOUNTS[self.channel]
        self.secrets = SecretStore(self.registry, MASTER)
        self.book = PostgresOutgoing(self.line, self.secrets)
        self.seals = SubjectSeals(self.registry, MASTER)
        self.request = RequestSend(self.seals, self.book)
        base = str(self.platform.base_url)
        self.clients = PlatformClients(Hosts(base, base, base, timeout_s=PATIENCE_S))
        business = WABA if self.channel == "whatsapp" else None
        self.db.owner.execute(DISOWN, (self.channel, self.account))
        self.db.owner.execute(OWN, (self.channel, self.account, self.brokerage_id, self.provider, business))
        if self.token:
            self.store_token(self.token)
        credential = "api_key" if self.provider == "360dialog" else "token"
        known: dict[str, Any] = {"channel": self.channel, "provider": self.provider, credential: TOKEN}
        if self.channel == "whatsapp":
            known["waba_id"] = WABA
        self.control("PUT", f"accounts/{self.account}", known)

    def person(self) -> PersonHints:
        return PersonHints(**self.hints)

    def came_as(self, platform_id: str, fact: PlatformTouchpoint) -> UUID:
        """Something comes by webhook under this id of the platform; return its place in the log."""
        fact = fact.model_copy(update={"hints": self.person()})
        name = message_name(platform_id)
        observed = Observed(self.brokerage_id, self.channel, name, fact, b"{}", uuid4(), "EG", 300)
        (verdict,) = self.db.writer.write([observed])
        assert verdict.event_id is not None, verdict
        return verdict.event_id

    def says(self, fact: Touchpoint) -> None:
        """The customer says something about themselves."""
        fact = fact.model_copy(update={"hints": self.person()})
        self.db.writer.write([Observed(self.brokerage_id, "site", str(uuid4()), fact, b"{}", uuid4(), "EG", 300)])

    def close(self) -> None:
        self.clients.close()
        super().close()

    def store_token(self, token: str) -> None:
        self.secrets.put(self.brokerage_id, f"channel/{self.channel}/{self.account}/token", token)

    def control(self, method: str, path: str, body: Any = None, **asked: Any) -> Any:
        answer = self.platform.request(method, f"/_simulator/{path}", json=body, params=asked)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def plan(self, *outcomes: Any) -> None:
        """What the next requests meet."""
        self.control("PUT", "faults", {"fail_next": list(outcomes)})

    @property
    def customer(self) -> str:
        """The customer's name on the platform."""
        first = self.hints.get("phone") or self.hints.get("bsuid") or self.hints.get("psid") or self.hints["igsid"]
        return str(first).lstrip("+")

    def wrote(self, *, ago: timedelta = timedelta(minutes=1), **more: Any) -> UUID:
        """The customer wrote so long ago, and the platform knows it."""
        self.now = datetime.now(UTC) - ago
        if "bsuid" in self.hints and "phone" not in self.hints:
            self.control("PUT", f"customers/whatsapp/{self.customer}", {"bsuid": self.customer, "hides_phone": True})
        self.control("POST", "inbound", {"wrote": [{
            "channel": self.channel, "account": self.account, "user": self.customer, "at": self.now.timestamp(),
        }]})  # fmt: skip
        return self.writes("is it free?", **more)

    def asks(self, text: str | None = "it is", *, at: datetime | None = None, **more: Any) -> list[UUID]:
        """Somebody of ours says something; return the sends."""
        draft = Draft(**{"author": "agent", "by": "Nour", "text": text, **more})
        with self.at() as work:
            return self.request.request_all(work, draft, at or datetime.now(UTC))

    def worker(self, **changes: Any) -> SendMessage:
        ports: dict[str, Any] = {
            "desks": self.desks, "book": self.book, "consents": self.book, "open_all": self.ring.open_all,
            "seals": self.seals, "channels": self.clients, "shaper": self.shaper, "records": self.work,
            "name_of": RefNames(MASTER), "jitter": lambda: 0.0,
        }  # fmt: skip
        return SendMessage(**{**ports, **changes})

    def run(self, send_id: UUID, **changes: Any) -> tuple[str, str | None]:
        """A worker takes a send now; return its state in the outbox and the last word on it."""
        self.make_due(send_id)
        leased = self.work.lease_one(send_id)
        assert leased is not None, "it is not its turn"
        self.worker(**changes).run(leased)
        self.work.forget()
        return self.state(send_id)

    def go(self, text: str | None = "it is", **more: Any) -> UUID:
        """Ask for a message and send it."""
        (send_id,) = self.asks(text, **more)
        self.run(send_id)
        return send_id

    def make_due(self, message_id: UUID) -> None:
        self.db.owner.execute("UPDATE outbox.messages SET due_at = now() WHERE id = %s", (message_id,))

    def state(self, send_id: UUID) -> tuple[str, str | None]:
        rows = self.db.rows("SELECT state, last_error FROM outbox.messages WHERE id = %s", send_id)
        return rows[0][0], rows[0][1]

    def waits_s(self, send_id: UUID, since: datetime) -> float:
        """Seconds from then until it is tried again."""
        rows = self.db.rows("SELECT due_at FROM outbox.messages WHERE id = %s", send_id)
        return float((rows[0][0] - since).total_seconds())

    def outcomes(self, send_id: UUID) -> list[tuple[str, str]]:
        """What is told of a send, in order: (outcome, whose word)."""
        told = self.facts("messaging.send_settled.v1")
        return [(one["outcome"], one["by"]) for one in told if one["send_id"] == str(send_id)]

    def settled(self, send_id: UUID) -> dict[str, Any]:
        """The last fact about a send."""
        return [one for one in self.facts("messaging.send_settled.v1") if one["send_id"] == str(send_id)][-1]

    def received(self) -> list[dict[str, Any]]:
        """The bodies that the platform took for this customer, in order."""
        asked = {"channel": self.channel, "account": self.account, "limit": 10_000}
        found = self.control("GET", "messages", **asked)["data"]
        return [one["body"] for one in found if one["customer"] == self.customer]

    def taken(self) -> list[dict[str, Any]]:
        """The same with everything that the platform noted."""
        asked = {"channel": self.channel, "account": self.account, "limit": 10_000}
        found: list[dict[str, Any]] = self.control("GET", "messages", **asked)["data"]
        return [one for one in found if one["customer"] == self.customer]

    def reconcile(self) -> list[str]:
        """Carry out what is to be reconciled; return the states afterwards."""
        self.db.project("threads")
        for message_id, *_rest in self.db.rows(MESSAGES, self.brokerage_id, "reconcile_send"):
            self.make_due(message_id)
            leased = self.work.lease_one(message_id)
            if leased is not None:
                ReconcileSend(self.book, self.ring.open_all, self.seals, self.work).run(leased)
                self.work.forget()
        return [row[1] for row in self.db.rows(MESSAGES, self.brokerage_id, "reconcile_send")]

    def sync(self, message_id: UUID) -> tuple[str, str | None]:
        leased = self.work.lease_one(message_id)
        assert leased is not None
        SyncTemplates(self.book, self.clients, self.work).run(leased)
        self.work.forget()
        self.db.project("templates")
        return self.state(message_id)


def buttons(*titles: str) -> Content:
    """Content with buttons of these titles."""
    return Content.model_validate({"buttons": [{"id": f"b{nth}", "title": one} for nth, one in enumerate(titles)]})


def buckets(**rates: float) -> Here:
    """The rates of one process."""
    return Here(rates_of(ChannelRates(**rates)))
