"""Whether the process lives, is ready, and how it does."""

import asyncio
from typing import Any

import psycopg
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from psycopg_pool import PoolTimeout

from adapters.analyser.builtin import NAME as BUILTIN
from adapters.postgres.migrate import newest_revision
from adapters.redis.ping import redis_answers
from api.docs import given_as
from api.reading import answer, services
from api.wiring import Services

router = APIRouter(tags=["operations"])

WAITING = Gauge("masar_ingest_waiting", "Touchpoints taken in and not yet durable")
LAG = Gauge("masar_projection_lag", "Facts a read model is behind the log", ["projection"])
OUTBOX = Gauge("masar_outbox_messages", "Messages in the outbox", ["kind", "state"])
OUTBOX_AGE = Gauge("masar_outbox_oldest_seconds", "Age of the oldest message that is due")

STATE = """
SELECT (SELECT version_num FROM alembic_version) AS revision,
       (SELECT coalesce(max(notification_id), 0) FROM log.masar_events) AS newest
"""
BUILDS = "SELECT name, position FROM projection.builds WHERE status = 'live'"
BACKLOG = """
SELECT kind, state, count(*) AS messages,
       extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'waiting' AND due_at < now()))::float8 AS oldest_s
  FROM outbox.messages WHERE state <> 'done' GROUP BY 1, 2
"""


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process lives."""
    return answer({"status": "alive"})


@router.get("/readyz", responses={503: {"description": "Not ready; `checks` says what is wrong."}})
async def readyz(request: Request) -> Response:
    """Say whether requests can be served: database, migrations, Redis, read models within bounds."""
    checks = await _checks(services(request))
    ready = all(check["ok"] for check in checks.values())
    return answer({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)


@router.get("/metrics", response_class=Response, responses=given_as("text/plain"))
async def metrics(request: Request) -> Response:
    """Show the figures of this process, and the backlog as the database has it."""
    own = services(request)
    WAITING.set(own.batcher.waiting)
    await _measure_backlog(own)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _checks(own: Services) -> dict[str, dict[str, Any]]:
    checks: dict[str, dict[str, Any]] = {}
    try:
        async with own.overseer.connection(timeout=2) as connection:
            state = await (await connection.execute(STATE)).fetchone() or {}
            builds = await (await connection.execute(BUILDS)).fetchall()
        wanted = newest_revision()
        lags = {row["name"]: state["newest"] - row["position"] for row in builds}
        checks["database"] = {"ok": True}
        checks["migrations"] = {"ok": state["revision"] == wanted, "at": state["revision"], "wanted": wanted}
        checks["projections"] = {"ok": all(lag <= own.settings.most_lag for lag in lags.values()), "lag": lags}
    except (psycopg.Error, PoolTimeout) as away:
        checks["database"] = {"ok": False, "error": type(away).__name__}
    if own.settings.redis_url:
        checks["redis"] = {"ok": await asyncio.to_thread(redis_answers, own.settings.redis_url)}
    checks["analyser"] = {"ok": True, "serves": own.settings.openai_model if own.settings.openai_api_key else BUILTIN}
    return checks


async def _measure_backlog(own: Services) -> None:
    try:
        async with own.overseer.connection(timeout=2) as connection:
            state = await (await connection.execute(STATE)).fetchone() or {}
            for row in await (await connection.execute(BUILDS)).fetchall():
                LAG.labels(row["name"]).set(state["newest"] - row["position"])
            OUTBOX.clear()
            oldest = 0.0
            for row in await (await connection.execute(BACKLOG)).fetchall():
                OUTBOX.labels(row["kind"], row["state"]).set(row["messages"])
                oldest = max(oldest, row["oldest_s"] or 0.0)
            OUTBOX_AGE.set(oldest)
    except (psycopg.Error, PoolTimeout):
        return
