"""Examines a running system, and says how to mend what is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from cryptography.exceptions import InvalidTag

from adapters.embedded.redis import find_redis
from adapters.postgres.alerts import open_alerts
from adapters.postgres.connections import connect
from adapters.postgres.desk_check import mend, wrong_desks
from adapters.postgres.migrate import newest_revision
from adapters.postgres.one_pass import OnePass
from adapters.redis.ping import redis_answers
from api.settings import BadSettings, Settings
from projections.catalogue import BY_NAME

DESKS, MOST_NAMED = "desks of threads", 5
ANY_KEY = "SELECT subject_id, wrapped_key FROM registry.subjects WHERE wrapped_key IS NOT NULL LIMIT 1"
"""Any key of a person will do: all are wrapped by one master key."""
CLOCKS_APART_S = 2.0
"""So far apart our clock and the database's do no harm: a pause of a customer is measured in such."""


def examine(own: Settings, *, consistency: bool) -> list[dict[str, Any]]:
    """Return findings (check, ok, says); with `consistency` also whether every read model equals a replay."""
    findings = [_finding(name, probe, own) for name, probe in PROBES.items()]
    if consistency and all(one["ok"] for one in findings[:3]):
        findings += [*_consistency(own.database()), _finding(DESKS, _desks, own)]
    return findings


def mend_desks(own: Settings) -> list[dict[str, Any]]:
    """Make the desks of threads anew that are not what the log tells; return what was found, and what is left."""
    with connect(own.database(), "masar_projector") as connection:
        _, wrong = wrong_desks(connection)
        changed = mend(connection, wrong)
    return [{"check": DESKS, "ok": True, "says": f"{changed} made anew from the log"}, _finding(DESKS, _desks, own)]


def _desks(own: Settings) -> tuple[bool, str]:
    with connect(own.database(), "masar_projector") as connection:
        count, wrong = wrong_desks(connection)
    if not wrong:
        return True, f"{count} equal to the log"
    said = "; ".join(f"{one.whose.thread_id} ({', '.join(one.fields)})" for one in wrong[:MOST_NAMED])
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    return False, f"{len(wrong)} of {count} differ: {said}{more}: ./masar doctor --mend-desks"


def _finding(name: str, probe: Callable[[Settings], tuple[bool, str]], own: Settings) -> dict[str, Any]:
    try:
        ok, says = probe(own)
    except psycopg.OperationalError as error:
        lost = f"does not answer ({str(error).splitlines()[0]}): start it, or correct MASAR_DATABASE_URL"
        ok, says = False, lost if probe is _database else "not looked at: the database does not answer"
    except BadSettings as error:
        ok, says = False, str(error)
    except psycopg.Error as error:
        ok, says = False, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return {"check": name, "ok": ok, "says": says}


def _consistency(url: str) -> list[dict[str, Any]]:
    with OnePass(url, tuple(BY_NAME)) as rebuilds:
        for _ in rebuilds.run():
            pass
        return [_consistent(one) for one in rebuilds.finish(swap=False)]


def _consistent(result: dict[str, Any]) -> dict[str, Any]:
    name = result["projection"]
    if "error" in result:
        return {"check": f"replay of {name}", "ok": False, "says": result["error"]}
    says = "equal to the live one" if result["equal"] else f"{result['different']} rows differ: ./masar replay {name}"
    return {"check": f"replay of {name}", "ok": result["equal"], "says": says}


def _database(own: Settings) -> tuple[bool, str]:
    if own.database_url is None:
        return False, "none: `./masar up`, or set MASAR_DATABASE_URL"
    with connect(own.database(), "masar_owner") as connection:
        version = connection.info.server_version // 10_000
        row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    if version < 16:
        return False, f"Postgres {version}: at least 16 is needed"
    return bool(row), f"Postgres {version}, vector {row[0]}" if row else "run CREATE EXTENSION vector as a superuser"


def _role(own: Settings) -> tuple[bool, str]:
    with connect(own.database(), "masar_owner") as connection:
        row = connection.execute(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
    above = bool(row and row[0])
    return not above, "bound by row-level security" if not above else "the login is a superuser: use one that is none"


def _clock(own: Settings) -> tuple[bool, str]:
    """All that is written goes by the database's clock; Meta and the platforms judge times by the true one."""
    with connect(own.database(), "masar_owner") as connection:
        before = datetime.now(UTC)
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        after = datetime.now(UTC)
    apart_s = max((before - row[0]).total_seconds(), (row[0] - after).total_seconds(), 0.0) if row else 0.0
    near = apart_s <= CLOCKS_APART_S
    return near, "agrees with the database's" if near else (
        f"{apart_s:.0f} s off the database's: have both machines set by NTP"
    )


def _schema(own: Settings) -> tuple[bool, str]:
    with connect(own.database(), "masar_owner") as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    at, wanted = (row[0] if row else None), newest_revision()
    return at == wanted, f"at {at}" if at == wanted else f"at {at}, needs {wanted}: ./masar migrate"


def _projections(own: Settings) -> tuple[bool, str]:
    with connect(own.database(), "masar_projector") as connection:
        aside = connection.execute(
            "SELECT count(*) FROM projection.set_aside JOIN projection.builds USING (name, build) WHERE status = 'live'"
        ).fetchone()
        dead = connection.execute("SELECT count(*) FROM outbox.messages WHERE state = 'dead'").fetchone()
    counts = int(aside[0]) if aside else 0, int(dead[0]) if dead else 0
    return not any(counts), f"{counts[0]} facts set aside, {counts[1]} dead messages (./masar backlog)"


def _alerts(own: Settings) -> tuple[bool, str]:
    with connect(own.database(), "masar_owner") as connection:
        found = open_alerts(connection)
    said = "; ".join(f"{slug}: {words} (since {at:%Y-%m-%d %H:%M})" for slug, _, words, at in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return not found, f"{said}{more}: GET /api/alerts" if found else "none open"


def _redis(own: Settings) -> tuple[bool, str]:
    if own.redis_url is None:
        found = find_redis()
        return True, f"none set; `up` would start {found.name}" if found else "none: work is handed out in process"
    return redis_answers(own.redis_url), "answers" if redis_answers(
        own.redis_url
    ) else "does not answer: MASAR_REDIS_URL"


def _master(own: Settings) -> tuple[bool, str]:
    master = own.master()
    if own.database_url is None:
        return True, "set"
    with connect(own.database(), "masar_registry") as connection:
        row = connection.execute(ANY_KEY).fetchone()
    if row is None:
        return True, "set; nothing is sealed yet"
    try:
        master.unwrap(row[1], row[0])
    except InvalidTag:
        return False, "is not the one that wrapped the keys of people here: set MASAR_MASTER_KEY to that one"
    return True, "opens what is sealed"


def _graph(own: Settings) -> tuple[bool, str]:
    return True, f"{own.graph_url} ({own.graph_version})"


PROBES: dict[str, Callable[[Settings], tuple[bool, str]]] = {
    "database": _database,
    "schema": _schema,
    "login": _role,
    "read models and outbox": _projections,
    "alerts": _alerts,
    "redis": _redis,
    "master key": _master,
    "conversions go to": _graph,
    "clock": _clock,
}
