"""Delivery under fire: requests under way, checks of datasets, alerts; deliveries with what was corrected."""

from alembic import op

from adapters.postgres.introduce import introduce, keyed
from adapters.postgres.tenancy import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OUTBOX = """
ALTER TABLE outbox.messages ADD COLUMN asked boolean NOT NULL DEFAULT false;
CREATE INDEX messages_dead ON outbox.messages (brokerage_id, position, id) WHERE state = 'dead';
ALTER TABLE outbox.circuits ADD COLUMN watched boolean NOT NULL DEFAULT false;
CREATE TABLE outbox.under_way (
  lease         bigint      NOT NULL,
  brokerage_id  uuid        NOT NULL,
  message_ids   uuid[]      NOT NULL,
  once          boolean     NOT NULL,
  at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (lease, brokerage_id)
);
CREATE TABLE outbox.watches (
  brokerage_id  uuid        NOT NULL,
  dataset_id    text        NOT NULL,
  next_at       timestamptz NOT NULL DEFAULT now(),
  checked_at    timestamptz,
  verdict       text        CHECK (verdict IN ('good', 'dead', 'forbidden')),
  says          text,
  writes_proved boolean     NOT NULL DEFAULT false,
  PRIMARY KEY (brokerage_id, dataset_id)
);
CREATE INDEX watches_due ON outbox.watches (next_at);
CREATE TABLE outbox.alerts (
  id            uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  subject       text        NOT NULL,
  dataset_id    text        NOT NULL DEFAULT '',
  says          text        NOT NULL,
  count         int,
  since         timestamptz NOT NULL,
  raised_at     timestamptz NOT NULL,
  cleared_at    timestamptz
);
CREATE UNIQUE INDEX alerts_open ON outbox.alerts (brokerage_id, subject, dataset_id) WHERE cleared_at IS NULL;
CREATE INDEX alerts_listed ON outbox.alerts (brokerage_id, raised_at DESC);
"""
TABLES = ("outbox.under_way", "outbox.watches", "outbox.alerts")

WATCH = """
INSERT INTO outbox.watches (brokerage_id, dataset_id)
SELECT DISTINCT brokerage_id, split_part(name, '/', 2) FROM registry.secrets WHERE name LIKE 'dataset/%/token'
"""

DELIVERIES = """
  dataset_id text, outcome text, tries int, settled_at timestamptz, message text, code int, subcode int,
  first_at timestamptz, accepted_at timestamptz, given_up bool, last_request uuid, corrections jsonb"""


def upgrade() -> None:
    """Create the tables, protect them, and bring version 2 of the deliveries."""
    op.execute(OUTBOX)
    for table in TABLES:
        op.execute(protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
    op.execute(WATCH)
    op.execute(introduce("deliveries", 2, keyed("deliveries", DELIVERIES, "(brokerage_id, dataset_id, accepted_at)")))
