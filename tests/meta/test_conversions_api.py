"""What a request to Meta says beside its events."""

from collections.abc import Iterator

import httpx
import pytest

from adapters.meta.conversions_api import MetaConversions
from adapters.meta.graph import GraphClient
from adapters.simulator.app import create_app
from application.ports.conversions import Credentials, Rejected
from tests.patience import PATIENCE_S
from tests.simulator.conftest import Clock
from tests.simulator.events import DATASET, TOKEN, website
from tests.simulator.server import running


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with running(create_app(clock=Clock())) as url:
        yield url


@pytest.fixture
def meta(served: str) -> Iterator[tuple[MetaConversions, httpx.Client]]:
    graph = GraphClient(served)
    with httpx.Client(base_url=served, timeout=PATIENCE_S) as http:
        http.post("/_simulator/reset").raise_for_status()
        http.put(f"/_simulator/datasets/{DATASET}", json={"token": TOKEN, "app_secret": "s3cret"}).raise_for_status()
        yield MetaConversions(graph), http
    graph.close()


def test_the_partner_the_test_code_and_the_proof_go_with_the_request(
    meta: tuple[MetaConversions, httpx.Client],
) -> None:
    conversions, http = meta
    credentials = Credentials(TOKEN, app_secret="s3cret", test_event_code="TEST77", partner_agent="masar")
    assert conversions.send(DATASET, credentials, [website(), website(event_id="look-2")]).received == 2
    entries = http.get("/_simulator/ledger").json()["data"]
    assert [(one["partner_agent"], one["test_event_code"]) for one in entries] == [("masar", "TEST77")] * 2


def test_what_is_not_set_is_not_said(meta: tuple[MetaConversions, httpx.Client]) -> None:
    conversions, http = meta
    http.put(f"/_simulator/datasets/{DATASET}", json={"token": TOKEN}).raise_for_status()
    conversions.send(DATASET, Credentials(TOKEN), [website()])
    (entry,) = http.get("/_simulator/ledger").json()["data"]
    assert (entry["partner_agent"], entry["test_event_code"]) == (None, None)


def test_a_wrong_secret_is_refused_and_blames_no_event(meta: tuple[MetaConversions, httpx.Client]) -> None:
    conversions, _ = meta
    with pytest.raises(Rejected) as refusal:
        conversions.send(DATASET, Credentials(TOKEN, app_secret="another"), [website()])
    assert refusal.value.blames_event is False
