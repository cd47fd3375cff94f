"""One standing message for each business account of WhatsApp: its templates are read again and again by themselves."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import orjson
from psycopg import Connection

STANDING = UUID("6a4f0f5c-0d0b-5c7e-9a86-3f1c52b7d1e4")
"""Namespace of the standing messages: by brokerage and business account."""
REVIVED_AFTER_S = 3_600
"""So long one that ended, since its account had no token, is left alone; a token brings it back at once."""

BUSINESSES = """
SELECT DISTINCT ON (a.brokerage_id, a.business_id) a.brokerage_id, a.business_id, a.account_id FROM channels.accounts a
 WHERE a.channel = 'whatsapp' AND a.business_id IS NOT NULL
 ORDER BY a.brokerage_id, a.business_id, a.account_id
"""
# What others are at is left to them. `soon`: the account can be asked for now, and was perhaps refused before.
STAND = """
INSERT INTO outbox.messages AS m (id, brokerage_id, kind, due_at, cause_id, position, payload)
SELECT id, brokerage_id, 'sync_templates', now(), id, 0, payload
  FROM unnest(%(ids)s::uuid[], %(brokerages)s::uuid[], %(payloads)s::bytea[]) AS given (id, brokerage_id, payload)
ON CONFLICT (id) DO UPDATE
   SET state = 'waiting', due_at = now(), payload = excluded.payload, attempts = 0, crashes = 0, settled_at = NULL
 WHERE CASE WHEN %(soon)s THEN m.state <> 'leased'
            ELSE m.state IN ('done', 'dead') AND m.settled_at < now() - make_interval(secs => %(after_s)s) END
"""
OF_ACCOUNTS = """
SELECT brokerage_id, business_id, account_id FROM channels.accounts
 WHERE brokerage_id = %s AND channel = 'whatsapp' AND account_id = ANY(%s) AND business_id IS NOT NULL
"""


def standing_id(brokerage_id: UUID, business_id: str) -> UUID:
    """Return the id of the one message that has a business account's templates read."""
    return uuid5(STANDING, f"{brokerage_id}|{business_id}")


def keep_syncing(connection: Connection[Any]) -> int:
    """Have every business account's templates read, now and ever after; return how many messages were put for it.

    Those that have their message keep it. The connection is an autocommit one as `masar_projector`.
    """
    return _stand(connection, connection.execute(BUSINESSES).fetchall(), soon=False)


def sync_soon(connection: Connection[Any], brokerage_id: UUID, accounts: Sequence[str]) -> None:
    """Have the templates read at once of those numbers whose business account is known: they can be asked for now."""
    _stand(connection, connection.execute(OF_ACCOUNTS, (brokerage_id, list(accounts))).fetchall(), soon=True)


def _stand(connection: Connection[Any], businesses: Sequence[tuple[UUID, str, str]], *, soon: bool) -> int:
    one_each = {standing_id(brokerage, business): (brokerage, number) for brokerage, business, number in businesses}
    if not one_each:
        return 0
    given = {
        "ids": list(one_each), "brokerages": [brokerage for brokerage, _ in one_each.values()],
        "payloads": [orjson.dumps({"account_id": one, "standing": True}) for _, one in one_each.values()],
        "soon": soon, "after_s": REVIVED_AFTER_S,
    }  # fmt: skip
    return connection.execute(STAND, given).rowcount
