"""Brings a database to the schema of this release; any number of processes may try at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

ROOT = Path(__file__).resolve().parents[2]
LOCK = 7_246_114_091
"""Advisory lock held while migrating."""


def migrate(url: str, revision: str = "head") -> None:
    """Run the migrations forward to `revision`; a second caller waits and finds nothing to do."""
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
    """Return the revision that this release needs."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"))).get_current_head()
    if head is None:
        raise RuntimeError("no migrations found")
    return head
