"""Search in conversations: hashed words of messages, and how far the log has been read for them."""

from alembic import op

from adapters.postgres.tenancy import protect

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

WORDS = """
CREATE TABLE messaging.words (
  brokerage_id  uuid   NOT NULL,
  hash          bytea  NOT NULL,
  thread_id     uuid   NOT NULL,
  ref           uuid   NOT NULL,
  PRIMARY KEY (brokerage_id, hash, thread_id, ref)
);
CREATE INDEX words_ref ON messaging.words (brokerage_id, thread_id, ref);
COMMENT ON TABLE messaging.words IS
  'Keyed hashes of the words of messages: nobody without the master key can read or guess them. '
  'A ref equal to the thread stands for the customer''s names and numbers. The log can make it anew.';
CREATE TABLE messaging.words_read (
  one       bool   PRIMARY KEY DEFAULT true CHECK (one),
  position  bigint NOT NULL DEFAULT 0
);
INSERT INTO messaging.words_read DEFAULT VALUES;
GRANT SELECT, UPDATE ON messaging.words_read TO masar_projector;
"""


def upgrade() -> None:
    """Create the index."""
    op.execute(WORDS)
    op.execute(protect("messaging.words", reads=("masar_app", "masar_auditor"), writes_all=("masar_projector",)))
