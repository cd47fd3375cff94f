"""Messaging: whose accounts are whose, webhooks as they came, and the desk of each thread."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CHANNELS = """
CREATE SCHEMA channels;
CREATE TABLE channels.apps (
  brokerage_id  uuid        NOT NULL,
  app           text        NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, app)
);
CREATE TABLE channels.accounts (
  channel       text        NOT NULL CHECK (channel IN ('whatsapp', 'messenger', 'instagram')),
  account_id    text        NOT NULL,
  brokerage_id  uuid        NOT NULL,
  provider      text        NOT NULL CHECK (provider IN ('meta', '360dialog')),
  app           text,
  business_id   text,
  page_id       text,
  name          text,
  agent         text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (channel, account_id)
);
CREATE INDEX accounts_business ON channels.accounts (business_id);
COMMENT ON TABLE channels.accounts IS 'Which account is whose: by it what comes in is routed.';
"""

WEBHOOKS = """
CREATE SCHEMA webhooks;
CREATE TABLE webhooks.deliveries (
  id            uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  source        text        NOT NULL,
  app           text,
  received_at   timestamptz NOT NULL,
  size          int         NOT NULL,
  headers       jsonb       NOT NULL DEFAULT '{}',
  verified_by   text,
  items         jsonb       NOT NULL DEFAULT '[]',
  subjects      uuid[]      NOT NULL DEFAULT '{}',
  raw           bytea,
  replays       int         NOT NULL DEFAULT 0,
  replayed_at   timestamptz
);
CREATE INDEX deliveries_listed ON webhooks.deliveries (brokerage_id, received_at DESC, id);
ALTER TABLE webhooks.deliveries ALTER COLUMN raw SET STORAGE EXTERNAL;  -- sealed: nothing to compress
CREATE TABLE webhooks.refusals (
  source   text   NOT NULL,
  reason   text   NOT NULL,
  day      date   NOT NULL,
  count    bigint NOT NULL DEFAULT 0,
  last_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, reason, day)
);
COMMENT ON TABLE webhooks.refusals IS 'What was turned away at the door: counted, never kept.';
"""

DESKS = """
CREATE SCHEMA messaging;
CREATE TABLE messaging.desks (
  thread_id        uuid        PRIMARY KEY,
  brokerage_id     uuid        NOT NULL,
  subject_id       uuid        NOT NULL,
  channel          text        NOT NULL,
  account_id       text        NOT NULL,
  inbound          int         NOT NULL DEFAULT 0,
  last_inbound_at  timestamptz,
  last_arrived_at  timestamptz,
  last_ref         uuid,
  ad_at            timestamptz,
  answered         int         NOT NULL DEFAULT 0,
  waiting_since    timestamptz,
  holder           text        NOT NULL DEFAULT 'assistant' CHECK (holder IN ('assistant', 'agent')),
  agent            text,
  held_until       timestamptz,
  fence            int         NOT NULL DEFAULT 0,
  state            text        NOT NULL DEFAULT 'NEW'
                               CHECK (state IN ('NEW', 'ACTIVE', 'IDLE', 'WAITING_AGENT', 'CLOSED')),
  state_at         timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX desks_subject ON messaging.desks (brokerage_id, subject_id);
COMMENT ON TABLE messaging.desks IS
  'What a send must be checked against in its own transaction: the newest message, the holder, the fence. '
  'Written together with the facts that it follows from; the log can make it anew.';
"""

RECEIVE = """
CREATE FUNCTION webhooks.receive(
  ids uuid[], kinds text[], states bytea[], brokerages uuid[], subjects uuid[], happened timestamptz[],
  causes uuid[], correlations uuid[], fingerprints bytea[],
  desk_refs uuid[], desk_threads uuid[], desk_brokerages uuid[], desk_subjects uuid[], desk_channels text[],
  desk_accounts text[], desk_happened timestamptz[], desk_arrived timestamptz[], desk_effects int[],
  deliveries uuid[], of_brokerages uuid[], sources text[], apps text[], received timestamptz[], sizes int[],
  head text[], verified text[], item_lists text[], subject_lists text[], raws bytea[]
) RETURNS TABLE (stream_id uuid, place bigint, fresh boolean, stored_subject uuid, stored_fingerprint bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  made uuid[];
  news uuid[];
  found_ids uuid[];
  found_places bigint[];
  found_fresh boolean[];
  found_subjects uuid[];
  found_fingerprints bytea[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Desks are locked first, in one order, and the gate last. A DO UPDATE of no row locks those that are there.
  IF cardinality(desk_threads) > 0 THEN
    WITH added AS (
      INSERT INTO messaging.desks AS d (thread_id, brokerage_id, subject_id, channel, account_id, state_at)
      SELECT DISTINCT ON (t.thread) t.thread, t.brokerage, t.subject, t.channel, t.account, t.arrived
        FROM unnest(desk_threads, desk_brokerages, desk_subjects, desk_channels, desk_accounts, desk_arrived)
          AS t (thread, brokerage, subject, channel, account, arrived)
       ORDER BY t.thread, t.arrived
      ON CONFLICT (thread_id) DO UPDATE SET fence = d.fence WHERE false
      RETURNING d.thread_id
    ) SELECT array_agg(added.thread_id) INTO made FROM added;
  END IF;
  INSERT INTO webhooks.deliveries AS w (id, brokerage_id, source, app, received_at, size, headers, verified_by, items,
                                        subjects, raw)
  SELECT t.id, t.brokerage, t.source, t.app, t.received_at, t.size, t.headers::jsonb, t.verified, t.items::jsonb,
         t.of_subjects::uuid[], t.raw
    FROM unnest(deliveries, of_brokerages, sources, apps, received, sizes, head, verified, item_lists, subject_lists,
                raws)
      AS t (id, brokerage, source, app, received_at, size, headers, verified, items, of_subjects, raw)
   ORDER BY t.id
  ON CONFLICT (id) DO UPDATE
    SET items = excluded.items, subjects = excluded.subjects, replays = w.replays + 1, replayed_at = now();
  IF cardinality(ids) > 0 THEN
    SELECT array_agg(a.stream_id), array_agg(a.place), array_agg(a.fresh), array_agg(a.stored_subject),
           array_agg(a.stored_fingerprint), array_agg(a.stream_id) FILTER (WHERE a.fresh)
      INTO found_ids, found_places, found_fresh, found_subjects, found_fingerprints, news
      FROM log.append_touchpoints(ids, kinds, states, brokerages, subjects, happened, causes, correlations,
                                  fingerprints) a;
  END IF;
  IF cardinality(desk_threads) > 0 THEN
    -- In the order of the log: an answer from elsewhere is one to all that came before it, unless they wrote later.
    WITH told AS (
      SELECT t.*, t.effects & 1 = 1 AS wrote, t.effects & 9 > 0 AS inbound, t.effects & 2 = 2 AS clicked,
             t.effects & 4 = 4 AS echoed,
             greatest(d.last_inbound_at, max(t.happened) FILTER (WHERE t.effects & 9 > 0)
                                           OVER (PARTITION BY t.thread ORDER BY t.nth)) AS newest_then
        FROM unnest(desk_refs, desk_threads, desk_happened, desk_arrived, desk_effects) WITH ORDINALITY
          AS t (ref, thread, happened, arrived, effects, nth)
        JOIN messaging.desks d ON d.thread_id = t.thread
       WHERE t.ref = ANY (news)
    ), parted AS (
      SELECT told.*, max(told.nth) FILTER (WHERE told.echoed AND told.happened >= coalesce(told.newest_then,
                                                                                           told.happened))
                       OVER (PARTITION BY told.thread) AS settled
        FROM told
    ), summed AS (
      SELECT p.thread, (count(*) FILTER (WHERE p.wrote))::int AS came,
             (count(*) FILTER (WHERE p.wrote AND p.nth < p.settled))::int AS seen,
             max(p.happened) FILTER (WHERE p.inbound) AS newest,
             max(p.arrived) FILTER (WHERE p.wrote) AS arrived,
             min(p.arrived) FILTER (WHERE p.wrote AND p.nth > coalesce(p.settled, 0)) AS first_waiting,
             (array_agg(p.ref ORDER BY p.happened DESC, p.nth DESC) FILTER (WHERE p.inbound))[1] AS newest_ref,
             max(p.happened) FILTER (WHERE p.clicked) AS click,
             max(p.settled) AS settled, bool_or(p.echoed) AS echoed, max(p.arrived) AS at
        FROM parted p GROUP BY p.thread
    ), after AS (
      SELECT s.*, CASE WHEN d.state IN ('IDLE', 'CLOSED') AND (s.came > 0 OR s.echoed) OR d.state = 'NEW' AND s.echoed
                       THEN 'ACTIVE' ELSE d.state END AS state
        FROM summed s JOIN messaging.desks d ON d.thread_id = s.thread
    )
    UPDATE messaging.desks d
       SET inbound = d.inbound + a.came,
           last_inbound_at = greatest(d.last_inbound_at, a.newest),
           last_arrived_at = greatest(d.last_arrived_at, a.arrived),
           last_ref = CASE WHEN a.newest >= coalesce(d.last_inbound_at, a.newest) THEN a.newest_ref
                           ELSE d.last_ref END,
           ad_at = greatest(d.ad_at, a.click),
           answered = CASE WHEN a.settled IS NULL THEN d.answered ELSE d.inbound + a.seen END,
           waiting_since = CASE WHEN a.settled IS NULL THEN coalesce(d.waiting_since, a.first_waiting)
                                ELSE a.first_waiting END,
           state_at = CASE WHEN a.state <> d.state THEN a.at ELSE d.state_at END,
           state = a.state
      FROM after a WHERE d.thread_id = a.thread;
    IF made IS NOT NULL THEN  -- of a repeat that is stored under another subject: nobody sits there
      DELETE FROM messaging.desks d WHERE d.thread_id = ANY (made) AND NOT EXISTS (
        SELECT FROM unnest(desk_refs, desk_threads) AS t (ref, thread)
         WHERE t.thread = d.thread_id AND t.ref = ANY (news));
    END IF;
  END IF;
  RETURN QUERY SELECT * FROM unnest(found_ids, found_places, found_fresh, found_subjects, found_fingerprints);
END $$;
COMMENT ON FUNCTION webhooks.receive IS
  'Stores deliveries, the facts parsed from them and the desks of their threads together. Effects of a fact on its '
  'desk: 1 the customer wrote, 2 clicked on an advertisement, 4 somebody answered elsewhere, 8 the customer wrote '
  'while another application is to answer. A delivery that is there is being replayed. Returns what '
  'log.append_touchpoints does; the caller flushes before it tells anyone.';

CREATE PROCEDURE webhooks.receive_and_flush(
  ids uuid[], kinds text[], states bytea[], brokerages uuid[], subjects uuid[], happened timestamptz[],
  causes uuid[], correlations uuid[], fingerprints bytea[],
  desk_refs uuid[], desk_threads uuid[], desk_brokerages uuid[], desk_subjects uuid[], desk_channels text[],
  desk_accounts text[], desk_happened timestamptz[], desk_arrived timestamptz[], desk_effects int[],
  deliveries uuid[], of_brokerages uuid[], sources text[], apps text[], received timestamptz[], sizes int[],
  head text[], verified text[], item_lists text[], subject_lists text[], raws bytea[],
  INOUT stream_ids uuid[], INOUT places bigint[], INOUT freshes boolean[], INOUT stored_subjects uuid[],
  INOUT stored_fingerprints bytea[]
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT array_agg(a.stream_id), array_agg(a.place), array_agg(a.fresh), array_agg(a.stored_subject),
         array_agg(a.stored_fingerprint)
    INTO stream_ids, places, freshes, stored_subjects, stored_fingerprints
    FROM webhooks.receive(ids, kinds, states, brokerages, subjects, happened, causes, correlations, fingerprints,
                          desk_refs, desk_threads, desk_brokerages, desk_subjects, desk_channels, desk_accounts,
                          desk_happened, desk_arrived, desk_effects, deliveries, of_brokerages, sources, apps,
                          received, sizes, head, verified, item_lists, subject_lists, raws) a;
  COMMIT;  -- asynchronous, and it frees the gate; the next one is synchronous and flushes what came before
  PERFORM pg_catalog.pg_logical_emit_message(true, 'masar', '');
END $$;
"""

FORGET = """
CREATE FUNCTION webhooks.forget_person(whose uuid, of_subjects uuid[]) RETURNS bigint LANGUAGE sql AS $$
  WITH gone AS (
    UPDATE webhooks.deliveries SET raw = NULL, subjects = '{}' WHERE brokerage_id = whose AND subjects && of_subjects
    RETURNING 1
  ) SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION webhooks.forget_person IS
  'Deletes what came as it came, wherever one of these subjects is in it; returns of how many deliveries.';
"""

GRANTS = """
GRANT USAGE ON SCHEMA channels, webhooks, messaging TO masar_app, masar_projector, masar_ingest, masar_auditor;
REVOKE ALL ON ROUTINE webhooks.receive, webhooks.receive_and_flush, webhooks.forget_person FROM PUBLIC;
GRANT EXECUTE ON ROUTINE webhooks.receive, webhooks.receive_and_flush TO masar_ingest;
GRANT EXECUTE ON FUNCTION webhooks.forget_person TO masar_projector;
GRANT SELECT, INSERT, UPDATE ON webhooks.refusals TO masar_projector;
"""


def upgrade() -> None:
    """Create the tables and protect them."""
    for statements in (CHANNELS, WEBHOOKS, DESKS, RECEIVE, FORGET, GRANTS):
        op.execute(statements)
    readers = ("masar_app", "masar_auditor")
    for table in ("channels.apps", "channels.accounts", "webhooks.deliveries", "messaging.desks"):
        op.execute(protect(table, reads=readers, writes_all=("masar_projector",)))
