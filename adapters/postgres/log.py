"""The event store as the library's Application, configured for our schema."""

from uuid import UUID

from eventsourcing.application import Application


class BrokerageLog(Application[UUID]):
    """All facts of all brokerages: one table, one total order."""

    name = "masar"


def library_environment(url: str, *, pool_size: int = 2) -> dict[str, str]:
    """Return the library's settings: our recorder and mapper, no tables or functions of its own."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": "adapters.postgres.recorder:FlushedRecorder",
        "MAPPER_TOPIC": "adapters.postgres.mapper:SealingMapper",
        "CREATE_TABLE": "n",
        "POSTGRES_DBNAME": str(parts["dbname"]),
        "POSTGRES_HOST": str(parts.get("host", "127.0.0.1")),
        "POSTGRES_PORT": str(parts.get("port", 5432)),
        "POSTGRES_USER": str(parts["user"]),
        "POSTGRES_PASSWORD": str(parts.get("password", "")) or "-",
        "POSTGRES_SCHEMA": "log",
        "POSTGRES_POOL_SIZE": str(pool_size),
        "POSTGRES_MAX_OVERFLOW": "4",
        "POSTGRES_CONNECT_TIMEOUT": "3",
        "POSTGRES_LOCK_TIMEOUT": "5",
        "POSTGRES_PRE_PING": "y",
    }


def open_log(url: str) -> BrokerageLog:
    """Open the log; the caller closes it. Keep the application: its recorder dies with it."""
    return BrokerageLog(env=library_environment(url))
