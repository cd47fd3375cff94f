"""Finds conversations by the words in them."""

from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from adapters.postgres.search import asked, hashes

MOST_FOUND = 1_000
FIND = """
SELECT thread_id FROM messaging.words WHERE brokerage_id = %s AND hash = ANY(%s)
 GROUP BY thread_id HAVING count(DISTINCT hash) = %s LIMIT %s
"""


async def thread_ids(
    connection: AsyncConnection[DictRow], brokerage_id: UUID, q: str, key: bytes
) -> list[UUID]:  # fmt: skip
    """Return the threads in which all words of a question occur, in whichever messages; at most MOST_FOUND.

    `key` is `adapters.postgres.search.search_key(master, brokerage_id)`. A question without a word finds nothing.
    """
    wanted = hashes(asked(q), key)
    if not wanted:
        return []
    rows = await (await connection.execute(FIND, (brokerage_id, wanted, len(wanted), MOST_FOUND))).fetchall()
    return [row["thread_id"] for row in rows]
