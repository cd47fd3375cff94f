"""Subscriptions: who is told of what happened, every delivery and every attempt, and how far the feed has come."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA subscriptions;
CREATE TABLE subscriptions.endpoints (
  id              uuid        PRIMARY KEY,
  brokerage_id    uuid        NOT NULL,
  url             text        NOT NULL,
  patterns        text[]      NOT NULL DEFAULT '{}',
  description     text        NOT NULL DEFAULT '',
  enabled         boolean     NOT NULL DEFAULT true,
  personal        boolean     NOT NULL DEFAULT false,
  secret          text        NOT NULL,
  secret_before   text,
  before_until    timestamptz,
  after_position  bigint      NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT now(),
  created_by      text        NOT NULL,
  changed_at      timestamptz NOT NULL DEFAULT now(),
  changed_by      text        NOT NULL,
  disabled_at     timestamptz,
  disabled_why    text,
  failures        int         NOT NULL DEFAULT 0,
  held_until      timestamptz,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_failure    text
);
CREATE INDEX endpoints_listed ON subscriptions.endpoints (brokerage_id, created_at, id);
CREATE TABLE subscriptions.deliveries (
  id             uuid        PRIMARY KEY,
  brokerage_id   uuid        NOT NULL,
  endpoint_id    uuid        NOT NULL,
  kind           text        NOT NULL,
  event_id       uuid,
  event_version  int,
  position       bigint,
  correlation_id uuid,
  state          text        NOT NULL DEFAULT 'waiting'
                             CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
  attempts       int         NOT NULL DEFAULT 0,
  rounds         int         NOT NULL DEFAULT 0,
  created_at     timestamptz NOT NULL DEFAULT now(),
  expires_at     timestamptz NOT NULL,
  next_at        timestamptz,
  settled_at     timestamptz
) WITH (fillfactor = 80);
CREATE INDEX deliveries_listed ON subscriptions.deliveries (brokerage_id, endpoint_id, created_at DESC, id);
CREATE INDEX deliveries_age ON subscriptions.deliveries (created_at);
CREATE TABLE subscriptions.attempts (
  delivery_id  uuid        NOT NULL,
  number       int         NOT NULL,
  brokerage_id uuid        NOT NULL,
  at           timestamptz NOT NULL,
  outcome      text        NOT NULL,
  status       int,
  duration_ms  int,
  why          text,
  excerpt      text,
  PRIMARY KEY (delivery_id, number)
);
CREATE INDEX attempts_age ON subscriptions.attempts (at);
CREATE TABLE subscriptions.feed (
  name     text   PRIMARY KEY,
  position bigint NOT NULL
);
INSERT INTO subscriptions.feed SELECT 'facts', coalesce(max(notification_id), 0) FROM log.masar_events;
COMMENT ON TABLE subscriptions.feed IS 'How far the log was read for those who are told of it.';
"""

GRANTS = """
GRANT USAGE ON SCHEMA subscriptions TO masar_app, masar_projector, masar_auditor;
GRANT SELECT ON subscriptions.feed TO masar_app, masar_auditor;
GRANT SELECT, UPDATE ON subscriptions.feed TO masar_projector;
"""


def upgrade() -> None:
    """Create the tables and protect them."""
    op.execute(TABLES)
    op.execute(GRANTS)
    for table in ("subscriptions.endpoints", "subscriptions.deliveries", "subscriptions.attempts"):
        op.execute(protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
