"""Reads conversations: threads of messages and sessions of other kinds in one list, one of them, its messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from application.outgoing_outcome import FORBIDDEN

Connection = AsyncConnection[DictRow]

THREAD = """
SELECT t.key AS id, 'thread' AS kind, t.channel, t.account_id, t.provider, t.subject_id, t.status, t.status_at,
       t.status_reason, t.moves, t.holder, t.agent, t.held_until, t.fence, t.holder_reason, t.inbound, t.outbound,
       t.echoed, t.unread, t.started_at, t.last_at, t.last_message, t.last_direction, t.last_type, t.last_inbound_at,
       t.last_arrived_at, t.waiting_since, t.first_answer_at, t.ad_at, t.ad_answered_at, t.ad, t.rating, t.opted_out,
       t.unreachable, t.identities, t.marks, t.under_way, t.unknown, t.test,
       s.lead_score, s.lead_quality, s.lead_quality AS quality, s.lead_reasons, s.milestones, s.topics,
       NULL::text AS property_id, NULL::float8 AS total_time_s, s.score
  FROM read_models.threads t
  LEFT JOIN read_models.conversation_sessions s ON s.key = 'thread-' || t.key
 WHERE t.begun
"""
SESSION = """
SELECT s.key AS id, coalesce(s.conversation_kind, 'conversation') AS kind, s.channel, NULL::text AS account_id,
       NULL::text AS provider, s.subject_id, CASE s.status WHEN 'active' THEN 'ACTIVE' ELSE 'CLOSED' END AS status,
       NULL::timestamptz AS status_at, s.status AS status_reason, NULL::jsonb AS moves, NULL::text AS holder,
       NULL::text AS agent, NULL::timestamptz AS held_until, NULL::int4 AS fence, NULL::text AS holder_reason,
       NULL::int4 AS inbound, NULL::int4 AS outbound, NULL::int4 AS echoed, 0 AS unread, s.started_at, s.last_at,
       NULL::text AS last_message, NULL::text AS last_direction, NULL::text AS last_type,
       NULL::timestamptz AS last_inbound_at, s.arrived_at AS last_arrived_at, NULL::timestamptz AS waiting_since,
       NULL::timestamptz AS first_answer_at, NULL::timestamptz AS ad_at, NULL::timestamptz AS ad_answered_at,
       NULL::jsonb AS ad, s.rating, NULL::bool AS opted_out, NULL::jsonb AS unreachable, NULL::jsonb AS identities,
       NULL::jsonb AS marks, NULL::int4 AS under_way, NULL::int4 AS unknown, NULL::bool AS test,
       s.lead_score, s.lead_quality, coalesce(s.quality, s.lead_quality) AS quality, s.lead_reasons, s.milestones,
       s.topics,
       nullif(s.property_id, '') AS property_id, s.total_time_s, s.score
  FROM read_models.conversation_sessions s
 WHERE s.last_at IS NOT NULL
   AND (s.key NOT LIKE 'thread-%%'
        OR NOT EXISTS (SELECT FROM read_models.threads t WHERE t.key = substr(s.key, 8) AND t.begun))
"""
FILTERS = """
   AND (%(status)s::text IS NULL OR c.status = %(status)s)
   AND (%(kind)s::text IS NULL OR c.kind = %(kind)s)
   AND (%(channel)s::text IS NULL OR c.channel = %(channel)s)
   AND (%(quality)s::text IS NULL OR c.quality = %(quality)s)
   AND (%(holder)s::text IS NULL OR c.holder = %(holder)s)
   AND (%(agent)s::text IS NULL OR c.agent = %(agent)s)
   AND (%(unread)s::bool IS NULL OR (c.unread > 0) = %(unread)s)
   AND (%(waiting)s::bool IS NULL OR (c.waiting_since IS NOT NULL) = %(waiting)s)
   AND (%(since)s::timestamptz IS NULL OR c.last_at >= %(since)s)
   AND (%(until)s::timestamptz IS NULL OR c.last_at < %(until)s)
   AND (%(ids)s::text[] IS NULL OR c.id = ANY(%(ids)s))
   AND (%(at)s::timestamptz IS NULL OR (c.last_at, c.id) < (%(at)s::timestamptz, %(key)s::text))
"""
PERSON = "coalesce(a.person_id, c.subject_id) AS person_id"
ALIAS = "LEFT JOIN read_models.people_aliases a ON a.subject_id = c.subject_id"
LIST = f"""
WITH page AS (
  (SELECT c.* FROM ({THREAD}) c WHERE true {FILTERS} ORDER BY c.last_at DESC, c.id DESC LIMIT %(limit)s)
  UNION ALL
  (SELECT c.* FROM ({SESSION}) c WHERE true {FILTERS} ORDER BY c.last_at DESC, c.id DESC LIMIT %(limit)s)
)
SELECT c.*, {PERSON} FROM page c {ALIAS} ORDER BY c.last_at DESC, c.id DESC LIMIT %(limit)s
"""  # noqa: S608 - the parts above
ONE = f"""
SELECT c.*, {PERSON}, p.consents
  FROM (({THREAD} AND t.key = %(id)s) UNION ALL ({SESSION} AND s.key = %(id)s)) c {ALIAS}
  LEFT JOIN read_models.people p ON p.key = coalesce(a.person_id, c.subject_id)::text
