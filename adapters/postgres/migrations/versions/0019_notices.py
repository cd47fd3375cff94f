"""Tables of notices: how a brokerage's agents are reached, and every word to them that a human is wanted."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE messaging.agents (
  brokerage_id  uuid        NOT NULL,
  agent         text        NOT NULL,
  sealed        text        NOT NULL,
  template      text,
  language      text,
  set_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, agent)
);
COMMENT ON TABLE messaging.agents IS
  'How agents are told that a human is wanted; number and address are sealed with a key of the brokerage.';
CREATE TABLE messaging.notices (
  id            uuid        PRIMARY KEY,
  brokerage_id  uuid        NOT NULL,
  thread_id     uuid        NOT NULL,
  agent         text,
  medium        text        NOT NULL CHECK (medium IN ('whatsapp', 'email')),
  why           text        NOT NULL,
  since         timestamptz NOT NULL,
  outcome       text        NOT NULL DEFAULT 'waiting'
                            CHECK (outcome IN ('waiting', 'sent', 'failed', 'unknown', 'not_needed')),
  reason        text,
  ref           uuid,
  created_at    timestamptz NOT NULL DEFAULT now(),
  settled_at    timestamptz
);
CREATE INDEX notices_listed ON messaging.notices (brokerage_id, created_at DESC, id);
CREATE INDEX notices_of_thread ON messaging.notices (brokerage_id, thread_id, created_at DESC);
COMMENT ON TABLE messaging.notices IS
  'Every notice to an agent: of which thread, since when a human is wanted there, and what became of the notice. '
  'agent is NULL where all who are named in the settings are told; ref is what the log calls the platform''s message.';
"""


def upgrade() -> None:
    """Create the tables and protect them."""
    op.execute(TABLES)
    for table in ("messaging.agents", "messaging.notices"):
        op.execute(protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
