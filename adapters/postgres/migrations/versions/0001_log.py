"""The log, its gate and its two append functions; roles; identity registry; keys."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("masar_app", "masar_projector", "masar_ingest", "masar_registry", "masar_auditor")

CREATE_ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
  EXECUTE format('GRANT {role} TO %I', current_user);
EXCEPTION WHEN unique_violation OR duplicate_object THEN NULL;
END $$;
"""

LOG = """
CREATE SCHEMA log;
CREATE TYPE log.stored_event_uuid AS (originator_id uuid, originator_version bigint, topic text, state bytea);
CREATE TABLE log.gate ();
COMMENT ON TABLE log.gate IS 'Locked while positions are given out, so that commit order is position order.';

CREATE SEQUENCE log.position AS bigint;
CREATE TABLE log.masar_events (
  originator_id       uuid        NOT NULL,
  originator_version  bigint      NOT NULL,
  topic               text        NOT NULL,
  state               bytea       NOT NULL,
  notification_id     bigint      NOT NULL DEFAULT nextval('log.position'),
  recorded_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  brokerage_id        uuid        NOT NULL,
  subject_id          uuid,
  occurred_at         timestamptz NOT NULL,
  cause_id            uuid,
  correlation_id      uuid,
  fingerprint         bytea,
  PRIMARY KEY (originator_id, originator_version)
) WITH (autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE UNIQUE INDEX masar_events_position ON log.masar_events (notification_id);
CREATE INDEX masar_events_subject ON log.masar_events (brokerage_id, subject_id, notification_id);
CREATE INDEX masar_events_kind ON log.masar_events (brokerage_id, topic, notification_id);
CREATE INDEX masar_events_cause ON log.masar_events (cause_id) WHERE cause_id IS NOT NULL;
CREATE INDEX masar_events_recorded ON log.masar_events USING brin (recorded_at);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'facts are never changed or deleted (% on %)', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON log.masar_events
  FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
"""

APPEND = """
CREATE FUNCTION log.append_touchpoints(
  ids uuid[], kinds text[], states bytea[], brokerages uuid[], subjects uuid[], happened timestamptz[],
  causes uuid[], correlations uuid[], fingerprints bytea[]
) RETURNS TABLE (stream_id uuid, place bigint, fresh boolean, stored_subject uuid, stored_fingerprint bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  LOCK TABLE log.gate IN EXCLUSIVE MODE;
  NOTIFY masar_log;
  RETURN QUERY
    INSERT INTO log.masar_events AS e (originator_id, originator_version, topic, state, brokerage_id, subject_id,
                                       occurred_at, cause_id, correlation_id, fingerprint)
    SELECT t.id, 1, t.kind, t.state, t.brokerage, t.subject, t.happened_at, t.cause, t.correlation, t.fingerprint
      FROM unnest(ids, kinds, states, brokerages, subjects, happened, causes, correlations, fingerprints)
        WITH ORDINALITY AS t (id, kind, state, brokerage, subject, happened_at, cause, correlation, fingerprint, nth)
     ORDER BY t.nth
    ON CONFLICT DO NOTHING
    RETURNING e.originator_id, e.notification_id, true, NULL::uuid, NULL::bytea;
  GET DIAGNOSTICS added = ROW_COUNT;
  IF added < cardinality(ids) THEN  -- planned anew each time: a plan made while the log was small would read it all
    RETURN QUERY EXECUTE
      'SELECT known.originator_id, known.notification_id, false, known.subject_id, known.fingerprint
         FROM unnest($1) AS t (id)
         JOIN log.masar_events known ON known.originator_id = t.id AND known.originator_version = 1' USING ids;
  END IF;
END $$;
COMMENT ON FUNCTION log.append_touchpoints IS
  'Idempotent append of streams of one: returns the new ones, then, where any was there, all that are there. '
  'The caller flushes before it tells anyone. Ids are distinct per call.';

CREATE PROCEDURE log.append_and_flush(
  ids uuid[], kinds text[], states bytea[], brokerages uuid[], subjects uuid[], happened timestamptz[],
  causes uuid[], correlations uuid[], fingerprints bytea[],
  INOUT stream_ids uuid[], INOUT places bigint[], INOUT freshes boolean[], INOUT stored_subjects uuid[],
  INOUT stored_fingerprints bytea[]
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT array_agg(a.stream_id), array_agg(a.place), array_agg(a.fresh), array_agg(a.stored_subject),
         array_agg(a.stored_fingerprint)
    INTO stream_ids, places, freshes, stored_subjects, stored_fingerprints
    FROM log.append_touchpoints(ids, kinds, states, brokerages, subjects, happened, causes, correlations,
                                fingerprints) a;
  COMMIT;  -- asynchronous, and it frees the gate; the next one is synchronous and flushes what came before
  PERFORM pg_catalog.pg_logical_emit_message(true, 'masar', '');
END $$;
COMMENT ON PROCEDURE log.append_and_flush IS
  'Appends streams of one as the function does and returns when they are durable, in one round trip.';

CREATE FUNCTION log.append_streams(
  ids uuid[], versions bigint[], kinds text[], states bytea[], brokerages uuid[], subjects uuid[],
  happened timestamptz[], causes uuid[], correlations uuid[]
) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  LOCK TABLE log.gate IN EXCLUSIVE MODE;
  NOTIFY masar_log;
  RETURN QUERY
    INSERT INTO log.masar_events (originator_id, originator_version, topic, state, brokerage_id, subject_id,
                                  occurred_at, cause_id, correlation_id)
    SELECT id, version, kind, state, brokerage, subject, happened_at, cause, correlation
      FROM unnest(ids, versions, kinds, states, brokerages, subjects, happened, causes, correlations)
        WITH ORDINALITY AS t (id, version, kind, state, brokerage, subject, happened_at, cause, correlation, nth)
     ORDER BY nth
    RETURNING notification_id;
END $$;
COMMENT ON FUNCTION log.append_streams IS 'Append at expected versions; a version that is taken raises 23505.';
"""