"""  # noqa: S608
MESSAGE = """
SELECT m.key AS id, m.ref, m.send_id, m.direction, m.message_type, m.at, m.arrived_at, m.status, m.receipts, m.author,
       m.by, m.purpose, m.outcome, m.outcome_by, m.settled_at, m.code, m.reason, m.reactions, m.edits, m.revoked_at,
       m.media, m.file, m.sealed, m.more, m.subject_id, m.thread_id,
       o.receipts AS their_receipts, o.reactions AS their_reactions, o.edits AS their_edits,
       o.revoked_at AS their_revoked_at, w.why AS waits_why, w.created_at AS waits_since, w.due_at AS tries_at,
       (SELECT CASE WHEN q.direction IS NULL THEN q.send_id::text ELSE q.key END
          FROM read_models.messages q WHERE q.key = m.reply_to::text) AS reply_to
  FROM read_models.messages m
  LEFT JOIN read_models.messages o ON m.direction = 'out' AND o.key = m.ref::text AND o.key <> m.key
  LEFT JOIN LATERAL (
    SELECT coalesce((
             SELECT held.last_error FROM outbox.messages held
              WHERE held.brokerage_id = own.brokerage_id AND held.kind = 'send_message'
                AND held.state IN ('waiting', 'leased') AND held.last_error LIKE %(locked_out)s
                AND convert_from(held.payload, 'UTF8')::jsonb @> jsonb_build_object(
                      'channel', convert_from(own.payload, 'UTF8')::jsonb -> 'channel',
                      'account_id', convert_from(own.payload, 'UTF8')::jsonb -> 'account_id')
              LIMIT 1), own.last_error, (
             SELECT first.last_error FROM outbox.messages first
              WHERE first.brokerage_id = own.brokerage_id AND first.ordering_key = own.ordering_key
                AND first.state IN ('waiting', 'leased', 'parked')
              ORDER BY first.position, first.id LIMIT 1)) AS why, own.created_at, own.due_at
      FROM outbox.messages own
     WHERE m.direction = 'out' AND m.outcome IS NULL AND own.id = m.send_id
       AND own.state IN ('waiting', 'leased', 'parked')
  ) w ON true
 WHERE m.thread_id = %(thread_id)s AND m.direction IS NOT NULL
   AND NOT (m.direction = 'echo' AND m.send_id IS NOT NULL AND EXISTS (
     SELECT FROM read_models.messages own WHERE own.key = m.send_id::text AND own.direction = 'out'))
"""
"""A message of ours with what was told of it under the platform's name; its echo is the same message, shown once.
One that is not sent yet says what keeps it: a token that the platform refused keeps all of the account's, otherwise it
waits for itself, or for the one before it in the thread."""
OLDER = f"""{MESSAGE}
   AND (%(at)s::timestamptz IS NULL
        OR (m.at, m.arrived_at, m.key) < (%(at)s::timestamptz, %(arrived)s::timestamptz, %(key)s::text))
 ORDER BY m.at DESC, m.arrived_at DESC, m.key DESC LIMIT %(limit)s
"""
NEWER = f"""{MESSAGE}
   AND (%(at)s::timestamptz IS NULL
        OR (m.at, m.arrived_at, m.key) > (%(at)s::timestamptz, %(arrived)s::timestamptz, %(key)s::text))
 ORDER BY m.at, m.arrived_at, m.key LIMIT %(limit)s
"""
MARKS = "SELECT marks FROM read_models.threads WHERE key = %s AND begun"


async def list_conversations(
    connection: Connection, filters: Mapping[str, Any], *, ids: Sequence[UUID] | None,
    after: tuple[datetime, str] | None, limit: int,
) -> list[DictRow]:  # fmt: skip
    """Return conversations, the latest first.

    `filters` by name: status, kind, channel, quality, holder, agent, unread, waiting, since, until; None or missing
    asks nothing. `ids` are the only ones that may come; `after` is the (last, id) of the last one seen.
    """
    at, key = after or (None, None)
    names = ("status", "kind", "channel", "quality", "holder", "agent", "unread", "waiting", "since", "until")
    asked = {name: filters.get(name) for name in names}
    asked |= {"ids": [str(one) for one in ids] if ids is not None else None, "at": at, "key": key, "limit": limit}
    return await (await connection.execute(LIST, asked)).fetchall()


async def one_conversation(connection: Connection, conversation_id: str) -> DictRow | None:
    """Return one conversation with its person's consents, None where this brokerage has no such; threads come first."""
    rows = await (await connection.execute(ONE, {"id": conversation_id})).fetchall()
    return rows[0] if rows else None


async def list_messages(
    connection: Connection, thread_id: UUID, *, newer: bool, after: tuple[datetime, datetime, str] | None, limit: int
) -> list[DictRow]:
    """Return messages of a thread: older and older, or `newer` and newer, from one seen (time, arrival, id) on.

    Each with the folds of the platform's own message beside it (`their_…`), None where that is the same row.
    """
    at, arrived, key = after or (None, None, None)
    asked = {"thread_id": thread_id, "at": at, "arrived": arrived, "key": key, "limit": limit}
    asked["locked_out"] = f"{FORBIDDEN}%"
    return await (await connection.execute(NEWER if newer else OLDER, asked)).fetchall()


async def marks_of(connection: Connection, thread_id: UUID) -> Mapping[str, Any] | None:
    """Return the times up to which all of a thread was delivered or read, None where there is no such thread."""
    row = await (await connection.execute(MARKS, (str(thread_id),))).fetchone()
    return None if row is None else row["marks"] or {}
