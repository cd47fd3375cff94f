"""Reads templates, and whether a message is of a thread."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]

LIST = """
SELECT key AS id, account_id, name, language, status, category, quality, reason, gone, synced_at,
       convert_from(state, 'UTF8')::jsonb -> 'components' AS components
  FROM read_models.templates
 WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(name)s::text IS NULL OR name = %(name)s)
   AND (%(gone)s OR NOT gone) AND (%(account)s::text IS NULL OR account_id = %(account)s)
 ORDER BY name, language, key LIMIT %(limit)s
"""
BUSINESS = """
SELECT a.business_id FROM messaging.desks d JOIN channels.accounts a USING (channel, account_id) WHERE d.thread_id = %s
"""
OF_THREAD = """
SELECT EXISTS (SELECT FROM read_models.messages
                WHERE thread_id = %(thread)s AND (key = %(ref)s::text OR ref = %(ref)s::uuid)) AS there
"""
MOST = 5_000
"""Templates of a brokerage; WhatsApp allows some thousands per account."""


async def list_templates(
    connection: Connection, *, status: str | None = None, name: str | None = None, gone: bool = False,
    account: str | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return templates by name and language, of one business account or of all.

    `gone` ones, which the platform no longer has, only when asked for.
    """
    asked = {"status": status, "name": name, "gone": gone, "account": account, "limit": MOST}
    return await (await connection.execute(LIST, asked)).fetchall()


async def templates_for(connection: Connection, thread_id: UUID) -> list[dict[str, Any]]:
    """Return the templates that may be sent in a thread: those of the business account that its number belongs to.

    All of the brokerage's where that is not known.
    """
    row = await (await connection.execute(BUSINESS, (thread_id,))).fetchone()
    return await list_templates(connection, account=row["business_id"] if row else None)


async def message_is_of(connection: Connection, thread_id: UUID, ref: UUID) -> bool:
    """Tell whether a message, by its ref or the id of our send, is of a thread."""
    row = await (await connection.execute(OF_THREAD, {"thread": thread_id, "ref": ref})).fetchone()
    return bool(row and row["there"])