REGISTRY = """
CREATE SCHEMA registry;
CREATE TABLE registry.subjects (
  subject_id    uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  wrapped_key   bytea,
  known         boolean     NOT NULL DEFAULT false,
  known_as      uuid,
  created_at    timestamptz NOT NULL DEFAULT now(),
  erased_at     timestamptz
);
CREATE TABLE registry.identities (
  brokerage_id  uuid        NOT NULL,
  hash          bytea       NOT NULL,
  hint          text        NOT NULL,
  subject_id    uuid        NOT NULL REFERENCES registry.subjects,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, hash)
);
CREATE INDEX identities_subject ON registry.identities (subject_id);
CREATE TABLE registry.secrets (
  brokerage_id  uuid        NOT NULL,
  name          text        NOT NULL,
  sealed        bytea       NOT NULL,
  set_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, name)
);
CREATE FUNCTION registry.register(
  subjects uuid[], brokerages uuid[], keys bytea[], knowns boolean[], known_ases uuid[],
  of_brokerages uuid[], hashes bytea[], hints text[], of_subjects uuid[]
) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  added uuid[];
  identified bigint;
BEGIN
  WITH new AS (
    INSERT INTO registry.subjects (subject_id, brokerage_id, wrapped_key, known, known_as)
    SELECT * FROM unnest(subjects, brokerages, keys, knowns, known_ases) ON CONFLICT DO NOTHING RETURNING subject_id
  ) SELECT array_agg(subject_id) INTO added FROM new;
  INSERT INTO registry.identities (brokerage_id, hash, hint, subject_id)
  SELECT * FROM unnest(of_brokerages, hashes, hints, of_subjects) ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS identified = ROW_COUNT;
  IF identified < cardinality(hashes) THEN
    RAISE EXCEPTION 'an identity was registered meanwhile' USING ERRCODE = '40001';
  END IF;
  RETURN ARRAY(SELECT unnest(subjects) EXCEPT SELECT unnest(added));
END $$;
COMMENT ON FUNCTION registry.register IS
  'Adds subjects and identities together or not at all; returns the subjects that were there already.';
"""

AUTH = """
CREATE SCHEMA auth;
CREATE TABLE auth.brokerages (
  brokerage_id  uuid        PRIMARY KEY,
  slug          text        NOT NULL UNIQUE,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE auth.keys (
  key_id        text        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL REFERENCES auth.brokerages,
  kind          text        NOT NULL CHECK (kind IN ('producer', 'reader', 'operator')),
  producer      text        NOT NULL,
  secret_hash   bytea       NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  revoked_at    timestamptz
);
CREATE FUNCTION auth.find_key(wanted text)
RETURNS TABLE (key_id text, brokerage_id uuid, kind text, producer text, secret_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.key_id, k.brokerage_id, k.kind, k.producer, k.secret_hash
    FROM auth.keys k WHERE k.key_id = wanted AND k.revoked_at IS NULL
$$;
"""

GRANTS = """
REVOKE ALL ON ROUTINE log.append_touchpoints, log.append_and_flush, log.append_streams, auth.find_key,
  registry.register FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO masar_app, masar_projector, masar_ingest, masar_auditor;
GRANT EXECUTE ON ROUTINE log.append_touchpoints, log.append_and_flush, log.append_streams TO masar_ingest;
GRANT USAGE ON SCHEMA registry TO masar_registry;
GRANT EXECUTE ON FUNCTION registry.register TO masar_registry;
GRANT USAGE ON SCHEMA auth TO masar_app, masar_projector, masar_auditor;
GRANT EXECUTE ON FUNCTION auth.find_key TO masar_app;
GRANT SELECT ON alembic_version TO masar_app, masar_projector, masar_auditor;
"""


def upgrade() -> None:
    """Create the roles, the log, the registry and the keys."""
    for role in ROLES:
        op.execute(CREATE_ROLE.format(role=role))
    for statements in (LOG, APPEND, REGISTRY, AUTH, GRANTS):
        op.execute(statements)
    for statements in (
        protect("log.masar_events", reads=("masar_app", "masar_auditor"), reads_all=("masar_projector",)),
        protect("registry.subjects", writes_all=("masar_registry",)),
        protect("registry.identities", writes_all=("masar_registry",)),
        protect("registry.secrets", writes_all=("masar_registry",)),
        protect("auth.brokerages", reads=("masar_app", "masar_auditor"), reads_all=("masar_projector",)),
        protect("auth.keys", reads=("masar_auditor",)),
    ):
        op.execute(statements)
