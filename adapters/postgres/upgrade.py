"""Builds a newer version of a read model beside the live one and swaps it in, in the projector process."""

import threading
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from adapters.postgres.connections import connect
from adapters.postgres.positions import Build, builds
from adapters.postgres.projector import POLL_S, take_named_lock
from adapters.postgres.rebuild import Rebuild, RebuildFailed
from projections.catalogue import BY_NAME

ONE_BUILDER = "masar/builder"
"""The advisory lock of whoever builds: one version at a time, in one process."""
AFTER_FAILING_S = 5.0
"""Sleep before a build that failed is tried again."""

log = structlog.get_logger("masar.builder")


class Upgrade(Rebuild):
    """One newer version on its way to go live; it goes on where it stopped, whatever stopped it.

    The tables are those that a migration brought (`adapters/postgres/introduce.py`), or, where the version changed
    the fold alone and no column, made like the live ones. It never folds beyond the live one's position, so that
    everything after it is emitted once, by the new version, when that is live.
    """

    def run(self) -> Any:
        """Fold until close to the live one; yields the position after each page."""
        return self._run()

    def swap(self) -> int:
        """Hold the old one still, fold the rest, and swap; return the position at which the new one goes on."""
        with self._held() as (position, emit_from):
            self._swap(max(position, emit_from))
        self._finished = True
        return position

    def _find_live(self) -> Build:
        live = older(builds(self._connection), self._projection.name)
        if live is None:
            raise RebuildFailed(f"{self._projection.name} has no older version to take over from")
        return live

    def _prepare(self) -> Build:
        name, version = self._projection.name, self._projection.version
        known = [one for one in builds(self._connection) if (one.name, one.build) == (name, f"v{version}")]
        if not known:
            self._check_columns()
            with self._owner.transaction():
                return self._create(f"v{version}")
        self._lead(known[0])
        (again,) = [one for one in builds(self._connection) if (one.name, one.build) == (name, f"v{version}")]
        return again  # as it is now that nobody else can move it

    def _check_columns(self) -> None:
        wanted = {self._projection.tables[0]: self._projection.columns}
        if self._projection.decisions:
            wanted[self._projection.decisions.table] = self._projection.decisions.columns
        for table, columns in wanted.items():
            there = set(self._columns(self._live.table(table)))
            missing = sorted({column.name for column in columns} - there)
            if missing:
                raise RebuildFailed(
                    f"version {self._projection.version} of {self._projection.name} needs a migration that brings "
                    f"its tables: {table} has no {', '.join(missing)}"
                )

    def _throw_away(self) -> None:
        """Keep what was folded: the next process goes on from there."""


def older(all_builds: list[Build], name: str) -> Build | None:
    """Return the live build of a projection if its version is below this release's."""
    version = BY_NAME[name].version
    return next(
        (one for one in all_builds if one.name == name and one.status == "live" and one.version < version), None
    )


class Builder:
    """Looks for versions that this release has and the database has not live yet, and builds them one by one."""

    def __init__(self, url: str, names: tuple[str, ...], stop: threading.Event) -> None:
        self._url, self._names, self._stop = url, names, stop

    def run(self) -> None:
        """Work until told to stop; whatever goes wrong, begin again from what the database says."""
        while not self._stop.is_set():
            try:
                with connect(self._url, "masar_projector", name="builder") as connection:
                    self._stand_by(connection)
            except psycopg.Error as away:
                log.warning("database_away", error=type(away).__name__)
                self._stop.wait(POLL_S)

    def _stand_by(self, connection: Connection[Any]) -> None:
        leads = False
        while not self._stop.is_set():
            waiting = [name for name in self._names if older(builds(connection), name)]
            leads = leads or (bool(waiting) and take_named_lock(connection, ONE_BUILDER))
            failed = [name for name in waiting if leads and not self._build(name)]
            self._stop.wait(AFTER_FAILING_S if failed else POLL_S)

    def _build(self, name: str) -> bool:
        """Build one version and swap it in; False where it failed."""
        version = BY_NAME[name].version
        try:
            with Upgrade(self._url, name) as upgrade:
                log.info("building", projection=name, version=version, position=upgrade.folded())
                for _ in upgrade.run():
                    if self._stop.is_set():
                        return True
                log.info("swapped", projection=name, version=version, position=upgrade.swap())
        except RebuildFailed as refusal:
            log.warning("build_failed", projection=name, version=version, why=str(refusal))
            return False
        except Exception:
            log.exception("build_broke", projection=name, version=version)
            return False
        return True
