"""One strict stand-in behind a real socket, emptied before every test, with a clock that tests can move."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from adapters.simulator.app import create_app
from tests.patience import PATIENCE_S
from tests.simulator.events import EVENTS, NOW, TOKEN
from tests.simulator.server import running
from tests.simulator.talk import Clock as TalkClock
from tests.simulator.talk import Receiver, Talk, furnish


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Stand:
    """The stand-in as a client and a tester see it."""

    http: httpx.Client
    clock: Clock

    def send(self, *events: Any, path: str = EVENTS, **parameters: Any) -> httpx.Response:
        body = {"data": list(events), "access_token": TOKEN, **parameters}
        return self.http.post(path, json=body)

    def plan(self, dataset: str | None = None, **faults: Any) -> None:
        asked = {"dataset": dataset} if dataset else {}
        self.http.put("/_simulator/faults", params=asked, json=faults).raise_for_status()

    def register(self, dataset_id: str, **dataset: Any) -> None:
        self.http.put(f"/_simulator/datasets/{dataset_id}", json=dataset).raise_for_status()

    def get(self, path: str, token: str | None = TOKEN, **asked: Any) -> httpx.Response:
        """Ask Graph, with the token in the header."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.get(f"/v26.0/{path}", params=asked, headers=headers)

    def post(self, path: str, *, method: str = "POST", **parameters: Any) -> httpx.Response:
        """Change something through Graph."""
        body = {"access_token": TOKEN, **parameters}
        return self.http.request(method, f"/v26.0/{path}", json=body)

    def configure(self, **settings: Any) -> None:
        self.http.put("/_simulator/settings", json=settings).raise_for_status()

    def ledger(self, **filters: Any) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.http.get("/_simulator/ledger", params=filters).json()["data"]
        return entries

    def repeated(self) -> list[dict[str, Any]]:
        """What was received more than once."""
        found: list[dict[str, Any]] = self.http.get("/_simulator/repeated").json()["data"]
        return found

    def summary(self) -> dict[str, Any]:
        content: dict[str, Any] = self.http.get("/_simulator/summary").json()
        return content


@pytest.fixture(scope="session")
def _served() -> Iterator[Stand]:
    clock = Clock()
    with running(create_app(clock=clock)) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        yield Stand(http, clock)


@pytest.fixture
def stand(_served: Stand) -> Stand:
    _served.http.post("/_simulator/reset").raise_for_status()
    _served.clock.now = NOW
    return _served


@pytest.fixture(scope="session")
def _talking() -> Iterator[Talk]:
    clock, receiver = TalkClock(), Receiver()
    with (
        running(create_app(clock=clock, webhook_transport=receiver)) as url,
        httpx.Client(base_url=url, timeout=PATIENCE_S) as http,
    ):
        yield Talk(http, clock, receiver)


@pytest.fixture
def talk(_talking: Talk) -> Talk:
    furnish(_talking)
    return _talking


def error_of(response: httpx.Response) -> tuple[int, int | None]:
    """The code and subcode a refusal carries."""
    error = response.json()["error"]
    return error["code"], error.get("error_subcode")
