"""A thin client of Meta's Graph API, for what we ask of it."""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from adapters.meta.graph_errors import refusal, unanswered
from adapters.outside.platform import platform_client
from application.ports.conversions import Accepted, Answer, Transient

VERSION = "v26.0"
"""The newest version of the Graph API; one setting for all calls."""

TIMEOUT_S = 10.0
"""For an answer. Meta advises 1.5 s for calls that a visitor waits for; nobody waits for ours."""

# Both log every address they call, at INFO and DEBUG.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class GraphClient:
    """Calls one Graph host in one version. Thread-safe. Tokens travel in a header, never in an address or a log."""

    def __init__(self, base_url: str, version: str = VERSION, timeout_s: float = TIMEOUT_S) -> None:
        self.version = version
        limits = httpx.Limits(max_connections=32, keepalive_expiry=30)
        self._http = platform_client(f"{base_url.rstrip('/')}/{version}", timeout_s, limits)

    def send_events(
        self, dataset_id: str, token: str, events: Sequence[Mapping[str, Any]], *,
        app_secret: str | None = None, test_event_code: str | None = None, partner_agent: str | None = None,
    ) -> Accepted:  # fmt: skip
        """Send up to 1,000 events to a dataset; all are received or none. What is None is not sent along.

        Raises Transient, Throttled, Parked, Rejected, or Unanswered where nobody knows.
        """
        body: dict[str, Any] = {"data": [dict(event) for event in events]}
        if app_secret is not None:
            body["appsecret_proof"] = appsecret_proof(app_secret, token)
        if test_event_code is not None:
            body["test_event_code"] = test_event_code
        if partner_agent is not None:
            body["partner_agent"] = partner_agent
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        try:
            response = self._http.post(f"/{dataset_id}/events", content=orjson.dumps(body), headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as away:
            raise Transient(Answer(message=f"not reached: {type(away).__name__}")) from None
        except httpx.HTTPError as lost:
            raise unanswered(f"no answer: {type(lost).__name__}") from None
        return _read(response, len(events), dataset_id)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def appsecret_proof(app_secret: str, token: str) -> str:
    """Return the proof that the caller knows the app's secret: HMAC-SHA256 of the token, in hex."""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def _read(response: httpx.Response, sent: int, dataset_id: str) -> Accepted:
    try:
        content = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        content = None
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(error, dict):
        raise refusal(response.status_code, response.headers, error, dataset_id)
    if not response.is_success:
        raise refusal(response.status_code, response.headers, {}, dataset_id)
    received = content.get("events_received") if isinstance(content, dict) else None
    if type(received) is not int or received != sent:
        raise unanswered("an answer that does not say how many events were received", response.status_code)
    trace_id = content.get("fbtrace_id")
    answer = Answer(status=response.status_code, trace_id=trace_id if isinstance(trace_id, str) else None)
    return Accepted(answer, received)
