"""The outbox, the positions of projections, and version 1 of the first read models."""

from alembic import op

from adapters.postgres.tenancy import protect, protect_read_model

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OUTBOX = """
CREATE SCHEMA outbox;
CREATE TABLE outbox.messages (
  id             uuid        PRIMARY KEY,
  brokerage_id   uuid        NOT NULL,
  kind           text        NOT NULL,
  state          text        NOT NULL DEFAULT 'waiting'
                             CHECK (state IN ('waiting', 'leased', 'parked', 'done', 'dead')),
  due_at         timestamptz NOT NULL,
  expires_at     timestamptz,
  attempts       int         NOT NULL DEFAULT 0,
  crashes        int         NOT NULL DEFAULT 0,
  lease          bigint,
  leased_until   timestamptz,
  ordering_key   text,
  batch_by       text,
  also_unique    text,
  cause_id       uuid        NOT NULL,
  position       bigint      NOT NULL,
  correlation_id uuid,
  payload        bytea,
  last_error     text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  settled_at     timestamptz,
  UNIQUE (brokerage_id, kind, also_unique)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX messages_due ON outbox.messages (brokerage_id, kind, batch_by, due_at) WHERE state = 'waiting';
CREATE INDEX messages_leased ON outbox.messages (leased_until) WHERE state = 'leased';
CREATE INDEX messages_parked ON outbox.messages (brokerage_id, batch_by) WHERE state = 'parked';
CREATE INDEX messages_expiring ON outbox.messages (expires_at) WHERE state = 'parked';
CREATE INDEX messages_ordered ON outbox.messages (brokerage_id, ordering_key, position)
  WHERE ordering_key IS NOT NULL AND state IN ('waiting', 'leased', 'parked');
CREATE SEQUENCE outbox.lease AS bigint;
CREATE TABLE outbox.circuits (
  brokerage_id  uuid        NOT NULL,
  dataset_id    text        NOT NULL,
  parked_since  timestamptz NOT NULL DEFAULT now(),
  next_probe_at timestamptz NOT NULL,
  reason        text        NOT NULL,
  throttled     boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (brokerage_id, dataset_id)
);
CREATE TABLE outbox.bodies (
  request_id    uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  sealed        bytea       NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bodies_age ON outbox.bodies (created_at);
"""

PROJECTION = """
CREATE SCHEMA projection;
CREATE TABLE projection.builds (
  name       text        NOT NULL,
  build      text        NOT NULL,
  version    int         NOT NULL,
  status     text        NOT NULL CHECK (status IN ('live', 'building', 'retired')),
  position   bigint      NOT NULL DEFAULT 0,
  emit_from  bigint,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, build)
);
CREATE UNIQUE INDEX builds_one_live ON projection.builds (name) WHERE status = 'live';
CREATE TABLE projection.set_aside (
  name         text        NOT NULL,
  build        text        NOT NULL,
  position     bigint      NOT NULL,
  brokerage_id uuid        NOT NULL,
  error        text        NOT NULL,
  at           timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (name, build, position)
);
CREATE SCHEMA read_models;
"""

KEYED = """
CREATE TABLE read_models.{table} (
  brokerage_id uuid NOT NULL, key text NOT NULL, state bytea NOT NULL, {columns}
  PRIMARY KEY (brokerage_id, key)
);
"""

ALIASES = """
CREATE TABLE read_models.{table} (
  brokerage_id uuid NOT NULL, subject_id uuid NOT NULL, person_id uuid NOT NULL,
  PRIMARY KEY (brokerage_id, subject_id)
);
CREATE INDEX ON read_models.{table} (brokerage_id, person_id);
"""

TOUR_SESSIONS = """
  property_id text, subject_id uuid, tour_kind text, started_at timestamptz, last_at timestamptz,
  arrived_at timestamptz, total_time_s float8, rooms_visited int, completion_rate float8, actions int, score int,
  quality text, policy text, reasons jsonb, milestones jsonb, closed_by uuid, late int,"""

