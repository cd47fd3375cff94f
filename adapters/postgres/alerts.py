"""Alerts in Postgres: the review compares what is wrong with what is open, and writes table and facts together."""

from datetime import datetime
from typing import Any

import structlog
from psycopg import Connection

from adapters.postgres.append import append_in, flush
from adapters.postgres.mapper import Envelope
from application.outgoing_outcome import FORBIDDEN, NO_CREDENTIALS
from domain.operations.alerts import Alert, Condition, News, review
from domain.operations.events import AlertRaised

LOCK = "SELECT pg_try_advisory_xact_lock(7246114093), now()"
"""One review at a time, across all processes; who comes second has nothing to do."""

HELD = """
SELECT c.brokerage_id, 'dataset_held', c.dataset_id,
       format('dataset %s takes nothing: %s', c.dataset_id, left(c.reason, 150)), c.parked_since,
       (SELECT count(*) FROM outbox.messages m WHERE m.state = 'parked' AND m.brokerage_id = c.brokerage_id
           AND m.batch_by = c.dataset_id)::int
  FROM outbox.circuits c WHERE NOT c.throttled
"""
DEAD = """
SELECT brokerage_id, 'dead_letters', coalesce(batch_by, ''),
       format('%s %s given up; an operator may correct and retry', count(*),
              CASE WHEN batch_by IS NULL THEN 'messages are' ELSE 'conversions for dataset ' || batch_by || ' are' END),
       max(coalesce(settled_at, created_at)), count(*)::int
  FROM outbox.messages WHERE state = 'dead' GROUP BY brokerage_id, batch_by
"""
LATE = """
SELECT brokerage_id, 'deadline_near', batch_by,
       format('%s %s for dataset %s still waiting, too old within a day',
              sum(n), CASE WHEN sum(n) = 1 THEN 'conversion is' ELSE 'conversions are' END, batch_by),
       date_trunc('day', now()), sum(n)::int
  FROM (SELECT brokerage_id, batch_by, count(*) AS n FROM outbox.messages
         WHERE state = 'parked' AND kind = 'conversion' AND expires_at BETWEEN now() AND now() + interval '1 day'
         GROUP BY 1, 2
        UNION ALL
        SELECT brokerage_id, batch_by, count(*) FROM outbox.messages
         WHERE state = 'waiting' AND kind = 'conversion' AND expires_at BETWEEN now() AND now() + interval '1 day'
           AND created_at < now() - interval '10 minutes'
         GROUP BY 1, 2) late
 GROUP BY brokerage_id, batch_by
"""
DISABLED = """
SELECT brokerage_id, 'subscription_disabled', '',
       format('%s webhook subscriptions are told nothing any more, as their receivers took nothing', count(*)),
       max(disabled_at), count(*)::int
  FROM subscriptions.endpoints WHERE NOT enabled AND disabled_why <> 'by an operator' GROUP BY brokerage_id
"""
CHANNELS = """
SELECT brokerage_id, 'channel_held', account,
       account || ' takes no messages: ' || left(max(why), 200), min(created_at), count(*)::int
  FROM (SELECT brokerage_id, concat_ws('/', sent ->> 'channel', sent ->> 'account_id') AS account, why, created_at
          FROM (SELECT brokerage_id, convert_from(payload, 'UTF8')::jsonb AS sent, last_error AS why, created_at
                  FROM outbox.messages
                 WHERE kind = 'send_message' AND state IN ('waiting', 'leased')
                   AND last_error LIKE ANY (%s)) m) held
 GROUP BY brokerage_id, account
"""
WITHOUT_TOKEN = [f"{NO_CREDENTIALS}%", f"{FORBIDDEN}%"]
OPEN = "SELECT id, brokerage_id, subject, dataset_id, since FROM outbox.alerts WHERE cleared_at IS NULL"
CLEAR = "UPDATE outbox.alerts SET cleared_at = %s WHERE id = %s"
RAISE = """
INSERT INTO outbox.alerts (id, brokerage_id, subject, dataset_id, says, count, since, raised_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET cleared_at = NULL, says = excluded.says, count = excluded.count
"""
SHOWN = """
SELECT slug, a.subject, a.says, a.raised_at FROM outbox.alerts a JOIN auth.brokerages USING (brokerage_id)
 WHERE a.cleared_at IS NULL ORDER BY a.raised_at
"""

log = structlog.get_logger("masar.alerts")


def review_alerts(connection: Connection[Any], *, deadlines: bool = True) -> list[News]:
    """Raise what is newly wrong and clear what is over, durable on return; return what was news.

    Nothing happens while another process reviews. Without `deadlines` the alerts about those are left as they are.
    The connection is an autocommit one as `masar_projector`.
    """
    with connection.transaction():
        row = connection.execute(LOCK).fetchone()
        news = _news(connection, row[1], deadlines) if row and row[0] else []
        _write(connection, news)
        if news:
            append_in(connection, [Envelope(one.stream_id, 1, one.fact, one.brokerage_id) for one in news])
    if news:
        flush(connection)
    for one in news:
        _tell(one)
    return news


def open_alerts(connection: Connection[Any]) -> list[tuple[str, str, str, datetime]]:
    """Return (brokerage's short name, subject, words, since when) of every open alert, for whoever runs the system.

    The connection is the owner's.
    """
    return connection.execute(SHOWN).fetchall()


def _news(connection: Connection[Any], now: datetime, deadlines: bool) -> list[News]:
    statements = (HELD, DEAD, DISABLED, LATE) if deadlines else (HELD, DEAD, DISABLED)
    found = [row for one in statements for row in connection.execute(one).fetchall()]
    found += connection.execute(CHANNELS, (WITHOUT_TOKEN,)).fetchall()
    conditions = [Condition(*row) for row in found]
    known = [Alert(*row) for row in connection.execute(OPEN).fetchall()]
    looked_at = [one for one in known if deadlines or one.subject != "deadline_near"]
    return review(conditions, looked_at, now)


def _write(connection: Connection[Any], news: list[News]) -> None:
    for one in news:
        fact = one.fact
        if isinstance(fact, AlertRaised):
            connection.execute(RAISE, (
                fact.alert_id, one.brokerage_id, fact.subject, fact.dataset_id, fact.says, fact.count, one.since,
                fact.occurred_at,
            ))  # fmt: skip
        else:
            connection.execute(CLEAR, (fact.occurred_at, fact.alert_id))


def _tell(one: News) -> None:
    fact = one.fact
    about = {"alert_id": str(fact.alert_id), "brokerage_id": str(one.brokerage_id), "subject": fact.subject}
    if isinstance(fact, AlertRaised):
        log.warning("alert_raised", **about, dataset_id=fact.dataset_id, says=fact.says)
    else:
        log.info("alert_cleared", **about, dataset_id=fact.dataset_id)
