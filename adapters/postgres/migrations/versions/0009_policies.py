"""Simulations of policies: who asked for what, how far it is, what came of it."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SIMULATIONS = """
CREATE TABLE outbox.simulations (
  id            uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  policy        jsonb       NOT NULL,
  label         text        NOT NULL,
  since         timestamptz,
  until         timestamptz,
  asked_by      text,
  asked_at      timestamptz NOT NULL DEFAULT now(),
  state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
  run           uuid,
  runs          int         NOT NULL DEFAULT 0,
  beat_at       timestamptz,
  started_at    timestamptz,
  finished_at   timestamptz,
  progress      jsonb,
  result        jsonb,
  error         text
);
CREATE INDEX simulations_listed ON outbox.simulations (brokerage_id, asked_at DESC, id);
COMMENT ON TABLE outbox.simulations IS 'Results can be had again from the log: rows may be deleted at any time.';
"""


def upgrade() -> None:
    """Create the table and protect it."""
    op.execute(SIMULATIONS)
    op.execute(protect("outbox.simulations", reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
