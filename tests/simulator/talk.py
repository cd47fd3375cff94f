"""A stand-in on which one can talk: accounts of every channel, a customer each, and somebody who takes the webhooks."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from tests.simulator.events import NOW

SECRET = "app-secret-of-the-tests"
NUMBER, WABA, PAGE, GRAM, OTHER = "100000001", "300000001", "100000002", "100000003", "100000004"
MONA, HIDDEN, PSID, IGSID = "201005550001", "EG.13579", "7000001", "8000001"
KEY = "key-of-360dialog"


@dataclass
class Receiver(httpx.AsyncBaseTransport):
    """Takes webhooks, and answers them with the statuses planned, then 200."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":  # a verification
            return httpx.Response(
                self.answers.pop(0) if self.answers else 200, text=request.url.params["hub.challenge"]
            )
        self.got.append((dict(request.headers), await request.aread()))
        return httpx.Response(self.answers.pop(0) if self.answers else 200)

    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(raw) for _, raw in self.got]

    def statuses(self) -> list[dict[str, Any]]:
        """The statuses of WhatsApp messages, in the order in which they came."""
        values = [change["value"] for body in self.bodies() for change in body["entry"][0].get("changes", [])]
        return [one for value in values for one in value.get("statuses", [])]

    def events(self) -> list[dict[str, Any]]:
        """What Messenger and Instagram told."""
        return [event for body in self.bodies() for event in body["entry"][0].get("messaging", [])]


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Talk:
    """The stand-in as a sender of messages and a tester see it."""

    http: httpx.Client
    clock: Clock
    receiver: Receiver

    def control(self, method: str, path: str, body: Any = None, **asked: Any) -> Any:
        answer = self.http.request(method, f"/_simulator/{path}", json=body, params=asked)
        answer.raise_for_status()
        return answer.json()

    def say(self, channel: str, account: str, user: str, **what: Any) -> Any:
        return self.control("POST", "customers/say", {"channel": channel, "account": account, "user": user, **what})

    def graph(self, account: str, body: Any, *, version: str = "v26.0", token: str | None = "EAA") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.http.post(f"/{version}/{account}/messages", json=body, headers=headers)

    def whatsapp(self, kind: str = "text", piece: Any = None, *, to: str = MONA, **more: Any) -> httpx.Response:
        return self.graph(NUMBER, whatsapp(kind, piece, to=to, **more))

    def social(self, account: str = PAGE, **changes: Any) -> httpx.Response:
        return self.graph(account, social(account, **changes))

    def messages(self, **asked: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "messages", **asked)["data"]
        return found

    def summary(self) -> Any:
        return self.control("GET", "messages/summary")

    def hook(self, account: str | None = None, **changes: Any) -> None:
        said = {"url": "http://us.example/hook", "app_secret": SECRET, "retry_ms": 0, **changes}
        self.control("PUT", "webhooks", said, **({"account": account} if account else {}))

    def told(self) -> Receiver:
        """Everything that webhooks told, once none is under way."""
        self.control("POST", "webhooks/drain")
        return self.receiver


def whatsapp(kind: str = "text", piece: Any = None, *, to: str | None = MONA, **more: Any) -> dict[str, Any]:
    """A message over WhatsApp, a short text unless told otherwise."""
    piece = {"body": "أهلا"} if piece is None else piece
    addressed = {} if to is None else {"to": to}
    return {"messaging_product": "whatsapp", "type": kind, kind: piece, **addressed, **more}


def social(account: str = PAGE, **changes: Any) -> dict[str, Any]:
    """A text over Messenger or Instagram; `changes` replace fields, None removes one."""
    body: dict[str, Any] = {"recipient": {"id": PSID if account == PAGE else IGSID}, "message": {"text": "أهلا"}}
    if account == PAGE:
        body["messaging_type"] = "RESPONSE"
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def furnish(talk: Talk) -> None:
    """Empty the stand-in and set up accounts, and customers who have just written to them."""
    talk.http.post("/_simulator/reset").raise_for_status()
    talk.clock.now = NOW
    talk.control("PUT", f"accounts/{NUMBER}", {"channel": "whatsapp", "waba_id": WABA, "token": "EAA"})
    talk.control("PUT", f"accounts/{PAGE}", {"channel": "messenger", "token": "EAA"})
    talk.control("PUT", f"accounts/{GRAM}", {"channel": "instagram", "token": "EAA"})
    talk.control("PUT", f"accounts/{OTHER}", {"channel": "whatsapp", "provider": "360dialog", "api_key": KEY})
    wrote = [
        {"channel": "whatsapp", "account": NUMBER, "user": MONA, "message_id": "wamid.in"},
        {"channel": "whatsapp", "account": NUMBER, "user": HIDDEN},
        {"channel": "whatsapp", "account": OTHER, "user": MONA},
        {"channel": "messenger", "account": PAGE, "user": PSID, "message_id": "m_in"},
        {"channel": "instagram", "account": GRAM, "user": IGSID},
    ]
    talk.control("POST", "inbound", {"wrote": wrote})
    talk.receiver.got.clear()
    talk.receiver.answers.clear()


def signed(raw: bytes) -> str:
    """What the header of a webhook with this body must say."""
    return "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()


def code_of(answer: httpx.Response) -> tuple[int, int | None]:
    """The code and subcode of a refusal."""
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


def pages(talk: Talk, path: str, token: str = "EAA") -> Iterator[dict[str, Any]]:
    """All pages of a Graph list, by the addresses that each gives of the next."""
    address: str | None = path
    while address:
        page = talk.http.get(address, headers={"authorization": f"Bearer {token}"}).json()
        yield page
        address = page.get("paging", {}).get("next")