PEOPLE = """
  known bool, hint_kinds jsonb, touchpoints int, first_at timestamptz, last_at timestamptz, score int, quality text,
  policy text, reasons jsonb, tours int, forms int, saved jsonb, consents jsonb,"""

DELIVERIES = """
  dataset_id text, outcome text, tries int, settled_at timestamptz, message text, code int,"""

CONVERSIONS = """
CREATE TABLE read_models.conversions_v1 (
  brokerage_id uuid NOT NULL, id uuid NOT NULL, person_id uuid, subject_id uuid, dataset_id text, slot text,
  once_per text, event_name text, event_id text, occurred_at timestamptz, recorded_at timestamptz,
  action_source text, value numeric, currency text, category text, custom jsonb, cause_id uuid, position bigint,
  policy text, why text, withheld text, match_keys jsonb,
  PRIMARY KEY (brokerage_id, id)
);
"""

INDEXES = """
CREATE INDEX ON read_models.tour_sessions_v1 (brokerage_id, last_at DESC);
CREATE INDEX ON read_models.tour_sessions_v1 (brokerage_id, subject_id);
CREATE INDEX ON read_models.tour_sessions_v1 (brokerage_id, property_id);
CREATE INDEX ON read_models.people_v1 (brokerage_id, score DESC, key);
CREATE INDEX ON read_models.conversions_v1 (brokerage_id, position DESC, id);
CREATE INDEX ON read_models.conversions_v1 (brokerage_id, cause_id);
CREATE INDEX ON read_models.conversions_v1 (brokerage_id, subject_id);
"""

VIEWS = ("tour_sessions", "people", "people_aliases", "conversions", "conversions_memory", "conversions_aliases",
         "deliveries")  # fmt: skip

BUILDS = """
INSERT INTO projection.builds (name, build, version, status, emit_from) VALUES
  ('tour_sessions', 'v1', 1, 'live', 0), ('people', 'v1', 1, 'live', 0),
  ('conversions', 'v1', 1, 'live', 0), ('deliveries', 'v1', 1, 'live', 0);
"""

GRANTS = """
GRANT USAGE ON SCHEMA outbox, projection, read_models TO masar_app, masar_projector, masar_auditor;
GRANT USAGE ON SEQUENCE outbox.lease TO masar_projector;
GRANT SELECT ON projection.builds TO masar_app, masar_auditor;
GRANT SELECT, INSERT, UPDATE ON projection.builds TO masar_projector;
"""


def upgrade() -> None:
    """Create the tables, protect them, and name the live builds."""
    op.execute(OUTBOX)
    op.execute(PROJECTION)
    keyed = {
        "tour_sessions_v1": TOUR_SESSIONS,
        "people_v1": PEOPLE,
        "conversions_memory_v1": "",
        "deliveries_v1": DELIVERIES,
    }
    aliases = ("people_aliases_v1", "conversions_aliases_v1")
    for table, columns in keyed.items():
        op.execute(KEYED.format(table=table, columns=columns))
    for table in aliases:
        op.execute(ALIASES.format(table=table))
    op.execute(CONVERSIONS)
    op.execute(INDEXES)
    op.execute(GRANTS)
    for table in (*keyed, *aliases, "conversions_v1"):
        op.execute(protect_read_model(f"read_models.{table}"))
    for name in VIEWS:
        op.execute(f"CREATE VIEW read_models.{name} WITH (security_invoker) AS SELECT * FROM read_models.{name}_v1")
        op.execute(f"GRANT SELECT ON read_models.{name} TO masar_app, masar_auditor, masar_projector")
    op.execute(BUILDS)
    op.execute(protect("outbox.messages", reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
    op.execute(protect("outbox.circuits", reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
    op.execute(protect("outbox.bodies", reads=("masar_app",), writes_all=("masar_projector",)))
    op.execute(protect("projection.set_aside", reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
