"""Questions to the Graph API about a token and a dataset, and the test event that proves both."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import orjson

from adapters.meta.graph import TIMEOUT_S, VERSION, GraphClient, appsecret_proof
from adapters.meta.graph_errors import refusal
from adapters.outside.platform import platform_client
from application.ports.conversions import Answer, Credentials, NotAccepted, Parked
from application.ports.datasets import Seen, Verdict

DEAD_TOKEN = 190
"""Graph's code for a token that is expired, revoked or malformed."""
TEST_EVENT = "MasarSetupTest"
"""A name of its own, so that it does not mix with what campaigns optimise for."""
NOBODY = "setup-test@masar.invalid"


class MetaDatasets:
    """The DatasetCheck that asks Meta. Thread-safe.

    The address of one question holds the token, as Meta wants it there: addresses are never logged.
    """

    def __init__(self, base_url: str, version: str = VERSION, timeout_s: float = TIMEOUT_S) -> None:
        self._graph = GraphClient(base_url, version, timeout_s)
        self._http = platform_client(f"{base_url.rstrip('/')}/{version}", timeout_s)

    def token(self, credentials: Credentials) -> Seen:
        """Tell whether the token is alive, by `debug_token`; one that may not be asked about is not told."""
        try:
            content = self._get("/debug_token", credentials, {"input_token": credentials.token})
        except NotAccepted as no:
            dead = no.answer.code == DEAD_TOKEN
            return Seen("token", "dead" if dead else None, _words(no.answer))
        about = content.get("data")
        if not isinstance(about, dict) or type(about.get("is_valid")) is not bool:
            return Seen("token", None, "the answer does not say whether the token is valid")
        if not about["is_valid"]:
            error = about.get("error")
            said = error.get("message") if isinstance(error, dict) else None
            return Seen("token", "dead", f"{DEAD_TOKEN}: {said or 'the token is not valid'}"[:200])
        return Seen("token", "good", _until(about.get("expires_at")))

    def dataset(self, dataset_id: str, credentials: Credentials) -> Seen:
        """Tell whether the dataset shows itself to the token."""
        try:
            content = self._get(f"/{dataset_id}", credentials, {"fields": "id,name"}, dataset_id)
        except Parked as no:
            verdict: Verdict = "dead" if no.answer.code == DEAD_TOKEN else "forbidden"
            return Seen("dataset", verdict, _words(no.answer))
        except NotAccepted as no:
            return Seen("dataset", None, _words(no.answer))
        if str(content.get("id")) != dataset_id:
            return Seen("dataset", None, "the answer is about something else")
        return Seen("dataset", "good", f"reachable: {content.get('name') or dataset_id}"[:200])

    def test_event(self, dataset_id: str, credentials: Credentials, now: datetime) -> Seen:
        """Send one event of nobody under the test event code."""
        event = {
            "event_name": TEST_EVENT,
            "event_id": f"setup-{uuid4()}",
            "event_time": int(now.timestamp()),
            "action_source": "other",
            "user_data": {"em": [sha256(NOBODY.encode()).hexdigest()]},
            "custom_data": {},
        }
        try:
            accepted = self._graph.send_events(
                dataset_id, credentials.token, [event], app_secret=credentials.app_secret,
                test_event_code=credentials.test_event_code,
            )  # fmt: skip
        except Parked as no:
            verdict: Verdict = "dead" if no.answer.code == DEAD_TOKEN else "forbidden"
            return Seen("test event", verdict, _words(no.answer))
        except NotAccepted as no:
            return Seen("test event", None, _words(no.answer))
        return Seen("test event", "good", f"{accepted.received} received, fbtrace_id {accepted.answer.trace_id}")

    def close(self) -> None:
        """Close the connections."""
        self._graph.close()
        self._http.close()

    def _get(
        self, path: str, credentials: Credentials, query: Mapping[str, str], dataset_id: str = ""
    ) -> dict[str, Any]:
        """Return what the Graph answers. Raises a kind of NotAccepted."""
        asked = dict(query)
        if credentials.app_secret is not None:
            asked["appsecret_proof"] = appsecret_proof(credentials.app_secret, credentials.token)
        try:
            response = self._http.get(path, params=asked, headers={"authorization": f"Bearer {credentials.token}"})
            content = orjson.loads(response.content)
        except httpx.HTTPError as lost:
            raise NotAccepted(Answer(message=f"not reached: {type(lost).__name__}")) from None
        except orjson.JSONDecodeError:
            raise NotAccepted(Answer(message="an answer that is not JSON")) from None
        error = content.get("error") if isinstance(content, dict) else None
        if isinstance(error, dict) or not response.is_success:
            said = error if isinstance(error, dict) else {}
            raise refusal(response.status_code, response.headers, said, dataset_id)
        if not isinstance(content, dict):
            raise NotAccepted(Answer(response.status_code, message="an answer of an unknown shape"))
        return content


def _until(expires_at: Any) -> str:
    if type(expires_at) is int and expires_at > 0:
        return f"valid until {datetime.fromtimestamp(expires_at, UTC):%Y-%m-%d}"
    return "valid"


def _words(answer: Answer) -> str:
    code = f"{answer.code}/{answer.subcode}" if answer.subcode else str(answer.code or answer.status or "no answer")
    return f"{code}: {answer.message}"[:200] if answer.message else code
