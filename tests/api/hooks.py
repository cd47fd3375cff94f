"""Platforms at the door: accounts that are connected, and webhooks as Meta and 360dialog post them."""

import hmac
import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx

from adapters.postgres.channels import APP_SECRETS, VERIFY_TOKEN, PostgresChannels
from adapters.sealing import MasterKey
from tests.api.served import MASTER_KEY
from tests.api.stage import Brokerage, Stage

NUMBERS = itertools.count(100_000_000)


def number() -> str:
    """Return a number that nobody else in this run has."""
    return f"{uuid4().int % 10**6:06d}{next(NUMBERS)}"


def signature(raw: bytes, secret: str) -> str:
    """Return what Meta puts into X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), raw, sha256).hexdigest()


def written(document: Any) -> bytes:
    """Return JSON as Meta writes it: escaped, nothing but ASCII."""
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass
class Door:
    """A brokerage with an app and a WhatsApp number, and a platform that posts to it."""

    stage: Stage
    brokerage: Brokerage
    app: str
    secret: str
    account: str
    waba: str

    def post(self, document: Any, *, path: str | None = None, secret: str | None = None, raw: bytes | None = None,
             headers: dict[str, str] | None = None) -> httpx.Response:  # fmt: skip
        """Post a webhook, signed."""
        raw = written(document) if raw is None else raw
        shown = {"x-hub-signature-256": signature(raw, secret or self.secret), "content-type": "application/json"}
        return self.stage.client().post(
            path or f"/api/webhooks/meta/{self.app}", content=raw, headers=shown if headers is None else headers
        )

    def body(self, *messages: dict[str, Any], account: str | None = None, waba: str | None = None) -> dict[str, Any]:
        """Return a WhatsApp webhook with these messages."""
        return {"object": "whatsapp_business_account", "entry": [self.entry(*messages, account=account, waba=waba)]}

    def entry(self, *messages: dict[str, Any], account: str | None = None, waba: str | None = None) -> dict[str, Any]:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "201000000000", "phone_number_id": account or self.account},
            "messages": list(messages),
        }
        return {"id": waba or self.waba, "changes": [{"field": "messages", "value": value}]}

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        """Return what the list shows, the newest first."""
        items: list[dict[str, Any]] = self.brokerage.read("/api/webhook-deliveries", **query)["items"]
        return items

    def newest(self) -> dict[str, Any]:
        """Return the newest delivery, opened by an operator."""
        response = self.brokerage.operator.get(f"/api/webhook-deliveries/{self.deliveries(limit=1)[0]['id']}")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def facts(self, kind: str = "messaging.message_received.v1") -> list[dict[str, Any]]:
        """Return the facts of a kind that the brokerage has, the oldest first."""
        items: list[dict[str, Any]] = self.brokerage.read("/api/events", kind=kind)["items"]
        return items

    def desks(self) -> list[tuple[Any, ...]]:
        """Return (inbound, answered, state, waits) of the brokerage's desks."""
        return self.stage.owner.execute(
            "SELECT inbound, answered, state, waiting_since IS NOT NULL FROM messaging.desks WHERE brokerage_id = %s"
            " ORDER BY inbound",
            (self.brokerage.brokerage_id,),
        ).fetchall()


def text(sender: str, words: str = "hello", *, wamid: str | None = None, at: int | None = None) -> dict[str, Any]:
    """Return a text message of a customer."""
    now = int(datetime.now(UTC).timestamp())
    return {
        "from": sender, "id": wamid or f"wamid.{uuid4().hex}", "timestamp": str(at or now), "type": "text",
        "text": {"body": words},
    }  # fmt: skip


def channels(stage: Stage) -> PostgresChannels:
    """Return what the command line sets up with."""
    return PostgresChannels(stage.url, MasterKey.parse(MASTER_KEY))


def door_of(stage: Stage, brokerage: Brokerage, app: str | None = None) -> Door:
    """Connect a WhatsApp number of Meta's, with an app of its own."""
    app, secret, account, waba = app or f"app-{uuid4().hex[:8]}", uuid4().hex, number(), number()
    own = channels(stage)
    own.note_app(brokerage.brokerage_id, app)
    own.add_to(brokerage.brokerage_id, APP_SECRETS.format(app), secret)
    own.add_to(brokerage.brokerage_id, VERIFY_TOKEN.format(app), f"verify-{app}")
    response = brokerage.operator.post(
        "/api/channels", json={"channel": "whatsapp", "account_id": account, "app": app, "business_id": waba}
    )
    assert response.status_code == 200, response.text
    return Door(stage, brokerage, app, secret, account, waba)
