"""The clients of all platforms, with their hosts.

360dialog's templates are made at `/v1/configs/templates` of the host that sends, under the number's own key: 360dialog,
*Create and manage template messages* (docs.360dialog.com), read in November 2026. They are listed there as well, in a
shape that was not found written down.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from pydantic import ValidationError

from adapters.channels.answers import refused
from adapters.channels.messenger import Messenger
from adapters.channels.proofs import Proofs
from adapters.channels.whatsapp import WhatsApp
from adapters.outside.platform import platform_client
from application.ports.channels import Account, ChannelClient, NotSent
from domain.messaging.events import TemplateSynced

GRAPH, INSTAGRAM, DIALOG360 = (
    "https://graph.facebook.com",
    "https://graph.instagram.com",
    "https://waba-v2.360dialog.io",
)
TIMEOUT_S = 10.0
"""For an answer; after it nobody knows whether the message was sent."""
KEPT_S = 15.0
"""A connection idle for longer is not used again: the platform may close it just then, and the answer would be lost."""
FIELDS = "name,language,status,category,components,quality_score,rejected_reason"
PER_PAGE, MOST_PAGES = 200, 200

# Both log every address they call.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the platforms are; the stand-in's addresses in a demo. Instagram's is Graph's for older accounts."""

    graph: str = GRAPH
    instagram: str = INSTAGRAM
    dialog360: str = DIALOG360
    version: str = "v26.0"
    timeout_s: float = TIMEOUT_S


class PlatformClients:
    """The Channels of one process. Thread-safe. Tokens travel in headers, never in an address or a log."""

    def __init__(self, hosts: Hosts) -> None:
        self._graph = _http(f"{hosts.graph.rstrip('/')}/{hosts.version}", hosts.timeout_s)
        self._instagram = _http(f"{hosts.instagram.rstrip('/')}/{hosts.version}", hosts.timeout_s)
        self._dialog360 = _http(hosts.dialog360.rstrip("/"), hosts.timeout_s)
        self._proofs = Proofs()
        self._cloud, self._resold = WhatsApp(self._graph, self._proofs), WhatsApp(self._dialog360)
        self._messenger, self._direct = (Messenger(http, self._proofs) for http in (self._graph, self._instagram))

    def client(self, account: Account) -> ChannelClient:
        """Return who speaks with an account."""
        match account.channel:
            case "whatsapp":
                return self._resold if account.provider == "360dialog" else self._cloud
            case "messenger":
                return self._messenger
            case "instagram":
                return self._direct

    def templates(self, account: Account) -> list[TemplateSynced]:
        """Return the templates of a WhatsApp business account, all pages of them. Raises NotSent."""
        if account.provider == "360dialog":
            return self._pages(account, self._dialog360, "/v1/configs/templates", {"D360-API-KEY": account.token})
        path = f"/{account.business_id}/message_templates"
        headers = {"authorization": f"Bearer {account.token}"}
        return self._proofs.tried(account, lambda proof: self._pages(account, self._graph, path, headers, proof))

    def close(self) -> None:
        """Close the connections."""
        for one in (self._graph, self._instagram, self._dialog360):
            one.close()

    def _pages(
        self, account: Account, http: httpx.Client, path: str, headers: dict[str, str],
        proof: dict[str, str] | None = None,
    ) -> list[TemplateSynced]:  # fmt: skip
        resold, found, after = account.provider == "360dialog", list[TemplateSynced](), None
        now = datetime.now(UTC)
        for nth in range(MOST_PAGES):
            asked: dict[str, Any] = {"limit": PER_PAGE, **(proof or {})}
            if resold:
                asked["offset"] = nth * PER_PAGE
            else:
                asked |= {"fields": FIELDS} | ({"after": after} if after else {})
            page = _get(http, path, asked, headers)
            rows = page.get("waba_templates" if resold else "data")
            rows = rows if isinstance(rows, list) else []
            found += [one for row in rows if (one := template_of(account.business_id or "", row, now))]
            after = _after(page)
            if (resold and len(rows) < PER_PAGE) or (not resold and after is None):
                return found
        return found


def template_of(business_id: str, row: Any, now: datetime) -> TemplateSynced | None:
    """Return a template as it was told, None for a row that is none."""
    if not isinstance(row, dict):
        return None
    quality = row.get("quality_score")
    components = row.get("components")
    try:
        return TemplateSynced.model_validate(
            {
                "occurred_at": now,
                "account_id": business_id,
                "name": row.get("name"),
                "language": row.get("language"),
                "status": str(row.get("status") or "UNKNOWN").upper()[:80],
                "category": str(row["category"]).upper()[:80] if row.get("category") else None,
                "quality": str(quality.get("score"))[:80]
                if isinstance(quality, dict) and quality.get("score")
                else None,
                "components": tuple(one for one in components if isinstance(one, dict))
                if isinstance(components, list)
                else (),
                "reason": str(row["rejected_reason"])[:300]
                if row.get("rejected_reason") not in (None, "", "NONE")
                else None,
            }
        )
    except ValidationError:
        return None


def _get(http: httpx.Client, path: str, asked: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    try:
        response = http.get(path, params=asked, headers=headers)
        content = orjson.loads(response.content)
    except (httpx.HTTPError, orjson.JSONDecodeError) as lost:
        raise NotSent("transient", f"no answer: {type(lost).__name__}") from None
    if response.is_success and isinstance(content, dict) and "error" not in content:
        return content
    no = refused(response.status_code, response.headers, content)
    # Asking twice harms nobody: what nobody knows is simply asked again.
    raise NotSent("transient", no.reason, no.code) if no.no == "unknown" else no


def _after(page: dict[str, Any]) -> str | None:
    paging = page.get("paging")
    cursors = paging.get("cursors") if isinstance(paging, dict) and paging.get("next") else None
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) and after else None


def _http(base: str, timeout_s: float) -> httpx.Client:
    return platform_client(base, timeout_s, httpx.Limits(max_connections=64, keepalive_expiry=KEPT_S))
