"""A strict stand-in for a language model behind a real socket."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from adapters.openai.analyser import OpenAIAnalyser
from adapters.openai.settings import ModelSettings
from adapters.simulator.app import create_app
from tests.patience import PATIENCE_S
from tests.simulator.server import running


@dataclass
class Model:
    """The stand-in as a tester sees it."""

    http: httpx.Client

    def plan(self, *fail_next: str, **plan: Any) -> None:
        self.http.put("/_simulator/model", json={"fail_next": fail_next, **plan}).raise_for_status()

    def asked(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/_simulator/model/asked").json()["data"]
        return found

    def settings(self, **changes: Any) -> ModelSettings:
        own = {"api_key": "sk-test", "base_url": f"{str(self.http.base_url).rstrip('/')}/v1", "deadline_s": PATIENCE_S}
        return ModelSettings(**{**own, **changes})

    def analyser(self, **changes: Any) -> OpenAIAnalyser:
        return OpenAIAnalyser(self.settings(**changes))


@pytest.fixture(scope="session")
def _served() -> Iterator[Model]:
    with running(create_app()) as url, httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        yield Model(http)


@pytest.fixture
def model(_served: Model) -> Model:
    _served.plan()
    return _served
