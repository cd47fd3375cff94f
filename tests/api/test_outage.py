"""The database goes away and comes back: refused for now, nothing lost, nobody has to restart anything."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from tests.api.served import served
from tests.api.stage import Brokerage, Stage, problem_of, touchpoint
from tests.patience import PATIENCE_S, eventually


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "database", durable=False) as postgres:
        migrate(postgres.url())
        yield postgres


def refused_for_now(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) >= 1
    problem_of(response)


def test_while_the_database_is_away_nothing_is_promised(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    url = postgres.url()
    with served(url, tmp_path / "api.log", most_lag=1_000_000) as base:
        stage = Stage(base, url, tmp_path / "api.log")
        nile = stage.brokerage()
        before, during = touchpoint(), touchpoint()
        stored = nile.verdict(before)
        assert stage.client().get("/readyz").status_code == 200

        postgres.stop()
        with ThreadPoolExecutor(4) as threads:
            refused = [
                threads.submit(nile.producer.post, "/api/touchpoints", json=[during]),
                threads.submit(nile.producer.post, "/api/leads", json={"id": "l-1"}),
                threads.submit(nile.reader.get, "/api/people"),
            ]
            ready = threads.submit(stage.client().get, "/readyz")
            assert stage.client().get("/healthz").status_code == 200
        for one in refused:
            refused_for_now(one.result())
        away = ready.result()
        assert (away.status_code, away.json()["checks"]["database"]["ok"]) == (503, False)
        assert stage.client().get("/metrics").status_code == 200

        postgres.start()
        assert served_again(nile, during)["status"] in ("accepted", "duplicate")
        assert nile.verdict(during)["status"] == "duplicate"
        assert nile.verdict(before) == {**stored, "status": "duplicate"}
        eventually(lambda: stage.client().get("/readyz").status_code == 200)
        assert nile.read("/api/events", kind="tours.room_visited.v1")["items"][0]["id"] == stored["event_id"]
        stage.close()


def served_again(brokerage: Brokerage, item: dict[str, object]) -> dict[str, object]:
    """Post until it is taken; return the verdict."""

    def post() -> dict[str, object] | None:
        response = brokerage.producer.post("/api/touchpoints", json=[item])
        assert response.status_code in (200, 503), response.text
        verdict: dict[str, object] | None = response.json()["items"][0] if response.status_code == 200 else None
        return verdict

    return eventually(post)


def test_it_starts_without_a_database_and_serves_once_there_is_one(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    url = postgres.url()
    postgres.stop()
    with served(url, tmp_path / "api.log") as base, httpx.Client(base_url=base, timeout=PATIENCE_S) as client:
        assert client.get("/readyz").status_code == 503
        refused_for_now(client.get("/api/people", headers={"authorization": "Bearer masar_reader_0123456789ab_x"}))
        postgres.start()
        eventually(lambda: client.get("/readyz").status_code == 200)
