"""Brings a database to the schema of this release; any number of processes may try at once."""

from pathlib import Path

from adapters.postgres.connections import connect

ROOT = Path(__file__).resolve().parents[2]
LOCK = 7_246_114_091
"""Advisory lock held while migrating."""


def migrate(url: str, revision: str = "head") -> None:
    """Run the migrations forward to `revision`; a second caller waits and finds nothing to do.

    Raises psycopg.OperationalError when the database does not answer.
    """
    connect(url, "masar_owner", name="migrate").close()
    from alembic import command  # here, not above: only migrating needs them, and they take a second to load
    from alembic.config import Config
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        config = Config(str(ROOT / "alembic.ini"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


def newest_revision() -> str:
    """Return the revision that this release needs: the last migration's, by the number its file begins with."""
    files = sorted((ROOT / "adapters/postgres/migrations/versions").glob("[0-9]*_*.py"))
    return files[-1].name.partition("_")[0]
