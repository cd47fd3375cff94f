"""Audiences at Meta: each one's list, and the rows that may be on it."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

AUDIENCES = """
CREATE SCHEMA audiences;
CREATE TABLE audiences.lists (
  brokerage_id  uuid        NOT NULL,
  audience_id   uuid        NOT NULL,
  list_id       text        NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, audience_id)
);
CREATE TABLE audiences.members (
  brokerage_id  uuid        NOT NULL,
  audience_id   uuid        NOT NULL,
  person_id     text        NOT NULL,
  sealed        bytea       NOT NULL,
  sure          boolean     NOT NULL,
  at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (brokerage_id, audience_id, person_id)
);
COMMENT ON COLUMN audiences.members.sealed IS
  'What Meta was told of the person, hashed and sealed: without it nobody could be taken off the list again.';
GRANT USAGE ON SCHEMA audiences TO masar_app, masar_projector, masar_auditor;
"""


def upgrade() -> None:
    """Create the tables and protect them."""
    op.execute(AUDIENCES)
    for table in ("audiences.lists", "audiences.members"):
        op.execute(protect(table, reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
