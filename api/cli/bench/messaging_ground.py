"""What the figures of messaging have in common: a connected WhatsApp number, requests, and the stand-in for Meta."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from adapters.postgres.channels import APP_SECRETS, TOKEN, PostgresChannels
from adapters.postgres.connections import connect
from adapters.postgres.receiver import names_of
from adapters.postgres.setups import Setups
from adapters.simulator.webhooks import Body, Line, signed
from api.auth.issuing import create_key
from api.cli.bench import messaging_load
from api.cli.bench.ground import BenchFailed, Ground
from api.cli.bench.messaging_load import Order, Report, write_requests
from api.cli.bench.webhooks import SECRET
from api.cli.context import ROOT
from application.channels import DEFAULT_APP, connect_channel
from domain.brokerage.events import ChannelConnected
from domain.messaging.threads import message_name

CONNECTIONS = 64
LINE = Line("106540352242977", "102290129340377", "201000000077")
"""The number that customers write to."""
ACCESS = "an-access-for-the-simulator"
DOOR, SENDING = "/api/webhooks/meta", "/api/v1/integrations/whatsapp/send"
UNDER_WAY = (
    "SELECT count(*) FROM outbox.messages WHERE kind IN ('answer_thread', 'send_message') "
    "AND state IN ('waiting', 'leased')"
)
BEHIND = (
    "SELECT count(*) FROM projection.builds WHERE status = 'live' "
    "AND position < (SELECT max(notification_id) FROM log.masar_events)"
)
LOAD_S = 600.0
"""Longest time for a load."""


@dataclass(frozen=True)
class House:
    """A ground on which the number is connected, with keys to read and to send."""

    ground: Ground
    reader: str
    operator: str

    def ref(self, message_id: str) -> UUID:
        """Return the log entry's id of a message, by the platform's id."""
        names = names_of(self.ground.settings.master(), self.ground.brokerage_id, "whatsapp")
        return names(message_name(message_id))

    def query(self, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Return the rows that answer a question, asked as a projector."""
        with connect(self.ground.url, "masar_projector", name="bench") as connection:
            return connection.execute(question, arguments).fetchall()

    def number(self, question: str, *arguments: Any) -> int:
        """Return the one number that answers a question."""
        return int(self.query(question, *arguments)[0][0])

    def is_folded(self) -> bool:
        """Tell whether every read model has all that is in the log."""
        return self.number(BEHIND) == 0

    def rests(self) -> bool:
        """Tell whether no message waits to be answered, and none of ours to be sent."""
        return self.is_folded() and self.number(UNDER_WAY) == 0


def housed(ground: Ground) -> House:
    """Connect the number, and make keys."""
    channels = PostgresChannels(ground.url, ground.settings.master())
    channels.note_app(ground.brokerage_id, DEFAULT_APP)
    channels.add_to(ground.brokerage_id, APP_SECRETS.format(DEFAULT_APP), SECRET)
    wanted = ChannelConnected(
        channel="whatsapp", account_id=LINE.account_id, business_id=LINE.business_id, app=DEFAULT_APP,
        occurred_at=datetime.now(UTC),
    )  # fmt: skip
    secrets: dict[str, str | None] = {TOKEN.format("whatsapp", LINE.account_id): ACCESS}
    connect_channel(Setups(ground.url), channels, ground.brokerage_id, wanted, secrets)
    with connect(ground.url, "masar_owner", name="bench") as owner:
        reader = create_key(owner, ground.brokerage_id, "reader", "bench-reader")
        operator = create_key(owner, ground.brokerage_id, "operator", "bench-operator")
    return House(ground, reader, operator)


class Platform:
    """The stand-in for Meta, told of the number, and of where its webhooks go."""

    def __init__(self, address: str, port: int) -> None:
        self.address = address
        self._client = httpx.Client(base_url=f"{address}/_simulator", trust_env=False, timeout=30)
        self._put(f"/accounts/{LINE.account_id}", {
            "channel": "whatsapp", "token": ACCESS, "waba_id": LINE.business_id, "display_phone_number": LINE.number,
        })  # fmt: skip
        self._put("/webhooks", {"url": f"http://127.0.0.1:{port}{DOOR}", "app_secret": SECRET})
        self._put("/messaging", {"unknown_customers": "reachable"})

    def hears(self, phones: Iterable[str]) -> None:
        """Tell it that these customers wrote: their windows are open."""
        wrote = [{"channel": "whatsapp", "account": LINE.account_id, "user": one} for one in phones]
        self._client.post("/inbound", json={"wrote": wrote}).raise_for_status()

    def messages(self) -> list[dict[str, Any]]:
        """Return every message that it took from us, in order."""
        found: list[dict[str, Any]] = []
        following: int | None = 0
        while following is not None:
            page = self._client.get("/messages", params={"limit": 10_000, "cursor": following}).json()
            found, following = found + page["data"], page["next_cursor"]
        return found

    def summary(self) -> dict[str, Any]:
        """Return its counts: processed, refused, rate_limits, callbacks."""
        return dict(self._client.get("/messages/summary").json())

    def _put(self, path: str, told: dict[str, Any]) -> None:
        self._client.put(path, json=told).raise_for_status()


@contextmanager
def platform(ground: Ground, port: int) -> Iterator[Platform]:
    """Run the stand-in where the ground's settings say that Meta is."""
    address = ground.settings.graph_url
    with ground.process("simulator", "-m", "api.cli", "simulator", "--port", address.rpartition(":")[2]) as process:
        process.wait_for(f"{address}/_simulator/health")
        yield Platform(address, port)


@contextmanager
def workers(ground: Ground) -> Iterator[None]:
    """Run the relay and two workers."""
    with ExitStack() as stack:
        for name in ("scheduler", "worker", "worker"):
            stack.enter_context(ground.process(name))
        yield


def webhook(body: Body) -> bytes:
    """Return the request that brings a body to our door, signed."""
    post = signed(body, SECRET)
    return request(DOOR, post.raw, dict(post.headers))


def sending(house: House, phone: str, text: str) -> bytes:
    """Return the request by which an agent sends a text to a customer."""
    headers = {"authorization": f"Bearer {house.operator}", "content-type": "application/json"}
    return request(SENDING, orjson.dumps({"to": phone, "text": text}), headers)


def request(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(
    house: House, ports: list[int], requests: Sequence[bytes], *, turns: Sequence[int] | None = None,
    connections: int = CONNECTIONS, per_s: float | None = None, tries: int = 1_000,
) -> Report:  # fmt: skip
    """Post requests from a process of its own, each until it is taken. Raises BenchFailed where any was given up."""
    file = house.ground.home / f"requests-{uuid4().hex[:8]}"
    write_requests(file, list(requests))
    try:
        order = Order(str(file), ports, list(turns or range(len(requests))), connections, per_s, tries)
        return _carried_out(house.ground, order)
    finally:
        file.unlink()


def _carried_out(ground: Ground, order: Order) -> Report:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-P", messaging_load.__file__], input=json.dumps(asdict(order)), capture_output=True,
        text=True, check=False, cwd=Path(ROOT), timeout=LOAD_S,
    )  # fmt: skip
    if done.returncode:
        raise BenchFailed(f"the load generator ended: {done.stderr[-2000:]}")
    report = Report(**json.loads(done.stdout))
    if report.given_up:
        said = ground.last_words("api")
        raise BenchFailed(f"{report.given_up} requests were given up; the first bad answer: {report.first_bad}\n{said}")
    return report
