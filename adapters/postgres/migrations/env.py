"""Runs the migrations on the connection that `adapters.postgres.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="alembic_version", transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
